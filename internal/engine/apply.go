package engine

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// apply hands the desired state of the phase at work to the deployer. The
// intent is on record already, so a crash anywhere here means only that the
// same generation is handed over again, which deployers take as the same.
func (e *Engine) apply(ctx context.Context, d slipway.Deployment, cursor string) (time.Time, error) {
	run := d.Current()
	deployer, ok := e.Deployers.get(d.Plan.To.Deployer.Name)
	if !ok {
		return e.take(ctx, d, slipway.Refused{Generation: run.Generation, Reason: "there is no deployer " + d.Plan.To.Deployer.Name + " here", Retry: true}, nil)
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	whole, err := furnished(call, e.Secrets, d.Plan, *run)
	if err != nil && ctx.Err() == nil {
		return e.withhold(ctx, d, err)
	}
	followed := false
	if err == nil {
		stop := e.follow(call, deployer, d)
		err = guard(func() error { return deployer.Apply(call, target(d, run.Desired.Site), whole) })
		followed = stop()
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	atMostOnce := deployer.Capabilities().AtMostOnce
	lost := false
	if err != nil && !deployers.IsTerminal(err) {
		seen := e.ask(ctx, deployer, d, run.Desired.Site)
		if seen.Observed.Generation == run.Generation {
			err = nil // it was taken, only the answer was lost
		}
		lost = atMostOnce
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	if err != nil {
		e.Log.WarnContext(ctx, "deployer refused", "deployment", d.ID, "generation", run.Generation, "error", err)
		return e.take(ctx, d, slipway.Refused{Generation: run.Generation, Reason: err.Error(), Retry: !deployers.IsTerminal(err), Lost: lost}, e.lastWords(ctx, deployer, d))
	}
	accepted := slipway.Accepted{Generation: run.Generation}
	if !followed && !atMostOnce {
		if after, seen, ok := e.askAtOnce(ctx, deployer, d, accepted); ok {
			return e.save(ctx, deployer, d, after, cursor, seen, accepted)
		}
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	return e.take(ctx, d, accepted, nil)
}

// askAtOnce asks what came of a call that was just accepted, so that both are
// saved together. It is not for what has to be on record first, since it may not
// be asked for again.
func (e *Engine) askAtOnce(ctx context.Context, deployer deployers.Deployer, d slipway.Deployment, accepted slipway.Accepted) (after slipway.Deployment, seen slipway.Seen, ok bool) {
	after, _, err := slipway.Step(d, accepted, e.now())
	if err != nil {
		return d, seen, false
	}
	soon, cancel := context.WithTimeout(ctx, askedWithin)
	defer cancel()
	seen = e.ask(soon, deployer, after, after.Current().Desired.Site)
	return after, seen, ctx.Err() == nil && seen.Err == "" && !seen.Observed.Forgot
}

// askedWithin is how long an accepted call goes unsaved for the sake of an answer;
// what the workloads printed is read before it is saved as well.
const askedWithin = time.Second
