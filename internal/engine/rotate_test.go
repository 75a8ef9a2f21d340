package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func rotates(rule slipway.RotateRule) func(*slipway.Stage) {
	return func(s *slipway.Stage) { s.Rotate = rule }
}

// rotations tells of the deployments to prod, oldest first: what for, which
// version of the secrets, how they stand.
func (r *rig) rotations() string {
	r.t.Helper()
	var out []string
	for _, d := range r.list("api", "prod") {
		out = append([]string{fmt.Sprintf("%s %d %s", d.Cause, d.Plan.To.Secrets["KEY"], d.State)}, out...)
	}
	return strings.Join(out, ", ")
}

// rotating is an installation where api is live in prod with version 1 of KEY.
func (r *rig) rotating(change ...func(*slipway.Stage)) (*sealable, *taker) {
	r.t.Helper()
	s, k := r.keeping()
	r.service("api", stage("prod", append([]func(*slipway.Stage){needs("KEY")}, change...)...))
	r.release("api", "1.0.0", "2.0.0")
	r.keep("KEY", "1")
	r.run()
	if d := r.ended(r.promote("api", "1.0.0", "prod"), time.Minute); d.State != slipway.Succeeded {
		r.t.Fatalf("it is not live: %s", d.Message)
	}
	return s, k
}

func (r *rig) rollout() (slipway.Deployment, error) {
	return r.app.RolloutSecrets(r.ctx, root, app.RolloutSecrets{Service: "api", Environment: "prod"})
}

func TestANewValueRollsOutByItselfOnce(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		s, k := r.rotating(rotates(slipway.RotateAuto))
		says := func(when, want, value string) {
			t.Helper()
			<-time.After(3 * time.Minute)
			if got := r.rotations(); got != want || k.value("1.0.0") != value {
				t.Fatalf("%s: %s, with %q\nwant %s, with %q", when, got, k.value("1.0.0"), want, value)
			}
		}
		r.keep("NOT_NEEDED", "x")
		r.keep("KEY", "1") // the same again
		says("nothing that it uses is new", "promote 1 succeeded", "1")
		r.keep("KEY", "2")
		says("a key is new", "promote 1 succeeded, rotation 4 succeeded", "2")
		d := r.list("api", "prod")[0]
		if d.Version != "1.0.0" || fmt.Sprint(d.Plan.Rotates) != "[KEY]" || d.RequestedBy.Kind != slipway.ActorSystem {
			t.Errorf("it is of %s, by %s, for %v", d.Version, d.RequestedBy.Name, d.Plan.Rotates)
		}
		must(s.Put(r.ctx, "web/api/prod", map[string]slipway.Secret{"KEY": slipway.NewSecret("3")}, 4))(t)
		says("it was changed in the store itself", "promote 1 succeeded, rotation 4 succeeded, rotation 5 succeeded", "3")
		must(s.Put(r.ctx, "web/api/prod", map[string]slipway.Secret{"OTHER": slipway.NewSecret("3")}, 5))(t)
		says("the key is gone", "promote 1 succeeded, rotation 4 succeeded, rotation 5 succeeded", "3")
	})
}

// While something else is under way, or may not be, nothing is started beside it;
// the new value follows.
func TestNewValuesFollowWhatKeepsThem(t *testing.T) {
	tests := map[string]struct {
		keep func(*rig) (letGo func())
		want string
	}{
		"a lock": {func(r *rig) func() {
			must(r.app.LockEnvironment(r.ctx, root, app.LockEnvironment{Environment: "prod", Reason: "cutover"}))(r.t)
			return func() { must(r.app.UnlockEnvironment(r.ctx, root, app.UnlockEnvironment{Environment: "prod"}))(r.t) }
		}, "rotation 2 succeeded"},
		"a hold": {func(r *rig) func() {
			s := r.state("api", "prod")
			s.Hold = &slipway.Hold{Reason: "looking at it", By: "Root", Since: time.Now()}
			ok(r.t, r.store.Write(r.ctx, func(tx slipway.Tx) error { return tx.Stages().Put(r.ctx, s) }))
			return func() { must(r.app.LiftHold(r.ctx, root, app.LiftHold{Service: "api", Environment: "prod"}))(r.t) }
		}, "rotation 2 succeeded"},
		"a deployment that is called off": {func(r *rig) func() {
			r.apply("api", stage("prod", needs("KEY"), rotates(slipway.RotateAuto), approved(24*time.Hour)))
			id := r.promote("api", "2.0.0", "prod")
			return func() {
				r.apply("api", stage("prod", needs("KEY"), rotates(slipway.RotateAuto)))
				must(r.app.Cancel(r.ctx, root, app.Control{Deployment: id}))(r.t)
			}
		}, "promote 2 cancelled, rotation 2 succeeded"},
		"a deployment that brings it along": {func(r *rig) func() {
			r.apply("api", stage("prod", needs("KEY"), rotates(slipway.RotateAuto), approved(24*time.Hour)))
			id := r.promote("api", "2.0.0", "prod")
			return func() {
				must(r.app.Approve(r.ctx, lead, app.Approve{Deployment: id, PlanDigest: r.get(id).PlanDigest}))(r.t)
			}
		}, "promote 2 succeeded"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			within(t, func(t *testing.T, r *rig) {
				r.rotating(rotates(slipway.RotateAuto))
				letGo := test.keep(r)
				r.keep("KEY", "2")
				<-time.After(5 * time.Minute)
				if got := r.rotations(); strings.Contains(got, "rotation") {
					t.Fatalf("beside it was started %s", got)
				}
				letGo()
				<-time.After(3 * time.Minute)
				if got := r.rotations(); got != "promote 1 succeeded, "+test.want {
					t.Errorf("afterwards: %s", got)
				}
			})
		})
	}
}

func TestWithoutBeingToldItAsks(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		_, k := r.rotating()
		if _, err := r.rollout(); slipway.CodeOf(err) != slipway.CodeConflict || !strings.Contains(err.Error(), "There is nothing to roll out.") {
			t.Errorf("with nothing new: %v", err)
		}
		r.keep("KEY", "2")
		r.apply("api", stage("prod", needs("KEY"), func(s *slipway.Stage) { s.Deployer.Config = []byte(`{"replicas":5}`) }))
		<-time.After(5 * time.Minute)
		if got := r.rotations(); got != "promote 1 succeeded" {
			t.Fatalf("nobody said so: %s", got)
		}
		d := must(r.rollout())(t)
		if d = r.ended(d.ID, time.Minute); d.State != slipway.Succeeded || k.value("1.0.0") != "2" {
			t.Fatalf("rolled out: %s: %s, with %q", d.State, d.Message, k.value("1.0.0"))
		}
		if replicas := d.Plan.To.Replicas; replicas != 2 {
			t.Errorf("it brought a setting along that nobody sent out: %d replicas", replicas)
		}
	})
}

func TestNeverIsNever(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.rotating(rotates(slipway.RotateNever))
		r.keep("KEY", "2")
		<-time.After(5 * time.Minute)
		if _, err := r.rollout(); slipway.CodeOf(err) != slipway.CodeConflict || r.rotations() != "promote 1 succeeded" {
			t.Errorf("%v; %s", err, r.rotations())
		}
	})
}

func TestARotationThatFailedIsNotTriedAgain(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		_, k := r.rotating(rotates(slipway.RotateAuto), func(s *slipway.Stage) { s.OnFailure = slipway.OnFailureStop })
		r.script("1.0.0", fake.Script{Fail: "the new password is wrong"})
		r.keep("KEY", "2")
		<-time.After(10 * time.Minute)
		if got := r.rotations(); got != "promote 1 succeeded, rotation 2 failed" {
			t.Fatalf("once it had failed: %s", got)
		}
		r.script("1.0.0", fake.Script{})
		must(r.app.LiftHold(r.ctx, root, app.LiftHold{Service: "api", Environment: "prod"}))(t)
		<-time.After(10 * time.Minute)
		if got := r.rotations(); got != "promote 1 succeeded, rotation 2 failed" {
			t.Fatalf("it was tried again: %s", got)
		}
		r.keep("KEY", "3")
		<-time.After(2 * time.Minute)
		if got := r.rotations(); got != "promote 1 succeeded, rotation 2 failed, rotation 3 succeeded" || k.value("1.0.0") != "3" {
			t.Fatalf("with another value: %s, with %q", got, k.value("1.0.0"))
		}
	})
}
