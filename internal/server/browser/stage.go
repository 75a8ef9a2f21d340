package browser

import (
	"cmp"
	"net/http"
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

func (s *Surface) stage(c echo.Context) error { return s.showStage(c, http.StatusOK, nil) }

// showStage renders the stage, also after a form of it was refused.
func (s *Surface) showStage(c echo.Context, status int, refused *slipway.Error) error {
	name, environment := c.Param("service"), c.Param("environment")
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	sh, err := s.shell(c, "board", name+" in "+environment, "service:"+name)
	if err != nil {
		return err
	}
	p, err := s.App.StagePage(ctx, actor, name, environment)
	if err != nil {
		return err
	}
	whole, err := s.App.ServicePage(ctx, actor, name)
	if err != nil {
		return err
	}
	v := stageView(p, whole, s.now(c))
	v.Key, v.Zone = sh.Key, sh.Now.Format("MST")
	staysAt(c, &sh, stagePath(name, environment))
	v.Releases, v.Promotable = candidates(p, cmp.Or(text(c, "version"), next(whole.Row, p.Stage)))
	v.Commands = stageCommands(v)
	if refused != nil {
		v.Error = sentenceWithFields(refused)
		v.WhyNot = append(blocks(refused.BlockedBy), v.WhyNot...)
	}
	return s.render(c, status, page.Stage(sh, v))
}

func stageView(p app.StagePage, whole app.ServicePage, now time.Time) page.StageView {
	at := stop{service: p.Service.Name, environment: p.Environment.Name, state: p.State, active: p.Active, lock: p.Environment.Lock,
		freezes: p.Freezes, now: now}
	st := at.station("s-")
	v := page.StageView{Team: p.Service.Team, Service: p.Service.Name, Environment: p.Environment.Name, State: st.State, Progress: st.Progress,
		Word: st.Detail, Version: st.Version, Since: st.Since, Deployer: p.Stage.Deployer.Name, Strategy: strategyWords(p.Stage.Strategy),
		Line: serviceLine(whole, now), Tracks: tracks(p.State, p.Active, now), Recent: deploymentRows(p.Deployments)}
	if st.Version != "" {
		v.VersionHref = releasePath(v.Service, st.Version)
	}
	if p.Active != nil {
		v.Word = "" // the link beside it says what is under way
		v.Active = component.Link{Text: p.Active.Version + " " + stateWord(*p.Active), Href: deploymentPath(*p.Active)}
		v.ActiveState = deploymentState(*p.Active)
	}
	if o := p.State.Observed; o != nil {
		v.Observed = o.At
		if st.State != component.Live { // else it says what the rows say
			v.Message = o.Message
		}
		if !at.fresh() {
			v.Stale = "No report for " + component.Age(now.Sub(o.At)) + ". Shown is the last one."
		} else if p.State.Live != nil && p.Active == nil {
			v.Drift = at.drift()
		}
	} else if p.State.Live != nil {
		v.Stale = "Nothing was reported yet. What runs is not known."
	}
	v.Facts = stageFacts(p)
	if h := p.State.Hold; h != nil {
		v.Hold, v.HoldBy, v.HoldSince, v.LiftWhyNot = h.Reason, h.By, h.Since, p.WhyNot[slipway.HoldLift]
		v.CanLift = v.LiftWhyNot == ""
	}
	v.Sharing, v.Share = p.Stage.Strategy.Type == slipway.StrategyPartial, p.Stage.Strategy.Share
	if part := p.State.Partial; part != nil {
		v.Part = &page.Part{Version: part.Spec.Version, Href: releasePath(v.Service, part.Spec.Version), Words: partWords(part.Share, len(part.Match)),
			Match: matchWords(part.Match), Share: part.Share, Since: part.Since}
	}
	if l := p.Environment.Lock; l != nil {
		v.Lock, v.LockBy, v.LockSince = l.Reason, l.OwnerName, l.Since
	}
	v.CanPromote = p.WhyNot[slipway.DeploymentPromote] == ""
	v.WhyNot = why("Permission", p.WhyNot[slipway.DeploymentPromote])
	v.CanRollback = p.WhyNot[slipway.DeploymentRollback] == ""
	v.RollbackNot = why("Permission", p.WhyNot[slipway.DeploymentRollback])
	v.LastGood = p.RollbackTo
	return v
}

func stageFacts(p app.StagePage) []page.Fact {
	facts := []page.Fact{{Name: "Goes out", Text: strategyWords(p.Stage.Strategy)}}
	if o := p.State.Observed; o != nil && o.Address != "" {
		facts = append(facts, page.Fact{Name: "Address", Text: o.Address, Href: o.Address})
	}
	facts = append(facts, stageRules(p.Stage)...)
	if o := p.State.Observed; o != nil && o.Preview != "" {
		facts = append(facts, page.Fact{Name: "Preview", Text: o.Preview, Href: o.Preview})
	}
	if live := p.State.Live; live != nil {
		for _, a := range live.Spec.Artifacts {
			facts = append(facts, page.Fact{Name: a.Name, Text: a.Digest, Mono: true, Copy: true})
		}
		facts = append(facts, page.Fact{Name: "Deployed by", Text: "run " + id(live.Deployment), Href: runPath(live.Deployment)})
	}
	return facts
}

// stageRules say what a release goes through here besides its strategy.
func stageRules(stage slipway.Stage) []page.Fact {
	var facts []page.Fact
	add := func(name string, words []string) {
		if len(words) > 0 {
			facts = append(facts, page.Fact{Name: name, Text: strings.Join(words, ", ")})
		}
	}
	var waves, checks, hooks []string
	for _, w := range stage.Waves {
		waves = append(waves, w.Site)
	}
	for _, c := range stage.Verify {
		checks = append(checks, c.Name+" ("+c.Kind()+")")
	}
	for _, at := range []struct {
		when string
		list []slipway.Hook
	}{{"before", stage.Hooks.Before}, {"before traffic", stage.Hooks.BeforeTraffic}, {"after", stage.Hooks.After}, {"on rollback", stage.Hooks.OnRollback}} {
		for _, h := range at.list {
			hooks = append(hooks, h.Name+" ("+at.when+")")
		}
	}
	add("Waves", waves)
	add("Checks", checks)
	add("Hooks", hooks)
	return facts
}

// candidates are the releases to choose from; those that cannot be chosen say
// why. What is preselected is chosen, or else the newest.
func candidates(p app.StagePage, chosen string) (options []component.Option, selected string) {
	for _, r := range p.Candidates {
		o := component.Option{Value: r.Version, Label: r.Version}
		switch {
		case r.Blocked != nil:
			o.Disabled, o.Note = true, "blocked: "+r.Blocked.Reason
		case p.State.Live != nil && p.State.Live.Spec.Version == r.Version:
			o.Note = "live here"
		}
		if r.Version == chosen && !o.Disabled {
			o.Selected, selected = true, r.Version
		}
		options = append(options, o)
	}
	return options, selected
}

// next is the release that would go to a stage next: what is live in the stage
// before; for the first stage the newest there is, by being first in the list.
func next(row app.BoardRow, stage slipway.Stage) string {
	for _, before := range stage.After {
		if live := row.States[before].Live; live != nil {
			return live.Spec.Version
		}
	}
	return ""
}

func (s *Surface) promote(c echo.Context) error {
	command, err := s.promotionOf(c)
	if e, status, ok := refusal(err); ok {
		return s.showStage(c, status, e)
	}
	return s.startHere(c, command)
}

// promotionOf reads what is asked for, of the form and of the dry run alike.
func (s *Surface) promotionOf(c echo.Context) (app.Promote, error) {
	command := app.Promote{Version: text(c, "version"), Note: text(c, "note")}
	var faults []slipway.FieldError
	if share := text(c, "share"); share != "" {
		n, err := strconv.Atoi(share)
		if err != nil {
			faults = append(faults, slipway.FieldError{Field: "share", Message: "is a number of percent, 0 to 100"})
		}
		command.Part = &slipway.Part{Share: n}
	}
	if at := text(c, "at"); at != "" {
		when, err := time.ParseInLocation(untilLayout, at, zoneOf(person(c).Zone))
		if err != nil {
			faults = append(faults, slipway.FieldError{Field: "at", Message: "is a day and a time, such as 2026-11-23T09:00"})
		}
		command.NotBefore = &when
	}
	return command, slipway.Invalid("The promotion", faults)
}

func (s *Surface) redeploy(c echo.Context) error {
	return s.startHere(c, app.Promote{Version: text(c, "version"), Note: text(c, "note"), Redeploy: true})
}

func (s *Surface) startHere(c echo.Context, command app.Promote) error {
	command.Once, command.Service, command.Environment = once(c), c.Param("service"), c.Param("environment")
	d, err := s.App.Promote(c.Request().Context(), server.ActorOf(c), command)
	if e, status, ok := refusal(err); ok {
		if text(c, "from") == "dry-run" {
			return s.showDryRun(c, status, e)
		}
		return s.showStage(c, status, e)
	}
	if err != nil {
		return err
	}
	return s.started(c, d)
}

// started leads to where the deployment can be watched.
func (s *Surface) started(c echo.Context, d slipway.Deployment) error {
	text := d.Version + " is on its way to " + d.Environment + " of " + d.Service + "."
	if asksPeople(d) {
		text = d.Version + " to " + d.Environment + " of " + d.Service + " is asked for. It goes out when its gates open."
	}
	return s.done(c, deploymentPath(d), text, component.Link{})
}

func (s *Surface) liftHold(c echo.Context) error {
	name, environment := c.Param("service"), c.Param("environment")
	_, err := s.App.LiftHold(c.Request().Context(), server.ActorOf(c), app.LiftHold{Once: once(c), Service: name, Environment: environment})
	if e, status, ok := refusal(err); ok {
		return s.showStage(c, status, e)
	}
	if err != nil {
		return err
	}
	return s.done(c, stagePath(name, environment), "The hold is lifted. Automation acts on "+environment+" again.", component.Link{})
}
