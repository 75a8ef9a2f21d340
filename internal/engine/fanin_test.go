package engine_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestFanIn: a stage after two others takes by itself what has been live in
// both, however far one of them is ahead, and nothing that one of them was taken
// back from.
func TestFanIn(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("dev"), stage("staging"), stage("prod", after("dev", "staging"), by))
		r.release("shop", "1", "2", "3", "4")
		r.run()
		goes := func(version, environment string) {
			t.Helper()
			r.ended(r.promote("shop", version, environment), time.Minute)
		}
		stays := func(version string) {
			t.Helper()
			<-time.After(time.Minute)
			if got := r.live("prod"); got != version {
				t.Errorf("prod has %q, want %q", got, version)
			}
		}
		goes("1", "dev")
		goes("2", "dev")
		stays("")
		goes("1", "staging")
		r.goesLive("1", "prod") // dev is ahead of it, and had it
		goes("3", "staging")
		stays("1") // 2 was never in staging, 3 never in dev
		goes("3", "dev")
		r.goesLive("3", "prod")
		goes("4", "dev")
		must(r.app.Rollback(r.ctx, root, app.Rollback{Service: "shop", Environment: "dev"}))(t)
		r.goesLive("3", "dev")
		goes("4", "staging")
		stays("3")              // dev was taken back from 4
		r.release("shop", "5")  // and 4 stays out when dev goes on,
		goes("5", "dev")        // until
		stays("3")              // something that proves itself in both
		goes("5", "staging")    // has
		r.goesLive("5", "prod") // arrived.
		if n := len(r.list("shop", "prod")); n != 3 {
			t.Errorf("there were %d deployments, want those of 1, 3 and 5", n)
		}
	})
}

// TestFanOut: stages after the same one go each by themselves; what keeps one of
// them keeps no other.
func TestFanOut(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("dev", by), stage("staging", after("dev"), by, approved(time.Hour)), stage("prod", after("dev"), by))
		r.run()
		r.release("shop", "1")
		r.goesLive("1", "prod")
		if list := r.list("shop", "staging"); len(list) != 1 || list[0].State != slipway.Waiting {
			t.Errorf("in staging there are %d deployments", len(list))
		}
	})
}

// TestPartIsNoProof: a release with a part of the traffic goes nowhere by itself
// from there, and by nobody's hand either; the whole of it does.
func TestPartIsNoProof(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		part := func(s *slipway.Stage) { s.Strategy = slipway.Strategy{Type: slipway.StrategyPartial, Share: 10} }
		r.service("shop", stage("dev", part), stage("staging", after("dev"), by), stage("prod", after("dev")))
		r.release("shop", "1", "2")
		r.run()
		r.ended(r.promote("shop", "1", "dev"), time.Minute)
		r.goesLive("1", "staging")
		if d := r.ended(r.promote("shop", "2", "dev"), time.Minute); d.State != slipway.Succeeded || r.state("shop", "dev").Partial == nil {
			t.Fatalf("it is %s", d.State)
		}
		<-time.After(time.Minute)
		if n := len(r.list("shop", "staging")); n != 1 {
			t.Errorf("staging has had %d deployments", n)
		}
		_, err := r.app.Promote(r.ctx, root, app.Promote{Service: "shop", Version: "2", Environment: "prod"})
		if slipway.CodeOf(err) != slipway.CodeBlocked {
			t.Errorf("a part was taken for proof: %v", err)
		}
		must(r.app.Promote(r.ctx, root, app.Promote{Service: "shop", Version: "2", Environment: "dev", Part: &slipway.Part{Share: 100}}))(t)
		r.goesLive("2", "staging")
	})
}

// TestNewerQuestionTakesThePlaceOfTheOlder: of releases that go by themselves
// only the newest asks for an approval, and an older one that people asked for
// afterwards is left to them.
func TestNewerQuestionTakesThePlaceOfTheOlder(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("dev", by), stage("staging", after("dev"), by, approved(time.Hour)))
		r.run()
		asks := func() (versions []string) {
			for _, item := range must(r.app.Inbox(r.ctx, lead))(t).Decide {
				versions = append(versions, item.Deployment.Version)
			}
			return versions
		}
		only := func(version string) func() bool {
			return func() bool { v := asks(); return len(v) == 1 && v[0] == version }
		}
		r.release("shop", "1")
		r.until(time.Minute, "1 asks", only("1"))
		first := r.list("shop", "staging")[0]
		r.release("shop", "2")
		r.until(time.Minute, "2 asks, and nothing else", only("2"))
		if first = r.get(first.ID); first.State != slipway.Superseded || first.SupersededBy == 0 {
			t.Errorf("the older one is %s, in favour of %d", first.State, first.SupersededBy)
		}
		if _, err := r.app.Approve(r.ctx, lead, app.Approve{Deployment: first.ID, PlanDigest: first.PlanDigest}); slipway.CodeOf(err) != slipway.CodeConflict {
			t.Errorf("it can still be approved: %v", err)
		}
		must(r.app.Promote(r.ctx, root, app.Promote{Service: "shop", Version: "1", Environment: "staging"}))(t)
		<-time.After(time.Minute)
		if v := asks(); len(v) != 1 || v[0] != "1" {
			t.Errorf("somebody asked for 1 on purpose, and %v ask", v)
		}
	})
}

// TestOlderDoesNotTakeThePlaceOfNewer that a person asked for and that waits.
func TestOlderDoesNotTakeThePlaceOfNewer(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("dev"), stage("staging", after("dev"), approved(time.Hour)))
		r.release("shop", "1", "2", "3")
		r.run()
		r.ended(r.promote("shop", "2", "dev"), time.Minute)
		r.ended(r.promote("shop", "3", "dev"), time.Minute)
		newer := r.promote("shop", "3", "staging")
		must(r.app.Rollback(r.ctx, root, app.Rollback{Service: "shop", Environment: "dev"}))(t)
		r.goesLive("2", "dev")
		r.apply("shop", stage("dev"), stage("staging", after("dev"), approved(time.Hour), by))
		<-time.After(2 * time.Minute)
		if d := r.get(newer); d.State != slipway.Waiting {
			t.Errorf("what a person asked for is %s", d.State)
		}
	})
}

// TestPartInThePastIsNoProof either: it is passed over.
func TestPartInThePastIsNoProof(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		dev := stage("dev", func(s *slipway.Stage) { s.Strategy = slipway.Strategy{Type: slipway.StrategyPartial, Share: 10} })
		r.service("shop", dev, stage("staging"), stage("prod", after("dev", "staging")))
		r.release("shop", "1", "2", "3")
		r.run()
		for _, version := range []string{"1", "2"} {
			r.ended(r.promote("shop", version, "dev"), time.Minute)
			r.ended(r.promote("shop", version, "staging"), time.Minute)
		}
		whole := must(r.app.Promote(r.ctx, root, app.Promote{Service: "shop", Version: "3", Environment: "dev", Part: &slipway.Part{Share: 100}}))(t)
		r.ended(whole.ID, time.Minute)
		r.apply("shop", dev, stage("staging"), stage("prod", after("dev", "staging"), by))
		r.goesLive("1", "prod")
		<-time.After(time.Minute)
		if got := r.live("prod"); got != "1" {
			t.Errorf("prod has %s", got)
		}
	})
}
