package rest

import (
	"context"
	"net/http"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// fileIn is a file as the body of a POST.
type fileIn struct {
	KeyIn
	DryRun  bool   `query:"dryRun" doc:"Say what would change, and change nothing."`
	Type    string `header:"Content-Type" doc:"application/yaml, text/yaml, text/plain or application/json"`
	RawBody []byte `contentType:"application/yaml"`
}

// Registered is what registering a file did, or would do.
type Registered struct {
	DryRun   bool            `json:"dryRun"`
	New      bool            `json:"new" doc:"Whether the service did not exist before."`
	Service  Service         `json:"service"`
	Pipeline AppliedPipeline `json:"pipeline"`
}

// Imported says what became of each entity of a file.
type Imported struct {
	DryRun bool           `json:"dryRun"`
	Items  []ImportedItem `json:"items"`
}

// ImportedItem is one entity of a catalog-info.yaml.
type ImportedItem struct {
	Line    int      `json:"line"`
	Kind    string   `json:"kind"`
	Name    string   `json:"name" doc:"As the file has it."`
	Service string   `json:"service,omitempty" doc:"Name of the service it is here."`
	Team    string   `json:"team,omitempty"`
	What    string   `json:"what" doc:"new, changes, same, skipped or refused"`
	Why     string   `json:"why,omitempty" doc:"Why it is skipped or refused."`
	Notes   []string `json:"notes" doc:"What was read differently from how it was written."`
}

func (s *Surface) registerFiles() {
	add(s, operation{id: "apply-file", method: http.MethodPost, path: "/apply", access: server.Needs(slipway.ServiceRegister), tag: "pipelines",
		summary: "Register a service together with its pipeline, from one slipway.yaml",
		about:   "The two or neither. A dry run goes the whole way, and is then undone.",
		max:     manifest.MaxBytes + 1, consume: fileTypes("A slipway.yaml.")}, s.applyFile)
	add(s, operation{id: "import-services", method: http.MethodPost, path: "/services/import", access: server.Needs(slipway.ServiceRegister), tag: "services",
		summary: "Register the components of a Backstage catalog-info.yaml",
		about:   "All or none. Nothing that the file points at is fetched.",
		max:     manifest.MaxBytes + 1, consume: fileTypes("A catalog-info.yaml.")}, s.importServices)
}

func (s *Surface) applyFile(ctx context.Context, actor slipway.Actor, in *fileIn) (*answer[Registered], error) {
	if err := checkFile(in.Type); err != nil {
		return nil, err
	}
	file, err := manifest.ReadPipeline(in.RawBody)
	if err != nil {
		return nil, err
	}
	done, err := s.App.RegisterFile(ctx, actor, app.RegisterFile{Once: in.once(), Service: file.Service, Describes: file.Describes,
		Pipeline: file.Pipeline, Locate: file.Locate, DryRun: in.DryRun})
	if err != nil {
		return nil, err
	}
	return &answer[Registered]{Registered{DryRun: in.DryRun, New: done.Before.Name == "", Service: service(done.Service),
		Pipeline: appliedPipeline(done.Pipeline, in.DryRun)}}, nil
}

func (s *Surface) importServices(ctx context.Context, actor slipway.Actor, in *fileIn) (*answer[Imported], error) {
	if err := checkFile(in.Type); err != nil {
		return nil, err
	}
	entities, err := manifest.ParseCatalogInfo(in.RawBody)
	if err != nil {
		return nil, err
	}
	out := Imported{DryRun: in.DryRun, Items: make([]ImportedItem, len(entities))}
	var commands []app.RegisterService
	var places []int // of the commands among the items
	for i, e := range entities {
		out.Items[i] = ImportedItem{Line: e.Line, Kind: e.Kind, Name: e.Name, What: "skipped", Why: e.Skipped, Notes: listed(e.Notes)}
		if e.Skipped == "" {
			out.Items[i].Service, out.Items[i].Team = e.Service.Name, e.Service.Team
			commands, places = append(commands, app.RegisterService{Service: e.Service}), append(places, i)
		}
	}
	outlooks, err := s.App.PreviewServices(ctx, actor, commands)
	if err != nil {
		return nil, err
	}
	for i, o := range outlooks {
		item := &out.Items[places[i]]
		if item.What, item.Why = o.What, o.Fault; o.Fault != "" {
			item.What = "refused"
		}
	}
	if !in.DryRun && len(commands) > 0 {
		if _, err := s.App.RegisterServices(ctx, actor, in.once(), commands); err != nil {
			return nil, err
		}
	}
	return &answer[Imported]{out}, nil
}
