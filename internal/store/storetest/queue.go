package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// looked waits for a look at a deployment.
func looked(t *testing.T, looks <-chan int64, want int64, within time.Duration) {
	t.Helper()
	select {
	case got := <-looks:
		if got != want {
			t.Errorf("looked at deployment %d, want %d", got, want)
		}
	case <-time.After(within):
		t.Fatalf("nobody looked at deployment %d within %s", want, within)
	}
}

// next is what comes while the test may still run.
func next[T any](t *testing.T, from <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-from:
	case <-time.After(time.Minute):
		t.Fatal("nothing came for a minute")
	}
	return got
}

func (f fixture) looks(t *testing.T) (<-chan int64, func(context.Context, []int64) error) {
	looks := make(chan int64, 100)
	wake := f.StartQueue(t, func(_ context.Context, id int64) error {
		looks <- id
		return nil
	})
	return looks, wake
}

func testWakeUps(t *testing.T, f fixture) {
	f.seed(t, "a", "b", "c")
	looks, _ := f.looks(t)
	now, later := time.Now(), time.Now().Add(time.Minute)
	asleep := deployment("b", "staging")
	asleep.NextWakeAt = &later
	parked := f.insert(t, asleep)
	if n := f.count(t, `SELECT count(*) FROM river_job`); n != 0 {
		t.Errorf("%d jobs for a deployment that sleeps", n)
	}
	_ = f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		undone := deployment("c", "staging")
		undone.NextWakeAt = &now
		_, err := tx.Deployments().Insert(f.ctx, undone)
		return errors.Join(err, errUndo)
	})
	d := deployment("a", "staging")
	d.NextWakeAt = &now
	d = f.insert(t, d)
	looked(t, looks, d.ID, time.Second)
	d = f.save(t, d)
	looked(t, looks, d.ID, time.Second)
	parked.NextWakeAt = &now
	looked(t, looks, f.save(t, parked).ID, time.Second)
	d.State = slipway.Failed // what has ended needs no look
	d = f.save(t, d)
	d.Message = "over"
	f.save(t, d)
	parked.Epoch++
	f.save(t, parked)
	looked(t, looks, parked.ID, time.Second)
}

func testWakeDuringLook(t *testing.T, f fixture) {
	f.seed(t, "api")
	begun, goOn := make(chan int64, 10), make(chan struct{})
	f.StartQueue(t, func(ctx context.Context, id int64) error {
		begun <- id
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		return nil
	})
	now := time.Now()
	d := deployment("api", "staging")
	d.NextWakeAt = &now
	d = f.insert(t, d)
	looked(t, begun, d.ID, time.Second)
	f.save(t, d) // while the first look is at work
	f.heard(t)
	close(goOn)
	looked(t, begun, d.ID, time.Second)
}

// heard waits until no job is left to be heard.
func (f fixture) heard(t *testing.T) {
	t.Helper()
	for f.count(t, `SELECT count(*) FROM river_job WHERE state <> 'completed'`) > 0 {
		if f.ctx.Err() != nil {
			t.Fatal("jobs stay queued that nobody hears")
		}
	}
}

// testTurns: whatever one team has waiting, another's first is next but few.
func testTurns(t *testing.T, f fixture) {
	const many, few = 150, 10
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf("s-%d", i)
	}
	f.seed(t, append(names, "other")...)
	begun, goOn := make(chan int64, many+1), make(chan struct{})
	f.StartQueue(t, func(ctx context.Context, id int64) error {
		begun <- id
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		return nil
	})
	now := time.Now()
	f.write(t, func(tx slipway.Tx) error {
		for _, name := range names {
			d := deployment(name, "staging")
			d.NextWakeAt = &now
			if _, err := tx.Deployments().Insert(f.ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
	next(t, begun)
	d := deployment("other", "staging")
	d.Team, d.NextWakeAt = "shipping", &now
	want := f.insert(t, d).ID
	f.heard(t)
	for range len(begun) { // before anybody makes room
		<-begun
	}
	for range few {
		goOn <- struct{}{}
		if next(t, begun) == want {
			close(goOn)
			return
		}
	}
	close(goOn)
	t.Errorf("%d looks of a team with %d began, and none of the team with one", few, many)
}

func testOwnSaves(t *testing.T, f fixture) {
	f.seed(t, "api", "web")
	now := time.Now()
	d, other := deployment("api", "staging"), f.insert(t, deployment("web", "staging"))
	d.NextWakeAt = &now
	done := make(chan error, 10)
	var once atomic.Bool
	f.StartQueue(t, func(ctx context.Context, looked int64) error {
		if !once.CompareAndSwap(false, true) {
			done <- nil
			return nil
		}
		done <- f.Store.Write(ctx, func(tx slipway.Tx) error {
			own, err := tx.Deployments().Get(ctx, looked)
			if err != nil {
				return err
			}
			own.NextWakeAt = &now
			if _, err = tx.Deployments().Save(ctx, own); err != nil {
				return err
			}
			other.NextWakeAt = &now
			_, err = tx.Deployments().Save(ctx, other)
			return err
		})
		return nil
	})
	f.insert(t, d)
	for range 2 {
		if err := next(t, done); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.count(t, `SELECT count(*) FROM river_job`); n != 2 {
		t.Errorf("%d jobs, one was inserted and one is another's", n)
	}
}

func testFailedLook(t *testing.T, f fixture) {
	f.seed(t, "api")
	looks := make(chan int64, 10)
	var first atomic.Bool
	f.StartQueue(t, func(_ context.Context, id int64) error {
		looks <- id
		if first.CompareAndSwap(false, true) {
			panic("a bug in a look")
		}
		return nil
	})
	now := time.Now()
	d := deployment("api", "staging")
	d.NextWakeAt = &now
	d = f.insert(t, d)
	looked(t, looks, d.ID, time.Second)
	looked(t, looks, d.ID, 5*time.Second)
	if waited := time.Since(now); waited < 900*time.Millisecond {
		t.Errorf("a failed look was repeated after %s, without a wait", waited)
	}
}

// testSoon: wake-ups of the near future come at their time, without the
// sweeper, and each time: river's own scheduler only comes by now and then.
func testSoon(t *testing.T, f fixture) {
	f.seed(t, "api")
	looks, wake := f.looks(t)
	d := f.insert(t, deployment("api", "staging"))
	for round := range 4 {
		soon := time.Now().Add(800 * time.Millisecond)
		d.NextWakeAt = &soon
		d = f.save(t, d)
		if err := wake(f.ctx, []int64{d.ID}); err != nil { // one is queued: no other is needed
			t.Fatal(err)
		}
		looked(t, looks, d.ID, 5*time.Second)
		if early := time.Until(soon); early > 10*time.Millisecond {
			t.Errorf("looked %s too early", early)
		}
		if n := f.count(t, `SELECT count(*) FROM river_job`); n != round+1 {
			t.Errorf("%d jobs after %d wake-ups", n, round+1)
		}
	}
}
