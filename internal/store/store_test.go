package store_test

import (
	"context"
	"database/sql"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
	"github.com/slipway-dev/slipway/internal/store/storetest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	said := judgeStatements(t)
	storetest.Run(t, func(t *testing.T) storetest.Parts {
		url := "sqlite:" + filepath.Join(t.TempDir(), "slipway.db")
		return parts(t, said.open(t, url), url, "DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete")
	})
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Parts {
		url := pgtest.URL(t)
		return parts(t, openMigrated(t, url), url, "DROP TRIGGER audit_no_change ON audit")
	})
}

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := store.Open(t.Context(), store.Config{URL: url, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func openMigrated(t *testing.T, url string) *store.Store {
	t.Helper()
	s := open(t, url)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// raw connects to the database without the store.
func raw(t *testing.T, database string) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", database
	if path, lite := strings.CutPrefix(database, "sqlite:"); lite {
		driver, dsn = "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func parts(t *testing.T, s *store.Store, url string, dropGuards ...string) storetest.Parts {
	return storetest.Parts{
		Store: s, Wakes: s, Feed: s, Archive: s, SQL: raw(t, url), DropAuditGuards: dropGuards,
		StartQueue: func(t *testing.T, look func(context.Context, int64) error) func(context.Context, []int64) error {
			q, err := s.NewQueue(look, store.QueueOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := q.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				if err := q.Stop(ctx); err != nil {
					t.Errorf("stop: %v", err)
				}
			})
			return q.Wake
		},
	}
}

// testWriter puts the log where it belongs.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(line []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}
