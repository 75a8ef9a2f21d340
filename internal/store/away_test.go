package store

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// TestNoRoom: a disk that is full is the database's trouble and not a fault of
// ours; once there is room again the store is ready by itself.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "slipway.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	write := func() error {
		return s.Write(t.Context(), func(tx slipway.Tx) error {
			return tx.Teams().Put(t.Context(), slipway.Team{Name: "web", Title: strings.Repeat("x", 1<<20)})
		})
	}
	if _, err := s.writer.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil { // of what it has
		t.Fatal(err)
	}
	if err := write(); slipway.CodeOf(err) != slipway.CodeUnavailable || !s.stuck.Load() {
		t.Errorf("without room: %v", err)
	}
	if _, err := s.writer.ExecContext(t.Context(), "PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil || s.stuck.Load() {
		t.Errorf("with room again: %v", err)
	}
	if err := write(); err != nil {
		t.Error(err)
	}
}

// TestDatabaseIsAway: a connection that breaks in the middle is the database's
// trouble as well.
func TestDatabaseIsAway(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{URL: pgtest.URL(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = s.writeTx(t.Context(), func(tx *tx) error {
		_, err := tx.exec(t.Context(), "end ourselves", "SELECT pg_terminate_backend(pg_backend_pid())")
		return err
	})
	if slipway.CodeOf(err) != slipway.CodeUnavailable {
		t.Errorf("a connection that broke: %v", err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("with another connection: %v", err)
	}
}
