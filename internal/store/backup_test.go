package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// deploy makes one deployment of a service of its own and returns its ID.
func deploy(t *testing.T, s *store.Store, service string) int64 {
	t.Helper()
	var id int64
	now := time.Now().UTC().Truncate(time.Microsecond)
	err := s.Write(t.Context(), func(tx slipway.Tx) error {
		ctx := t.Context()
		for _, err := range []error{
			tx.Teams().Put(ctx, slipway.Team{Name: "core", Title: "Core", CreatedAt: now}),
			tx.Environments().Put(ctx, slipway.Environment{Name: "dev", Title: "dev", Rank: 1, Tier: slipway.TierDevelopment}),
			tx.Services().Insert(ctx, slipway.Service{Name: service, Title: service, Team: "core", CreatedAt: now, UpdatedAt: now}),
		} {
			if err != nil {
				return err
			}
		}
		if _, err := tx.Releases().Add(ctx, slipway.Release{Service: service, Version: "1", CreatedAt: now}); err != nil {
			return err
		}
		d, err := tx.Deployments().Insert(ctx, slipway.Deployment{Team: "core", Service: service, Environment: "dev", Version: "1",
			Cause: slipway.CausePromote, State: slipway.Waiting, CreatedAt: now, NextWakeAt: &now})
		id = d.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestABackupIsWholeAndRestores(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openMigrated(t, "sqlite:"+filepath.Join(dir, "slipway.db"))
	kept := deploy(t, s, "kept")
	copied := filepath.Join(dir, "backup.db")
	if err := s.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), copied); err == nil {
		t.Error("a backup was written over another")
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup's mode: %v, %v", info.Mode(), err)
	}
	lost := deploy(t, s, "lost")

	restored := openMigrated(t, "sqlite:"+copied)
	if err := restored.AfterRestore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if next := deploy(t, restored, "next"); next <= lost {
		t.Errorf("deployment %d after the restore; deployers have seen %d", next, lost)
	}
	err := restored.Read(t.Context(), func(tx slipway.Tx) error {
		if _, err := tx.Deployments().Get(t.Context(), kept); err != nil {
			t.Errorf("the deployment before the backup: %v", err)
		}
		if _, err := tx.Deployments().Get(t.Context(), lost); !slipway.IsNotFound(err) {
			t.Errorf("the deployment after the backup: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPostgresIsBackedUpByItsOwnTools(t *testing.T) {
	t.Parallel()
	s := openMigrated(t, pgtest.URL(t))
	if err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "x")); slipway.CodeOf(err) != slipway.CodeInvalid {
		t.Errorf("backup of PostgreSQL: %v", err)
	}
	before := deploy(t, s, "before")
	if err := s.AfterRestore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if next := deploy(t, s, "after"); next < before+1_000_000 {
		t.Errorf("deployment %d after %d: the ids did not leap", next, before)
	}
}
