package demo_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/deployers/process"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/demo"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

func TestSeedTellsTheWholeStory(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	s, err := store.Open(ctx, store.Config{URL: "sqlite:" + filepath.Join(dir, "demo.db"), Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	real, err := process.New(filepath.Join(dir, "process"), "/bin/true", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	person := func(id, name string, groups ...string) slipway.User {
		return slipway.User{ID: id, Issuer: "demo", Subject: id, Name: name, Groups: groups}
	}
	began := time.Now()
	o := demo.Options{Store: s, Program: "/bin/true", Dir: dir, Now: time.Now().UTC().Truncate(time.Microsecond), Log: slog.New(slog.DiscardHandler),
		Real: map[string]deployers.Deployer{"process": real, demo.Simulated: fake.New(fake.Options{})},
		People: demo.People{Admin: person("ana", "Ana Nordin", demo.AdminGroup, demo.SREGroup), Maintainer: person("mira", "Mira Holm", demo.MaintainerGroup, demo.DeveloperGroup),
			Developer: person("jonas", "Jonas Lind", demo.DeveloperGroup), Approver: person("ben", "Ben Okafor", demo.LeadsGroup, demo.SREGroup)}}
	if seeded, err := demo.Seed(ctx, o); err != nil || !seeded {
		t.Fatal(seeded, err)
	}
	t.Logf("seeded in %s", time.Since(began))

	err = s.Read(ctx, func(tx slipway.Tx) error {
		services, _, err := tx.Services().List(ctx, slipway.ServiceFilter{}, slipway.Page{Limit: 100})
		if err != nil || len(services) != 8 {
			t.Errorf("services: %d, %v; want 8", len(services), err)
		}
		gate, err := tx.Deployments().Active(ctx, "billing-api", "production")
		if err != nil || gate.State != slipway.Waiting || gate.Message != "1 of 2 approvals. Ana Nordin approved. 1 more from payments-leads or sre." {
			t.Errorf("the waiting gate: %+v, %v", gate.Message, err)
		}
		web, err := tx.Stages().Get(ctx, "web", "staging")
		if err != nil || web.Failure == nil || web.Failure.State != slipway.RolledBack || web.Live.Spec.Version != "5.1.8" {
			t.Errorf("the failed run: %+v, %v", web.Failure, err)
		}
		search, err := tx.Stages().Get(ctx, "search", "production")
		if err != nil || search.Hold == nil || search.Live.Spec.Version != "3.0.2" {
			t.Errorf("the rollback: %+v, %v", search, err)
		}
		freezes, err := tx.Freezes().List(ctx, o.Now)
		if err != nil || len(freezes) != 1 || !freezes[0].Active(o.Now) {
			t.Errorf("the freeze: %+v, %v", freezes, err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	reports, err := app.VerifyAudit(ctx, s)
	if err != nil || len(reports) == 0 {
		t.Fatal(reports, err)
	}
	for _, r := range reports {
		if r.Fault != "" {
			t.Error(r.Fault)
		}
	}
}
