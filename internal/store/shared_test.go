package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// liteStore is a store on SQLite that lets others in for as long as any wait.
func liteStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "slipway.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.shareFor = time.Hour
	return s
}

// waiting returns once so many wait for their turn.
func (s *Store) waiting(t *testing.T, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		s.writers.mu.Lock()
		there := len(s.writers.line)
		s.writers.mu.Unlock()
		if there == n {
			return
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("%d wait where %d should", there, n)
		}
	}
}

// crew are writers that come one after the other while somebody has the turn.
type crew struct {
	t       *testing.T
	s       *Store
	start   chan struct{}
	running sync.WaitGroup
	n       int
	failed  []error
}

func newCrew(t *testing.T, s *Store) *crew {
	t.Helper()
	c := &crew{t: t, s: s, start: make(chan struct{})}
	c.failed = make([]error, 100)
	inside := make(chan struct{})
	c.add(t.Context(), func(*tx) error { close(inside); <-c.start; return nil }, 0)
	<-inside
	return c
}

// add has somebody write, as the nth of those that wait.
func (c *crew) add(ctx context.Context, f func(*tx) error, nth int) {
	c.t.Helper()
	at := c.n
	c.n++
	c.running.Go(func() { c.failed[at] = c.s.writeTx(ctx, f) })
	c.s.waiting(c.t, nth)
}

// all lets them write and returns what each was told.
func (c *crew) all() []error {
	close(c.start)
	c.running.Wait()
	return c.failed[1:c.n]
}

func putTeam(ctx context.Context, t *tx, name string) error {
	return t.Teams().Put(ctx, slipway.Team{Name: name, Title: name})
}

func (s *Store) teamNames(t *testing.T) (names []string) {
	t.Helper()
	err := s.Read(t.Context(), func(tx slipway.Tx) error {
		list, err := tx.Teams().List(t.Context())
		for _, team := range list {
			names = append(names, team.Name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var errOwn = errors.New("of its own")

// TestWritersShare: those that wait write in the order in which they came, in one
// transaction, and nothing is there before all of it is. What fails undoes its
// own part and is told of that alone.
func TestWritersShare(t *testing.T) {
	t.Parallel()
	s := liteStore(t)
	c := newCrew(t, s)
	var order []string
	transactions := map[*sql.Tx]bool{}
	for i := range 30 {
		name := fmt.Sprintf("team-%02d", i)
		c.add(t.Context(), func(tx *tx) error {
			order, transactions[tx.raw.(*sql.Tx)] = append(order, name), true
			if there := s.teamNames(t); len(there) > 0 {
				t.Errorf("%v are there before the commit", there)
			}
			if err := putTeam(t.Context(), tx, name); err != nil || i%3 != 0 {
				return err
			}
			return errOwn
		}, i+1)
	}
	var want, kept []string
	for i, err := range c.all() {
		name := fmt.Sprintf("team-%02d", i)
		want = append(want, name)
		if i%3 != 0 {
			kept = append(kept, name)
		}
		if (i%3 == 0) != errors.Is(err, errOwn) || (i%3 != 0 && err != nil) {
			t.Errorf("%s was told: %v", name, err)
		}
	}
	if !slices.Equal(order, want) || len(transactions) != 1 {
		t.Errorf("in the order %v, in %d transactions", order, len(transactions))
	}
	if there := s.teamNames(t); !slices.Equal(there, kept) {
		t.Errorf("there are %v, want %v", there, kept)
	}
}

// TestWriterIsCutShort: whoever gives up, in the line or at work, takes nothing
// away from the others that they share the transaction with.
func TestWriterIsCutShort(t *testing.T) {
	t.Parallel()
	s := liteStore(t)
	c := newCrew(t, s)
	put := func(name string) func(*tx) error {
		return func(tx *tx) error { return putTeam(t.Context(), tx, name) }
	}
	c.add(t.Context(), put("before"), 1)
	working, stop := context.WithCancel(t.Context())
	c.add(working, func(tx *tx) error {
		// The database is at it when the context ends.
		late := time.AfterFunc(20*time.Millisecond, stop)
		defer late.Stop()
		_, err := tx.exec(working, "write much", `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
			INSERT INTO teams (name, title, on_call, created_at) SELECT 'cut-' || i, '', '', '' FROM n`)
		if err == nil && working.Err() == nil {
			<-working.Done()
		}
		return err
	}, 2)
	giving, up := context.WithCancel(t.Context())
	c.add(giving, put("gone"), 3)
	c.add(t.Context(), put("after"), 4)
	up()
	s.waiting(t, 3)
	told := c.all()
	if told[0] != nil || !errors.Is(told[1], context.Canceled) || !errors.Is(told[2], context.Canceled) || told[3] != nil {
		t.Errorf("they were told %v", told)
	}
	if there := s.teamNames(t); !slices.Equal(there, []string{"after", "before"}) {
		t.Errorf("there are %.200v", there)
	}
}

// TestWriterPanics: the turn is passed on all the same.
func TestWriterPanics(t *testing.T) {
	t.Parallel()
	s := liteStore(t)
	c := newCrew(t, s)
	panicked := false
	c.running.Go(func() {
		defer func() { panicked = recover() != nil }()
		_ = s.writeTx(t.Context(), func(tx *tx) error {
			_ = putTeam(t.Context(), tx, "panics")
			panic("for a test")
		})
	})
	s.waiting(t, 1)
	c.add(t.Context(), func(tx *tx) error { return putTeam(t.Context(), tx, "after") }, 2)
	if told := c.all(); told[0] != nil || !panicked {
		t.Errorf("told %v, panicked %t", told[0], panicked)
	}
	if there := s.teamNames(t); !slices.Equal(there, []string{"after"}) {
		t.Errorf("there are %v", there)
	}
}

// TestSharedWithoutRoom: if one finds no room the database undoes what all have
// written, and all are told so. (Of a statement that triggers another it undoes
// that one alone: teams would not do.)
func TestSharedWithoutRoom(t *testing.T) {
	t.Parallel()
	s := liteStore(t)
	pages := func(n string) {
		if _, err := s.writer.ExecContext(t.Context(), "PRAGMA max_page_count = "+n); err != nil {
			t.Fatal(err)
		}
	}
	pages("1") // of what it has
	c := newCrew(t, s)
	put := func(name, title string) func(*tx) error {
		return func(tx *tx) error { return tx.Teams().Put(t.Context(), slipway.Team{Name: name, Title: title}) }
	}
	c.add(t.Context(), put("small", ""), 1)
	c.add(t.Context(), func(tx *tx) error {
		_ = tx.People().PutUser(t.Context(), slipway.User{ID: "large", Issuer: "x", Subject: "x", Name: strings.Repeat("x", 1<<20)})
		return nil // as if nothing had happened
	}, 2)
	for i, err := range c.all() {
		if err == nil {
			t.Errorf("%d was told that all went well", i)
		}
	}
	if there := s.teamNames(t); len(there) > 0 {
		t.Errorf("there are %v", there)
	}
	pages("1000000")
	if err := s.writeTx(t.Context(), put("later", "")); err != nil {
		t.Error(err)
	}
	if there := s.teamNames(t); !slices.Equal(there, []string{"later"}) {
		t.Errorf("there are %v", there)
	}
}

// TestSharedCommitFails: nobody is told that something was written which was not,
// and whoever comes next can write.
func TestSharedCommitFails(t *testing.T) {
	t.Parallel()
	s := liteStore(t)
	c := newCrew(t, s)
	put := func(name string) func(*tx) error {
		return func(tx *tx) error { return tx.Teams().Put(t.Context(), slipway.Team{Name: name}) }
	}
	c.add(t.Context(), put("fine"), 1)
	c.add(t.Context(), func(tx *tx) error {
		for _, statement := range []string{"CREATE TABLE other (id INTEGER PRIMARY KEY)", "CREATE TABLE one (other INTEGER REFERENCES other (id) DEFERRABLE INITIALLY DEFERRED)", "INSERT INTO one VALUES (7)"} {
			if err := tx.db.Exec(statement).Error; err != nil {
				return err
			}
		}
		return nil // what it lacks is missed at the commit
	}, 2)
	for i, err := range c.all() {
		if err == nil {
			t.Errorf("%d was told that all went well", i)
		}
	}
	if err := s.writeTx(t.Context(), put("later")); err != nil {
		t.Error(err)
	}
	if there := s.teamNames(t); !slices.Equal(there, []string{"later"}) {
		t.Errorf("there are %v", there)
	}
}
