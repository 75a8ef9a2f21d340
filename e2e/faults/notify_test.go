package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

// TestNotifyIsLost (F12): no notification of PostgreSQL arrives, or whoever
// listens is ended again and again. What was promoted is called within the time
// of a poll all the same, and what happened elsewhere is told within two
// seconds.
func TestNotifyIsLost(t *testing.T) {
	t.Parallel()
	for name, deafen := range map[string]func(*world) func() int{"NOTIFY lost": (*world).mute, "listeners ended": (*world).deafen} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := reported(t, "F12", name, "postgres")
			w := newWorld(t, "postgres", 2)
			proof := deafen(w)
			w.startAll()
			w.organise()
			w.service("deaf", plain())
			feed := &watchedFeed{world: w}
			feed.open()
			cases := counts(3, 50)
			var slowest, slowestFeed time.Duration
			for n := range cases {
				version := fmt.Sprintf("1.%d", n)
				began := time.Now()
				w.release("deaf", version)
				w.live("deaf", "dev", version, 20*time.Second)
				slowest = max(slowest, time.Since(began))
				w.ended(w.promote("deaf", version, "prod"), 20*time.Second)
				slowestFeed = max(slowestFeed, feed.heard(n))
			}
			if proof() < cases {
				t.Errorf("only %d notifications or listeners were lost: that proves nothing", proof())
			}
			// Two seconds are promised for the poll; the rest is a busy machine's.
			if slowestFeed > 3*time.Second {
				t.Errorf("once it took %v until another replica heard of an event", slowestFeed)
			}
			if slowest > 6*time.Second {
				t.Errorf("once it took %v from a release until it was live by itself", slowest)
			}
			w.settle()
			found := audit(t, source{url: w.url, ledger: w.far.ledger, moving: true})
			for _, v := range found.Violations {
				t.Error(v)
			}
			said(cases, "%d lost; told of within %v at most, released → live within %v at most; %s", proof(),
				slowestFeed.Round(time.Millisecond), slowest.Round(time.Millisecond), found)
		})
	}
}

// mute puts a function before PostgreSQL's own that tells nobody, and counts.
func (w *world) mute() func() int {
	db := openWritable(w.t, w.url)
	w.t.Cleanup(func() { _ = db.Close() })
	for _, statement := range []string{
		`CREATE SEQUENCE untold`,
		`CREATE FUNCTION public.pg_notify(text, text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('public.untold'); END $$`,
		`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$`,
	} {
		_, err := db.Exec(statement)
		w.ok(err)
	}
	return func() (n int) {
		w.ok(db.QueryRow(`SELECT last_value FROM untold`).Scan(&n))
		return n
	}
}

// deafen ends all listeners of the database until the test is over.
func (w *world) deafen() func() int {
	db := openWritable(w.t, w.url)
	ctx, cancel := context.WithCancel(context.Background())
	var ended atomic.Int64
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			n := int64(0)
			_ = db.QueryRowContext(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE datname = current_database() AND query ILIKE '%listen %' AND pid <> pg_backend_pid()`).Scan(&n)
			ended.Add(n)
			<-tick.C
		}
	})
	w.t.Cleanup(func() { cancel(); group.Wait(); _ = db.Close() })
	return func() int { return int(ended.Load()) }
}

// watchedFeed is a replica of which only the store is there: it hears of what
// another one writes.
type watchedFeed struct {
	*world
	store   *store.Store
	changed <-chan struct{}
}

func (f *watchedFeed) open() {
	s, err := store.Open(context.Background(), store.Config{URL: f.url})
	f.ok(err)
	f.store = s
	changed, cancel := s.Subscribe()
	f.changed = changed
	f.t.Cleanup(func() { cancel(); f.ok(s.Close()) })
}

// heard is how long it took from an event until it was told of.
func (f *watchedFeed) heard(n int) time.Duration {
	ctx := context.Background()
	last := func() (id int64) {
		f.ok(f.store.Read(ctx, func(tx slipway.Tx) (err error) { id, err = tx.Events().LastID(ctx); return err }))
		return id
	}
	f.must("root", http.MethodPut, "teams/web", map[string]any{"title": fmt.Sprintf("Web %d", n)}, nil)
	f.must("root", http.MethodPut, "environments/dev/lock", map[string]any{"reason": "a test"}, nil)
	began, want := time.Now(), last()
	for seen := int64(0); seen < want; {
		select {
		case <-f.changed:
			seen = last()
		case <-time.After(20 * time.Second):
			f.t.Fatal("nobody was told within twenty seconds")
		}
	}
	took := time.Since(began)
	f.must("root", http.MethodDelete, "environments/dev/lock", nil, nil)
	return took
}
