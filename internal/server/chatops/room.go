package chatops

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// place promises a request a place among those that wait for a worker. There is
// none while others are laid aside, which came before, but for one whose answer
// somebody waits for.
func (in *intake) place(r request) bool {
	limit := int64(places)
	if r.reply != nil {
		limit += spare
	} else if in.aside.Load() {
		return false
	}
	if in.held.Add(1) > limit {
		in.held.Add(-1)
		return false
	}
	return true
}

// settle keeps the promise to a request that is on record and new; one that is not
// gives its place back.
func (in *intake) settle(a *arrival, isNew bool) {
	switch {
	case isNew && a.row.Aside:
		in.aside.Store(true)
		in.leave(0)
	case isNew:
		in.push(a.request)
	case !a.row.Aside:
		in.leave(1)
	}
}

// push hands a request that has a place to the workers.
func (in *intake) push(r request) {
	r.since = time.Now()
	in.working <- r // which takes as many as there are places
}

// leave gives places back. Where that makes room enough, what was laid aside is
// taken up: many at once rather than each alone.
func (in *intake) leave(n int64) {
	if in.held.Add(-n) <= places/2 && in.aside.Load() {
		in.look()
	}
}

// look has somebody look for what is on record and not begun.
func (in *intake) look() {
	select {
	case in.room <- struct{}{}:
	default: // they are about to
	}
}

// takeUp takes up what was laid aside, and what other processes have left, while
// there is room.
func (in *intake) takeUp(ctx context.Context) {
	for {
		select {
		case <-in.room:
			in.pickUp(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (in *intake) pickUp(ctx context.Context) {
	free := in.rest()
	if free == 0 {
		return // who leaves a place says so
	}
	in.aside.Store(false) // in this order: what is laid aside from here on says so again
	found, err := in.rows.Abandoned(ctx, in.rows.Clock().Add(-abandoned), free)
	if err != nil {
		in.aside.Store(true)
		in.held.Add(int64(-free)) // and nobody looks again at once
		if ctx.Err() == nil {
			in.log.WarnContext(ctx, "requests of chat that were left could not be looked for", "error", err.Error())
		}
		return
	}
	if len(found) == free {
		in.aside.Store(true) // there may be more
	}
	slices.SortFunc(found, func(a, b slipway.ChatRequest) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Digest, b.Digest)) })
	unused := free - len(found)
	for _, row := range found {
		var r request
		if json.Unmarshal(row.Body, &r) != nil {
			in.log.ErrorContext(ctx, "a request of chat that was left cannot be read", "kind", row.Kind)
			unused++
			continue
		}
		r.digest = row.Digest
		in.push(r)
	}
	in.leave(int64(unused))
}

// rest takes all places that are left, and says how many.
func (in *intake) rest() int {
	for {
		held := in.held.Load()
		if held >= places {
			return 0
		}
		if in.held.CompareAndSwap(held, places) {
			return int(places - held)
		}
	}
}
