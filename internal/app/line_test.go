package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (r *rig) stopTheLine() {
	r.t.Helper()
	must(r.StopTheLine(r.ctx, root, app.StopTheLine{Reason: "payments are down"}))(r.t)
}

func (r *rig) letTheLineGo() {
	r.t.Helper()
	must(r.LetTheLineGo(r.ctx, root, app.LetTheLineGo{}))(r.t)
}

func TestWhoStopsTheLine(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	stop := func(by slipway.Actor, reason string) error {
		return of(r.StopTheLine(r.ctx, by, app.StopTheLine{Reason: reason}))
	}
	refused(t, stop(boss, "fire"), denied, "You may not stop the line of the organisation") // a maintainer of one team
	must(r.AddBinding(r.ctx, root, app.AddBinding{Binding: slipway.Binding{Role: slipway.RoleMaintainer,
		Subject: slipway.Subject{Kind: slipway.SubjectUser, Name: boss.ID}, Scope: slipway.Scope{Kind: slipway.ScopeOrganisation}}}))(t)
	refused(t, stop(boss, " "), slipway.CodeInvalid, "reason")
	ok(t, stop(boss, " fire "))
	before := r.all()
	ok(t, stop(boss, "fire"))
	if r.all() != before {
		t.Error("the same again left a trace")
	}
	refused(t, stop(boss, "flood"), slipway.CodeConflict, "stopped already, by Boss: fire")
	refused(t, stop(root, "fire"), slipway.CodeConflict, "stopped already, by Boss: fire")
	if line := must(r.Line(r.ctx, stranger))(t); line == nil || line.OwnerName != "Boss" || line.Reason != "fire" || !line.Since.Equal(r.clock()) {
		t.Errorf("everybody sees %+v", line)
	}
	e := r.audit(1)[0]
	if e.Action != "line.stopped" || e.Chain != slipway.OrganisationChain || e.Summary != "stopped the line: fire" || len(e.Detail) == 0 {
		t.Errorf("the audit says %+v", e)
	}
	r.letTheLineGo()
	before = r.all()
	r.letTheLineGo()
	if line := must(r.Line(r.ctx, stranger))(t); line != nil || r.all() != before {
		t.Errorf("the line is %+v, and letting it go twice left a trace", line)
	}
}

// TestNothingStartsWhileTheLineIsStopped but what goes back; and what only
// waited for the line is looked at as soon as it goes.
func TestNothingStartsWhileTheLineIsStopped(t *testing.T) {
	t.Parallel()
	r := shipped(t, "1", "2")
	r.release("shop", "3")
	asks := r.drive(r.promote(dev, "2", "prod").ID)
	r.stopTheLine()
	d := r.drive(r.promote(dev, "3", "staging").ID)
	v := gate(t, d.Verdicts, "stop-the-line")
	if d.State != slipway.Waiting || v.Reason != "The line is stopped by Root: payments are down." || v.Since == nil || v.Who == "" {
		t.Fatalf("it is %s: %+v", d.State, v)
	}
	back := must(r.rollback(""))(t) // takes the place of the one that waits
	if back = r.drive(back.ID); back.State != slipway.Succeeded {
		t.Fatalf("the rollback is %s: %s", back.State, back.Message)
	}
	d = r.drive(r.promote(dev, "3", "staging").ID)
	ok(t, r.approve(lead, asks))
	asks = r.drive(asks.ID)
	if due := must(r.store.Due(r.ctx, r.clock(), 9))(t); len(due) != 0 || asks.State != slipway.Waiting {
		t.Fatalf("%v are due, and the approved one is %s", due, asks.State)
	}
	r.letTheLineGo()
	if due := must(r.store.Due(r.ctx, r.clock(), 9))(t); len(due) != 2 {
		t.Errorf("%v were woken", due)
	}
	for _, id := range []int64{d.ID, asks.ID} {
		if d := r.drive(id); d.State != slipway.Succeeded {
			t.Errorf("deployment %d is %s: %s", id, d.State, d.Message)
		}
	}
}

// TestWhatIsAtWorkStandsStill before its next phase, and goes on by itself.
func TestWhatIsAtWorkStandsStill(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	canary := slipway.Strategy{Type: slipway.StrategyCanary, Steps: []slipway.CanaryStep{{Weight: 10, Bake: slipway.Duration(time.Minute)}}}
	must(r.ApplyPipeline(r.ctx, root, app.ApplyPipeline{Pipeline: pipeline("shop", open, func(s *slipway.Stage) { s.Strategy = canary })}))(t)
	r.release("shop", "1", "2")
	r.live("1", "staging", "prod")
	r.live("2", "staging")
	d := r.step(r.promote(dev, "2", "prod").ID, 3)
	r.stopTheLine()
	stands := func() slipway.Deployment {
		t.Helper()
		for range 20 {
			r.step(d.ID, 1)
			r.after(10 * time.Second)
		}
		d := r.get(d.ID)
		if run := d.Current(); len(d.Runs) != 1 || run.State != slipway.Held {
			t.Fatalf("after %d phases it is %s, %s: %s", len(d.Runs), d.State, run.State, d.Message)
		}
		return d
	}
	if d := stands(); d.State != slipway.Running || d.Message != "10 % of traffic: done; the line is stopped by Root: payments are down." {
		t.Errorf("it is %s: %s", d.State, d.Message)
	}
	r.why(r.Why(r.ctx, viewer, d.ID))(fmt.Sprintf("Deployment %d of 2 to prod stands still: The line is stopped by Root: payments are down.", d.ID), "stop-the-line")
	must(r.Pause(r.ctx, dev, app.Control{Deployment: d.ID}))(t)
	r.letTheLineGo()
	if d := stands(); d.State != slipway.Paused {
		t.Errorf("the pause is lost: %s", d.State)
	}
	r.stopTheLine()
	must(r.Resume(r.ctx, dev, app.Control{Deployment: d.ID}))(t)
	stands()
	r.letTheLineGo()
	if d := r.drive(d.ID); d.State != slipway.Succeeded {
		t.Errorf("it is %s: %s", d.State, d.Message)
	}
}
