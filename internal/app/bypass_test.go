package app_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (r *rig) bypass(by slipway.Actor, d slipway.Deployment, gate string) error {
	return of(r.Bypass(r.ctx, by, app.Bypass{Deployment: d.ID, Gate: gate, Reason: " it burns "}))
}

// TestABypassGoesAroundOneGate, is loud in the audit, and is no approval.
func TestABypassGoesAroundOneGate(t *testing.T) {
	t.Parallel()
	r, d := waiting(t)
	must(r.LockEnvironment(r.ctx, root, app.LockEnvironment{Environment: "prod", Reason: "audit"}))(t)
	for _, by := range []slipway.Actor{dev, lead, boss} {
		refused(t, r.bypass(by, d, "approval"), denied, "You may not bypass gates of shop in prod", "Who can: admins")
	}
	machine := root
	machine.Kind = slipway.ActorServiceAccount
	r.bindAccount(machine.ID)
	refused(t, r.bypass(machine, d, "approval"), denied, "Only people bypass a gate.")
	refused(t, of(r.Bypass(r.ctx, root, app.Bypass{Deployment: d.ID, Gate: "lock", Reason: " "})), slipway.CodeInvalid, "reason")
	refused(t, of(r.Bypass(r.ctx, root, app.Bypass{Deployment: d.ID, Gate: "lock", Reason: "x", PlanDigest: "sha256:0"})), slipway.CodeConflict, "changed since you saw it")
	refused(t, r.bypass(root, d, "moon"), slipway.CodeInvalid, "gate: is one of lock, approval")
	refused(t, r.bypass(root, d, "freeze"), slipway.CodeConflict, "The gate freeze is open: prod is not frozen.")

	ok(t, r.bypass(root, d, "approval"))
	e, detail := r.audit(1)[0], map[string]any{}
	ok(t, json.Unmarshal(e.Detail, &detail))
	if e.Action != "gate.bypassed" || e.Actor.ID != root.ID || e.Summary != "Root bypassed the gate approval for 1 to prod: it burns" || detail["plan"] != d.PlanDigest ||
		detail["gate"] != "approval" || detail["reason"] != "it burns" || detail["said"] != "0 of 1 approvals. 1 more from leads." {
		t.Errorf("the audit says %+v, %s", e, e.Detail)
	}
	d = r.drive(d.ID)
	v := gate(t, d.Verdicts, "approval")
	if d.State != slipway.Waiting || v.Result != slipway.Pass || v.Bypassed != "Root: it burns" || v.Have != 0 {
		t.Fatalf("it is %s: %+v", d.State, v)
	}
	refused(t, r.bypass(root, d, "approval"), slipway.CodeConflict, "The gate approval is open")
	page := must(r.Deployment(r.ctx, viewer, d.ID))(t)
	if len(page.Votes) != 0 || len(page.Bypasses) != 1 || page.Bypasses[0].Gate != "approval" || page.WhyNot[slipway.GateBypass] == "" {
		t.Errorf("the page shows %d votes, %+v", len(page.Votes), page.Bypasses)
	}
	ok(t, r.bypass(root, d, "lock"))
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Errorf("it is %s: %s", d.State, d.Message)
	}
	refused(t, r.bypass(root, d, "lock"), slipway.CodeConflict, "no longer waits")
}

// TestABypassIsForOnePlan and for what was there to see.
func TestABypassIsForOnePlan(t *testing.T) {
	t.Parallel()
	r, d := waiting(t)
	ok(t, r.bypass(root, d, "approval"))
	must(r.LockEnvironment(r.ctx, root, app.LockEnvironment{Environment: "prod", Reason: "audit"}))(t)
	must(r.ApplyPipeline(r.ctx, boss, app.ApplyPipeline{Pipeline: pipeline("shop", func(s *slipway.Stage) { s.Deployer.Config = []byte(`{"replicas":5}`) })}))(t)
	d = r.drive(d.ID)
	if v := gate(t, d.Verdicts, "approval"); len(d.Replaced) != 1 || v.Result != slipway.Wait || v.Bypassed != "" {
		t.Fatalf("after %d other plans: %+v", len(d.Replaced), v)
	}
	ok(t, r.bypass(root, d, "approval"))
	ok(t, r.bypass(root, d, "lock"))
	must(r.UnlockEnvironment(r.ctx, root, app.UnlockEnvironment{Environment: "prod"}))(t)
	r.after(time.Second)
	must(r.LockEnvironment(r.ctx, root, app.LockEnvironment{Environment: "prod", Reason: "another"}))(t)
	if d = r.drive(d.ID); d.State != slipway.Waiting || gate(t, d.Verdicts, "lock").Result != slipway.Wait {
		t.Errorf("a bypass of one lock opened another: %s", d.State)
	}
}

// TestWhatCannotBeBypassed says what to do instead.
func TestWhatCannotBeBypassed(t *testing.T) {
	t.Parallel()
	r, d := waiting(t)
	must(r.BlockRelease(r.ctx, dev, app.BlockRelease{Service: "shop", Version: "1", Reason: "leaks"}))(t)
	e := refused(t, r.bypass(root, d, "block"), slipway.CodeBlocked, "The gate block cannot be bypassed.", "1 is blocked by Dev: leaks.")
	if v := gate(t, e.BlockedBy, "block"); v.Who == "" {
		t.Errorf("nobody can change it: %+v", v)
	}
}

// bindAccount makes a service account an admin.
func (r *rig) bindAccount(id string) {
	r.t.Helper()
	must(r.AddBinding(r.ctx, root, app.AddBinding{Binding: slipway.Binding{Role: slipway.RoleAdmin,
		Subject: slipway.Subject{Kind: slipway.SubjectServiceAccount, Name: id}, Scope: slipway.Scope{Kind: slipway.ScopeOrganisation}}}))(r.t)
}
