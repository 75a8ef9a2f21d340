package engine_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// TestANewValueRollsOutOnceOnPostgres: where two replicas really work at once, a
// changed key is one deployment for each service that takes it by itself, behind
// the gate of its stage, and none for the others.
func TestANewValueRollsOutOnceOnPostgres(t *testing.T) {
	t.Parallel()
	r := newRig(t, pgtest.URL(t), fake.Options{})
	ok(t, r.store.Migrate(r.ctx))
	_, k := r.keeping()
	second := r.another()
	second.Secrets = r.app.Secret
	rules := map[string]slipway.RotateRule{"cards": slipway.RotateAuto, "parcels": slipway.RotateAuto, "stamps": slipway.RotateAuto, "letters": slipway.RotateAsk, "forms": slipway.RotateNever}
	for name, rule := range rules {
		r.service(name, stage("prod", needs("KEY"), rotates(rule), approved(24*time.Hour)))
		r.release(name, name)
		r.sets(name, "old")
	}
	r.service("last", stage("prod", needs("KEY"), rotates(slipway.RotateAuto)))
	r.release("last", "last")
	r.sets("last", "old")
	r.run(second)
	for name := range rules {
		r.promote(name, name, "prod")
	}
	r.promote("last", "last", "prod")
	all := func(what string, want map[string]string) {
		t.Helper()
		is := map[string]string{}
		for end := time.Now().Add(time.Minute); !maps.Equal(is, want); <-time.After(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %v, want %v", what, is, want)
			}
			for name := range want {
				is[name] = r.causes(name)
				r.pushed(name, r.engine, second)
			}
		}
	}
	approve := func() {
		t.Helper()
		for name := range rules {
			d := r.list(name, "prod")[0]
			if d.State == slipway.Waiting {
				must(r.app.Approve(r.ctx, lead, app.Approve{Deployment: d.ID, PlanDigest: d.PlanDigest}))(t)
			}
		}
	}
	all("the gates ask", map[string]string{"cards": "promote waiting", "parcels": "promote waiting", "stamps": "promote waiting", "letters": "promote waiting", "forms": "promote waiting"})
	approve()
	live := "promote succeeded"
	all("everything is live", map[string]string{"cards": live, "parcels": live, "stamps": live, "letters": live, "forms": live, "last": live})

	for name := range rules {
		r.sets(name, "new")
	}
	asks := live + ", rotation waiting"
	all("those that do it by themselves ask", map[string]string{"cards": asks, "parcels": asks, "stamps": asks})
	if k.value("cards") != "old" {
		t.Errorf("before anybody approved it runs with %q", k.value("cards"))
	}
	approve()
	// What comes last shows that both have seen all that was before.
	turned := live + ", rotation succeeded"
	all("they are rolled out", map[string]string{"cards": turned, "parcels": turned, "stamps": turned})
	for name := range rules {
		r.sets(name, "new") // which is no news
	}
	r.sets("last", "new")
	all("one each, and none for the others", map[string]string{"cards": turned, "parcels": turned, "stamps": turned, "letters": live, "forms": live, "last": turned})
	for name, want := range map[string]string{"cards": "new", "parcels": "new", "stamps": "new", "letters": "old", "forms": "old"} {
		if got := k.value(name); got != want {
			t.Errorf("%s runs with %q, want %q", name, got, want)
		}
	}
}

// pushed has all replicas look at once at what is under way, as a queue would.
func (r *rig) pushed(service string, replicas ...*engine.Engine) {
	var looks sync.WaitGroup
	for _, d := range r.list(service, "prod") {
		for _, e := range replicas {
			if d.State.Active() {
				looks.Go(func() { _ = e.Look(r.ctx, d.ID) }) // one of them may be overtaken
			}
		}
	}
	looks.Wait()
}

// sets a key of a service in prod.
func (r *rig) sets(service, value string) {
	r.t.Helper()
	secret := slipway.NewSecret(value)
	must(r.app.SetSecrets(r.ctx, root, app.SetSecrets{Service: service, Environment: "prod", Changes: map[string]*slipway.Secret{"KEY": &secret}}))(r.t)
}

// causes tells what was deployed to prod, oldest first, and how it stands.
func (r *rig) causes(service string) string {
	r.t.Helper()
	var out []string
	for _, d := range r.list(service, "prod") {
		out = append([]string{fmt.Sprintf("%s %s", d.Cause, d.State)}, out...)
	}
	return strings.Join(out, ", ")
}
