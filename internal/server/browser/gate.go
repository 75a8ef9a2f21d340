package browser

import (
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

func (s *Surface) gate(c echo.Context) error { return s.showGate(c, http.StatusOK, "", "") }

// showGate renders the review, also after a decision that was refused.
func (s *Surface) showGate(c echo.Context, status int, refused, reason string) error {
	n, err := number(c, "deployment")
	if err != nil {
		return err
	}
	sh, err := s.shell(c, "inbox", "gate "+id(n), "deployment:"+id(n))
	if err != nil {
		return err
	}
	p, err := s.App.Deployment(c.Request().Context(), server.ActorOf(c), n)
	if err != nil {
		return err
	}
	v := gateView(p, s.now(c))
	v.Key, v.Error, v.Reason = sh.Key, refused, reason
	staysAt(c, &sh, gatePath(n))
	sh.Title = v.Service + " " + v.To.Version + " to " + v.Environment
	return s.render(c, status, page.Gate(sh, v))
}

// number reads the id in the address. What is no number is nobody's id.
func number(c echo.Context, kind string) (int64, error) {
	n, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return 0, slipway.NotFound(kind, c.Param("id"))
	}
	return n, nil
}

func (s *Surface) approve(c echo.Context) error {
	n, err := number(c, "deployment")
	if err != nil {
		return err
	}
	d, err := s.App.Approve(c.Request().Context(), server.ActorOf(c),
		app.Approve{Once: once(c), Deployment: n, PlanDigest: text(c, "plan"), Comment: text(c, "comment")})
	if e, status, ok := refusal(err); ok {
		return s.showGate(c, status, sentenceWithFields(e), "")
	}
	if err != nil {
		return err
	}
	return s.done(c, returnTo(c, gatePath(n)), "You approved "+d.Version+" to "+d.Environment+" of "+d.Service+".",
		component.Link{Text: "See how it goes", Href: runPath(n)})
}

func (s *Surface) reject(c echo.Context) error {
	n, err := number(c, "deployment")
	if err != nil {
		return err
	}
	reason := text(c, "reason")
	d, err := s.App.Reject(c.Request().Context(), server.ActorOf(c), app.Reject{Once: once(c), Deployment: n, PlanDigest: text(c, "plan"), Reason: reason})
	if e, status, ok := refusal(err); ok {
		return s.showGate(c, status, sentenceWithFields(e), reason)
	}
	if err != nil {
		return err
	}
	return s.done(c, returnTo(c, gatePath(n)), "You rejected "+d.Version+" for "+d.Environment+" of "+d.Service+".", component.Link{})
}

func gateView(p app.DeploymentPage, now time.Time) page.GateView {
	d := p.Deployment
	v := page.GateView{ID: id(d.ID), Team: p.Service.Team, Service: d.Service, Environment: d.Environment, Cause: string(d.Cause),
		AskedBy: who(d.RequestedBy), Note: d.Note, AskedAt: d.CreatedAt, PlanShort: slipway.ShortDigest(d.PlanDigest), Plan: d.PlanDigest,
		Summary: gateSummary(p), Changes: changes(p.Changes), Previews: previews(d.Plan),
		Checks: checks(p.Verdicts, now), Votes: votes(p.Votes, d.PlanDigest), HowOut: howOut(d.Plan), Expires: deadline(d)}
	v.State, v.Outcome, v.Next = outcome(d)
	v.From, v.To = gateEnds(p, now)
	v.Commits, v.MoreCommits = commits(p.Commits, shownCommits)
	if d.Plan.From != nil {
		v.CompareHref = comparePath(d.Service, d.Plan.From.Version, d.Version)
	}
	if n := len(d.Replaced); n > 0 && d.State == slipway.Waiting {
		v.Voided = "The plan changed" + voidWords(p.Votes, d.PlanDigest)
		v.VoidDiff = changes(p.Voided)
	}
	v.CanApprove = d.State == slipway.Waiting && p.VoteWhyNot == ""
	v.CanReject = d.State == slipway.Waiting && p.WhyNot[slipway.DeploymentApprove] == ""
	v.Bypass = bypasses(p)
	if reason := p.WhyNot[slipway.DeploymentApprove]; reason != "" {
		v.WhyNot = why("Permission", reason)
	} else {
		v.WhyNot = why("Approval", p.VoteWhyNot)
	}
	return v
}

func gateSummary(p app.DeploymentPage) string {
	text := summary(p.Changes, len(p.Commits))
	if p.Deployment.Cause == slipway.CauseRotation {
		text = strings.TrimSuffix(causeWords(p)+", "+text, ", ")
	}
	return text
}

func voidWords(list []slipway.Vote, plan string) string {
	void := 0
	for _, v := range list {
		if v.PlanDigest != plan && v.Decision == slipway.Approve {
			void++
		}
	}
	switch void {
	case 0:
		return " since it was asked for."
	case 1:
		return "; 1 approval no longer counts."
	default:
		return "; " + strconv.Itoa(void) + " approvals no longer count."
	}
}

// gateEnds are the two ends of the change: what is live, and what wants to be.
func gateEnds(p app.DeploymentPage, now time.Time) (from, to component.Station) {
	d := p.Deployment
	if f := d.Plan.From; f != nil {
		from = component.Station{Version: f.Version, Href: releasePath(d.Service, f.Version), State: component.None, Detail: "in " + d.Environment}
		if live := p.State.Live; live != nil && live.Spec.ID() == f.ID() {
			at := stop{service: d.Service, environment: d.Environment, state: p.State, now: now}
			at.observed(&from)
			from.Detail = "in " + d.Environment + ", " + component.Age(now.Sub(live.Since)) + ", " + from.Detail
		}
	} else {
		from.Detail = "nothing is live in " + d.Environment
	}
	to = component.Station{Version: d.Version, Href: releasePath(d.Service, d.Version), State: deploymentState(d)}
	if live := p.SourceState.Live; live != nil && live.Spec.Version == d.Version {
		to.Detail = "in " + p.SourceState.Environment + " for " + exact(now.Sub(live.Since))
	}
	return from, to
}

// outcome is how a question ended; "open" while it is one.
func outcome(d slipway.Deployment) (state, text string, next component.Link) {
	run := component.Link{Text: "Open the run", Href: runPath(d.ID)}
	switch d.State {
	case slipway.Waiting:
		return "open", "", component.Link{}
	case slipway.Running, slipway.Paused, slipway.Reverting:
		return "running", "The gates opened and it is on its way: " + d.Message, run
	case slipway.Succeeded:
		return "approved", d.Message, run
	case slipway.Superseded:
		if d.SupersededBy != 0 {
			return "superseded", d.Message, component.Link{Text: "Open what took its place", Href: gatePath(d.SupersededBy)}
		}
		return "superseded", d.Message, component.Link{}
	case slipway.Rejected, slipway.Expired, slipway.Cancelled:
		return string(d.State), d.Message, component.Link{}
	default:
		return "rejected", d.Message, run
	}
}

// howOut tells how the plan goes out, and how it would come back.
func howOut(p slipway.Plan) []component.Check {
	out := component.Check{Text: strategyWords(p.Strategy), Note: plural(len(p.Phases), "phase")}
	if p.Cause == slipway.CauseRollback {
		out.Text = "All at once: the old release comes up beside what runs and takes all traffic when it is ready."
	}
	if p.OnFailure == slipway.OnFailureStop {
		out.Text += " Stops where it is when a phase is not ready within " + exact(time.Duration(p.Deadline)) + "."
	} else {
		out.Text += " Goes back by itself when a phase is not ready within " + exact(time.Duration(p.Deadline)) + "."
	}
	back := component.Check{Text: "There is nothing to go back to: this is the first release here.", Note: "first"}
	switch {
	case p.From == nil:
	case p.To.Reversible:
		back = component.Check{Text: "Back to " + p.From.Version + " with its settings of then: yes.", Note: "reversible"}
	default:
		back = component.Check{Text: strings.Join([]string{p.To.Version, "is marked irreversible: what it changes outside, a database for instance, may not fit", p.From.Version}, " ") + ".",
			Note: "irreversible"}
	}
	return []component.Check{out, back}
}
