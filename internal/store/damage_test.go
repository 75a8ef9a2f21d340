package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// TestDamagedRow: a deployment whose row holds nonsense cannot be read, and every
// list is read without it; a page of a list ends where it did before.
func TestDamagedRow(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "slipway.db") },
		"postgres": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := url(t)
			s, db, ctx := openMigrated(t, database), raw(t, database), t.Context()
			const many = 4
			for i := range many {
				addDeployment(t, s, fmt.Sprintf("service-%d", i))
			}
			for id, column := range map[int]string{2: "runs", 3: "plan"} {
				if _, err := db.Exec(fmt.Sprintf(`UPDATE deployments SET %s = '{"nonsense', plan_digest = 'another' WHERE id = %d`, column, id)); err != nil {
					t.Fatal(err)
				}
			}
			read(t, s, func(tx slipway.Tx) {
				for id := int64(1); id <= many; id++ {
					if _, err := tx.Deployments().Get(ctx, id); (err != nil) != (id == 2 || id == 3) || slipway.IsNotFound(err) {
						t.Errorf("deployment %d: %v", id, err)
					}
				}
				page, next, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{}, slipway.Page{Limit: 3})
				if err != nil || len(page) != 1 || page[0].ID != 4 || next == "" {
					t.Errorf("the first page: %d deployments, %q, %v", len(page), next, err)
				}
				page, next, err = tx.Deployments().List(ctx, slipway.DeploymentFilter{}, slipway.Page{Limit: 3, Cursor: next})
				if err != nil || len(page) != 1 || page[0].ID != 1 || next != "" {
					t.Errorf("the second page: %d deployments, %q, %v", len(page), next, err)
				}
				active, err := tx.Deployments().ActiveOf(ctx, []string{"service-0", "service-1", "service-2"})
				if err != nil || len(active) != 1 {
					t.Errorf("active: %d, %v", len(active), err)
				}
				glance, err := tx.Stages().Glance(ctx, slipway.Glancing{Services: []string{"service-0", "service-1", "service-2"}, Voter: "anna", Limit: 10})
				if err != nil || len(glance.Active) != 1 || len(glance.Undecided) != 3 {
					t.Errorf("at a glance: %d active, %d undecided, %v", len(glance.Active), len(glance.Undecided), err)
				}
				undecided, err := tx.Deployments().Undecided(ctx, "anna", 10)
				if err != nil || len(undecided) != 3 { // who decides is not asked what ran
					t.Errorf("undecided: %d, %v", len(undecided), err)
				}
			})
		})
	}
}

func read(t *testing.T, s slipway.Store, f func(slipway.Tx)) {
	t.Helper()
	if err := s.Read(t.Context(), func(tx slipway.Tx) error { f(tx); return nil }); err != nil {
		t.Fatal(err)
	}
}

func addDeployment(t *testing.T, s slipway.Store, service string) {
	t.Helper()
	now := time.Now()
	err := s.Write(t.Context(), func(tx slipway.Tx) error { return plant(t.Context(), tx, service, now) })
	if err != nil {
		t.Fatal(err)
	}
}

func plant(ctx context.Context, tx slipway.Tx, service string, now time.Time) error {
	if err := tx.Teams().Put(ctx, slipway.Team{Name: "web"}); err != nil {
		return err
	}
	if err := tx.Environments().Put(ctx, slipway.Environment{Name: "prod"}); err != nil {
		return err
	}
	if err := tx.Services().Insert(ctx, slipway.Service{Name: service, Team: "web"}); err != nil {
		return err
	}
	if _, err := tx.Releases().Add(ctx, slipway.Release{Service: service, Version: "1"}); err != nil {
		return err
	}
	later := now.Add(time.Hour)
	_, err := tx.Deployments().Insert(ctx, slipway.Deployment{Team: "web", Service: service, Environment: "prod", Version: "1",
		State: slipway.Waiting, PlanDigest: service, CreatedAt: now, NextWakeAt: &later})
	return err
}
