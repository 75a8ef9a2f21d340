package engine_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/secrets/sealed"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// taker is the fake with a memory of the secrets that it was handed, in memory
// only, as the process deployer has.
type taker struct {
	deployers.Deployer
	mu     sync.Mutex
	values map[string]string // version of the release → KEY
	all    []string          // names, of the last Apply
	forgot bool
}

func (k *taker) Apply(ctx context.Context, t deployers.Target, d deployers.Desired) error {
	k.mu.Lock()
	k.all = nil
	for _, track := range d.Tracks {
		k.values[track.Version] = track.Secrets["KEY"].Reveal()
		for name := range track.Secrets {
			k.all = append(k.all, name)
		}
	}
	k.forgot = false
	k.mu.Unlock()
	return k.Deployer.Apply(ctx, t, d)
}

func (k *taker) Observe(ctx context.Context, t deployers.Target) (deployers.Observed, error) {
	o, err := k.Deployer.Observe(ctx, t)
	k.mu.Lock()
	defer k.mu.Unlock()
	o.Forgot = k.forgot
	return o, err
}

func (k *taker) value(version string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.values[version]
}

// sealable is the built-in store, which tests seal as one seals Vault.
type sealable struct {
	slipway.SecretStore
	sealed atomic.Bool
}

func (s *sealable) down() error {
	if s.sealed.Load() {
		return slipway.SecretStoreDown(slipway.SecretSealed, "Vault", time.Time{}, nil)
	}
	return nil
}

func (s *sealable) History(ctx context.Context, path string) (slipway.SecretHistory, error) {
	if err := s.down(); err != nil {
		return slipway.SecretHistory{}, err
	}
	return s.SecretStore.History(ctx, path)
}

func (s *sealable) Read(ctx context.Context, path string, version int) (slipway.SecretDocument, error) {
	if err := s.down(); err != nil {
		return slipway.SecretDocument{}, err
	}
	return s.SecretStore.Read(ctx, path, version)
}

// keeping gives the rig a secret store and a deployer that takes secrets.
func (r *rig) keeping() (*sealable, *taker) {
	built := must(sealed.New(r.store, time.Now, bytes.Repeat([]byte{7}, sealed.KeySize)))(r.t)
	s := &sealable{SecretStore: built}
	r.app.Secret = &slipway.SecretDesk{Store: r.store, Secrets: s, Clock: time.Now}
	k := &taker{Deployer: r.fake, values: map[string]string{}}
	r.others["fake"] = k
	r.engine.Secrets = r.app.Secret
	return s, k
}

func needs(keys ...string) func(*slipway.Stage) {
	return func(s *slipway.Stage) { s.Secrets = keys }
}

func (r *rig) keep(key, value string) {
	r.t.Helper()
	secret := slipway.NewSecret(value)
	must(r.app.SetSecrets(r.ctx, root, app.SetSecrets{Service: "api", Environment: "prod", Changes: map[string]*slipway.Secret{key: &secret}}))(r.t)
}

func TestAMissingKeyBlocksAndIsNamed(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		_, k := r.keeping()
		r.service("api", stage("prod", needs("KEY", "OTHER")))
		r.release("api", "1.0.0")
		r.keep("OTHER", "x")
		r.keep("NOT_NEEDED", "y")
		r.run()
		id := r.promote("api", "1.0.0", "prod")
		<-time.After(time.Minute)
		d := r.get(id)
		if d.State != slipway.Waiting || d.Message != "prod lacks KEY, which api needs there." {
			t.Fatalf("without the key it is %s: %s", d.State, d.Message)
		}
		digest := d.PlanDigest
		r.keep("KEY", "1")
		<-time.After(time.Minute)
		d = r.get(id)
		if d.State != slipway.Succeeded || k.value("1.0.0") != "1" {
			t.Fatalf("with the key it is %s: %s; the deployer has %q", d.State, d.Message, k.value("1.0.0"))
		}
		if d.PlanDigest == digest || d.Plan.To.Secrets["KEY"] != 3 || d.Plan.To.SecretPath != "web/api/prod" {
			t.Errorf("the plan pins %v at %s", d.Plan.To.Secrets, d.Plan.To.SecretPath)
		}
		if strings.Contains(strings.Join(k.all, " "), "NOT_NEEDED") {
			t.Errorf("the deployer was handed %v", k.all)
		}
	})
}

func TestASealedStoreParksTheStep(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		s, k := r.keeping()
		r.service("api", stage("prod", needs("KEY"), approved(24*time.Hour)))
		r.release("api", "1.0.0")
		r.keep("KEY", "1")
		stop := r.run()
		id := r.promote("api", "1.0.0", "prod")
		<-time.After(10 * time.Second)
		stop() // so that the seal comes between the gates and the call
		must(r.app.Approve(r.ctx, lead, app.Approve{Deployment: id, PlanDigest: r.get(id).PlanDigest}))(t)
		if _, err := r.engine.Step(r.ctx, id); err != nil {
			t.Fatal(err)
		}
		s.sealed.Store(true)
		stop = r.run()
		<-time.After(time.Hour) // far beyond every deadline and number of attempts
		d := r.get(id)
		if d.State != slipway.Running || !strings.HasPrefix(d.Message, "Waits for secrets since ") || !strings.Contains(d.Message, "Vault is sealed.") {
			t.Fatalf("while it is sealed: %s: %s", d.State, d.Message)
		}
		s.sealed.Store(false)
		<-time.After(30 * time.Second)
		if d = r.get(id); d.State != slipway.Succeeded || k.value("1.0.0") != "1" {
			t.Fatalf("once it is unsealed: %s: %s", d.State, d.Message)
		}
		stop()
	})
}

func TestARollbackBringsTheSecretsOfThen(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		s, k := r.keeping()
		r.service("api", stage("prod", needs("KEY")))
		r.release("api", "1.0.0", "2.0.0", "3.0.0")
		r.run()
		for i, version := range []string{"1.0.0", "2.0.0", "3.0.0"} {
			r.keep("KEY", "of "+version)
			id := r.promote("api", version, "prod")
			<-time.After(time.Minute)
			if d := r.get(id); d.State != slipway.Succeeded || d.Plan.To.Secrets["KEY"] != i+1 {
				t.Fatalf("%s: %s: %s", version, d.State, d.Message)
			}
		}
		back := func(to string) slipway.Deployment {
			d := must(r.app.Rollback(r.ctx, root, app.Rollback{Service: "api", Environment: "prod", To: to}))(t)
			<-time.After(time.Minute)
			return r.get(d.ID)
		}
		if d := back("2.0.0"); d.State != slipway.Succeeded || k.value("2.0.0") != "of 2.0.0" {
			t.Fatalf("back to 2.0.0: %s: %s, with %q", d.State, d.Message, k.value("2.0.0"))
		}
		ok(t, s.Destroy(r.ctx, "web/api/prod", []int{1}))
		d := back("1.0.0")
		if want := "Version 1 of the secrets, which 1.0.0 ran with in prod, was destroyed."; d.State != slipway.Waiting || d.Message != want {
			t.Fatalf("back to what is gone: %s: %s", d.State, d.Message)
		}
	})
}

func TestAVersionDestroyedOnTheWayEndsIt(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		s, _ := r.keeping()
		r.service("api", stage("prod", needs("KEY"), approved(24*time.Hour)))
		r.release("api", "1.0.0")
		r.keep("KEY", "1")
		stop := r.run()
		id := r.promote("api", "1.0.0", "prod")
		<-time.After(10 * time.Second)
		stop()
		must(r.app.Approve(r.ctx, lead, app.Approve{Deployment: id, PlanDigest: r.get(id).PlanDigest}))(t)
		if _, err := r.engine.Step(r.ctx, id); err != nil {
			t.Fatal(err)
		}
		ok(t, s.Destroy(r.ctx, "web/api/prod", []int{1}))
		r.run()
		<-time.After(time.Minute)
		if d := r.get(id); d.State.Active() || !strings.Contains(d.Message, "Version 1 of web/api/prod was destroyed") {
			t.Fatalf("%s: %s", d.State, d.Message)
		}
	})
}

// A deployer that was restarted is told again, with nobody asking for it.
func TestADeployerThatForgotIsTold(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		_, k := r.keeping()
		r.service("api", stage("prod", needs("KEY")))
		r.release("api", "1.0.0")
		r.keep("KEY", "1")
		r.run()
		r.promote("api", "1.0.0", "prod")
		<-time.After(time.Minute)
		k.mu.Lock()
		k.values, k.forgot = map[string]string{}, true
		k.mu.Unlock()
		<-time.After(time.Minute)
		if got := k.value("1.0.0"); got != "1" {
			t.Fatalf("afterwards it has %q", got)
		}
	})
}

// A hook gets the pinned keys of its stage, its own variables win, and while the
// store is sealed it waits.
func TestHooksGetTheSecretsOfTheirStage(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		s, _ := r.keeping()
		h := newHost("h")
		h.report("migrate", slipway.JobSucceeded, "")
		r.engine.Jobs = h
		r.service("api", stage("prod", needs("KEY", "MODE"), func(s *slipway.Stage) {
			s.Hooks.After = []slipway.Hook{{Name: "migrate", Job: slipway.Job{Command: []string{"migrate"}, Env: map[string]string{"MODE": "fast"}}}}
		}))
		r.release("api", "1.0.0")
		r.keep("KEY", "of then")
		r.keep("MODE", "slow")
		r.keep("NOT_NEEDED", "x")
		r.run()
		id := r.promote("api", "1.0.0", "prod")
		if d := r.ended(id, time.Minute); d.State != slipway.Succeeded || len(h.started) != 1 {
			t.Fatalf("%s: %s, after %v", d.State, d.Message, h.ran())
		}
		o := h.orders[h.started[0]]
		if got := o.Secrets["KEY"].Reveal(); got != "of then" || len(o.Secrets) != 1 || o.Env["MODE"] != "fast" || o.Env["KEY"] != "" {
			t.Errorf("the hook got %q, %d secrets, %v", got, len(o.Secrets), o.Env)
		}

		r.release("api", "2.0.0")
		r.script("2.0.0", fake.Script{ReadyAfter: 3})
		id = r.promote("api", "2.0.0", "prod")
		r.until(time.Minute, "it was handed over", func() bool {
			d := r.get(id)
			return d.Current() != nil && d.Current().State == slipway.Converging
		})
		s.sealed.Store(true)
		<-time.After(time.Hour)
		if d := r.get(id); d.State != slipway.Running || !strings.HasPrefix(d.Message, "Waits for secrets since ") || len(h.started) != 1 {
			t.Fatalf("while it is sealed: %s: %s, after %v", d.State, d.Message, h.ran())
		}
		s.sealed.Store(false)
		if d := r.ended(id, time.Minute); d.State != slipway.Succeeded || len(h.started) != 2 {
			t.Errorf("once it is unsealed: %s: %s, after %v", d.State, d.Message, h.ran())
		}
	})
}
