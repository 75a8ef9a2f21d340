package browser

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) dryRun(c echo.Context) error {
	if key := c.QueryParam("idempotency_key"); key != "" { // of the form to promote: it has no place in an address
		return seeOther(c, stagePath(c.Param("service"), c.Param("environment"))+"/dry-run"+with(c.QueryParams(), "idempotency_key", ""))
	}
	return s.showDryRun(c, http.StatusOK, nil)
}

// dryRunOfRelease leads to the stage that was chosen on the page of a release.
func (s *Surface) dryRunOfRelease(c echo.Context) error {
	return seeOther(c, dryRunPath(c.Param("service"), text(c, "environment"), c.Param("version")))
}

// showDryRun says what would happen, also after the promotion that followed from
// it was refused.
func (s *Surface) showDryRun(c echo.Context, status int, refused *slipway.Error) error {
	name, environment := c.Param("service"), c.Param("environment")
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	sh, err := s.shell(c, "board", "dry run of "+name)
	if err != nil {
		return err
	}
	p, err := s.App.StagePage(ctx, actor, name, environment)
	if err != nil {
		return err
	}
	v := page.DryRunView{Team: p.Service.Team, Service: name, Environment: environment, Key: sh.Key, Share: text(c, "share"), At: text(c, "at")}
	if v.Version, err = s.inQuestion(c, p); err != nil {
		return err
	}
	v.Releases, _ = candidates(p, v.Version)
	staysAt(c, &sh, dryRunPath(name, environment, v.Version))
	command, err := s.promotionOf(c)
	command.Service, command.Environment, command.Version = name, environment, v.Version
	var run app.DryRun
	if err == nil {
		run, err = s.App.DryRun(ctx, actor, command)
	}
	e, code, ok := refusal(err)
	switch {
	case ok: // nothing can be said of it, and this says why
		status, v.Error = code, sentenceWithFields(e)
		return s.render(c, status, page.DryRun(sh, v))
	case err != nil:
		return err
	}
	dryRunView(&v, p, run, s.now(c))
	if refused != nil {
		v.Error = sentenceWithFields(refused)
	}
	return s.render(c, status, page.DryRun(sh, v))
}

// inQuestion is the release that is asked about: the one that is named, also an
// old one that is not among those to choose from, or else the next.
func (s *Surface) inQuestion(c echo.Context, p app.StagePage) (string, error) {
	if version := text(c, "version"); version != "" {
		return version, nil
	}
	whole, err := s.App.ServicePage(c.Request().Context(), server.ActorOf(c), p.Service.Name)
	if err != nil {
		return "", err
	}
	if version := next(whole.Row, p.Stage); version != "" {
		return version, nil
	}
	if len(p.Candidates) == 0 {
		return "", &slipway.Error{Code: slipway.CodeNotFound, Message: p.Service.Name + " has no release yet.", Do: "Let CI send one, then ask again."}
	}
	return p.Candidates[0].Version, nil
}

func dryRunPath(service, environment, version string) string {
	return stagePath(service, environment) + "/dry-run?version=" + query(version)
}

func dryRunView(v *page.DryRunView, p app.StagePage, run app.DryRun, now time.Time) {
	plan := run.Draft.Plan
	d := slipway.Deployment{Service: v.Service, Environment: v.Environment, Version: v.Version, Plan: plan, State: slipway.Waiting, Verdicts: run.Verdicts, CreatedAt: now}
	if len(d.Verdicts) == 0 {
		d.Verdicts = []slipway.Verdict{}
	}
	v.From, v.To = gateEnds(app.DeploymentPage{Deployment: d, State: p.State}, now)
	v.To.State, v.To.Detail = component.None, "would go to "+v.Environment
	v.Summary, v.Changes = summary(run.Changes, len(run.Commits)), changes(run.Changes)
	v.Commits, v.MoreCommits = commits(run.Commits, shownCommits)
	if plan.From != nil {
		v.CompareHref = comparePath(v.Service, plan.From.Version, v.Version)
	}
	plan.Preview = run.Preview
	v.Previews, v.Silent = previews(plan), run.Silent
	v.Refusals, v.Gates, v.WhyNot = blocks(run.Refusals), checks(run.Verdicts, now), why("Permission", run.WhyNot)
	v.Phases, v.HowOut = phases(plan), howOut(plan)
	if t := run.Takes; t != nil && len(run.Refusals) == 0 {
		v.Takes = component.Link{Text: t.Version + ", which " + stateWord(*t), Href: deploymentPath(*t)}
	}
	v.CanPromote = run.WhyNot == "" && len(run.Refusals) == 0 && run.Silent == ""
	v.State, v.Answer, v.Explain = dryRunAnswer(run)
	v.Commands = dryRunCommands(*v)
}

// dryRunAnswer is the whole in one sentence, and what follows from it.
func dryRunAnswer(run app.DryRun) (state component.State, answer, explain string) {
	shut := slipway.Blocking(run.Verdicts)
	switch {
	case len(run.Refusals) > 0:
		return component.Frozen, "It would be refused.", run.Refusals[0].Reason
	case run.Silent != "":
		return component.Failed, "It would fail before it starts.", "A promotion is not taken while the deployer cannot say what it would change."
	case len(shut) > 0:
		state = component.Frozen
		if slices.ContainsFunc(shut, func(v slipway.Verdict) bool { return v.Gate == "approval" }) {
			state = component.Waiting
		}
		return state, "It would wait for " + plural(len(shut), "gate") + ".", "It could be asked for now, and would go out by itself when all of them are open."
	case run.WhyNot != "":
		return component.Frozen, "It would start at once, if somebody promoted it who may.", ""
	default:
		return component.Live, "It would start at once.", "Every gate is open."
	}
}

// phases are the way that a plan would go, as stops of a rail.
func phases(p slipway.Plan) []component.Step {
	list := make([]component.Step, len(p.Phases))
	for i, phase := range p.Phases {
		list[i] = component.Step{State: component.None, Name: upperFirst(phase.Name), Note: phaseWords(phase, p.To.ID())}
		if phase.Site != "" {
			list[i].Name = phase.Site + ": " + phase.Name
		}
	}
	return list
}

// phaseWords says what a phase makes true, and how long it stays so.
func phaseWords(phase slipway.Desired, to string) string {
	if phase.Hook != nil {
		return "a job; traffic stays as it is"
	}
	words := "nothing runs"
	for _, t := range phase.Tracks {
		if t.Spec == to {
			words = plural(t.Replicas, "instance") + " of " + t.Version
			if t.Weight < 100 {
				words += ", " + strconv.Itoa(t.Weight) + " % of the traffic"
			}
		} else if words == "nothing runs" {
			words = t.Version + " goes on"
		}
	}
	if phase.Bake > 0 {
		words += ", watched for " + exact(time.Duration(phase.Bake))
	}
	if phase.Pause {
		words += ", until a person resumes"
	}
	return words
}
