package chatops

import (
	"context"
	"time"
)

// toil works on one request after another.
func (in *intake) toil(ctx context.Context) {
	for {
		select {
		case r := <-in.working:
			in.leave(1)
			in.yield(ctx)
			in.do(ctx, r)
		case <-ctx.Done():
			in.drain(ctx)
			return
		}
	}
}

// yield lets acknowledgements go first while many wait for theirs.
func (in *intake) yield(ctx context.Context) {
	if in.pending.Load() < crowd {
		return
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(yielding); in.pending.Load() >= crowd && time.Now().Before(until); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// drain finishes what was acknowledged; the rest stays on record.
func (in *intake) drain(ctx context.Context) {
	for until := time.Now().Add(drainFor); time.Now().Before(until); {
		select {
		case r := <-in.working:
			in.do(ctx, r)
		default:
			return
		}
	}
}

// do works on a request and tells what came of it.
func (in *intake) do(ctx context.Context, r request) {
	if time.Since(r.since) > freshFor {
		return // it is found again
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), workFor)
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			in.log.ErrorContext(ctx, "a request of chat came to grief", "request", r.RequestID, "fault", fault)
		}
	}()
	defer func() {
		select {
		case in.done <- r.digest:
		default: // it will be claimed once more, and found to be done
		}
	}()
	said, tell := in.work(ctx, r)
	if r.reply != nil {
		select {
		case r.reply <- said:
			return
		case <-r.gone:
		}
	}
	if err := tell(ctx); err != nil {
		in.log.WarnContext(ctx, "an answer could not be given in chat", "request", r.RequestID, "platform", string(r.User.Platform), "error", err.Error())
	}
}

// sweep looks for what other processes have left, and forgets what is old.
func (in *intake) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		in.look()
		more, err := true, error(nil)
		for more && err == nil {
			more, err = in.rows.Forget(ctx, piece)
		}
		if err != nil && ctx.Err() == nil {
			in.log.WarnContext(ctx, "old requests of chat could not be forgotten", "error", err.Error())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
