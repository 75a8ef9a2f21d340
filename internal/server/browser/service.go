package browser

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) service(c echo.Context) error {
	name := c.Param("service")
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	sh, err := s.shell(c, "board", name, "service:"+name)
	if err != nil {
		return err
	}
	p, err := s.App.ServicePage(ctx, actor, name)
	if err != nil {
		return err
	}
	v := serviceView(p, s.now(c))
	v.Key = sh.Key
	if v.Promote, err = s.promoteSteps(c, p); err != nil {
		return err
	}
	if v.Sets, err = s.setsOf(c, name); err != nil {
		return err
	}
	return s.render(c, http.StatusOK, page.Service(sh, v))
}

func serviceView(p app.ServicePage, now time.Time) page.ServiceView {
	svc := p.Service
	v := page.ServiceView{Team: p.Team.Title, TeamHref: "/?team=" + svc.Team, Name: svc.Name, Title: svc.Title, Description: svc.Description,
		OnCall: p.Team.OnCall, Note: rowNote(p.Row), Line: serviceLine(p, now), PipelineRevision: p.Pipeline.Revision,
		PipelineSummary: pipelineSummary(p.Pipeline), Recent: deploymentRows(p.Deployments), Releases: ribbon(p), Stats: stats(p.Deployments)}
	if svc.Repository != "" {
		v.Repository = component.Link{Text: strings.TrimPrefix(strings.TrimPrefix(svc.Repository, "https://"), "http://"), Href: svc.Repository}
	}
	for _, l := range svc.Links {
		title := l.Title
		if title == "" {
			title = l.URL
		}
		v.Links = append(v.Links, component.Link{Text: title, Href: l.URL})
	}
	v.DeploysPerDay = perDay(p.Deployments, now)
	if len(p.Releases) == 0 {
		v.HowTo = howTo(svc.Name)
	}
	return v
}

// serviceLine is the service's own line, in the order of its pipeline.
func serviceLine(p app.ServicePage, now time.Time) []component.Station {
	columns := make([]string, len(p.Row.Stages))
	for i, stage := range p.Row.Stages {
		columns[i] = stage.Environment
	}
	slices.SortStableFunc(columns, func(a, b string) int { return p.Environment[a].Rank - p.Environment[b].Rank })
	return line("l-", p.Row.Stages, columns, func(environment string) stop { return stopOf(p.Row, environment, p.Environment, p.Freezes, now) })
}

// promoteSteps are the next moves along the line, with why not where the actor
// may not make one.
func (s *Surface) promoteSteps(c echo.Context, p app.ServicePage) ([]page.PromoteStep, error) {
	var steps []page.PromoteStep
	var asks []app.Ask
	for _, stage := range p.Row.Stages {
		version := next(p.Row, stage)
		if len(stage.After) == 0 && len(p.Releases) > 0 {
			version = p.Releases[0].Version
		}
		live := p.Row.States[stage.Environment].Live
		if version == "" || (live != nil && live.Spec.Version == version) {
			continue
		}
		if active, busy := p.Row.Active[stage.Environment]; busy && active.Version == version {
			continue
		}
		steps = append(steps, page.PromoteStep{Version: version, Environment: stage.Environment})
		asks = append(asks, app.Ask{Permission: slipway.DeploymentPromote, On: p.Service.Resource(stage.Environment)})
	}
	reasons, err := s.App.WhyNot(c.Request().Context(), server.ActorOf(c), asks...)
	if err != nil {
		return nil, err
	}
	for i, reason := range reasons {
		short, _, _ := strings.Cut(reason, ". ")
		steps[i].Can, steps[i].WhyNot = reason == "", strings.TrimSuffix(short, ".")+"."
	}
	return steps, nil
}

func ribbon(p app.ServicePage) []component.RibbonItem {
	items := make([]component.RibbonItem, len(p.Releases))
	for i, r := range p.Releases {
		item := component.RibbonItem{Version: r.Version, Href: releasePath(r.Service, r.Version), At: r.CreatedAt, Blocked: r.Blocked != nil}
		for _, stage := range p.Row.Stages {
			st := p.Row.States[stage.Environment]
			if st.Live != nil && st.Live.Spec.Version == r.Version {
				item.Serves = append(item.Serves, stage.Environment)
			}
			if st.Failure != nil && st.Failure.Version == r.Version {
				item.Failed = true
			}
		}
		items[i] = item
	}
	return items
}

func pipelineSummary(p slipway.Pipeline) []component.Check {
	rows := make([]component.Check, len(p.Stages))
	for i, stage := range p.Stages {
		rows[i] = component.Check{Strong: stage.Environment, Text: gateWords(stage), Note: stage.Deployer.Name + " · " + strategyName(stage.Strategy.Type)}
	}
	return rows
}

// gateWords says what a release needs to enter a stage.
func gateWords(stage slipway.Stage) string {
	var parts []string
	for _, g := range stage.Gates {
		switch {
		case g.Approval != nil:
			parts = append(parts, plural(max(1, g.Approval.Count), "approval"))
		case g.Soak != nil:
			parts = append(parts, exact(time.Duration(g.Soak.For))+" in "+g.Soak.In)
		}
	}
	if stage.AutoPromote {
		parts = append(parts, "goes by itself")
	}
	if len(parts) == 0 {
		return "when a person promotes"
	}
	return strings.Join(parts, ", ")
}

// stats are what the deployments at hand tell: how they end, how long they take.
func stats(list []slipway.Deployment) []page.Fact {
	var took []time.Duration
	ended, well := 0, 0
	for _, d := range list {
		if d.StartedAt == nil || d.EndedAt == nil || d.State == slipway.Superseded || d.State == slipway.Cancelled {
			continue
		}
		ended++
		if d.State == slipway.Succeeded {
			well++
			took = append(took, d.EndedAt.Sub(*d.StartedAt))
		}
	}
	if ended == 0 {
		return nil
	}
	facts := []page.Fact{{Name: "Last " + plural(ended, "deployment"), Text: strconv.Itoa(well) + " went well"}}
	if len(took) > 0 {
		slices.Sort(took)
		facts = append(facts, page.Fact{Name: "Usually takes", Text: exact(took[len(took)/2])})
	}
	return facts
}

// perDay counts deployments of the last 14 days, oldest first; nothing if those
// at hand do not reach back that far.
func perDay(list []slipway.Deployment, now time.Time) []int {
	const days, page = 14, 20
	since := now.Add(-days * 24 * time.Hour)
	if len(list) == 0 || (len(list) >= page && list[len(list)-1].CreatedAt.After(since)) {
		return nil
	}
	counts := make([]int, days)
	for _, d := range list {
		if ago := int(now.Sub(d.CreatedAt) / (24 * time.Hour)); ago >= 0 && ago < days {
			counts[days-1-ago]++
		}
	}
	return counts
}

// howTo tells how the first release gets here.
func howTo(service string) []component.Snippet {
	digest := "sha256:" + strings.Repeat("0", 64)
	return []component.Snippet{
		{Title: "Command line", Text: "slipway release create " + service + " 1.0.0 --artifact app=registry.example/" + service + "@" + digest},
		{Title: "curl", Text: "curl -X POST \"$SLIPWAY_URL/api/v1/services/" + service + "/releases\" \\\n  -H \"Authorization: Bearer $SLIPWAY_TOKEN\" \\\n" +
			"  -H \"Content-Type: application/json\" -H \"Idempotency-Key: $CI_RUN_ID\" \\\n" +
			"  -d '{\"version\":\"1.0.0\",\"artifacts\":[{\"name\":\"app\",\"reference\":\"registry.example/" + service + ":1.0.0\",\"digest\":\"" + digest + "\"}],\"reversible\":true}'"},
	}
}
