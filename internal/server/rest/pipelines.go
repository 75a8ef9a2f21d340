package rest

import (
	"context"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Pipeline is a revision of a pipeline.
type Pipeline struct {
	Service   string     `json:"service"`
	Team      string     `json:"team,omitempty"`
	Revision  int        `json:"revision"`
	Stages    []Stage    `json:"stages"`
	Source    string     `json:"source" doc:"The slipway.yaml, as it was sent."`
	AppliedBy string     `json:"appliedBy,omitempty"`
	AppliedAt *time.Time `json:"appliedAt,omitempty"`
}

// Revision is one line of a pipeline's history.
type Revision struct {
	Revision  int       `json:"revision"`
	AppliedBy string    `json:"appliedBy"`
	AppliedAt time.Time `json:"appliedAt"`
}

// PipelineHistory is a revision and the list of all.
type PipelineHistory struct {
	Pipeline
	Revisions []Revision `json:"revisions" doc:"Newest first."`
}

// AppliedPipeline is what applying a pipeline did, or would do.
type AppliedPipeline struct {
	Changed bool     `json:"changed"`
	DryRun  bool     `json:"dryRun"`
	Before  int      `json:"before" doc:"Revision that was in force; 0 if there was none."`
	After   Pipeline `json:"after"`
	Diff    string   `json:"diff" doc:"Unified diff of the two files; empty if nothing changes."`
	// Warnings are what deployers doubt.
	Warnings []string `json:"warnings" doc:"What deployers doubt of it, or could not be asked."`
}

func pipeline(p slipway.Pipeline) Pipeline {
	out := Pipeline{Service: p.Service, Team: p.Team, Revision: p.Revision, Stages: each(p.Stages, stage), Source: source(p), AppliedBy: p.AppliedBy}
	if !p.AppliedAt.IsZero() {
		out.AppliedAt = utc(&p.AppliedAt)
	}
	return out
}

// source is the pipeline as somebody wrote it, or else as we would.
func source(p slipway.Pipeline) string {
	if p.Source != "" || len(p.Stages) == 0 {
		return p.Source
	}
	return string(manifest.FormatPipeline(p))
}

type getPipelineIn struct {
	ServiceIn
	Revision    int    `query:"revision" minimum:"1" doc:"An older revision; the newest if left out."`
	IfNoneMatch string `header:"If-None-Match" doc:"An ETag: if it still holds, the answer is 304 and empty."`
}

type pipelineOut struct {
	Status int
	ETag   string `header:"ETag" doc:"The revision. Send it back as If-Match to replace exactly this one."`
	Body   PipelineHistory
}

type putPipelineIn struct {
	ServiceIn
	DryRun  bool   `query:"dryRun" doc:"Say what would change, and change nothing."`
	IfMatch string `header:"If-Match" doc:"The ETag of the revision that the change was made for."`
	Type    string `header:"Content-Type" doc:"application/yaml, text/yaml, text/plain or application/json"`
	RawBody []byte `contentType:"application/yaml"`
}

type appliedOut struct {
	ETag string `header:"ETag"`
	Body AppliedPipeline
}

func (s *Surface) registerPipelines() {
	add(s, operation{id: "get-pipeline", method: http.MethodGet, path: "/services/{service}/pipeline", access: server.Needs(slipway.ServiceRead), tag: "pipelines",
		summary: "Show the pipeline of a service, and its history"}, s.getPipeline)
	add(s, operation{id: "put-pipeline", method: http.MethodPut, path: "/services/{service}/pipeline", access: server.Needs(slipway.PipelineApply), tag: "pipelines",
		summary: "Apply a pipeline",
		about: "The body is a slipway.yaml, as text or as JSON of the same form. It is checked as a whole and becomes a new revision; the same again makes none. " +
			"Deployments that wait are looked at again: where the plan is another now, approvals are void.",
		max: manifest.MaxBytes + 1, consume: fileTypes("A slipway.yaml.")}, s.putPipeline)
}

// yamlTypes are the ways to say that a body is a file. JSON is YAML.
func yamlTypes() []string {
	return []string{"application/yaml", "text/yaml", "text/plain", "application/json"}
}

func fileTypes(what string) map[string]*huma.MediaType {
	types := map[string]*huma.MediaType{}
	for _, name := range yamlTypes() {
		types[name] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: what}}
	}
	types["application/json"].Schema = &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: what + " The same fields as JSON."}
	return types
}

// checkFile refuses a body that does not say it is a file.
func checkFile(contentType string) error {
	kind, _, err := mime.ParseMediaType(contentType)
	if contentType == "" || (err == nil && (slices.Contains(yamlTypes(), kind) || kind == "application/x-yaml")) {
		return nil
	}
	return wrongMediaType(yamlTypes()...)
}

func (s *Surface) getPipeline(ctx context.Context, actor slipway.Actor, in *getPipelineIn) (*pipelineOut, error) {
	found, all, err := s.App.Pipeline(ctx, actor, in.Service, in.Revision)
	if err != nil {
		return nil, err
	}
	out := &pipelineOut{Status: http.StatusOK, ETag: etag(int64(found.Revision))}
	out.Body.Pipeline = pipeline(found)
	out.Body.Revisions = each(all, func(p slipway.Pipeline) Revision {
		return Revision{Revision: p.Revision, AppliedBy: p.AppliedBy, AppliedAt: at(p.AppliedAt)}
	})
	if matches(in.IfNoneMatch, out.ETag) {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

func (s *Surface) putPipeline(ctx context.Context, actor slipway.Actor, in *putPipelineIn) (*appliedOut, error) {
	if err := checkFile(in.Type); err != nil {
		return nil, err
	}
	file, err := manifest.ReadPipeline(in.RawBody)
	if err != nil {
		return nil, err
	}
	if file.Pipeline.Service != in.Service {
		return nil, slipway.Invalid("The pipeline of "+in.Service, file.Locate([]slipway.FieldError{
			{Field: "service", Message: "is " + strconv.Quote(file.Pipeline.Service) + "; the address is of " + in.Service}}))
	}
	revision, err := s.revisionOf(ctx, actor, in)
	if err != nil {
		return nil, err
	}
	applied, err := s.App.ApplyPipeline(ctx, actor, app.ApplyPipeline{Pipeline: file.Pipeline, Locate: file.Locate, DryRun: in.DryRun, IfRevision: revision})
	if err != nil {
		return nil, err
	}
	out := &appliedOut{Body: appliedPipeline(applied, in.DryRun)}
	out.ETag = etag(int64(out.Body.After.Revision))
	return out, nil
}

// revisionOf is the revision that If-Match names, which has to be in force; 0
// without that header.
func (s *Surface) revisionOf(ctx context.Context, actor slipway.Actor, in *putPipelineIn) (int, error) {
	if in.IfMatch == "" {
		return 0, nil
	}
	now, _, err := s.App.Pipeline(ctx, actor, in.Service, 0)
	if err != nil && !slipway.IsNotFound(err) {
		return 0, err
	}
	tag := etag(int64(now.Revision))
	if slipway.IsNotFound(err) {
		if tag = ""; strings.TrimSpace(in.IfMatch) == `"0"` { // the first revision, if nobody was quicker
			return 0, nil
		}
	}
	if !matches(in.IfMatch, tag) {
		return 0, preconditionFailed("The pipeline of " + in.Service)
	}
	return now.Revision, nil
}

func appliedPipeline(a app.Applied, dry bool) AppliedPipeline {
	out := AppliedPipeline{Changed: a.Changed, DryRun: dry, Before: a.Before.Revision, After: pipeline(a.After), Warnings: listed(a.Warnings)}
	if !a.Changed {
		if dry {
			out.After.Revision = a.Before.Revision
		}
		return out
	}
	before := []byte{}
	if a.Before.Revision > 0 {
		before = manifest.FormatPipeline(a.Before)
	}
	out.Diff = manifest.DiffText(before, manifest.FormatPipeline(a.After))
	return out
}
