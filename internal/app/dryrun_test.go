package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// oracle answers gates that ask outside, as it is told.
type oracle struct {
	says  slipway.Result
	asked chan slipway.ProbeSubject
}

func (o oracle) Probe(ctx context.Context, g slipway.Gate, s slipway.ProbeSubject) slipway.Probe {
	if _, bounded := ctx.Deadline(); !bounded {
		return slipway.Probe{Result: slipway.Fail, Reason: "It was asked without a limit."}
	}
	if o.says == "" {
		panic("a fault of ours")
	}
	o.asked <- s
	return slipway.Probe{Result: o.says, Reason: g.Title() + " says so.", Who: "the board"}
}

func ticket(s *slipway.Stage) {
	s.Gates = []slipway.Gate{{External: &slipway.ExternalGate{Name: "ticket", URL: "https://change.example/ask", Interval: slipway.Duration(time.Minute), Within: slipway.Duration(time.Second)}}}
}

func (r *rig) dryRun(by slipway.Actor, environment, version string, change ...func(*app.Promote)) app.DryRun {
	r.t.Helper()
	c := app.Promote{Service: "shop", Environment: environment, Version: version}
	for _, f := range change {
		f(&c)
	}
	before := r.all()
	out := must(r.DryRun(r.ctx, by, c))(r.t)
	if r.all() != before {
		r.t.Fatal("a dry run changed something")
	}
	return out
}

func TestDryRuns(t *testing.T) {
	t.Parallel()
	r := shipped(t, "1")
	r.release("shop", "2")
	if out := r.dryRun(dev, "staging", "2"); !out.Starts() || out.Preview == "" || len(out.Changes) == 0 || len(out.Draft.Plan.Phases) != 2 || out.Takes != nil {
		t.Errorf("what would start at once: %+v", out)
	}
	if out := r.dryRun(viewer, "staging", "2"); out.Starts() || out.WhyNot == "" {
		t.Errorf("for who may not: %q", out.WhyNot)
	}
	if out := r.dryRun(dev, "staging", "1"); out.Starts() || gate(t, out.Refusals, "state").Reason != "1 is already live in staging. There is nothing to promote." {
		t.Errorf("what is live already: %+v", out.Refusals)
	}
	if out := r.dryRun(dev, "prod", "2"); out.Starts() || gate(t, out.Refusals, "order").Who == "" {
		t.Errorf("out of its turn: %+v", out.Refusals)
	}
	at := r.clock().Add(time.Hour)
	if out := r.dryRun(dev, "staging", "2", func(c *app.Promote) { c.NotBefore = &at }); out.Starts() || gate(t, out.Verdicts, "schedule").Result != slipway.Wait {
		t.Errorf("for later: %+v", out.Verdicts)
	}
	refused(t, of(r.DryRun(r.ctx, dev, app.Promote{Service: "shop", Environment: "staging", Version: "2", Part: &slipway.Part{Share: 10}})), slipway.CodeInvalid, "share")
	waits := r.drive(r.promote(dev, "1", "prod").ID)
	r.live("2", "staging")
	if out := r.dryRun(dev, "prod", "2"); out.Takes == nil || out.Takes.ID != waits.ID || gate(t, out.Verdicts, "approval").Result != slipway.Wait {
		t.Errorf("beside one that waits: %+v", out)
	}
	if out := r.dryRun(dev, "prod", "1"); gate(t, out.Refusals, "state").Reason != "Deployment 2 already asks for 1 in prod. Decide on that one." {
		t.Errorf("the same again: %+v", out.Refusals)
	}
	must(r.ApplyPipeline(r.ctx, root, app.ApplyPipeline{Pipeline: pipeline("shop", func(s *slipway.Stage) { s.Deployer.Name = "broken" })}))(t)
	if out := r.dryRun(dev, "prod", "2"); out.Starts() || out.Silent != "no route to host." || out.Preview != "" {
		t.Errorf("a deployer that is down: %q, %q", out.Preview, out.Silent)
	}
	r.step(r.promote(dev, "1", "staging").ID, 1)
	if out := r.dryRun(dev, "staging", "2", func(c *app.Promote) { c.Redeploy = true }); gate(t, out.Refusals, "active").Who == "" {
		t.Errorf("beside one at work: %+v", out.Refusals)
	}
}

// TestDryRunsAskOutside as the engine would, with a limit, and take a fault for
// an answer.
func TestDryRunsAskOutside(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	must(r.ApplyPipeline(r.ctx, root, app.ApplyPipeline{Pipeline: pipeline("shop", ticket)}))(t)
	r.release("shop", "1")
	r.live("1", "staging")
	says := func(want slipway.Result, reason string) {
		t.Helper()
		v := gate(t, r.dryRun(dev, "prod", "1").Verdicts, "external")
		if v.Result != want || v.Reason != reason {
			t.Errorf("%+v", v)
		}
	}
	says(slipway.Wait, "It is being asked.")
	asked := make(chan slipway.ProbeSubject, 2)
	r.Prober = oracle{slipway.Fail, asked}
	says(slipway.Fail, "ticket says so.")
	if s := <-asked; s.Service.Name != "shop" || s.Release.Version != "1" || s.Environment.Name != "prod" || s.Deployment.PlanDigest == "" || s.Deployment.RequestedBy.ID != dev.ID {
		t.Errorf("it was asked about %+v", s)
	}
	r.Prober = oracle{slipway.Pass, asked}
	if out := r.dryRun(dev, "prod", "1"); !out.Starts() {
		t.Errorf("with a yes: %+v", out.Verdicts)
	}
	r.Prober = oracle{"", asked}
	says(slipway.Unknown, "It could not be asked: a fault of ours.")
}
