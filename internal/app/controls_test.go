package app_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestLockHoldsAllButItsOwner, until it is lifted, which wakes what waits.
func TestLockHoldsAllButItsOwner(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.release("shop", "1", "2")
	lock := func(reason string) error {
		return of(r.LockEnvironment(r.ctx, root, app.LockEnvironment{Environment: "staging", Reason: reason}))
	}
	refused(t, lock(" "), slipway.CodeInvalid, "reason")
	refused(t, of(r.LockEnvironment(r.ctx, root, app.LockEnvironment{Environment: "moon", Reason: "x"})), hidden)
	ok(t, lock("audit"))
	refused(t, lock("mine"), slipway.CodeConflict, "locked already, by Root: audit")
	d := r.drive(r.promote(dev, "1", "staging").ID)
	if v := gate(t, d.Verdicts, "lock"); d.State != slipway.Waiting || v.Who != "Root, or who may lock staging" || v.Since == nil {
		t.Fatalf("it is %s: %+v", d.State, v)
	}
	must(r.UnlockEnvironment(r.ctx, root, app.UnlockEnvironment{Environment: "staging"}))(t)
	if due := must(r.store.Due(r.ctx, r.clock(), 9))(t); len(due) != 1 {
		t.Error("what waits was not woken")
	}
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Errorf("it is %s", d.State)
	}
	before := r.all()
	must(r.UnlockEnvironment(r.ctx, root, app.UnlockEnvironment{Environment: "staging"}))(t)
	if r.all() != before {
		t.Error("unlocking what is open left a trace")
	}
	ok(t, lock("my own"))
	own := must(r.Promote(r.ctx, root, app.Promote{Service: "shop", Version: "2", Environment: "staging"}))(t)
	if own = r.drive(own.ID); own.State != slipway.Succeeded {
		t.Errorf("the owner's is %s: %s", own.State, own.Message)
	}
}

// TestFreezeHoldsPromotions for its time, and lets rollbacks pass.
func TestFreezeHoldsPromotions(t *testing.T) {
	t.Parallel()
	r := shipped(t, "1", "2")
	r.release("shop", "3")
	freeze := func(c app.AddFreeze) (slipway.Freeze, error) {
		c.Environment = "staging"
		return r.AddFreeze(r.ctx, root, c)
	}
	refused(t, of(freeze(app.AddFreeze{Until: r.clock()})), slipway.CodeInvalid, "reason", "until")
	refused(t, of(freeze(app.AddFreeze{Reason: "x", From: r.clock().Add(2 * time.Hour), Until: r.clock().Add(time.Hour)})), slipway.CodeInvalid, "until")
	f := must(freeze(app.AddFreeze{Reason: "sale", Until: r.clock().Add(time.Hour)}))(t)
	d := r.drive(r.promote(dev, "3", "staging").ID)
	if v := gate(t, d.Verdicts, "freeze"); d.State != slipway.Waiting || v.Until == nil || !v.Until.Equal(f.Until) {
		t.Fatalf("it is %s: %+v", d.State, v)
	}
	back := must(r.rollback(""))(t)
	if back = r.drive(back.ID); back.State != slipway.Succeeded {
		t.Errorf("the rollback is %s: %s", back.State, back.Message)
	}
	d = r.drive(r.promote(dev, "3", "staging").ID)
	ok(t, r.RemoveFreeze(r.ctx, root, app.RemoveFreeze{Freeze: f.ID}))
	refused(t, r.RemoveFreeze(r.ctx, root, app.RemoveFreeze{Freeze: f.ID}), hidden)
	if due := must(r.store.Due(r.ctx, r.clock(), 9))(t); len(due) != 1 {
		t.Error("what waits was not woken")
	}
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Errorf("after the thaw it is %s: %s", d.State, d.Message)
	}
	must(freeze(app.AddFreeze{Reason: "short", Until: r.clock().Add(time.Minute)}))(t)
	r.after(time.Minute)
	if list := must(r.Freezes(r.ctx, viewer))(t); len(list) != 0 {
		t.Errorf("a past freeze is shown: %+v", list)
	}
}

// TestControlsFitTheState: what makes no sense now is a conflict that says so.
func TestControlsFitTheState(t *testing.T) {
	t.Parallel()
	r, d := waiting(t)
	c := app.Control{Deployment: d.ID, Reason: "why not"}
	refused(t, of(r.Pause(r.ctx, dev, c)), slipway.CodeConflict, "waiting and cannot be paused")
	refused(t, of(r.Resume(r.ctx, dev, c)), slipway.CodeConflict)
	refused(t, of(r.Retry(r.ctx, dev, c)), slipway.CodeConflict, "nothing to retry")
	refused(t, of(r.Cancel(r.ctx, dev, app.Control{Deployment: 999})), hidden)
	d = must(r.Cancel(r.ctx, dev, c))(t)
	if d.State != slipway.Cancelled || d.Message != "Cancelled by Dev: why not." {
		t.Errorf("it is %s: %q", d.State, d.Message)
	}
	refused(t, of(r.Cancel(r.ctx, dev, c)), slipway.CodeConflict)
}
