package store_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
	"github.com/slipway-dev/slipway/migrations"
)

// onBoth runs a test on both databases.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "a db%20?.sqlite"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.URL(t))
	})
}

func TestMigrations(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		ctx := t.Context()
		s := open(t, url)
		pending := func(when string) {
			t.Helper()
			if err := s.Ping(ctx); slipway.CodeOf(err) != slipway.CodeUnavailable {
				t.Errorf("%s the store is not unavailable: %v", when, err)
			}
		}
		pending("before it was migrated")
		for range 2 { // up, down, and all of it again
			if err := errors.Join(s.Migrate(ctx), s.Migrate(ctx), s.Ping(ctx)); err != nil {
				t.Fatalf("up: %v", err)
			}
			list, err := s.MigrationStatus(ctx)
			if err != nil || len(list) < 4 || list[0].Number != 1 || list[0].AppliedAt == nil {
				t.Fatalf("status: %+v, %v", list, err)
			}
			for range list {
				if err := s.MigrateDown(ctx); err != nil {
					t.Fatalf("down: %v", err)
				}
				pending("after a step down")
			}
			if err := s.MigrateDown(ctx); err == nil {
				t.Error("a step down from nothing")
			}
			list, err = s.MigrationStatus(ctx)
			if err != nil || list[0].AppliedAt != nil {
				t.Errorf("status after all steps down: %+v, %v", list, err)
			}
		}
		query := `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose%'`
		if strings.HasPrefix(url, "postgres") {
			query = `SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT LIKE 'goose%'`
		}
		var left int
		if err := raw(t, url).QueryRowContext(ctx, query).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d tables are left after all steps down, %v", left, err)
		}
	})
}

func TestReplicasMigrateTogether(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	done := make(chan error, 4)
	for range 4 {
		s := open(t, url)
		go func() { done <- s.Migrate(t.Context()) }()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestMigrationsAreTheSame(t *testing.T) {
	t.Parallel()
	lite, err := fs.Glob(migrations.SQLite(), "*.sql")
	pg, pgErr := fs.Glob(migrations.Postgres(), "*.sql")
	if err != nil || pgErr != nil || len(lite) == 0 || strings.Join(lite, " ") != strings.Join(pg, " ") {
		t.Errorf("the files differ: %v, %v", lite, pg)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "slipway.db", "mysql://x", "sqlite:", "sqlite::memory:", "sqlite:/no/such/dir/x.db",
		"postgres://u:hunter2@127.0.0.1:1/x?connect_timeout=1", "postgres://u:hunter2@[/x",
	} {
		s, err := store.Open(t.Context(), store.Config{URL: url})
		if err == nil {
			_ = s.Close()
			t.Errorf("%q was opened", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestFileIsPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openMigrated(t, "sqlite:"+dir+"/x.db")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("files: %v, %v", files, err)
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v, %v", file.Name(), info.Mode(), err)
		}
	}
}

func TestSQLiteSettings(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + t.TempDir() + "/x.db"
	openMigrated(t, url)
	var mode string
	if err := raw(t, url).QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal mode %q, %v", mode, err)
	}
}

func TestSurvivesReopening(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		ctx := t.Context()
		s, err := store.Open(ctx, store.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(s.Migrate(ctx), s.Write(ctx, func(tx slipway.Tx) error {
			return tx.Teams().Put(ctx, slipway.Team{Name: "web"})
		}), s.Close())
		if err != nil {
			t.Fatal(err)
		}
		again := open(t, url)
		err = again.Read(ctx, func(tx slipway.Tx) error {
			_, err := tx.Teams().Get(ctx, "web")
			return err
		})
		if err = errors.Join(err, again.Ping(ctx)); err != nil {
			t.Error(err)
		}
	})
}

func TestSessions(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		ctx := t.Context()
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s, err := store.Open(ctx, store.Config{URL: url, Clock: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		if err := s.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		sessions := s.Sessions()
		err = errors.Join(
			sessions.Commit("secret", []byte("old"), now.Add(time.Hour)), sessions.Commit("secret", []byte("new"), now.Add(time.Hour)),
			sessions.CommitCtx(ctx, "short", nil, now.Add(time.Minute)), sessions.DeleteCtx(ctx, "never was"),
		)
		if err != nil {
			t.Fatal(err)
		}
		if data, found, err := sessions.Find("secret"); string(data) != "new" || !found || err != nil {
			t.Errorf("found %q, %v, %v", data, found, err)
		}
		if _, found, err := sessions.FindCtx(ctx, "other"); found || err != nil {
			t.Errorf("found what is not there: %v", err)
		}
		var plain int
		if err := raw(t, url).QueryRowContext(ctx, `SELECT count(*) FROM sessions WHERE token_hash LIKE '%secret%'`).Scan(&plain); err != nil || plain != 0 {
			t.Errorf("the token itself is kept: %d, %v", plain, err)
		}
		now = now.Add(time.Minute)
		if _, found, _ := sessions.Find("short"); found {
			t.Error("an expired session was found")
		}
		all, err := sessions.All()
		if err = errors.Join(err, sessions.DeleteExpired(ctx)); err != nil || len(all) != 1 {
			t.Errorf("%d sessions, %v", len(all), err)
		}
		var left int
		if err := raw(t, url).QueryRowContext(ctx, `SELECT count(*) FROM sessions`).Scan(&left); err != nil || left != 1 {
			t.Errorf("%d rows left, want 1: %v", left, err)
		}
		if err := sessions.Delete("secret"); err != nil {
			t.Error(err)
		}
		if _, found, _ := sessions.Find("secret"); found {
			t.Error("a deleted session was found")
		}
	})
}

func TestCancelledContext(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		s := openMigrated(t, url)
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Write(ctx, func(tx slipway.Tx) error {
			defer cancel()
			return tx.Teams().Put(ctx, slipway.Team{Name: "web"})
		})
		if err == nil {
			t.Error("a cancelled transaction was committed")
		}
		err = s.Write(t.Context(), func(tx slipway.Tx) error {
			if _, err := tx.Teams().Get(t.Context(), "web"); !slipway.IsNotFound(err) {
				t.Errorf("a cancelled transaction left something: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Errorf("the writer is not free again: %v", err)
		}
	})
}
