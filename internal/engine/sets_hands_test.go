package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// TestSetByManyHands: engines that are killed in the middle, lose answers and
// get in each other's way start nothing twice and leave nothing behind.
func TestSetByManyHands(t *testing.T) {
	within(t, func(t *testing.T, r *rig) { r.byManyHands(6, "a", "b", "c", "d", "e") })
}

// TestSetByManyHandsOnPostgres: the same where they really work at once.
func TestSetByManyHandsOnPostgres(t *testing.T) {
	t.Parallel()
	r := newRig(t, pgtest.URL(t), fake.Options{})
	ok(t, r.store.Migrate(r.ctx))
	r.byManyHands(2, "a", "b", "c")
}

func (r *rig) byManyHands(rounds int, services ...string) {
	r.t.Helper()
	r.forSets(services...) // with nobody else to take it further
	var hands []*engine.Engine
	for seed := range uint64(3) {
		e := r.another()
		e.Rights, e.Store = r.app, &clumsy{Store: r.store, random: rand.New(rand.NewPCG(1, seed))}
		hands = append(hands, e)
	}
	c := inARow(services...)
	c.Items[2].After = []string{"a"}
	for round := range rounds {
		for i := range c.Items {
			if c.Items[i].Version = string(rune('2' + round)); round > 0 {
				r.release(c.Items[i].Service, c.Items[i].Version)
			}
		}
		id := r.promoteSet(c)
		for r.set(id).State.Active() {
			var looks sync.WaitGroup
			for _, e := range hands {
				looks.Go(func() { _ = e.LookAtSet(r.ctx, id) }) // that it fails is the point
			}
			looks.Wait()
			<-time.After(100 * time.Millisecond)
		}
		s := r.set(id)
		if s.State != slipway.SetSucceeded {
			r.t.Fatalf("round %d: %s: %s", round, s.State, s.Message)
		}
		for _, item := range s.Items {
			if list := r.list(item.Service, "dev"); len(list) != round+2 || list[0].ID != item.Deployment {
				r.t.Errorf("round %d: %s was asked for %d times, the last as deployment %d, and the set knows of %d",
					round, item.Service, len(list)-round-1, list[0].ID, item.Deployment)
			}
		}
	}
}

// clumsy is a store whose transactions fail, and of which some have succeeded.
type clumsy struct {
	slipway.Store
	random *rand.Rand
}

var errClumsy = errors.New("the connection is gone")

func (c *clumsy) Write(ctx context.Context, f func(slipway.Tx) error) error {
	switch c.random.IntN(4) {
	case 0: // killed in the middle
		return c.Store.Write(ctx, func(tx slipway.Tx) error {
			if err := f(tx); err != nil {
				return err
			}
			return errClumsy
		})
	case 1: // done, and the answer lost
		if err := c.Store.Write(ctx, f); err != nil {
			return err
		}
		return errClumsy
	default:
		return c.Store.Write(ctx, f)
	}
}
