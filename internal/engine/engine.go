// Package engine drives deployments: it judges their gates, hands desired
// states to deployers, watches what runs and takes the next step. The
// deployment row is the only truth; whatever the engine holds in memory may be
// lost at any line and is found again by looking at the row.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Engine drives all deployments of one process. Several processes may drive
// the same store: the epoch of a row lets only one of them take a step, and
// the generation keeps a late one from acting on a deployer.
type Engine struct {
	Store     slipway.Store
	Wakes     slipway.Wakes
	Feed      slipway.Feed
	Waker     Waker
	Deployers *Registry
	Checks    slipway.Checker // nil: no deployment has checks
	Prober    slipway.Prober  // nil: no plan has gates that ask outside
	Jobs      slipway.Jobs    // nil: no stage has hooks
	Rights    slipway.Rights  // nil: nothing goes in sets
	Archive   slipway.Archive // nil: nothing is forgotten
	Keep      slipway.Retention
	Secrets   *slipway.SecretDesk         // nil: no stage needs any
	Settle    func(context.Context) error // goes on with changes of secrets that wait for approval; nil: none do
	Alone     bool                        // no other process drives the store, as none does on SQLite
	Aids      slipway.Aids
	Clock     slipway.Clock
	Log       *slog.Logger
}

// Waker makes the queue look at deployments.
type Waker interface {
	// Wake asks for looks soon.
	Wake(ctx context.Context, deployments []int64) error
	// Rest waits within a look, until somebody changes its deployment at the
	// latest, and lets others have their turn. After an error the look is to end:
	// another goes on in its place.
	Rest(ctx context.Context, d time.Duration) error
}

const (
	// waitHere is how long a look waits in place rather than coming back. What is
	// being watched is looked at again sooner than that, so checks are made and
	// bakes end when their time comes, and not at the next sweep.
	waitHere = 10 * time.Second
	// overdueFor is how long the row may say that it is due while a look that has
	// nothing new to save is at work: less than a sweep, or other replicas come.
	overdueFor = time.Second
	lookTakes  = 250 * time.Millisecond // until it has saved what it saw
	breather   = 10 * time.Millisecond  // after somebody was quicker
)

// callTimeout bounds one call of a deployer.
const callTimeout = 15 * time.Second

// Look takes all steps of a deployment that are due, and those that become due
// within moments. It is called by the queue, any number of times, from any
// process.
func (e *Engine) Look(ctx context.Context, id int64) error {
	for {
		next, err := e.Step(ctx, id)
		switch {
		case err != nil && slipway.CodeOf(err) == slipway.CodeConflict:
			next = e.now().Add(breather) // somebody was quicker: look again at what is there now
		case err != nil:
			return err
		case next.IsZero():
			return nil
		}
		wait := next.Sub(e.now())
		if wait > waitHere {
			return nil
		}
		if e.Waker.Rest(ctx, wait) != nil {
			return nil //nolint:nilerr // shutting down; the row says when to look again
		}
	}
}

// Run sweeps, observes, automates and forgets until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { e.sweeps(ctx) })
	wg.Go(func() { e.every(ctx, observeEvery, e.observeAll) })
	wg.Go(func() { e.automate(ctx) })
	if e.Rights != nil {
		wg.Go(func() { e.driveSets(ctx) })
	}
	if e.Jobs != nil {
		wg.Go(func() { e.every(ctx, tidyEvery, e.stopOrphans) })
	}
	if e.Secrets != nil {
		wg.Go(func() { e.every(ctx, lookEvery, e.lookForTurns) })
	}
	if e.Settle != nil {
		wg.Go(func() { e.every(ctx, settleEvery, e.Settle) })
	}
	if e.Archive != nil {
		wg.Go(func() { e.every(ctx, forgetEvery, e.forgetOld) })
	}
	wg.Wait()
}

const (
	// sweepEvery bounds how late a step is taken whose wake-up was lost.
	sweepEvery = 2 * time.Second
	// sweepFirst is how often one sweeps at first who is alone: what the process
	// before rested at comes due within waitHere. Beside others it would get in the
	// way of looks that are just at work.
	sweepFirst = 250 * time.Millisecond
)

func (e *Engine) sweeps(ctx context.Context) {
	if e.Alone {
		first, cancel := context.WithTimeout(ctx, waitHere)
		defer cancel()
		e.every(first, sweepFirst, e.sweep)
	}
	e.every(ctx, sweepEvery, e.sweep)
}

// sweep wakes what is due. It is what makes every other signal a mere hint.
func (e *Engine) sweep(ctx context.Context) error {
	due, err := e.Wakes.Due(ctx, e.now(), 500)
	if err != nil || len(due) == 0 {
		return err
	}
	return e.Waker.Wake(ctx, due)
}

// every calls f now and then at intervals until ctx ends. An error is logged
// and the next round tries again.
func (e *Engine) every(ctx context.Context, interval time.Duration, f func(context.Context) error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := f(ctx); err != nil && ctx.Err() == nil {
			e.Log.ErrorContext(ctx, "engine round failed, will try again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (e *Engine) now() time.Time { return e.Clock().UTC().Truncate(time.Microsecond) }

// errMoved says that the deployment was changed by another while this look was
// outside a transaction.
var errMoved = &slipway.Error{Code: slipway.CodeConflict, Message: "The deployment moved on meanwhile."}

// take applies an event to the deployment if it is still the one that was
// looked at, together with what else belongs into the transaction.
func (e *Engine) take(ctx context.Context, seen slipway.Deployment, ev slipway.Event, also func(slipway.Tx) error) (time.Time, error) {
	return e.takeAll(ctx, seen, []slipway.Event{ev}, also)
}

// takeAll takes several events one after the other, in one transaction. It reads
// nothing again: nothing of it is kept unless the row still has the epoch that
// was looked at.
func (e *Engine) takeAll(ctx context.Context, seen slipway.Deployment, events []slipway.Event, also func(slipway.Tx) error) (next time.Time, err error) {
	err = e.Store.Write(ctx, func(tx slipway.Tx) error {
		d := seen
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		for i, ev := range events {
			if !d.State.Active() {
				break // what the first event ended needs no second one
			}
			if after, ok := e.quietly(d, ev); ok && i < len(events)-1 {
				d = after // which is saved with the next
				continue
			}
			if d, err = slipway.Advance(ctx, tx, d, ev, slipway.System("engine"), e.now()); err != nil {
				return err
			}
		}
		next = d.LookAgain(e.now())
		return nil
	})
	return next, err
}

// quietly takes an event of which nobody needs to be told, if it is one.
func (e *Engine) quietly(d slipway.Deployment, ev slipway.Event) (after slipway.Deployment, ok bool) {
	after, effects, err := slipway.Step(d, ev, e.now())
	return after, err == nil && len(effects) == 0 && after.State == d.State && len(after.Runs) == len(d.Runs) && after.Message == d.Message
}

func wakeOf(d slipway.Deployment) time.Time {
	if d.NextWakeAt == nil {
		return time.Time{}
	}
	return *d.NextWakeAt
}

// isAny reports whether err is one of the codes.
func isAny(err error, codes ...slipway.Code) bool {
	var e *slipway.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}
