package engine

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Step looks at the deployment once and takes one step. It returns when there
// is something to look at again; the zero time: never.
func (e *Engine) Step(ctx context.Context, id int64) (time.Time, error) {
	d, cursor, err := e.Wakes.Look(ctx, id)
	switch {
	case slipway.IsNotFound(err), err == nil && !d.State.Active():
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	case d.State == slipway.Waiting:
		return e.judge(ctx, d)
	case d.Current().Desired.Hook != nil:
		return e.hook(ctx, d)
	case d.Current().State == slipway.Applying:
		return e.apply(ctx, d, cursor)
	default:
		return e.observe(ctx, d, cursor)
	}
}

// judge opens the gates or says what holds them. Whether the plan still is
// what today's facts ask for is checked in the very transaction that starts it.
func (e *Engine) judge(ctx context.Context, seen slipway.Deployment) (next time.Time, err error) {
	probes, err := e.probe(ctx, seen)
	if err != nil {
		return time.Time{}, err
	}
	if err := e.lookAtSecrets(ctx, seen); err != nil {
		return time.Time{}, err
	}
	stale := false
	err = e.Store.Write(ctx, func(tx slipway.Tx) error {
		d, now := seen, e.now()
		today, err := slipway.Redraft(ctx, tx, e.Deployers, d)
		var verdicts []slipway.Verdict
		switch {
		case isAny(err, slipway.CodeNotFound, slipway.CodeInvalid, slipway.CodeConflict):
			again := now.Add(planAgain)
			verdicts = []slipway.Verdict{{Gate: "plan", Result: slipway.Fail, Since: &now, AskAgain: &again, Reason: err.Error(), Who: "who may apply the pipeline"}}
		case err != nil:
			return err
		case today.Plan.Intent() != d.Plan.Intent():
			stale = true
			return nil
		}
		judged := d
		judged.Probes = slipway.MergeProbes(d.Probes, probes)
		load := slipway.LoadGateFacts
		if err == nil {
			load = today.GateFacts
		}
		facts, err := load(ctx, tx, e.Aids, judged, now)
		if err != nil {
			return err
		}
		// The other gates are judged in any case: an approval lapses in its time
		// even if the plan cannot be made anew.
		verdicts = append(slipway.Verdicts(facts), verdicts...)
		var ev slipway.Event = slipway.Judged{Verdicts: verdicts, Probes: probes}
		if slipway.ApprovalLapsed(verdicts, now) {
			ev = slipway.ApprovalExpired{}
		}
		saved, err := slipway.Advance(ctx, tx, d, ev, slipway.System("engine"), now)
		next = wakeOf(saved)
		return err
	})
	if err == nil && stale {
		return e.replan(ctx, seen)
	}
	return next, err
}

// replan freezes the plan anew, with the deployer's evidence for it.
func (e *Engine) replan(ctx context.Context, seen slipway.Deployment) (time.Time, error) {
	var plan slipway.Plan
	err := e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		draft, err := slipway.Redraft(ctx, tx, e.Deployers, seen)
		plan = draft.Plan
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	intent := plan.Intent()
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if plan.Preview, plan.Prepared, err = e.Deployers.Preview(call, plan); ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	} else if err != nil {
		return e.unplanned(ctx, seen, err)
	}
	return e.take(ctx, seen, slipway.Replanned{Plan: plan}, func(tx slipway.Tx) error {
		today, err := slipway.Redraft(ctx, tx, e.Deployers, seen)
		if err == nil && today.Plan.Intent() != intent {
			err = errMoved
		}
		return err
	})
}

// planAgain is how soon a plan is made again that could not be.
const planAgain = time.Minute

// unplanned keeps a deployment waiting, visibly, whose plan no longer holds and
// whose deployer cannot say what another would change.
func (e *Engine) unplanned(ctx context.Context, seen slipway.Deployment, why error) (time.Time, error) {
	e.Log.WarnContext(ctx, "could not plan anew", "deployment", seen.ID, "error", why)
	now := e.now()
	facts := slipway.GateFacts{}
	err := e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		facts, err = slipway.LoadGateFacts(ctx, tx, e.Aids, seen, now)
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	again := now.Add(planAgain)
	verdicts := append(slipway.Verdicts(facts), slipway.Verdict{Gate: "plan", Result: slipway.Unknown, Since: &now, AskAgain: &again,
		Reason: "The plan no longer holds, and the deployer could not say what a new one would change: " + why.Error(), Who: "who runs the deployer"})
	if slipway.ApprovalLapsed(verdicts, now) {
		return e.take(ctx, seen, slipway.ApprovalExpired{}, nil)
	}
	return e.take(ctx, seen, slipway.Judged{Verdicts: verdicts}, nil)
}

// observe asks what runs, makes the check whose time has come, and lets the
// machine judge both. A report that changes nothing but the time of the next
// look is not saved while this look stays.
func (e *Engine) observe(ctx context.Context, d slipway.Deployment, cursor string) (time.Time, error) {
	deployer, ok := e.Deployers.get(d.Plan.To.Deployer.Name)
	if !ok {
		return e.take(ctx, d, slipway.Seen{Err: "there is no deployer " + d.Plan.To.Deployer.Name + " here"}, nil)
	}
	seen := e.ask(ctx, deployer, d, d.Current().Desired.Site)
	if seen.Observed.Forgot {
		e.remind(ctx, deployer, d, *d.Current())
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	return e.save(ctx, deployer, d, d, cursor, seen)
}

// save takes what was seen, after what else is to be saved of it: saved is the
// deployment without that, d with it.
func (e *Engine) save(ctx context.Context, deployer deployers.Deployer, saved, d slipway.Deployment, cursor string, seen slipway.Seen, before ...slipway.Event) (time.Time, error) {
	events := slices.Concat(before, []slipway.Event{seen})
	if measured, ok := e.measure(ctx, d, seen.Observed); ok {
		events = append(events, measured)
	}
	lines, cursor, read := e.fetchLogs(ctx, deployer, d, cursor)
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	next, err := e.foresee(ctx, d, seen)
	if err != nil {
		return time.Time{}, err
	}
	if len(events) == 1 && !read && e.nothingToSave(d, next) {
		return next.LookAgain(e.now()), nil
	}
	return e.takeAll(ctx, saved, events, func(tx slipway.Tx) error {
		if err := keepLines(ctx, tx, d, lines, cursor, read, e.now()); err != nil || seen.Err != "" {
			return err
		}
		return e.keepReport(ctx, tx, d, seen.Observed)
	})
}

// foresee says what a step would lead to, without taking it.
func (e *Engine) foresee(ctx context.Context, d slipway.Deployment, ev slipway.Event) (slipway.Deployment, error) {
	next, _, err := slipway.Step(d, ev, e.now())
	if err != nil || !d.GoesOn(next) || !d.KeptByLine() {
		return next, err // one that has not been kept so far is going to be saved in any case
	}
	var line *slipway.StoppedLine
	err = e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		line, err = tx.Line().Get(ctx)
		return err
	})
	if err == nil && line != nil {
		next, _, err = slipway.StepStopped(d, ev, *line, e.now())
	}
	return next, err
}

// keepLines saves what workloads printed, and says that there is more to read.
func keepLines(ctx context.Context, tx slipway.Tx, d slipway.Deployment, lines []slipway.LogLine, cursor string, read bool, now time.Time) error {
	if read {
		for i := range lines {
			lines[i].Text = deployers.PlainText(lines[i].Text)
		}
		if err := tx.Logs().Append(ctx, d.ID, lines, cursor); err != nil {
			return err
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return tx.Events().Add(ctx, slipway.DomainEvent{At: now, Kind: "deployment.log", Team: d.Team, Service: d.Service,
		Environment: d.Environment, Deployment: d.ID, Message: d.Message})
}

// keepReport saves what was seen at the site of the phase at work, beside what
// was seen at the others.
func (e *Engine) keepReport(ctx context.Context, tx slipway.Tx, d slipway.Deployment, o slipway.Observed) error {
	site := d.Current().Desired.Site
	if site != "" {
		known, err := tx.Stages().Get(ctx, d.Service, d.Environment)
		if err != nil {
			return err
		}
		o = mergeSite(known.Observed, site, o)
	}
	return tx.Stages().PutObserved(ctx, d.Service, d.Environment, o)
}

// ask turns the deployer's answer, or its failure to answer, into an event.
func (e *Engine) ask(ctx context.Context, deployer deployers.Deployer, d slipway.Deployment, site string) slipway.Seen {
	return e.askTarget(ctx, deployer, target(d, site))
}

func (e *Engine) askTarget(ctx context.Context, deployer deployers.Deployer, t deployers.Target) slipway.Seen {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	seen := slipway.Seen{Asked: e.now()}
	err := guard(func() error {
		o, err := deployer.Observe(call, t)
		seen.Observed = observed(o, t.Site)
		return err
	})
	if err != nil {
		seen.Err = err.Error()
	}
	return seen
}

// nothingToSave reports whether a step changed nothing that anybody sees, and
// nobody else comes until the next look: the row is not due before that, or for so
// short a time that it does not matter.
func (e *Engine) nothingToSave(was, is slipway.Deployment) bool {
	if !sameButWake(was, is) || was.NextWakeAt == nil {
		return false
	}
	now := e.now()
	again := is.LookAgain(now)
	return again.Add(lookTakes).Before(*was.NextWakeAt) || again.Sub(now) <= overdueFor && now.Sub(*was.NextWakeAt) < overdueFor
}

// sameButWake reports whether two differ in nothing but the time of the next look.
func sameButWake(was, is slipway.Deployment) bool {
	was.NextWakeAt, is.NextWakeAt = nil, nil
	return reflect.DeepEqual(was, is)
}
