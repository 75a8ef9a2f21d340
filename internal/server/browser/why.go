package browser

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func whyStagePath(service, environment string) string {
	return stagePath(service, environment) + "/why"
}

func whyRunPath(n int64) string { return runPath(n) + "/why" }

func (s *Surface) whyStage(c echo.Context) error {
	name, environment := c.Param("service"), c.Param("environment")
	w, err := s.App.WhyStage(c.Request().Context(), server.ActorOf(c), name, environment)
	if err != nil {
		return err
	}
	v := whyView(w, s.now(c))
	v.Question = "Why does nothing new start in " + environment + " of " + name + "?"
	switch d := w.Deployment; {
	case d != nil:
		v.Question = whyQuestion(*d)
	case len(w.Stands) > 0:
	case w.Hold != nil:
		v.Question = "Why does nothing start by itself in " + environment + " of " + name + "?"
	default:
		v.Question = "Does anything keep " + name + " from " + environment + "?"
	}
	v.Commands = whyCommands(v)
	return s.showWhy(c, v, "service:"+name)
}

func (s *Surface) whyRun(c echo.Context) error {
	n, err := number(c, "deployment")
	if err != nil {
		return err
	}
	w, err := s.App.Why(c.Request().Context(), server.ActorOf(c), n)
	if err != nil {
		return err
	}
	v := whyView(w, s.now(c))
	v.ID, v.Question = id(n), whyQuestion(*w.Deployment)
	v.Commands = whyCommands(v)
	return s.showWhy(c, v, "deployment:"+id(n), "service:"+v.Service)
}

func (s *Surface) showWhy(c echo.Context, v page.WhyView, topics ...string) error {
	sh, err := s.shell(c, "board", "why, "+v.Service+" in "+v.Environment, topics...)
	if err != nil {
		return err
	}
	service, err := s.App.Service(c.Request().Context(), server.ActorOf(c), v.Service)
	if err != nil {
		return err
	}
	v.Team = service.Team
	return s.render(c, http.StatusOK, page.Why(sh, v))
}

// whyQuestion is what people ask of a deployment in its state.
func whyQuestion(d slipway.Deployment) string {
	what := d.Version + " in " + d.Environment
	switch {
	case d.State == slipway.Waiting:
		return "Why does " + d.Version + " not go to " + d.Environment + "?"
	case d.State == slipway.Succeeded:
		return "How did " + d.Version + " get to " + d.Environment + "?"
	case d.State.Active():
		return "Why does " + what + " not go on?"
	default:
		return "Why did " + d.Version + " not get to " + d.Environment + "?"
	}
}

func whyView(w app.Why, now time.Time) page.WhyView {
	v := page.WhyView{Service: w.Service, Environment: w.Environment, State: component.Live, Summary: w.Summary, Stands: blocks(w.Stands), Others: checks(w.Verdicts, now)}
	if len(w.Stands) > 0 {
		v.State = verdictState(w.Stands[0])
	}
	if d := w.Deployment; d != nil {
		v.Subject = component.Link{Text: "Open the run", Href: runPath(d.ID)}
		if d.State == slipway.Waiting && asksPeople(*d) {
			v.Subject = component.Link{Text: "Open the review", Href: gatePath(d.ID)}
		}
		if !d.State.Active() {
			v.State = deploymentState(*d)
		}
	}
	if h := w.Hold; h != nil {
		if w.Deployment == nil && len(w.Stands) == 0 {
			v.State = component.RolledBack
		}
		v.Hold, v.HoldBy = h.Reason, component.Link{Text: "Open " + w.Environment, Href: stagePath(w.Service, w.Environment)}
	}
	for _, m := range whyMoves(w) {
		reason := w.WhyNot[m.needs]
		move := page.WhyMove{Text: m.text, Href: m.href, WhyNot: upperFirst(reason)}
		if reason == "" {
			v.Can = append(v.Can, move)
		} else {
			v.Cannot = append(v.Cannot, move)
		}
	}
	return v
}

// whyMove is something that changes how things stand.
type whyMove struct {
	needs      slipway.Permission
	text, href string
}

// whyMoves are those that fit: the ones that open what is shut first, the way
// back last, as it is always there.
func whyMoves(w app.Why) (moves []whyMove) {
	add := func(needs slipway.Permission, text, href string) {
		moves = append(moves, whyMove{needs, text, href})
	}
	stage := stagePath(w.Service, w.Environment)
	for _, v := range w.Stands {
		switch v.Gate {
		case "approval":
			add(slipway.DeploymentApprove, "Approve or reject it", gatePath(w.Deployment.ID))
		case "lock":
			add(slipway.EnvironmentLock, "Unlock "+w.Environment, environmentsPath)
		case "freeze":
			add(slipway.FreezeManage, "Change the freezes of "+w.Environment, environmentsPath+"#freezes")
		case "stopTheLine":
			add(slipway.LineStop, "Let the line run again", environmentsPath+"#stop")
		case "pause":
			add(slipway.DeploymentControl, "Let it go on", runPath(w.Deployment.ID))
		}
	}
	d := w.Deployment
	if d != nil && d.State == slipway.Waiting && len(w.Stands) > 0 {
		add(slipway.GateBypass, "Bypass a gate, which everybody can read", gatePath(d.ID))
	}
	if d != nil && d.State.Active() {
		add(slipway.DeploymentControl, "Cancel it", runPath(d.ID))
	}
	if w.Hold != nil {
		add(slipway.HoldLift, "Lift the hold", stage)
	}
	if d == nil {
		add(slipway.DeploymentPromote, "See what a promotion would do", stage+"/dry-run")
	}
	add(slipway.DeploymentRollback, "Roll back "+w.Environment, stage+"/rollback")
	return moves
}
