package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// held is a deployment that Lead has approved and a lock still holds.
func held(t *testing.T) (*rig, slipway.Deployment) {
	t.Helper()
	r, d := waiting(t)
	must(r.LockEnvironment(r.ctx, root, app.LockEnvironment{Environment: d.Environment, Reason: "audit"}))(t)
	ok(t, r.approve(lead, d))
	return r, r.drive(d.ID)
}

// person changes what is known of somebody.
func (r *rig) person(id string, change func(*slipway.User)) {
	r.t.Helper()
	ok(r.t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
		u, err := tx.People().User(r.ctx, id)
		if err != nil {
			return err
		}
		change(&u)
		return tx.People().PutUser(r.ctx, u)
	}))
}

// unbind takes every role from somebody.
func (r *rig) unbind(a slipway.Actor) {
	r.t.Helper()
	for _, b := range must(r.Access(r.ctx, root))(r.t).Bindings {
		if b.Subject.Name == a.ID {
			ok(r.t, r.RemoveBinding(r.ctx, root, app.RemoveBinding{Binding: b.ID}))
		}
	}
}

// TestAnApprovalEndsWithTheRightToGiveIt: it is asked for again in the moment
// that the deployment would start.
func TestAnApprovalEndsWithTheRightToGiveIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*rig)
		says   string
	}{
		"nothing":    {func(*rig) {}, ""},
		"the role":   {func(r *rig) { r.unbind(lead) }, "Lead's approval no longer counts: Lead may not approve there any more."},
		"the group":  {func(r *rig) { r.person(lead.ID, func(u *slipway.User) { u.Groups = []string{"others"} }) }, "Lead's approval no longer counts: Lead belongs to none of leads any more."},
		"everything": {func(r *rig) { r.person(lead.ID, func(u *slipway.User) { u.Disabled = true }) }, "Lead's approval no longer counts: the account is disabled."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, d := held(t)
			if v := gate(t, d.Verdicts, "approval"); v.Result != slipway.Pass {
				t.Fatalf("before: %+v", v)
			}
			c.change(r)
			must(r.UnlockEnvironment(r.ctx, root, app.UnlockEnvironment{Environment: d.Environment}))(t)
			d = r.drive(d.ID)
			if c.says == "" {
				if d.State != slipway.Succeeded {
					t.Fatalf("it is %s: %s", d.State, d.Message)
				}
				return
			}
			v := gate(t, d.Verdicts, "approval")
			if d.State != slipway.Waiting || v.Have != 0 || v.Result != slipway.Wait || !strings.HasSuffix(v.Reason, c.says) {
				t.Fatalf("it is %s: %+v", d.State, v)
			}
			page := must(r.Deployment(r.ctx, dev, d.ID))(t)
			if v := gate(t, page.Verdicts, "approval"); !strings.HasSuffix(v.Reason, c.says) || len(page.Votes) != 1 {
				t.Errorf("the page says %+v and shows %d votes", v, len(page.Votes))
			}
			ok(t, r.approve(second, d))
			if d = r.drive(d.ID); d.State != slipway.Succeeded {
				t.Errorf("approved by another it is %s: %s", d.State, d.Message)
			}
		})
	}
}

// TestAnApprovalMayCountAtOneGateOnly: a group that the voter has left is no
// matter to a gate that asks for none.
func TestAnApprovalMayCountAtOneGateOnly(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	must(r.ApplyPipeline(r.ctx, root, app.ApplyPipeline{Pipeline: pipeline("shop", func(s *slipway.Stage) {
		s.Gates = []slipway.Gate{{Approval: &slipway.ApprovalGate{Count: 1, Groups: []string{"leads"}}}, {Approval: &slipway.ApprovalGate{Count: 1}},
			{Soak: &slipway.SoakGate{In: "staging", For: slipway.Duration(time.Hour)}}}
	})}))(t)
	r.release("shop", "1")
	r.live("1", "staging")
	d := r.drive(r.promote(dev, "1", "prod").ID)
	ok(t, r.approve(lead, d))
	r.person(lead.ID, func(u *slipway.User) { u.Groups = nil })
	var results []slipway.Result
	for _, v := range r.drive(d.ID).Verdicts {
		if v.Gate == "approval" {
			results = append(results, v.Result)
		}
	}
	if len(results) != 2 || results[0] != slipway.Wait || results[1] != slipway.Pass {
		t.Errorf("the gates say %v", results)
	}
}
