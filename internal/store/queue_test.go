package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

// waking inserts deployments that are to be looked at now, one of each service.
func waking(t *testing.T, s *store.Store, services ...string) (ids []int64) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	err := s.Write(ctx, func(tx slipway.Tx) error {
		err := errors.Join(tx.Teams().Put(ctx, slipway.Team{Name: "web"}), tx.Environments().Put(ctx, slipway.Environment{Name: "staging"}))
		for _, name := range services {
			addErr := tx.Services().Insert(ctx, slipway.Service{Name: name, Team: "web"})
			_, relErr := tx.Releases().Add(ctx, slipway.Release{Service: name, Version: "1"})
			d, depErr := tx.Deployments().Insert(ctx, slipway.Deployment{Service: name, Team: name, Environment: "staging", Version: "1",
				State: slipway.Waiting, NextWakeAt: &now})
			ids, err = append(ids, d.ID), errors.Join(err, addErr, relErr, depErr)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestRestMakesRoom: with a single turn, a look that rests lets another begin,
// and when the queue stops in the midst of it, others are told to go on.
func TestRestMakesRoom(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	s := openMigrated(t, url)
	var q *store.Queue
	begun, rested := make(chan int64, 10), make(chan error, 10)
	q, err := s.NewQueue(func(ctx context.Context, id int64) error {
		begun <- id
		rested <- q.Rest(ctx, time.Hour)
		return nil
	}, store.QueueOptions{Workers: 1})
	if err = errors.Join(err, q.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	ids := waking(t, s, "a", "b", "c")
	first := []int64{<-begun, <-begun}
	<-begun // in the turn of the second, so both rest by now
	if err := q.Wake(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	db := raw(t, url)
	queued := func() (n int) {
		if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM river_job WHERE state = 'available'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := queued(); n != 0 {
		t.Errorf("%d were woken that only rest", n)
	}
	if err := q.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range ids {
		if err := <-rested; err == nil {
			t.Error("the rest ended as if its time were over")
		}
	}
	if n := queued(); n != len(ids) {
		t.Errorf("%d of %d looks are handed to others", n, len(ids))
	}
}

// TestRestEnds: a look that rests again and again is told to end, and another
// goes on in its place; between rests it has a turn.
func TestRestEnds(t *testing.T) {
	t.Parallel()
	s := openMigrated(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	var q *store.Queue
	looks := make(chan int, 10)
	q, err := s.NewQueue(func(ctx context.Context, _ int64) error {
		rests := 0
		for ; q.Rest(ctx, 10*time.Millisecond) == nil; rests++ {
			if q.Rest(ctx, 0) != nil {
				break
			}
		}
		select {
		case looks <- rests:
			return nil
		default:
			return fmt.Errorf("nobody listens any more")
		}
	}, store.QueueOptions{Workers: 1, LookTimeout: 400 * time.Millisecond})
	if err = errors.Join(err, q.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	waking(t, s, "a")
	for range 3 {
		if rests := <-looks; rests == 0 {
			t.Error("a look that could not rest")
		}
	}
	if err := q.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if q.Rest(t.Context(), time.Second) == nil {
		t.Error("who does not look rests as well")
	}
}

// TestChangeEndsRest: who changes a deployment need not wait until the look at
// it has rested.
func TestChangeEndsRest(t *testing.T) {
	t.Parallel()
	s := openMigrated(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	var q *store.Queue
	begun, rested := make(chan struct{}, 10), make(chan error, 10)
	q, err := s.NewQueue(func(ctx context.Context, _ int64) error {
		begun <- struct{}{}
		rested <- q.Rest(ctx, time.Hour)
		return nil
	}, store.QueueOptions{Workers: 1})
	if err = errors.Join(err, q.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	ids := waking(t, s, "a")
	<-begun
	now := time.Now()
	err = s.Write(t.Context(), func(tx slipway.Tx) error {
		d, err := tx.Deployments().Get(t.Context(), ids[0])
		if err != nil {
			return err
		}
		d.NextWakeAt = &now
		_, err = tx.Deployments().Save(t.Context(), d)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-rested; err != nil {
		t.Errorf("the look is to end: %v", err)
	}
	if err := q.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}
