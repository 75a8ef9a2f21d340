package app_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// tenth has 1 live in prod, and gives newer releases a tenth of its traffic.
func tenth(t *testing.T, content1, content2 slipway.ReleaseContent) *rig {
	t.Helper()
	r := furnished(t)
	must(r.ApplyPipeline(r.ctx, root, app.ApplyPipeline{Pipeline: pipeline("shop", open, func(s *slipway.Stage) {
		s.Strategy = slipway.Strategy{Type: slipway.StrategyPartial, Share: 10}
	})}))(t)
	for version, content := range map[string]slipway.ReleaseContent{"1": content1, "2": content2} {
		_, _, err := r.CreateRelease(r.ctx, root, app.CreateRelease{Service: "shop", Version: version, Content: content})
		ok(t, err)
	}
	r.live("1", "staging", "prod")
	r.live("2", "staging")
	r.after(time.Hour)
	return r
}

func (r *rig) give(part *slipway.Part) (slipway.Deployment, error) {
	return r.Promote(r.ctx, dev, app.Promote{Service: "shop", Version: "2", Environment: "prod", Part: part})
}

// has drives a deployment and checks who has what of prod after it.
func (r *rig) has(d slipway.Deployment, live string, share int) {
	r.t.Helper()
	if d = r.drive(d.ID); d.State != slipway.Succeeded || len(d.Replaced) > 0 {
		r.t.Fatalf("it is %s: %s; %d plans were replaced", d.State, d.Message, len(d.Replaced))
	}
	s, got := r.stage("prod"), 0
	if s.Partial != nil {
		got = s.Partial.Share
	}
	if s.Live == nil || s.Live.Spec.Version != live || got != share {
		r.t.Fatalf("live is %+v, beside it %+v", s.Live, s.Partial)
	}
}

// TestAPartIsGivenWidenedAndWithdrawn, and it never becomes something to go
// back to.
func TestAPartIsGivenWidenedAndWithdrawn(t *testing.T) {
	t.Parallel()
	r := tenth(t, content("1"), content("2"))
	since := r.stage("prod").Live.Since
	back := func() slipway.Deployment {
		return must(r.Rollback(r.ctx, lead, app.Rollback{Service: "shop", Environment: "prod", Reason: "enough"}))(t)
	}
	r.has(must(r.give(nil))(t), "1", 10)
	refused(t, of(r.give(nil)), slipway.CodeConflict, "2 already has 10 % of the traffic in prod.")
	refused(t, of(r.give(&slipway.Part{Share: 10})), slipway.CodeConflict, "2 already has 10 %")
	r.has(must(r.give(&slipway.Part{Share: 30}))(t), "1", 30)
	p := must(r.RollbackPreview(r.ctx, lead, "shop", "prod", ""))(t)
	if len(p.Targets) != 1 || !p.Chosen.Current || p.Chosen.Spec.Version != "1" || len(p.Changes) == 0 {
		t.Fatalf("to go back to: %+v, with %+v", p.Targets, p.Changes)
	}
	if page := must(r.StagePage(r.ctx, lead, "shop", "prod"))(t); page.RollbackTo != "1" {
		t.Errorf("the page goes back to %q", page.RollbackTo)
	}
	d := back()
	refused(t, of(r.Rollback(r.ctx, lead, app.Rollback{Service: "shop", Environment: "prod"})), slipway.CodeConflict, "already goes back to 1")
	r.has(d, "1", 0)
	if now := r.stage("prod").Live.Since; !now.Equal(since) {
		t.Errorf("1 is live since %s, not since %s", now, since)
	}
	refused(t, of(r.Rollback(r.ctx, lead, app.Rollback{Service: "shop", Environment: "prod"})), slipway.CodeConflict, "Nothing earlier has run well")
	must(r.LiftHold(r.ctx, boss, app.LiftHold{Service: "shop", Environment: "prod"}))(t)
	r.has(must(r.give(&slipway.Part{Share: 100}))(t), "2", 0)
	r.has(back(), "1", 0)
}

func TestPartsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := tenth(t, content("1"), content("2"))
	r.release("shop", "3")
	for name, part := range map[string]slipway.Part{"share": {Share: 101}, "match[0]": {Match: []slipway.Match{{Value: "eu"}}}} {
		e := refused(t, of(r.give(&part)), slipway.CodeInvalid)
		if len(e.Fields) != 1 || e.Fields[0].Field != name {
			t.Errorf("%s: %v", name, e.Fields)
		}
	}
	refused(t, of(r.Promote(r.ctx, dev, app.Promote{Service: "shop", Version: "3", Environment: "staging", Part: &slipway.Part{Share: 5}})),
		slipway.CodeInvalid, "share: is for a partial strategy, and that of staging is recreate")
}

// TestWithdrawingAsksForWhatIsIrreversible as any way back does.
func TestWithdrawingAsksForWhatIsIrreversible(t *testing.T) {
	t.Parallel()
	lasting := content("2")
	lasting.Reversible = false
	r := tenth(t, content("1"), lasting)
	r.has(must(r.give(nil))(t), "1", 10)
	c := app.Rollback{Service: "shop", Environment: "prod", Reason: "enough"}
	e := refused(t, of(r.Rollback(r.ctx, lead, c)), slipway.CodeBlocked, "2 is marked irreversible")
	gate(t, e.BlockedBy, "irreversible")
	if p := must(r.RollbackPreview(r.ctx, lead, "shop", "prod", ""))(t); !p.Irreversible {
		t.Error("the page does not warn")
	}
	c.AcceptIrreversible = true
	r.has(must(r.Rollback(r.ctx, lead, c))(t), "1", 0)
}

// TestAPromotionWaitsForItsTime, and a part and a time stay with a plan that is
// made anew.
func TestAPromotionWaitsForItsTime(t *testing.T) {
	t.Parallel()
	r := tenth(t, content("1"), content("2"))
	at := r.clock().Add(36 * time.Hour)
	promote := func(at time.Time) (slipway.Deployment, error) {
		return r.Promote(r.ctx, dev, app.Promote{Service: "shop", Version: "2", Environment: "prod", NotBefore: &at, Part: &slipway.Part{Share: 20}})
	}
	refused(t, of(promote(r.clock().Add(90*24*time.Hour+time.Second))), slipway.CodeInvalid, "at: is at most 90 days ahead")
	d := r.drive(must(promote(at))(t).ID)
	v := gate(t, d.Verdicts, "schedule")
	if d.State != slipway.Waiting || v.Until == nil || !v.Until.Equal(at) || v.Who == "" || v.Reason != "Scheduled for "+at.Format("Mon 2 Jan 2006 15:04")+" UTC." {
		t.Fatalf("it is %s: %+v", d.State, v)
	}
	must(r.ApplyPipeline(r.ctx, root, app.ApplyPipeline{Pipeline: pipeline("shop", open, func(s *slipway.Stage) {
		s.Strategy, s.Deadline = slipway.Strategy{Type: slipway.StrategyPartial, Share: 10}, slipway.Duration(time.Hour)
	})}))(t)
	if d = r.drive(d.ID); len(d.Replaced) != 1 || d.Plan.NotBefore == nil || !d.Plan.NotBefore.Equal(at) || d.Plan.Strategy.Share != 20 {
		t.Fatalf("the plan made anew is for %v, %+v", d.Plan.NotBefore, d.Plan.Strategy)
	}
	r.after(at.Sub(r.clock()) - 2*time.Second)
	if d = r.drive(d.ID); d.State != slipway.Waiting {
		t.Fatalf("shortly before its time it is %s", d.State)
	}
	r.after(2 * time.Second)
	if d = r.drive(d.ID); d.State != slipway.Succeeded || d.StartedAt.Before(at) || r.stage("prod").Partial.Share != 20 {
		t.Fatalf("at its time it is %s: %s", d.State, d.Message)
	}
	r.release("shop", "3")
	past := r.clock().Add(-time.Hour)
	d = must(r.Promote(r.ctx, dev, app.Promote{Service: "shop", Version: "3", Environment: "staging", NotBefore: &past}))(t)
	if d.Plan.NotBefore != nil || r.drive(d.ID).State != slipway.Succeeded {
		t.Errorf("with a time that has passed it waits for %v", d.Plan.NotBefore)
	}
}
