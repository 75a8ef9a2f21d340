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

func (s *Surface) rollbackPage(c echo.Context) error { return s.showRollback(c, http.StatusOK, nil) }

// showRollback renders the preview, also after a rollback that was refused.
func (s *Surface) showRollback(c echo.Context, status int, refused *slipway.Error) error {
	name, environment := c.Param("service"), c.Param("environment")
	sh, err := s.shell(c, "board", "roll back "+name, "service:"+name)
	if err != nil {
		return err
	}
	p, err := s.App.RollbackPreview(c.Request().Context(), server.ActorOf(c), name, environment, text(c, "version"))
	if err != nil {
		return err
	}
	v := rollbackView(p, s.now(c))
	v.Key, v.Reason, v.Accepted = sh.Key, c.FormValue("reason"), c.FormValue("accept_irreversible") != ""
	v.Commands = rollbackCommands(v)
	if refused != nil {
		v.ReasonError = fieldError(refused, "reason")
		v.Error = sentence(refused)
		v.WhyNot = append(blocks(refused.BlockedBy), v.WhyNot...)
	}
	return s.render(c, status, page.Rollback(sh, v))
}

func (s *Surface) rollback(c echo.Context) error {
	d, err := s.App.Rollback(c.Request().Context(), server.ActorOf(c), app.Rollback{
		Once: once(c), Service: c.Param("service"), Environment: c.Param("environment"), To: text(c, "version"), Reason: text(c, "reason"),
		AcceptIrreversible: c.FormValue("accept_irreversible") != "",
	})
	if e, status, ok := refusal(err); ok {
		return s.showRollback(c, status, e)
	}
	if err != nil {
		return err
	}
	return s.done(c, runPath(d.ID), "Rolling back "+d.Service+" in "+d.Environment+" to "+d.Version+". Automation is held there until somebody lifts it.",
		component.Link{Text: "Open " + d.Environment, Href: stagePath(d.Service, d.Environment)})
}

func rollbackView(p app.RollbackPage, now time.Time) page.RollbackView {
	at := stop{service: p.Service.Name, environment: p.Environment.Name, state: p.State, now: now}
	if p.Active != nil && p.Active.State != slipway.Waiting { // what waits has changed nothing yet
		at.active = p.Active
	}
	st := at.station("r-")
	v := page.RollbackView{Team: p.Service.Team, Service: p.Service.Name, Environment: p.Environment.Name, Current: st.Version, CurrentAt: st.Since,
		State: st.State, CanRollback: p.WhyNot == "", WhyNot: why("Permission", p.WhyNot), Summary: summary(p.Changes, 0), Changes: changes(p.Changes),
		None:  "No other release has run well here. Promote one that works, or cancel what is under way.",
		Pause: "Automation of " + p.Environment.Name + " is held until somebody lifts it or promotes the newest release."}
	for i, t := range p.Targets {
		c := page.RollbackChoice{Version: t.Spec.Version, Note: "served " + p.Environment.Name + " for " + component.Age(t.Served), Until: t.From.Add(t.Served),
			Disabled: t.WhyNot != "", Reason: t.WhyNot, Selected: p.Chosen == &p.Targets[i]}
		if t.Current {
			c.Note = "is live, while something newer is under way"
		}
		v.Choices = append(v.Choices, c)
	}
	if p.Active != nil && p.Active.State == slipway.Waiting {
		v.Policy = p.Active.Version + ", which waits here, is superseded."
	} else if p.Active != nil {
		v.Policy = p.Active.Version + ", which is on its way here, is stopped."
	}
	if p.Chosen == nil {
		return v
	}
	v.Selected = p.Chosen.Spec.Version
	v.Undone = undone(p)
	if p.Irreversible {
		v.Accept = "I know that " + irreversibleVersion(p) + " is marked irreversible, and that what it changed outside may not fit " + v.Selected + "."
	}
	return v
}

func irreversibleVersion(p app.RollbackPage) string {
	if p.Active != nil && p.Chosen.Current {
		return p.Active.Version
	}
	return p.State.Live.Spec.Version
}

// undone says what goes back and, as important, what does not.
func undone(p app.RollbackPage) []page.Undo {
	spec := p.Chosen.Spec
	list := []page.Undo{
		{Yes: true, Text: "What runs", Note: plural(len(spec.Artifacts), "artifact") + " of " + spec.Version},
		{Yes: true, Text: "Its settings", Note: "as they were then"},
		{Yes: true, Text: "The deployer's settings", Note: spec.Deployer.Name + ", as they were then"},
	}
	if len(spec.Secrets) > 0 {
		list = append(list, page.Undo{Yes: true, Text: "Its secrets", Note: "the versions that were pinned then"})
	}
	data := page.Undo{Text: "What it changed outside, such as a database", Note: "the release is marked reversible: what was there before still fits"}
	if p.Irreversible {
		data.Note = "the release is marked irreversible: what was there before may not fit"
	}
	return append(list, data)
}
