package engine_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/secrets/vault"
	"github.com/slipway-dev/slipway/internal/secrets/vault/vaulttest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// A real Vault is sealed under a deployment on its way, and unsealed: the phase
// that needs secrets then parks and goes on by itself, with nobody asking for it.
func TestARealVaultIsSealedUnderADeployment(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	r := newRig(t, "sqlite:"+filepath.Join(memory(t), "engine.db"), fake.Options{})
	ok(t, r.store.Migrate(r.ctx))
	_, k := r.keeping()
	r.app.Secret.Secrets = must(vault.New(vault.Config{Address: server.Address, Auth: vault.Auth{Token: server.Root}}))(t)
	canary := slipway.Strategy{Type: slipway.StrategyCanary, Steps: []slipway.CanaryStep{{Weight: 50, Pause: true}}}
	r.service("api", stage("prod", needs("KEY"), func(s *slipway.Stage) { s.Strategy = canary }))
	r.release("api", "1.0.0", "2.0.0")
	r.keep("KEY", "1")
	r.run()
	r.ended(r.promote("api", "1.0.0", "prod"), 30*time.Second)
	r.keep("KEY", "2")
	id := r.promote("api", "2.0.0", "prod")
	says := func(what string, so func(d slipway.Deployment) bool) {
		t.Helper()
		r.until(30*time.Second, what, func() bool { return so(r.get(id)) })
	}
	says("the first step waits", func(d slipway.Deployment) bool { return d.State == slipway.Paused })
	if k.value("1.0.0") != "1" || k.value("2.0.0") != "2" {
		t.Fatalf("side by side they have %q and %q", k.value("1.0.0"), k.value("2.0.0"))
	}
	ok(t, server.Seal(r.ctx))
	must(r.app.Resume(r.ctx, root, app.Control{Deployment: id}))(t)
	says("the next step parks", func(d slipway.Deployment) bool {
		return d.State == slipway.Running && strings.HasPrefix(d.Message, "Waits for secrets since ") && strings.Contains(d.Message, "Vault is sealed, since ")
	})
	ok(t, server.Unseal(r.ctx))
	if d := r.ended(id, 30*time.Second); d.State != slipway.Succeeded || k.value("2.0.0") != "2" {
		t.Fatalf("once unsealed: %s: %s", d.State, d.Message)
	}
}
