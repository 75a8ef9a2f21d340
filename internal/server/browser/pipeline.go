package browser

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) pipeline(c echo.Context) error {
	return s.showPipeline(c, http.StatusOK, func(*page.PipelineView) {})
}

// showPipeline renders the editor; change puts in what was typed and what came
// of it.
func (s *Surface) showPipeline(c echo.Context, status int, change func(*page.PipelineView)) error {
	name := c.Param("service")
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	sh, err := s.shell(c, "board", "pipeline of "+name)
	if err != nil {
		return err
	}
	svc, err := s.App.Service(ctx, actor, name)
	if err != nil {
		return err
	}
	asked := 0
	if text := c.QueryParam("revision"); text != "" {
		if asked, err = strconv.Atoi(text); err != nil || asked < 1 {
			return slipway.NotFound("revision of "+name, text)
		}
	}
	p, all, err := s.App.Pipeline(ctx, actor, name, asked)
	if err != nil && (asked > 0 || !slipway.IsNotFound(err)) {
		return err
	}
	reasons, err := s.App.WhyNot(ctx, actor, app.Ask{Permission: slipway.PipelineApply, On: svc.Resource("")})
	if err != nil {
		return err
	}
	v := page.PipelineView{Team: svc.Team, Service: name, Revision: p.Revision, YAML: source(p), CanApply: reasons[0] == "",
		WhyNot: why("Permission", reasons[0]), Key: sh.Key}
	for i, r := range all {
		if i == 0 {
			v.Latest = r.Revision
		}
		v.Revisions = append(v.Revisions, page.PipelineRevision{Number: r.Revision, By: r.AppliedBy, At: r.AppliedAt,
			Href: servicePath(name) + "/pipeline?revision=" + strconv.Itoa(r.Revision), Current: r.Revision == p.Revision})
	}
	if p.Revision == 0 {
		v.YAML = starter(svc)
	}
	change(&v)
	return s.render(c, status, page.Pipeline(sh, v))
}

// source is a pipeline as people wrote it, or else as we would.
func source(p slipway.Pipeline) string {
	if p.Source != "" || p.Revision == 0 {
		return p.Source
	}
	return string(manifest.FormatPipeline(p))
}

// starter is something to begin with.
func starter(svc slipway.Service) string {
	return "apiVersion: " + manifest.APIVersion + "\nservice: " + svc.Name + "\nteam: " + svc.Team + "\nstages:\n" +
		"- environment: dev\n  deployer:\n    name: process\n    config: {}\n  strategy:\n    type: rolling\n"
}

func (s *Surface) applyPipeline(c echo.Context) error {
	name, typed := c.Param("service"), c.FormValue("yaml")
	dry := c.FormValue("intent") != "apply"
	out, err := s.applied(c, name, typed, dry)
	if e, status, ok := refusal(err); ok {
		return s.showPipeline(c, status, func(v *page.PipelineView) {
			v.YAML, v.Problems = typed, problems(e)
		})
	}
	if err != nil {
		return err
	}
	if dry {
		return s.showPipeline(c, http.StatusOK, func(v *page.PipelineView) {
			v.YAML, v.Diff = typed, diffLines(manifest.DiffText([]byte(source(out.Before)), []byte(typed)), false)
			v.DiffTitle = diffTitle(out)
			if out.Changed && out.Before.Revision > 0 {
				v.Notices = []component.Check{{State: component.Waiting, Text: "What waits is looked at again: an approval stays good only where the plan stays the same."}}
			}
			for _, doubt := range out.Warnings {
				v.Notices = append(v.Notices, component.Check{State: component.Waiting, Text: doubt})
			}
		})
	}
	said := "Revision " + strconv.Itoa(out.After.Revision) + " is applied."
	if !out.Changed {
		said = "Nothing changes: revision " + strconv.Itoa(out.After.Revision) + " does the same already."
	}
	return s.doneBut(c, servicePath(name)+"/pipeline", said, component.Link{Text: "Open " + name, Href: servicePath(name)}, out.Warnings)
}

func (s *Surface) applied(c echo.Context, name, typed string, dry bool) (app.Applied, error) {
	file, err := manifest.ReadPipeline([]byte(typed))
	if err != nil {
		return app.Applied{}, err
	}
	if file.Pipeline.Service != name {
		return app.Applied{}, slipway.Invalid("The pipeline of "+name, file.Locate([]slipway.FieldError{
			{Field: "service", Message: "is " + strconv.Quote(file.Pipeline.Service) + "; this page is of " + name}}))
	}
	base, err := strconv.Atoi(c.FormValue("base"))
	if err != nil || base < 0 {
		return app.Applied{}, slipway.Invalid("The pipeline of "+name, []slipway.FieldError{{Field: "base", Message: "is the number of the revision that you changed"}})
	}
	return s.App.ApplyPipeline(c.Request().Context(), server.ActorOf(c), app.ApplyPipeline{
		Once: once(c), Pipeline: file.Pipeline, Locate: file.Locate, DryRun: dry, IfRevision: base})
}

// problems are the faults of a text, with their lines.
func problems(e *slipway.Error) []component.Problem {
	if len(e.Fields) == 0 {
		return []component.Problem{{Text: sentence(e)}}
	}
	list := make([]component.Problem, len(e.Fields))
	for i, f := range e.Fields {
		line := f.Line
		f.Line = 0
		list[i] = component.Problem{Line: line, Text: f.String()}
	}
	return list
}

func diffTitle(out app.Applied) string {
	if !out.Changed {
		return "Nothing changes"
	}
	if out.Before.Revision == 0 {
		return "The first revision, with " + plural(len(out.After.Stages), "stage")
	}
	changed := 0
	for _, stage := range out.After.Stages {
		if before, ok := out.Before.Stage(stage.Environment); !ok || !same(before, stage) {
			changed++
		}
	}
	for _, stage := range out.Before.Stages {
		if _, ok := out.After.Stage(stage.Environment); !ok {
			changed++
		}
	}
	return component.Count(changed, "stage") + " would change"
}

func same(a, b slipway.Stage) bool {
	one, err := json.Marshal(a)
	other, err2 := json.Marshal(b)
	return errors.Join(err, err2) == nil && string(one) == string(other)
}
