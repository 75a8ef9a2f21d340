package browser

import (
	"fmt"
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

// How many log lines a page shows, and how many are read at a time.
const (
	shownLines = 500
	logBatch   = 5000
)

func (s *Surface) run(c echo.Context) error { return s.showRun(c, http.StatusOK, nil) }

// showRun renders the run, also after a button of it was refused.
func (s *Surface) showRun(c echo.Context, status int, refused *slipway.Error) error {
	n, err := number(c, "deployment")
	if err != nil {
		return err
	}
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	sh, err := s.shell(c, "board", "run "+id(n), "deployment:"+id(n))
	if err != nil {
		return err
	}
	p, err := s.App.Deployment(ctx, actor, n)
	if err != nil {
		return err
	}
	lines, err := s.App.Logs(ctx, actor, n, 0, logBatch)
	if err != nil {
		return err
	}
	v := runView(p, s.now(c))
	v.Key = sh.Key
	staysAt(c, &sh, runPath(n))
	showLog(&v, p.Deployment, lines, c.QueryParam("log") == "all")
	if refused != nil {
		v.Error = sentenceWithFields(refused)
		v.WhyNot = append(blocks(refused.BlockedBy), v.WhyNot...)
	}
	sh.Title = v.Service + " " + v.Version + " to " + v.Environment
	if v.State == component.Failed {
		sh.State, sh.Tone = "failed", component.Failed
	}
	return s.render(c, status, page.Run(sh, v))
}

func runView(p app.DeploymentPage, now time.Time) page.RunView {
	d := p.Deployment
	v := page.RunView{ID: id(d.ID), Team: p.Service.Team, Service: d.Service, Environment: d.Environment, Version: d.Version, Cause: causeWords(p),
		State: deploymentState(d), Word: stateWord(d), Actor: who(d.RequestedBy), Reason: d.Note, StartedAt: d.CreatedAt, Took: took(d),
		PlanShort: slipway.ShortDigest(d.PlanDigest), PlanHref: gatePath(d.ID), Steps: steps(d, p.State.Observed, now), Checks: figures(d), RawLog: runPath(d.ID) + "/log.txt"}
	if d.StartedAt != nil {
		v.StartedAt = *d.StartedAt
	}
	if d.EndedAt != nil && v.Took == "" {
		v.Took = exact(d.EndedAt.Sub(d.CreatedAt))
	}
	if back, ok := d.WayBack(); ok {
		v.Took += " (" + exact(back) + " until all traffic was back)"
	}
	if p.Set != nil {
		v.Set = component.Link{Text: p.Set.Name, Href: setPath(p.Set.ID)}
	}
	if d.Plan.From != nil {
		v.From = d.Plan.From.Version
	}
	switch {
	case d.State == slipway.Waiting && asksPeople(d):
		v.GateHref, v.Now = gatePath(d.ID), d.Message
	case d.State.Active():
		v.Now, v.Progress = nowWords(d, p.State.Observed), progress(d, p.State.Observed)
	default:
		v.Now = d.Message
	}
	if d.State.Active() && d.State != slipway.Waiting || p.State.Live != nil && p.State.Live.Deployment == d.ID {
		v.Tracks = tracks(p.State, &d, now)
	}
	if h := p.State.Hold; h != nil && h.Deployment == d.ID {
		v.Hold = "Automation of " + d.Environment + " is held: " + strings.TrimSuffix(h.Reason, ".") + "."
	}
	said := ""
	for _, e := range p.Events {
		if e.Kind == "deployment.log" || e.Message == said { // the log stands beside it; a sentence once
			continue
		}
		said = e.Message
		v.Events = append(v.Events, component.Event{At: e.At, Text: e.Message, Actor: e.Actor})
	}
	v.Stands = d.State == slipway.Waiting || d.State == slipway.Paused || d.KeptByLine()
	runButtons(&v, p)
	v.Failure = failure(p)
	if v.Failure != nil {
		v.Now = ""
	}
	return v
}

func runButtons(v *page.RunView, p app.DeploymentPage) {
	d := p.Deployment
	may := p.WhyNot[slipway.DeploymentControl] == ""
	v.CanCancel = may && d.State.Active() && d.State != slipway.Reverting
	v.CanPause = may && d.State == slipway.Running
	run := d.Current()
	v.Lost = run != nil && run.State == slipway.Lost
	v.CanResume = may && (d.State == slipway.Paused || v.Lost && d.State == slipway.Reverting)
	v.Accepts = run != nil && asking(*run) != ""
	v.CanRetry = may && !d.State.Active() && d.State != slipway.Succeeded && d.State != slipway.Superseded
	serving := p.State.Live != nil && p.State.Live.Deployment == d.ID
	if p.WhyNot[slipway.DeploymentRollback] == "" && (serving || d.State == slipway.Failed || d.State == slipway.Running || d.State == slipway.Paused) {
		v.Rollback = stagePath(d.Service, d.Environment) + "/rollback"
	}
	if d.State.Active() {
		v.WhyNot = why("Permission", p.WhyNot[slipway.DeploymentControl])
	}
	if d.SupersededBy != 0 {
		v.Replacement = component.Link{Text: "run " + id(d.SupersededBy), Href: runPath(d.SupersededBy)}
	}
}

// steps are the way of a run: the gates, the phases of the plan, and the way
// back if one was taken.
func steps(d slipway.Deployment, o *slipway.Observed, now time.Time) []component.Step {
	gates := component.Step{State: component.Live, Name: "Gates", Note: "all open", At: timeOf(d.StartedAt)}
	switch {
	case d.State == slipway.Waiting:
		gates.State, gates.Note, gates.At, gates.Current = deploymentState(d), d.Message, d.CreatedAt, true
	case d.StartedAt == nil:
		gates.State, gates.Note, gates.At = component.None, stateWord(d), timeOf(d.EndedAt)
	case d.StartedAt.Sub(d.CreatedAt) >= time.Second:
		gates.Took = exact(d.StartedAt.Sub(d.CreatedAt))
	}
	list := []component.Step{gates}
	for i, r := range d.Runs {
		if r.Back == 0 {
			list = append(list, runStep(d, i, o, now))
		}
	}
	begun := len(d.Runs) > 0
	for i, phase := range d.Plan.Phases {
		if !begun || i > d.Phase {
			list = append(list, component.Step{State: component.None, Name: upperFirst(phase.Name)})
		}
	}
	for i, r := range d.Runs {
		if r.Back > 0 {
			list = append(list, runStep(d, i, o, now))
		}
	}
	return list
}

func runStep(d slipway.Deployment, i int, o *slipway.Observed, now time.Time) component.Step {
	r := d.Runs[i]
	step := component.Step{Name: upperFirst(r.Desired.Name), Note: r.Message, At: r.StartedAt}
	if r.Try > 0 {
		step.Name += fmt.Sprintf(", try %d", r.Try+1)
	}
	if r.EndedAt != nil {
		step.Took = exact(r.EndedAt.Sub(r.StartedAt))
	}
	switch r.State {
	case slipway.Done:
		step.State = component.Live
		if r.Back > 0 {
			step.State = component.RolledBack
		}
	case slipway.Lost:
		step.State, step.Current = component.Unknown, true
	case slipway.Broken:
		step.State = component.Failed
	default:
		step.State, step.Current, step.Progress = component.Rolling, true, 10
		if r.Desired.Hook != nil {
			return step
		}
		if o != nil && o.Generation == r.Generation && len(o.Tracks) > 0 {
			step.Note = readyWords(o.Tracks) + " ready"
			step.Progress = min(99, share(o.Tracks))
			if r.Desired.Site == "" && !o.Converged && o.Message != "" {
				step.Note = o.Message // which also says why
			}
		}
		if r.ReadyAt != nil && r.Desired.Bake > 0 {
			step.Note = "watched, " + component.Age(r.ReadyAt.Add(time.Duration(r.Desired.Bake)).Sub(now)) + " left"
		}
		if r.State == slipway.Held {
			step.State, step.Note = component.Waiting, "waits for somebody to resume"
		}
		if asked := asking(r); asked != "" {
			step.Note = "the check " + asked + " asks a person"
		}
	}
	return step
}

func share(list []slipway.ObservedTrack) int {
	ready, wanted := 0, 0
	for _, t := range list {
		ready, wanted = ready+t.Ready, wanted+t.Wanted
	}
	if wanted == 0 {
		return 0
	}
	return 100 * ready / wanted
}

// showLog fills in the last lines; the first line of the error stream is where
// a failure points to.
func showLog(v *page.RunView, d slipway.Deployment, lines []slipway.LogLine, all bool) {
	if len(lines) > shownLines && !all {
		lines = lines[len(lines)-shownLines:]
		v.LogMore = "?log=all"
	}
	for _, l := range lines {
		v.Log = append(v.Log, component.LogLine{Number: int(l.Number), At: l.At, Stream: l.Stream, Text: l.Text})
		if v.Failure != nil && v.Failure.LineHref == "" && l.Stream == "stderr" {
			v.Failure.LineHref = "#L" + id(l.Number)
		}
	}
	v.LogLive = d.State.Active() && d.State != slipway.Waiting
	v.LogNote = "Lines show here while instances start."
	if !d.State.Active() {
		v.LogNote = "There are no lines of this run: the deployer had none, or they are older than lines are kept."
	}
}

// logText streams the whole log, a batch in memory at a time.
func (s *Surface) logText(c echo.Context) error {
	n, err := number(c, "deployment")
	if err != nil {
		return err
	}
	noStore(c)
	for after, first := int64(0), true; ; first = false {
		lines, err := s.App.Logs(c.Request().Context(), server.ActorOf(c), n, after, logBatch)
		if err != nil {
			return err
		}
		if first {
			c.Response().Header().Set(echo.HeaderContentType, "text/plain; charset=utf-8")
			c.Response().Header().Set("X-Content-Type-Options", "nosniff")
			c.Response().WriteHeader(http.StatusOK)
		}
		for _, l := range lines {
			if _, err := fmt.Fprintf(c.Response(), "%s %s %s %s\n", l.At.UTC().Format(time.RFC3339), l.Source, l.Stream, l.Text); err != nil {
				return err
			}
			after = l.Number
		}
		if len(lines) < logBatch {
			return nil
		}
		c.Response().Flush()
	}
}

// control runs one of the buttons of a run and leads back to it.
func (s *Surface) control(c echo.Context, do func(app.Control) (slipway.Deployment, error), said string) error {
	n, err := number(c, "deployment")
	if err != nil {
		return err
	}
	d, err := do(app.Control{Once: once(c), Deployment: n, Reason: text(c, "reason"), As: c.FormValue("as")})
	if e, status, ok := refusal(err); ok {
		return s.showRun(c, status, e)
	}
	if err != nil {
		return err
	}
	if d.ID != n {
		return s.done(c, deploymentPath(d), "Started again as run "+strconv.FormatInt(d.ID, 10)+".", component.Link{})
	}
	return s.done(c, runPath(n), said, component.Link{})
}

func (s *Surface) cancel(c echo.Context) error {
	return s.control(c, func(k app.Control) (slipway.Deployment, error) {
		return s.App.Cancel(c.Request().Context(), server.ActorOf(c), k)
	}, "You cancelled it. If something was out already, what was live before comes back.")
}

func (s *Surface) pause(c echo.Context) error {
	return s.control(c, func(k app.Control) (slipway.Deployment, error) {
		return s.App.Pause(c.Request().Context(), server.ActorOf(c), k)
	}, "You paused it. It goes on when somebody resumes.")
}

func (s *Surface) resume(c echo.Context) error {
	return s.control(c, func(k app.Control) (slipway.Deployment, error) {
		return s.App.Resume(c.Request().Context(), server.ActorOf(c), k)
	}, "It goes on.")
}

func (s *Surface) retry(c echo.Context) error {
	return s.control(c, func(k app.Control) (slipway.Deployment, error) {
		return s.App.Retry(c.Request().Context(), server.ActorOf(c), k)
	}, "")
}
