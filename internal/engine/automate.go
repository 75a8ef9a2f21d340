package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	// automateEvery is how late automation is at worst, should its signals be lost:
	// each round compares what is with what should be, of all services.
	automateEvery = time.Minute
	// automateAgain is how soon what did not start is tried again.
	automateAgain = 15 * time.Second
)

// automation is what is known between two rounds.
type automation struct {
	last  int64           // events are read up to here; 0: all services are looked at
	due   map[string]bool // services that are looked at, whatever happened
	stuck map[string]bool // services of which something did not start
}

// automate promotes releases to the stages that take them by themselves.
func (e *Engine) automate(ctx context.Context) {
	changed, cancel := e.Feed.Subscribe()
	defer cancel()
	again, all := time.NewTicker(automateAgain), time.NewTicker(automateEvery)
	defer again.Stop()
	defer all.Stop()
	a := automation{due: map[string]bool{}, stuck: map[string]bool{}}
	for {
		if err := e.automateChanged(ctx, &a); err != nil && ctx.Err() == nil {
			e.Log.ErrorContext(ctx, "automation round failed, will try again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-again.C:
			maps.Copy(a.due, a.stuck)
		case <-all.C:
			a.last = 0 // all services, whatever was missed
		}
	}
}

// automateChanged looks at the services that are due and those that events after
// the last one speak of, or at all when there is none. What cannot be read now
// stays to be read.
func (e *Engine) automateChanged(ctx context.Context, a *automation) error {
	var pipelines []slipway.Pipeline
	last, services := a.last, maps.Clone(a.due)
	err := e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		if last == 0 {
			if last, err = tx.Events().LastID(ctx); err == nil {
				err = allServices(ctx, tx, services)
			}
		} else {
			err = changedServices(ctx, tx, &last, services)
		}
		if err == nil {
			pipelines = e.goByThemselves(ctx, tx, slices.Collect(maps.Keys(services)))
		}
		return err
	})
	if err != nil {
		return err
	}
	a.last = last
	for name := range services {
		delete(a.due, name)
		delete(a.stuck, name)
	}
	for _, p := range pipelines {
		// One service that cannot be read does not keep the others waiting.
		started, err := e.automateService(ctx, p)
		if err != nil && ctx.Err() == nil {
			e.Log.ErrorContext(ctx, "automation of a service failed, will try again", "service", p.Service, "error", err)
		}
		if err != nil || !started {
			a.stuck[p.Service] = true
		}
	}
	return nil
}

// readTogether is how many pipelines are read at a time.
const readTogether = 200

// goByThemselves are the pipelines in which some stage takes anything by itself:
// those of most services need no second look. One that cannot be read keeps none
// of the others out.
func (e *Engine) goByThemselves(ctx context.Context, tx slipway.Tx, services []string) (out []slipway.Pipeline) {
	for some := range slices.Chunk(services, readTogether) {
		found, err := tx.Pipelines().LatestOf(ctx, some)
		switch {
		case err != nil && len(some) > 1:
			for _, one := range some {
				out = append(out, e.goByThemselves(ctx, tx, []string{one})...)
			}
		case err != nil && ctx.Err() == nil:
			e.Log.ErrorContext(ctx, "automation of a service failed, will try again", "service", some[0], "error", err)
		}
		for _, p := range found {
			if err == nil && slices.ContainsFunc(p.Stages, goesByItself) {
				out = append(out, p)
			}
		}
	}
	return out
}

func goesByItself(s slipway.Stage) bool { return s.AutoPromote || s.Rotation() == slipway.RotateAuto }

// changedServices gathers the services that events after last speak of, however
// many there are: nobody says twice that there are some.
func changedServices(ctx context.Context, tx slipway.Tx, last *int64, into map[string]bool) error {
	for {
		events, err := tx.Events().After(ctx, *last, 1000)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, ev := range events {
			*last = ev.ID
			switch ev.Kind {
			case "release.created", "release.unblocked", "pipeline.applied", "hold.lifted", "deployment.succeeded",
				"deployment.cancelled", "deployment.rejected", "deployment.expired", "secret.turned":
				into[ev.Service] = true
			}
		}
	}
}

func allServices(ctx context.Context, tx slipway.Tx, into map[string]bool) error {
	page := slipway.Page{Limit: 200}
	for {
		services, next, err := tx.Services().List(ctx, slipway.ServiceFilter{}, page)
		if err != nil {
			return err
		}
		for _, s := range services {
			into[s.Name] = true
		}
		if next == "" {
			return nil
		}
		page.Cursor = next
	}
}

// automateService starts what is due in each stage of a service that promotes
// by itself. A release is tried once: what failed, was cancelled or rejected is
// for people to try again. It reports whether all that was due was started.
func (e *Engine) automateService(ctx context.Context, pipeline slipway.Pipeline) (started bool, err error) {
	due := map[string]slipway.Request{} // by environment
	err = e.Store.Read(ctx, func(tx slipway.Tx) error {
		clear(due)
		for _, stage := range pipeline.Stages {
			r, err := dueIn(ctx, tx, pipeline.Service, stage)
			if err != nil {
				return err
			}
			if r.Version != "" {
				due[stage.Environment] = r
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	started = true
	for _, stage := range pipeline.Stages {
		r, ok := due[stage.Environment]
		if !ok {
			continue
		}
		err := e.start(ctx, stage, r)
		if isAny(err, slipway.CodeBlocked, slipway.CodeConflict, slipway.CodeNotFound, slipway.CodeInvalid) {
			e.Log.InfoContext(ctx, "not started by itself", "cause", r.Cause, "service", r.Service, "environment", r.Environment, "version", r.Version, "why", err.Error())
			started = false
			continue
		}
		if err != nil {
			return false, err
		}
	}
	return started, nil
}

// dueIn is what a stage is due by itself: the next release, which brings new
// values of keys along, or else these for what is live. Without a version it is
// nothing.
func dueIn(ctx context.Context, tx slipway.Tx, service string, stage slipway.Stage) (r slipway.Request, err error) {
	r = slipway.Request{Service: service, Environment: stage.Environment, Cause: slipway.CausePromote, By: slipway.System("automation"), Note: "Promoted by the pipeline."}
	if stage.AutoPromote {
		if r.Version, err = candidate(ctx, tx, service, stage); err != nil || r.Version != "" {
			return r, err
		}
	}
	if stage.Rotation() != slipway.RotateAuto {
		return r, nil
	}
	r.Cause, r.Note = slipway.CauseRotation, "Rolled out by the pipeline."
	r.Version, err = rotation(ctx, tx, service, stage.Environment)
	return r, err
}

// candidate is the release that a stage should take next by itself; empty if
// there is none. It never takes the place of a newer one that waits: somebody
// asked for that.
func candidate(ctx context.Context, tx slipway.Tx, service string, stage slipway.Stage) (string, error) {
	state, err := tx.Stages().Get(ctx, service, stage.Environment)
	if err != nil || state.Hold != nil {
		return "", err
	}
	var live int64
	if state.Live != nil {
		live = state.Live.Spec.Seq
	}
	release, err := newestFor(ctx, tx, service, stage, live)
	if slipway.IsNotFound(err) || (err == nil && (release.Seq <= live || release.Blocked != nil)) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	active, err := tx.Deployments().Active(ctx, service, stage.Environment)
	if err == nil && active.Plan.To.Seq >= release.Seq {
		return "", nil
	}
	if err != nil && !slipway.IsNotFound(err) {
		return "", err
	}
	tried, _, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{Service: service, Environment: stage.Environment, Version: release.Version}, slipway.Page{Limit: 1})
	if err != nil || len(tried) > 0 {
		return "", err
	}
	return release.Version, nil
}

// newestFor is the newest release for a first stage, and for any other the
// newest after what is live there that has proven itself in all stages before.
func newestFor(ctx context.Context, tx slipway.Tx, service string, stage slipway.Stage, live int64) (slipway.Release, error) {
	if len(stage.After) == 0 {
		return tx.Releases().Newest(ctx, service)
	}
	before := make([]slipway.Past, len(stage.After))
	for i, environment := range stage.After {
		before[i] = slipway.PastOf(ctx, tx, service, environment)
	}
	proven, err := slipway.NewestInAll(before, live)
	if err != nil || proven.Version == "" {
		return slipway.Release{}, err
	}
	return tx.Releases().Get(ctx, service, proven.Version)
}

// start gathers the evidence and starts a deployment in the engine's own name, if
// it still is the one that is due: a process that stood still for a while would
// else put an older release in the place of a newer one.
func (e *Engine) start(ctx context.Context, stage slipway.Stage, r slipway.Request) error {
	var draft slipway.Draft
	err := e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		draft, err = slipway.MakeDraft(ctx, tx, e.Deployers, r)
		return err
	})
	if err != nil {
		return err
	}
	evidence := draft.Plan
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if evidence.Preview, evidence.Prepared, err = e.Deployers.Preview(call, draft.Plan); err != nil {
		return &slipway.Error{Code: slipway.CodeConflict, Message: "The deployer could not say what would change: " + err.Error()}
	}
	return e.Store.Write(ctx, func(tx slipway.Tx) error {
		still, err := dueIn(ctx, tx, r.Service, stage)
		if err == nil && (still.Version != r.Version || still.Cause != r.Cause) {
			err = slipway.Conflict("Something else is due there by now.", "")
		}
		if err == nil {
			_, err = slipway.Start(ctx, tx, e.Deployers, r, evidence, e.now())
		}
		return err
	})
}
