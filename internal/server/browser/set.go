package browser

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) sets(c echo.Context) error {
	// Of all sets the board has news: they stand in no service's own.
	sh, err := s.shell(c, "sets", "Release sets", "board")
	if err != nil {
		return err
	}
	list, next, err := s.App.Sets(c.Request().Context(), server.ActorOf(c), "", slipway.Page{Cursor: c.QueryParam("cursor"), Limit: 50})
	if err != nil {
		return err
	}
	v := page.SetsView{Sets: setRows(list)}
	if next != "" {
		v.More = "/sets?cursor=" + url.QueryEscape(next)
	}
	return s.render(c, http.StatusOK, page.Sets(sh, v))
}

func setRows(list []app.SetPage) []page.SetRow {
	rows := make([]page.SetRow, len(list))
	for i, p := range list {
		set := p.Set
		state, progress, word := setState(set, p.Facts.Deployments)
		rows[i] = page.SetRow{Href: setPath(set.ID), Name: set.Name, Environment: set.Environment, Services: plural(len(set.Items), "service"),
			State: state, Progress: progress, Word: word, Message: set.Message, AskedBy: who(set.Asked.By), At: set.CreatedAt}
	}
	return rows
}

func (s *Surface) set(c echo.Context) error { return s.showSet(c, http.StatusOK, nil) }

// showSet renders the set, also after a button of it was refused.
func (s *Surface) showSet(c echo.Context, status int, refused *slipway.Error) error {
	n, err := number(c, "set")
	if err != nil {
		return err
	}
	sh, err := s.shell(c, "sets", "set "+id(n), "board")
	if err != nil {
		return err
	}
	p, err := s.App.Set(c.Request().Context(), server.ActorOf(c), n)
	if err != nil {
		return err
	}
	v := setView(p)
	v.Key, v.Reason = sh.Key, c.FormValue("reason")
	staysAt(c, &sh, setPath(n))
	if refused != nil {
		v.Error = sentenceWithFields(refused)
		v.WhyNot = append(blocks(refused.BlockedBy), v.WhyNot...)
	}
	sh.Title = v.Name + " to " + v.Environment
	if v.State == component.Failed {
		sh.State, sh.Tone = "failed", component.Failed
	}
	return s.render(c, status, page.Set(sh, v))
}

func setView(p app.SetPage) page.SetView {
	set := p.Set
	v := page.SetView{ID: id(set.ID), Name: set.Name, Environment: set.Environment, Message: set.Message, AskedBy: who(set.Asked.By), AskedAt: set.CreatedAt,
		Note: set.Note, OnFailure: "if one fails, all go back"}
	v.State, v.Progress, v.Word = setState(set, p.Facts.Deployments)
	if set.OnFailure == slipway.OnFailureStop {
		v.OnFailure = "if one fails, all stay where they are"
	}
	if set.EndedAt != nil {
		v.Took = exact(set.EndedAt.Sub(set.CreatedAt))
	}
	for _, i := range inOrder(set.Items) {
		v.Stations = append(v.Stations, setStation(i, p.Facts))
		if d, ok := p.Facts.Deployments[i.Deployment]; ok && !d.Plan.To.Reversible && v.Accept.Label == "" {
			v.Accept = component.Option{Value: "yes", Label: "I know that " + i.Service + " " + i.Version + " is marked irreversible, and that what it changed outside may not fit what was before."}
		}
	}
	order := slipway.SetOrder{By: slipway.Person{Kind: slipway.ActorUser}}
	_, noBack := set.RollBack(order)
	_, noCancel := set.Cancel(order)
	v.CanRollback = noBack == nil && p.WhyNot["rollback"] == ""
	v.CanCancel = noCancel == nil && p.WhyNot["cancel"] == ""
	if noBack == nil && !v.CanRollback {
		v.WhyNot = why("Permission", p.WhyNot["rollback"])
	}
	return v
}

// setStation is one service of a set: where it is, and what comes before it.
func setStation(i slipway.SetItem, f slipway.SetFacts) component.Step {
	d, at := f.Deployments[i.Deployment], i.Deployment
	if i.Back != 0 {
		d, at = f.Deployments[i.Back], i.Back
	}
	step := component.Step{Name: i.Service + " " + i.Version, Href: releasePath(i.Service, i.Version), Current: i.State == slipway.ItemRunning || i.State == slipway.ItemRollingBack}
	if at != 0 {
		step.Href, step.At, step.Took = deploymentPath(d), d.CreatedAt, took(d)
	}
	var word string
	step.State, word = itemState(i.State)
	if i.State == slipway.ItemRunning && d.State == slipway.Waiting {
		step.State, word = deploymentState(d), stateWord(d)
	}
	step.Note = upperFirst(word)
	if i.From != "" && i.From != i.Version {
		step.Note += ", before it " + i.From
	}
	if len(i.After) > 0 {
		step.Note += ", after " + listed(i.After)
	}
	step.Note += "."
	if i.Message != "" {
		step.Note += " " + i.Message
	}
	return step
}

// steerSet runs one of the buttons of a set and leads back to it.
func (s *Surface) steerSet(c echo.Context, do func(app.SteerSet) (slipway.ReleaseSet, error), said string) error {
	n, err := number(c, "set")
	if err != nil {
		return err
	}
	_, err = do(app.SteerSet{Once: once(c), Set: n, Reason: text(c, "reason"), AcceptIrreversible: c.FormValue("accept_irreversible") != ""})
	if e, status, ok := refusal(err); ok {
		return s.showSet(c, status, e)
	}
	if err != nil {
		return err
	}
	return s.done(c, setPath(n), said, component.Link{})
}

func (s *Surface) cancelSet(c echo.Context) error {
	return s.steerSet(c, func(k app.SteerSet) (slipway.ReleaseSet, error) {
		return s.App.CancelSet(c.Request().Context(), server.ActorOf(c), k)
	}, "You cancelled it. What is under way is taken back, what has got there stays.")
}

func (s *Surface) rollBackSet(c echo.Context) error {
	return s.steerSet(c, func(k app.SteerSet) (slipway.ReleaseSet, error) {
		return s.App.RollBackSet(c.Request().Context(), server.ActorOf(c), k)
	}, "It goes back, the last of it first. Automation is held where it goes back.")
}

// setsOf are the newest sets that a service is in.
func (s *Surface) setsOf(c echo.Context, service string) ([]page.SetRow, error) {
	list, _, err := s.App.Sets(c.Request().Context(), server.ActorOf(c), service, slipway.Page{Limit: 3})
	return setRows(list), err
}
