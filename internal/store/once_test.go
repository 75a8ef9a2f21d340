package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// TestNothingIsHalfCommitted: the commit is on its way with what comes last. What
// goes wrong before it, in it or beside it leaves nothing behind, is told, and
// holds no connection.
func TestNothingIsHalfCommitted(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s, db := openMigrated(t, url), raw(t, url)
	for _, statement := range []string{
		`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$`,
		`CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON teams DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.name = 'late') EXECUTE FUNCTION refuse()`,
		`INSERT INTO audit (chain, seq, at, actor_kind, actor_id, actor_name, token_id, via, request_id, address, action, team,
			service, environment, subject, summary, previous, hash) VALUES ('taken', 1, now(), '', '', '', '', '', '', '', '', '', '', '', '', '', '', '')`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	put := func(tx slipway.Tx, name string) error {
		return tx.Teams().Put(t.Context(), slipway.Team{Name: name})
	}
	ways := map[string]func(context.Context, slipway.Tx) error{
		"an error that nobody minded": func(ctx context.Context, tx slipway.Tx) error {
			err := put(tx, "minded")
			_ = tx.Services().Insert(ctx, slipway.Service{Name: "orphan", Team: "nobody"})
			return err
		},
		"the commit is refused": func(_ context.Context, tx slipway.Tx) error { return put(tx, "late") },
		"what comes last is refused": func(ctx context.Context, tx slipway.Tx) error {
			if err := put(tx, "audited"); err != nil {
				return err
			}
			return tx.Audit().Append(ctx, slipway.AuditEntry{Chain: "taken", Action: "x"})
		},
		"a panic": func(_ context.Context, tx slipway.Tx) error {
			_ = put(tx, "panicked")
			panic("nil map")
		},
	}
	for range 6 { // more than there are connections
		for name, way := range ways {
			if err := written(t, s, way); err == nil {
				t.Errorf("%s: nobody was told", name)
			} else if name == "what comes last is refused" && !strings.Contains(err.Error(), `entry 1 of the audit chain "taken" exists already`) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if err := s.Write(t.Context(), func(tx slipway.Tx) error { return put(tx, "whole") }); err != nil {
		t.Fatal(err)
	}
	var teams, open int
	if err := db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM teams),
		(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%')`).Scan(&teams, &open); err != nil {
		t.Fatal(err)
	}
	if teams != 1 || open != 0 {
		t.Errorf("%d teams are there, want the whole one alone; %d transactions are open", teams, open)
	}
}

// written is what became of a transaction, a panic included.
func written(t *testing.T, s *store.Store, way func(context.Context, slipway.Tx) error) (err error) {
	t.Helper()
	defer func() {
		if recover() != nil {
			err = context.Canceled
		}
	}()
	return s.Write(t.Context(), func(tx slipway.Tx) error { return way(t.Context(), tx) })
}
