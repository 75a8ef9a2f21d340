package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

func addEvent(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Write(t.Context(), func(tx slipway.Tx) error {
		return tx.Events().Add(t.Context(), slipway.DomainEvent{Kind: "x", At: time.Now()})
	}); err != nil {
		t.Fatal(err)
	}
}

// told waits until the feed of a replica tells of an event that another wrote.
func told(t *testing.T, feed <-chan struct{}, within time.Duration) {
	t.Helper()
	select {
	case <-feed:
	case <-time.After(within):
		t.Fatalf("another replica's event was not noticed within %s", within)
	}
}

func TestReplicasHearOfEvents(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	here, there := openMigrated(t, url), open(t, url)
	db := raw(t, url)
	listeners := func(want int) {
		t.Helper()
		deadline, again := time.After(20*time.Second), time.NewTicker(20*time.Millisecond)
		defer again.Stop()
		for {
			var n int
			err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN slipway_events'`).Scan(&n)
			if err == nil && n == want {
				return
			}
			select {
			case <-again.C:
			case <-deadline:
				t.Fatalf("%d listeners, want %d (%v)", n, want, err)
			}
		}
	}
	listeners(2)
	feed, cancel := there.Subscribe()
	defer cancel()
	drain := func() {
		select {
		case <-feed:
		default:
		}
	}
	drain()
	addEvent(t, here)
	told(t, feed, time.Second)
	// The listener is killed: it comes back, and until then there is the poll.
	if _, err := db.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN slipway_events'  AND datname = current_database()`); err != nil {
		t.Fatal(err)
	}
	addEvent(t, here)
	told(t, feed, 3*time.Second)
	listeners(2)
	drain()
	addEvent(t, here)
	told(t, feed, time.Second)
}

// TestLostNotificationsAreMadeUpFor: an event of which nobody was notified.
func TestLostNotificationsAreMadeUpFor(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := openMigrated(t, url)
	feed, cancel := s.Subscribe()
	defer cancel()
	for range 2 { // the first may be told of by the listener as it begins
		_, err := raw(t, url).ExecContext(t.Context(), `INSERT INTO events (at, kind, team, service, environment, deployment, actor, message)
			VALUES (now(), 'x', '', '', '', 0, '', '')`)
		if err != nil {
			t.Fatal(err)
		}
		told(t, feed, 5*time.Second)
	}
}

// TestReplicasShareTheWork: each wake-up goes to one of the replicas.
func TestReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), pgtest.URL(t)
	const deployments = 60
	looks := make(chan int64, 10*deployments)
	var first *store.Store
	for i := range 2 {
		s := open(t, url)
		if i == 0 {
			first = s
			if err := s.Migrate(ctx); err != nil {
				t.Fatal(err)
			}
		}
		q, err := s.NewQueue(func(_ context.Context, id int64) error { looks <- id; return nil }, store.QueueOptions{Workers: 4})
		if err = errors.Join(err, q.Start(ctx)); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := q.Stop(context.WithoutCancel(ctx)); err != nil {
				t.Error(err)
			}
		}()
	}
	now := time.Now()
	err := first.Write(ctx, func(tx slipway.Tx) error {
		err := errors.Join(tx.Teams().Put(ctx, slipway.Team{Name: "web"}), tx.Environments().Put(ctx, slipway.Environment{Name: "staging"}))
		for i := range deployments {
			name := string(rune('a'+i/26)) + string(rune('a'+i%26))
			addErr := tx.Services().Insert(ctx, slipway.Service{Name: name, Team: "web"})
			_, relErr := tx.Releases().Add(ctx, slipway.Release{Service: name, Version: "1"})
			_, depErr := tx.Deployments().Insert(ctx, slipway.Deployment{Service: name, Environment: "staging", Version: "1", State: slipway.Waiting, NextWakeAt: &now})
			err = errors.Join(err, addErr, relErr, depErr)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int64]int{}
	for range deployments {
		select {
		case id := <-looks:
			seen[id]++
		case <-time.After(10 * time.Second):
			t.Fatalf("%d of %d deployments were looked at", len(seen), deployments)
		}
	}
	if len(seen) != deployments {
		t.Errorf("some were looked at twice, others never: %v", seen)
	}
}

// TestDeadlockIsRetried: two transactions take two rows in opposite order, and
// both come through.
func TestDeadlockIsRetried(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openMigrated(t, pgtest.URL(t))
	var both sync.WaitGroup
	both.Add(2)
	var once [2]sync.Once
	failed := make(chan error, 2)
	for i, users := range [][]string{{"a", "b"}, {"b", "a"}} {
		go func() {
			failed <- s.Write(ctx, func(tx slipway.Tx) error {
				if err := tx.People().PutUser(ctx, slipway.User{ID: users[0], Subject: users[0]}); err != nil {
					return err
				}
				once[i].Do(func() { both.Done(); both.Wait() }) // each holds its first lock now
				return tx.People().PutUser(ctx, slipway.User{ID: users[1], Subject: users[1]})
			})
		}()
	}
	for range 2 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

// TestWorkersAreNotified: each commit itself tells the workers of PostgreSQL,
// however quickly one follows another.
func TestWorkersAreNotified(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	url := pgtest.URL(t)
	s := openMigrated(t, url)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, `LISTEN "public.river_insert"`); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	d := slipway.Deployment{Service: "api", Environment: "staging", Version: "1", State: slipway.Waiting, NextWakeAt: &now}
	err = s.Write(ctx, func(tx slipway.Tx) (err error) {
		err = errors.Join(tx.Teams().Put(ctx, slipway.Team{Name: "web"}), tx.Environments().Put(ctx, slipway.Environment{Name: "staging"}),
			tx.Services().Insert(ctx, slipway.Service{Name: "api", Team: "web"}))
		_, relErr := tx.Releases().Add(ctx, slipway.Release{Service: "api", Version: "1"})
		added, depErr := tx.Deployments().Insert(ctx, d)
		d = added
		return errors.Join(err, relErr, depErr)
	})
	for range 9 {
		err = errors.Join(err, s.Write(ctx, func(tx slipway.Tx) (err error) {
			d, err = tx.Deployments().Save(ctx, d)
			return err
		}))
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if n, err := conn.WaitForNotification(ctx); err != nil || n.Payload != `{"queue": "default"}` {
			t.Fatalf("notification %d: %+v, %v", i, n, err)
		}
	}
}
