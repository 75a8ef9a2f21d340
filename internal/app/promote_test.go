package app_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (r *rig) tryPromote(version, environment string) error {
	return of(r.Promote(r.ctx, dev, app.Promote{Service: "shop", Version: version, Environment: environment}))
}

// TestWhatCannotBePromoted: each refusal says what is in the way, and nothing
// is started.
func TestWhatCannotBePromoted(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.release("shop", "1", "2")
	e := refused(t, r.tryPromote("1", "prod"), slipway.CodeBlocked, "Nothing was started")
	if v := gate(t, e.BlockedBy, "order"); v.Result != slipway.Fail || v.Who != "who may promote to staging" {
		t.Errorf("the order is explained as %+v", v)
	}
	refused(t, r.tryPromote("9", "staging"), hidden, "release")
	refused(t, r.tryPromote("1", "moon"), hidden, "moon")
	refused(t, of(r.Promote(r.ctx, dev, app.Promote{Service: "nothing", Version: "1", Environment: "staging"})), hidden, "service")
	must(r.RegisterService(r.ctx, boss, app.RegisterService{Service: slipway.Service{Name: "bare", Team: "web"}}))(t)
	refused(t, of(r.Promote(r.ctx, dev, app.Promote{Service: "bare", Version: "1", Environment: "staging"})), slipway.CodeConflict, "no pipeline yet")
	r.live("1", "staging")
	refused(t, r.tryPromote("1", "staging"), slipway.CodeConflict, "already live in staging")
	refused(t, of(r.Promote(r.ctx, dev, app.Promote{Service: "shop", Version: "2", Environment: "staging", Redeploy: true})), slipway.CodeConflict, "not live in staging")
	again := must(r.Promote(r.ctx, dev, app.Promote{Service: "shop", Version: "1", Environment: "staging", Redeploy: true}))(t)
	if again = r.drive(again.ID); again.Cause != slipway.CauseRedeploy || again.State != slipway.Succeeded {
		t.Errorf("a redeployment is %s and ended %s", again.Cause, again.State)
	}
}

// TestDeployerThatCannotPreview: without evidence nothing is started.
func TestDeployerThatCannotPreview(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.release("shop", "1")
	p := pipeline("shop")
	p.Stages[0].Deployer.Name = "broken"
	must(r.ApplyPipeline(r.ctx, boss, app.ApplyPipeline{Pipeline: p}))(t)
	before := r.all()
	refused(t, r.tryPromote("1", "staging"), slipway.CodeUnavailable, "no route to host", "Nothing was started")
	if r.all() != before {
		t.Error("something was started")
	}
}

// TestOneAtATime: what waits gives way to what is newer, what is at work does not.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.release("shop", "1", "2")
	first := r.promote(dev, "1", "staging")
	refused(t, r.tryPromote("1", "staging"), slipway.CodeConflict, fmt.Sprintf("Deployment %d already asks for 1", first.ID))
	newer := r.promote(dev, "2", "staging")
	if old := r.get(first.ID); old.State != slipway.Superseded || old.SupersededBy != newer.ID || old.Message != "2 took its place." {
		t.Errorf("the older is %s by %d: %q", old.State, old.SupersededBy, old.Message)
	}
	if newer = r.step(newer.ID, 1); newer.State != slipway.Running {
		t.Fatalf("it is %s", newer.State)
	}
	e := refused(t, r.tryPromote("1", "staging"), slipway.CodeBlocked, "Nothing was started")
	if v := gate(t, e.BlockedBy, "active"); v.Result != slipway.Wait || v.Since == nil || v.Who == "" {
		t.Errorf("what is at work is explained as %+v", v)
	}
}

// TestOutlookSaysWhatPromoteWould: the same refusals and gates, and no trace.
func TestOutlookSaysWhatPromoteWould(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.release("shop", "1")
	before := r.all()
	o := must(r.Outlook(r.ctx, viewer, app.Promote{Service: "shop", Version: "1", Environment: "prod"}))(t)
	if gate(t, o.Refusals, "order"); o.WhyNot == "" || gate(t, o.Verdicts, "approval").Need != 1 {
		t.Errorf("the outlook is %+v", o)
	}
	if r.all() != before {
		t.Error("looking changed something")
	}
}

// TestSixtyFourAtOnce: however many ask for the same stage at the same time,
// one is active, and every other either was told why or gave way (I1).
func TestSixtyFourAtOnce(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	const askers = 64
	for i := range askers {
		r.release("shop", fmt.Sprint(i))
	}
	entries := r.count("audit")
	var started, refusals sync.Map
	var wg sync.WaitGroup
	for i := range askers {
		wg.Go(func() {
			version := fmt.Sprint(i / 2) // each version is asked for twice
			d, err := r.Promote(r.ctx, dev, app.Promote{Service: "shop", Version: version, Environment: "staging"})
			if err != nil {
				refusals.Store(i, err)
				return
			}
			started.Store(d.ID, version)
		})
	}
	wg.Wait()
	count, active := 0, 0
	started.Range(func(id, _ any) bool {
		count++
		switch d := r.get(id.(int64)); {
		case d.State.Active():
			active++
		case d.State != slipway.Superseded || d.SupersededBy <= d.ID:
			t.Errorf("deployment %d is %s by %d", d.ID, d.State, d.SupersededBy)
		}
		return true
	})
	refusals.Range(func(_, err any) bool {
		refused(t, err.(error), slipway.CodeConflict)
		return true
	})
	if active != 1 || count == 0 {
		t.Errorf("%d of %d are active", active, count)
	}
	// One entry for each that started, and one for each that gave way.
	if got := r.count("audit") - entries; got != 2*count-1 {
		t.Errorf("%d entries for %d deployments", got, count)
	}
	for _, chain := range must(app.VerifyAudit(r.ctx, r.store))(t) {
		if chain.Fault != "" {
			t.Error(chain.Fault)
		}
	}
}
