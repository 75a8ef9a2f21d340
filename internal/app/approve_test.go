package app_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// waiting is release 1 in front of prod, whose gate is changed beforehand.
func waiting(t *testing.T, change ...func(*slipway.Stage)) (*rig, slipway.Deployment) {
	t.Helper()
	r := furnished(t)
	if len(change) > 0 {
		must(r.ApplyPipeline(r.ctx, boss, app.ApplyPipeline{Pipeline: pipeline("shop", change...)}))(t)
	}
	r.release("shop", "1")
	r.live("1", "staging")
	return r, r.drive(r.promote(dev, "1", "prod").ID)
}

func asking(count int, self bool, groups ...string) func(*slipway.Stage) {
	return func(s *slipway.Stage) {
		s.Gates = []slipway.Gate{{Approval: &slipway.ApprovalGate{Count: count, Groups: groups, SelfApproval: self}}}
	}
}

func (r *rig) approve(by slipway.Actor, d slipway.Deployment) error {
	return of(r.Approve(r.ctx, by, app.Approve{Deployment: d.ID, PlanDigest: d.PlanDigest}))
}

// TestApprovalIsForOnePlan: a yes counts for exactly the plan that was shown.
func TestApprovalIsForOnePlan(t *testing.T) {
	t.Parallel()
	r, d := waiting(t)
	refused(t, of(r.Approve(r.ctx, lead, app.Approve{Deployment: d.ID})), slipway.CodeInvalid, "digest of the plan")
	refused(t, of(r.Approve(r.ctx, lead, app.Approve{Deployment: d.ID, PlanDigest: "sha256:0000"})), slipway.CodeConflict, "changed since you saw it", slipway.ShortDigest(d.PlanDigest))
	// The pipeline changes; the engine has not looked yet, and still no yes to the old plan is taken.
	must(r.ApplyPipeline(r.ctx, boss, app.ApplyPipeline{Pipeline: pipeline("shop", func(s *slipway.Stage) { s.Deployer.Config = []byte(`{"replicas":5}`) })}))(t)
	refused(t, r.approve(lead, d), slipway.CodeConflict, "changed since you saw it")
	refused(t, of(r.Reject(r.ctx, lead, app.Reject{Deployment: d.ID, PlanDigest: "sha256:0000", Reason: "no"})), slipway.CodeConflict, "changed")
	now := r.drive(d.ID)
	if now.PlanDigest == d.PlanDigest || len(now.Replaced) != 1 {
		t.Fatalf("the plan was not made anew: %+v", now)
	}
	refused(t, r.approve(lead, d), slipway.CodeConflict, slipway.ShortDigest(now.PlanDigest))
	p := must(r.Deployment(r.ctx, lead, d.ID))(t)
	if len(p.Voided) == 0 || p.Voided[0].Name != "replicas" || p.VoteWhyNot != "" {
		t.Errorf("the page does not say what changed: %+v, %q", p.Voided, p.VoteWhyNot)
	}
	ok(t, r.approve(lead, now))
	if done := r.drive(d.ID); done.State != slipway.Succeeded || done.Plan.To.Replicas != 5 {
		t.Errorf("it ended %s with %d replicas", done.State, done.Plan.To.Replicas)
	}
}

// TestWhoseApprovalCounts: everybody whose click would change nothing is told so.
func TestWhoseApprovalCounts(t *testing.T) {
	t.Parallel()
	r, d := waiting(t, asking(2, false, "leads"))
	outsider := boss // maintainer, in no group
	refused(t, r.approve(outsider, d), slipway.CodeDenied, "belongs to none of leads")
	r.bind(dev, slipway.RoleApprover, "web")
	refused(t, r.approve(dev, d), slipway.CodeDenied, "does not approve it")
	machine := slipway.Actor{Kind: slipway.ActorServiceAccount, ID: "ci", Name: "ci", Groups: []string{"leads"}, Via: slipway.ViaREST}
	must(r.AddBinding(r.ctx, root, app.AddBinding{Binding: slipway.Binding{Subject: slipway.Subject{Kind: slipway.SubjectServiceAccount, Name: "ci"},
		Role: slipway.RoleApprover, Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: "web"}}}))(t)
	refused(t, r.approve(machine, d), slipway.CodeDenied, "Only people")
	refused(t, of(r.Reject(r.ctx, machine, app.Reject{Deployment: d.ID, Reason: "no"})), slipway.CodeDenied, "Only people")

	ok(t, r.approve(lead, d))
	refused(t, r.approve(lead, d), slipway.CodeConflict, "approved this plan already")
	if d = r.drive(d.ID); d.State != slipway.Waiting || gate(t, d.Verdicts, "approval").Have != 1 {
		t.Fatalf("one of two opened it: %s %+v", d.State, d.Verdicts)
	}
	ok(t, r.approve(second, d))
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Fatalf("two of two did not open it: %s %s", d.State, d.Message)
	}
	refused(t, r.approve(root, d), slipway.CodeConflict, "no longer waits: it is succeeded")
	refused(t, of(r.Reject(r.ctx, lead, app.Reject{Deployment: d.ID, Reason: "late"})), slipway.CodeConflict, "no longer waits")
	r.release("shop", "2")
	free := r.promote(dev, "2", "staging")
	refused(t, r.approve(lead, free), slipway.CodeDenied, "no gate of it asks for approval")
}

func TestSelfApprovalWhereAllowed(t *testing.T) {
	t.Parallel()
	r, d := waiting(t, asking(1, true, "leads"))
	r.bind(dev, slipway.RoleApprover, "web")
	ok(t, r.approve(dev, d))
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Errorf("it is %s: %s", d.State, d.Message)
	}
}

func TestRejectionEndsIt(t *testing.T) {
	t.Parallel()
	r, d := waiting(t, asking(2, false, "leads"))
	ok(t, r.approve(lead, d))
	refused(t, of(r.Reject(r.ctx, lead, app.Reject{Deployment: d.ID, Reason: "  "})), slipway.CodeInvalid, "reason")
	// Who said yes may think better of it; who asked may say no.
	d = must(r.Reject(r.ctx, lead, app.Reject{Deployment: d.ID, PlanDigest: d.PlanDigest, Reason: "the totals are off"}))(t)
	if d.State != slipway.Rejected || d.Message != "Rejected by Lead: the totals are off." || d.EndedAt == nil {
		t.Errorf("it is %s: %q", d.State, d.Message)
	}
	if next, err := r.engine.Step(r.ctx, d.ID); err != nil || !next.IsZero() {
		t.Errorf("the engine goes on: %v %v", next, err)
	}
	if s := r.stage("prod"); s.Live != nil {
		t.Error("it went live")
	}
}

func TestNoVoteForWhatWasSuperseded(t *testing.T) {
	t.Parallel()
	r, d := waiting(t)
	r.release("shop", "2")
	r.live("2", "staging")
	newer := r.promote(dev, "2", "prod")
	refused(t, r.approve(lead, d), slipway.CodeConflict, "no longer waits: it is superseded")
	ok(t, r.approve(lead, newer))
}

// TestPipelinePromotesDeveloperApproves: what Slipway itself asked for may be
// approved by the developer whose release it is.
func TestPipelinePromotesDeveloperApproves(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.bind(dev, slipway.RoleApprover, "web")
	_, _, err := r.CreateRelease(r.ctx, dev, app.CreateRelease{Service: "shop", Version: "1", Content: content("1")})
	ok(t, err)
	r.live("1", "staging")
	var d slipway.Deployment
	ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
		request := slipway.Request{Service: "shop", Environment: "prod", Version: "1", Cause: slipway.CausePromote, By: slipway.System("automation")}
		draft, err := slipway.MakeDraft(r.ctx, tx, r.Deployers, request)
		if err != nil {
			return err
		}
		d, err = slipway.Start(r.ctx, tx, r.Deployers, request, draft.Plan, r.clock())
		return err
	}))
	ok(t, r.approve(dev, d))
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Errorf("it is %s: %s", d.State, d.Message)
	}
}
