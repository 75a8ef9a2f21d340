package faults_test

import (
	"context"
	"database/sql"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// TestDatabaseGoesAway (F4): PostgreSQL is ended at once and started again, and
// its processes are ended in the middle of a COMMIT, before the transaction is
// durable and after. The portal stays, is ready again within ten seconds, and
// whatever it had acknowledged is there once.
func TestDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	said := reported(t, "F4", "immediate restart; a process ended in COMMIT", "postgres")
	own := pgtest.NewOwn(t)
	w := newWorldAt(t, "postgres", own.URL, 1)
	w.startAll()
	c, random := w.gather(6), seeded(t)
	d := &database{world: w, own: own}
	ways := []func(){d.restart, d.endBeforeDurable, d.endWhenDurable}
	cases := counts(6, 200)
	for n := range cases {
		<-time.After(time.Duration(random.Int64N(int64(500 * time.Millisecond))))
		before := c.done.Load()
		ways[n%len(ways)]()
		w.until(time.Minute, "the crowd went on", func() bool { return c.done.Load() > before })
	}
	if d.unsure == 0 {
		t.Error("no process was ended in the middle of a COMMIT: that proves nothing")
	}
	found := c.judged()
	said(cases, "ready again within %v at most, %d processes ended in COMMIT, %d requests sent again; %s", d.slowest.Round(time.Millisecond), d.unsure, c.again.Load(), found)
}

// database is a PostgreSQL that goes away in several ways.
type database struct {
	*world
	own     *pgtest.Own
	slowest time.Duration
	unsure  int
}

// restart ends it as a power cut would end its processes.
func (d *database) restart() {
	d.own.Stop(d.t, "QUIT")
	d.own.Start(d.t)
	d.back()
}

// back waits until the portal is ready, which must be the one of before.
func (d *database) back() {
	began := time.Now()
	if err := d.replicas[0].ready(resumeWithin); err != nil {
		d.t.Error(err)
	}
	d.slowest = max(d.slowest, time.Since(began))
	select {
	case <-d.replicas[0].running():
		d.t.Fatalf("the portal ended:\n%s", d.replicas[0].said())
	default:
	}
}

// endBeforeDurable kills a process that was told to commit and has not: all of
// them go down with it.
func (d *database) endBeforeDurable() {
	d.do(`CREATE OR REPLACE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$`,
		`CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON votes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()`)
	pid := 0
	d.until(time.Minute, "somebody commits a vote", func() bool {
		pid = d.ask(`SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query ILIKE 'commit%' AND wait_event = 'PgSleep' LIMIT 1`)
		return pid != 0
	})
	d.ok(syscall.Kill(pid, syscall.SIGKILL)) // of the server that this test has started
	d.unsure++
	d.until(30*time.Second, "the database is back", func() bool { return d.try(`DROP TRIGGER IF EXISTS dawdle ON votes`) == nil })
	d.back()
}

// endWhenDurable has commits wait for a standby that does not exist, when they
// are durable already, and ends those who wait: they are committed, and nobody
// is told.
func (d *database) endWhenDurable() {
	d.do(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`, `SELECT pg_reload_conf()`)
	d.until(time.Minute, "somebody waits after a commit", func() bool {
		n := d.ask(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
		d.unsure += n
		return n > 0
	})
	d.do(`ALTER SYSTEM RESET synchronous_standby_names`, `SELECT pg_reload_conf()`)
	d.back()
}

// try makes a statement on a connection of its own, which no pool remembers.
func (d *database) try(statements ...string) error {
	db, err := sql.Open("pgx", d.url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (d *database) do(statements ...string) {
	d.t.Helper()
	d.ok(d.try(statements...))
}

// ask is a number; 0 if there is none.
func (d *database) ask(query string) (n int) {
	db, err := sql.Open("pgx", d.url)
	if err != nil {
		return 0
	}
	defer func() { _ = db.Close() }()
	_ = db.QueryRow(query).Scan(&n)
	return n
}
