package app_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// why checks the answer, and what keeps what it is about.
func (r *rig) why(w app.Why, err error) func(summary string, stands ...string) {
	r.t.Helper()
	ok(r.t, err)
	return func(summary string, stands ...string) {
		r.t.Helper()
		if w.Summary != summary {
			r.t.Errorf("it says  %q\nand not %q", w.Summary, summary)
		}
		var keys []string
		for _, v := range w.Stands {
			if keys = append(keys, v.Key); v.Who == "" || v.Reason == "" || v.Result == slipway.Pass {
				r.t.Errorf("%+v", v)
			}
		}
		same(r.t, keys, stands)
	}
}

func TestWhyADeploymentStandsStill(t *testing.T) {
	t.Parallel()
	r := busy(t)
	d := r.active("shop", "prod")
	r.why(r.Why(r.ctx, viewer, d.ID))("Deployment 4 of 2 to prod stands still: 0 of 1 approvals. 1 more from leads.", "approval")
	r.why(r.WhyStage(r.ctx, viewer, "shop", "prod"))("Deployment 4 of 2 to prod stands still: 0 of 1 approvals. 1 more from leads.", "approval")
	w := must(r.Why(r.ctx, viewer, d.ID))(t)
	if w.WhyNot[slipway.DeploymentApprove] == "" || w.WhyNot[slipway.LineStop] == "" || len(w.Verdicts) < 4 {
		t.Errorf("what a viewer could do: %v", w.WhyNot)
	}
	if w := must(r.Why(r.ctx, lead, d.ID))(t); w.WhyNot[slipway.DeploymentApprove] != "" {
		t.Errorf("an approver may not: %q", w.WhyNot[slipway.DeploymentApprove])
	}
	ok(t, r.approve(lead, d))
	r.why(r.Why(r.ctx, viewer, d.ID))("Deployment 4 of 2 to prod is about to start: every gate is open.")
	r.why(r.Why(r.ctx, viewer, r.active("till", "staging").ID))("Deployment 5 of 1 to staging is at work, and nothing keeps it: all of 1")
	r.why(r.Why(r.ctx, viewer, r.active("cart", "staging").ID))("Deployment 6 of 1 to staging stands still: Paused by Dev.", "pause")
	r.why(r.Why(r.ctx, viewer, r.newest("kiosk").ID))("Deployment 7 of 1 to staging has ended: version 1: it burns.")
}

func TestWhyNothingStartsInAStage(t *testing.T) {
	t.Parallel()
	r := frozen(t)
	hold := "Nothing new starts in staging of shop but rollbacks: staging of shop takes nothing but rollbacks until its hold is lifted: 2 failed and cannot be undone."
	r.why(r.WhyStage(r.ctx, viewer, "shop", "staging"))(hold, "hold")
	r.stopTheLine()
	must(r.LockEnvironment(r.ctx, root, app.LockEnvironment{Environment: "staging", Reason: "audit"}))(t)
	must(r.AddFreeze(r.ctx, root, app.AddFreeze{Environment: "staging", Reason: "sale", Until: r.clock().Add(time.Hour)}))(t)
	r.why(r.WhyStage(r.ctx, viewer, "shop", "staging"))(hold, "lock", "freeze", "stop-the-line", "hold")
	r.why(r.WhyStage(r.ctx, root, "shop", "staging"))(hold, "freeze", "stop-the-line", "hold") // whose lock it is
	r.letTheLineGo()
	must(r.UnlockEnvironment(r.ctx, root, app.UnlockEnvironment{Environment: "staging"}))(t)
	r.after(time.Hour)
	must(r.LiftHold(r.ctx, boss, app.LiftHold{Service: "shop", Environment: "staging"}))(t)
	r.why(r.WhyStage(r.ctx, viewer, "shop", "staging"))("Nothing is under way in staging of shop, and nothing keeps a promotion from starting but the gates of its plan.")
	r.drive(must(r.rollback(""))(t).ID)
	r.why(r.WhyStage(r.ctx, viewer, "shop", "staging"))("Nothing is under way in staging of shop, and nothing starts by itself: automation is held. People may promote.")
	refused(t, of(r.WhyStage(r.ctx, viewer, "shop", "moon")), hidden)
}
