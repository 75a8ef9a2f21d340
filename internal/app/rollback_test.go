package app_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (r *rig) rollback(to string) (slipway.Deployment, error) {
	return r.Rollback(r.ctx, lead, app.Rollback{Service: "shop", Environment: "staging", To: to, Reason: "it burns"})
}

func (r *rig) targets() (out []string) {
	r.t.Helper()
	p := must(r.RollbackPreview(r.ctx, lead, "shop", "staging", ""))(r.t)
	for _, target := range p.Targets {
		out = append(out, target.Spec.Version)
	}
	return out
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

// shipped has had these releases in staging, one after the other.
func shipped(t *testing.T, list ...string) *rig {
	t.Helper()
	r := furnished(t)
	for _, v := range list {
		r.release("shop", v)
		r.live(v, "staging")
		r.after(time.Hour)
	}
	return r
}

func TestRollbackTargets(t *testing.T) {
	t.Parallel()
	r := shipped(t, "1", "2")
	r.drive(must(r.Promote(r.ctx, dev, app.Promote{Service: "shop", Version: "2", Environment: "staging", Redeploy: true}))(t).ID)
	r.release("shop", "3", "4")
	r.live("3", "staging")
	same(t, r.targets(), []string{"2", "1"}) // 2 once, 3 runs
	refused(t, of(r.rollback("3")), slipway.CodeConflict, "3 is what is live")
	refused(t, of(r.rollback("4")), slipway.CodeConflict, "4 never ran well in staging")
	refused(t, of(r.Rollback(r.ctx, lead, app.Rollback{Service: "shop", Environment: "prod"})), slipway.CodeConflict, "Nothing earlier has run well")
	must(r.BlockRelease(r.ctx, dev, app.BlockRelease{Service: "shop", Version: "2", Reason: "leaks"}))(t)
	p := must(r.RollbackPreview(r.ctx, lead, "shop", "staging", ""))(t)
	if p.Targets[0].WhyNot != "blocked by Dev: leaks" || p.Chosen.Spec.Version != "1" {
		t.Errorf("a blocked target is %+v, chosen is %s", p.Targets[0], p.Chosen.Spec.Version)
	}
	e := refused(t, of(r.rollback("2")), slipway.CodeBlocked, "blocked by Dev: leaks")
	gate(t, e.BlockedBy, "block")
	d := r.promote(dev, "4", "staging")
	same(t, r.targets(), []string{"2", "1"}) // it only waits
	r.step(d.ID, 1)
	same(t, r.targets(), []string{"3", "2", "1"})
	if p := must(r.RollbackPreview(r.ctx, lead, "shop", "staging", ""))(t); !p.Chosen.Current || p.Active.ID != d.ID {
		t.Errorf("while 4 is on its way, %+v is chosen", p.Chosen)
	}
}

// TestRollbackRestoresWhatServed: config and deployer settings of then, though
// release and pipeline have others now.
func TestRollbackRestoresWhatServed(t *testing.T) {
	t.Parallel()
	r := shipped(t, "1")
	was := r.stage("staging").Live.Spec
	p := pipeline("shop")
	p.Stages[0].Deployer.Config = []byte(`{"replicas":7}`)
	must(r.ApplyPipeline(r.ctx, boss, app.ApplyPipeline{Pipeline: p}))(t)
	r.release("shop", "2")
	r.live("2", "staging")
	if got := r.stage("staging").Live.Spec.Replicas; got != 7 {
		t.Fatalf("2 runs %d replicas", got)
	}
	d := must(r.rollback(""))(t)
	if d.Cause != slipway.CauseRollback || len(d.Plan.Gates) != 0 || len(d.Plan.Phases) != 1 {
		t.Errorf("it is a %s with gates %v and phases %v", d.Cause, d.Plan.Gates, d.Plan.Phases)
	}
	r.drive(d.ID)
	s := r.stage("staging")
	if s.Live.Spec.ID() != was.ID() || s.Live.Spec.Config["MODE"] != "1" || s.Live.Spec.Replicas != 2 {
		t.Errorf("what is back is %+v, and was %+v", s.Live.Spec, was)
	}
	if s.Hold == nil || s.Hold.Reason != "rolled back to 1: it burns" || s.Hold.Deployment != d.ID {
		t.Errorf("the hold is %+v", s.Hold)
	}
	// Automation is kept out; a person who promotes something old leaves the hold, the newest lifts it.
	ok(t, r.store.Read(r.ctx, func(tx slipway.Tx) error {
		request := slipway.Request{Service: "shop", Environment: "staging", Version: "2", Cause: slipway.CausePromote, By: slipway.System("automation")}
		draft, err := slipway.MakeDraft(r.ctx, tx, r.Deployers, request)
		if err != nil {
			return err
		}
		blocking, err := slipway.Admit(r.ctx, tx, draft, request)
		gate(t, blocking, "hold")
		return err
	}))
	r.release("shop", "3")
	r.live("2", "staging")
	if r.stage("staging").Hold == nil {
		t.Error("promoting 2 lifted the hold, and 3 is the newest")
	}
	r.live("3", "staging")
	if hold := r.stage("staging").Hold; hold != nil {
		t.Errorf("promoting the newest left the hold: %+v", hold)
	}
}

func TestIrreversibleNeedsConsent(t *testing.T) {
	t.Parallel()
	r := shipped(t, "1")
	lasting := content("2")
	lasting.Reversible = false
	_, _, err := r.CreateRelease(r.ctx, dev, app.CreateRelease{Service: "shop", Version: "2", Content: lasting})
	ok(t, err)
	// On its way already counts: its migration may have run.
	r.step(r.promote(dev, "2", "staging").ID, 2)
	e := refused(t, of(r.rollback("")), slipway.CodeBlocked, "2 is marked irreversible")
	gate(t, e.BlockedBy, "irreversible")
	if p := must(r.RollbackPreview(r.ctx, lead, "shop", "staging", ""))(t); !p.Irreversible {
		t.Error("the preview does not warn")
	}
	r.drive(r.active("shop", "staging").ID)
	refused(t, of(r.rollback("")), slipway.CodeBlocked, "2 is marked irreversible")
	d := must(r.Rollback(r.ctx, lead, app.Rollback{Service: "shop", Environment: "staging", AcceptIrreversible: true}))(t)
	if d = r.drive(d.ID); d.State != slipway.Succeeded || r.stage("staging").Live.Spec.Version != "1" {
		t.Errorf("it ended %s: %s", d.State, d.Message)
	}
}

// TestRollbackTakesThePlace of what is at work, whatever state that is in.
func TestRollbackTakesThePlace(t *testing.T) {
	t.Parallel()
	for _, state := range []slipway.State{slipway.Waiting, slipway.Running, slipway.Paused, slipway.Reverting} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := shipped(t, "1", "2")
			r.release("shop", "3")
			ok(t, r.fake.SetScript(r.ctx, deployers.Target{}, "3", fake.Script{NeverReady: true}))
			d := r.promote(dev, "3", "staging")
			switch state {
			case slipway.Running:
				r.step(d.ID, 2)
			case slipway.Paused:
				r.step(d.ID, 2)
				must(r.Pause(r.ctx, dev, app.Control{Deployment: d.ID}))(t)
			case slipway.Reverting:
				r.step(d.ID, 2)
				must(r.Cancel(r.ctx, dev, app.Control{Deployment: d.ID, Reason: "no"}))(t)
			}
			if got := r.get(d.ID).State; got != state {
				t.Fatalf("it is %s", got)
			}
			want := "2" // what is live, while something newer is under way
			if state == slipway.Waiting {
				want = "1"
			}
			back := must(r.rollback(""))(t)
			if old := r.get(d.ID); old.State != slipway.Superseded || old.SupersededBy != back.ID || back.Version != want {
				t.Errorf("it is %s by %d, and back goes %s", old.State, old.SupersededBy, back.Version)
			}
			if back = r.drive(back.ID); back.State != slipway.Succeeded || r.stage("staging").Live.Spec.Version != want {
				t.Errorf("it ended %s: %s", back.State, back.Message)
			}
		})
	}
}

// TestTwoRollBackAtOnce: the second must not bring back what the first takes
// away, neither at the same moment nor after it.
func TestTwoRollBackAtOnce(t *testing.T) {
	t.Parallel()
	r := shipped(t, "1", "2", "3")
	first := must(r.rollback(""))(t)
	refused(t, of(r.rollback("")), slipway.CodeConflict, "already")
	r.step(first.ID, 1)
	refused(t, of(r.rollback("")), slipway.CodeConflict, "already goes back to 2")
	r.drive(first.ID)
	further := must(r.rollback(""))(t) // and not to 3 again
	if r.drive(further.ID); further.Version != "1" {
		t.Errorf("after 3 → 2 it goes to %s", further.Version)
	}
	refused(t, of(r.rollback("")), slipway.CodeConflict, "Nothing earlier has run well")
	again := must(r.rollback("3"))(t) // by name a rollback can be undone
	if again = r.drive(again.ID); again.State != slipway.Succeeded || r.stage("staging").Live.Spec.Version != "3" {
		t.Errorf("the rollback of a rollback ended %s", again.State)
	}
	if r.stage("staging").Hold == nil {
		t.Error("no hold")
	}
}

// TestRetryAsksForTheSame once more, with a plan of today, and keeps what ended.
func TestRetryAsksForTheSame(t *testing.T) {
	t.Parallel()
	r := shipped(t, "1")
	refused(t, of(r.Retry(r.ctx, dev, app.Control{Deployment: r.newest("shop").ID})), slipway.CodeConflict, "nothing to retry")
	r.release("shop", "2")
	ok(t, r.fake.SetScript(r.ctx, deployers.Target{}, "2", fake.Script{Fail: "it burns"}))
	d := r.drive(r.promote(dev, "2", "staging").ID)
	if d.State != slipway.RolledBack {
		t.Fatalf("it ended %s", d.State)
	}
	again := must(r.Retry(r.ctx, dev, app.Control{Deployment: d.ID, Once: app.Once{Key: "k"}}))(t)
	twice := must(r.Retry(r.ctx, dev, app.Control{Deployment: d.ID, Once: app.Once{Key: "k"}}))(t)
	if again.ID == d.ID || again.ID != twice.ID || again.Version != "2" || r.get(d.ID).State != slipway.RolledBack {
		t.Errorf("the retry is %d and %d of %s", again.ID, twice.ID, again.Version)
	}
}
