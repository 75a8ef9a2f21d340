package app_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// busy is a furnished installation where something of everything goes on: shop
// has 1 and 2 behind it and waits in prod, till is at work, cart is paused,
// kiosk has failed and is held, set 1 is to take till and cart to staging, the
// attic is locked and frozen, jobs of a repository come in by rule 1, a command
// line asks to be signed in, dev has a token and a chat account.
func busy(t *testing.T) *rig {
	t.Helper()
	return busyTemplate.from(t, furnished, (*rig).keepBusy)
}

func (r *rig) keepBusy() {
	t := r.t
	r.release("shop", "1", "2")
	r.live("1", "staging", "prod")
	r.live("2", "staging")
	r.drive(r.promote(dev, "2", "prod").ID)
	for _, name := range []string{"till", "cart", "kiosk"} {
		must(r.RegisterService(r.ctx, boss, app.RegisterService{Service: slipway.Service{Name: name, Team: "web"}}))(t)
		must(r.ApplyPipeline(r.ctx, boss, app.ApplyPipeline{Pipeline: pipeline(name)}))(t)
		r.release(name, "1")
		d := must(r.Promote(r.ctx, dev, app.Promote{Service: name, Environment: "staging", Version: "1"}))(t)
		switch name {
		case "till":
			r.step(d.ID, 1)
		case "cart":
			r.step(d.ID, 1)
			must(r.Pause(r.ctx, dev, app.Control{Deployment: d.ID}))(t)
		case "kiosk":
			ok(t, r.fake.SetScript(r.ctx, deployers.Target{Service: name, Environment: "staging"}, "1", fake.Script{Fail: "it burns"}))
			if d = r.drive(d.ID); d.State != slipway.Failed {
				t.Fatalf("kiosk is %s", d.State)
			}
		}
	}
	must(r.PromoteSet(r.ctx, boss, app.PromoteSet{Name: "evening", Environment: "staging", Items: []app.SetItem{
		{Service: "till", Version: "1"}, {Service: "cart", Version: "1", After: []string{"till"}}}}))(t)
	must(r.PutEnvironment(r.ctx, root, app.PutEnvironment{Environment: slipway.Environment{Name: "attic", Tier: slipway.TierDevelopment}}))(t)
	must(r.LockEnvironment(r.ctx, root, app.LockEnvironment{Environment: "attic", Reason: "dust"}))(t)
	must(r.AddCalendar(r.ctx, root, weekends("attic")))(t)
	must(r.AddFreeze(r.ctx, root, app.AddFreeze{Environment: "attic", Reason: "winter", Until: r.clock().Add(time.Hour)}))(t)
	for _, environment := range []string{"staging", "prod"} {
		for _, value := range []string{"1", "2"} {
			must(r.SetSecrets(r.ctx, dev, app.SetSecrets{Service: "shop", Environment: environment, Changes: changes("KEY", value)}))(t)
		}
	}
	r.tell()
	r.keepRotating()
	must(r.AddTrustRule(r.ctx, boss, trustRule()))(t)
	r.asks("device", "BCDFGHJK")
	must(r.CreateToken(r.ctx, dev, app.CreateToken{ID: "t1", SecretHash: "hash", Name: "laptop"}))(t)
	must(r.LinkChat(r.ctx, dev, app.LinkChat{Account: slackUser("U-dev"), Name: "@dev", Link: "first"}))(t)
}

// keepRotating has bank live in staging, with a key that has another value since,
// and dev ask for a change of its secrets in prod, which two have to approve.
func (r *rig) keepRotating() {
	must(r.RegisterService(r.ctx, boss, app.RegisterService{Service: slipway.Service{Name: "bank", Team: "web"}}))(r.t)
	p := pipeline("bank")
	p.Stages[0].Secrets = []string{"KEY"}
	p.Stages[1].SecretsBy = &slipway.ApprovalGate{Count: 2}
	must(r.ApplyPipeline(r.ctx, boss, app.ApplyPipeline{Pipeline: p}))(r.t)
	r.release("bank", "1")
	keep := func(value string) {
		must(r.SetSecrets(r.ctx, dev, app.SetSecrets{Service: "bank", Environment: "staging", Changes: changes("KEY", value)}))(r.t)
	}
	keep("1")
	d := must(r.Promote(r.ctx, dev, app.Promote{Service: "bank", Environment: "staging", Version: "1"}))(r.t)
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		r.t.Fatalf("bank is %s: %s", d.State, d.Message)
	}
	keep("2")
	asked := must(r.SetSecrets(r.ctx, dev, app.SetSecrets{Service: "bank", Environment: "prod", Changes: changes("KEY", "1")}))(r.t)
	if asked.Proposal != 1 {
		r.t.Fatalf("nobody is asked for approval: %+v", asked)
	}
}

func (r *rig) active(service, environment string) (d slipway.Deployment) {
	r.t.Helper()
	r.read(func(tx slipway.Tx) (err error) {
		d, err = tx.Deployments().Active(r.ctx, service, environment)
		return err
	})
	return d
}

func (r *rig) newest(service string) slipway.Deployment {
	r.t.Helper()
	var list []slipway.Deployment
	r.read(func(tx slipway.Tx) (err error) {
		list, _, err = tx.Deployments().List(r.ctx, slipway.DeploymentFilter{Service: service}, slipway.Page{Limit: 1})
		return err
	})
	return list[0]
}
