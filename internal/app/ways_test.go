package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// choosy is a deployer that some ways are closed to.
type choosy struct {
	*fake.Deployer
	say  error
	ways [][]deployers.Desired
}

func (c *choosy) CheckWay(_ context.Context, t deployers.Target, way []deployers.Desired) error {
	if t.Environment != "staging" {
		return nil
	}
	c.ways = append(c.ways, way)
	return c.say
}

func shares(way []deployers.Desired) string {
	var out []string
	for _, d := range way {
		for _, t := range d.Tracks {
			out = append(out, fmt.Sprintf("%s:%d", t.Version, t.Weight))
		}
	}
	return strings.Join(out, " ")
}

// TestAWayIsAskedForWhenAPipelineIsApplied: with a release live, a no refuses the
// pipeline; before that, and where nobody answers, it is a warning.
func TestAWayIsAskedForWhenAPipelineIsApplied(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	c := &choosy{Deployer: r.fake}
	r.Deployers = engine.NewRegistry(map[string]deployers.Deployer{"fake": c})
	apply := func(dry bool) (app.Applied, error) {
		return r.ApplyPipeline(r.ctx, boss, app.ApplyPipeline{Pipeline: pipeline("shop", open), DryRun: dry})
	}
	file := app.RegisterFile{Service: slipway.Service{Name: "shop"}, Pipeline: pipeline("shop", open), DryRun: true}
	misfit, lost := deployers.Terminal(errors.New("the Rollout waits at 25 %, but nothing of the strategy does")), errors.New("connection refused")

	c.say = misfit
	if out := must(apply(true))(t); len(out.Warnings) != 0 || len(c.ways) != 0 {
		t.Errorf("without a release: %v, asked %d times", out.Warnings, len(c.ways))
	}
	r.release("shop", "1")
	for _, say := range []error{misfit, lost} {
		c.say = say
		if out := must(apply(true))(t); len(out.Warnings) != 1 || !strings.Contains(out.Warnings[0], "staging: ") || !strings.Contains(out.Warnings[0], say.Error()) {
			t.Errorf("before anything is live: %q", out.Warnings)
		}
	}
	if way := shares(c.ways[0]); !strings.HasPrefix(way, "1:100 ") || !strings.HasSuffix(way, " next:100") {
		t.Errorf("asked about %s", way)
	}
	c.say = nil
	r.live("1", "staging")

	before := r.all()
	c.say, c.ways = misfit, nil
	for _, dry := range []bool{true, false} {
		refused(t, of(apply(dry)), slipway.CodeInvalid, "stages[0].strategy", misfit.Error())
	}
	refused(t, of(r.RegisterFile(r.ctx, boss, file)), slipway.CodeInvalid, "stages[0].strategy", misfit.Error())
	run := must(r.DryRun(r.ctx, boss, app.Promote{Service: "shop", Environment: "staging", Version: "1", Redeploy: true}))(t)
	if len(run.Refusals) == 0 || !strings.Contains(run.Refusals[len(run.Refusals)-1].Reason, misfit.Error()) || run.Silent != "" {
		t.Errorf("a rehearsed promotion says %+v, %q", run.Refusals, run.Silent)
	}
	if r.all() != before {
		t.Error("something changed")
	}

	c.say = lost
	if out := must(r.RegisterFile(r.ctx, boss, file))(t); len(out.Pipeline.Warnings) != 1 {
		t.Errorf("a file: %q", out.Pipeline.Warnings)
	}
	if _, err := r.ApplyPipeline(r.ctx, viewer, app.ApplyPipeline{Pipeline: pipeline("shop", open)}); slipway.CodeOf(err) == "" {
		t.Error("a viewer applied it")
	}
	asked := len(c.ways)
	if out := must(apply(false))(t); len(out.Warnings) != 1 || !strings.Contains(out.Warnings[0], "could not be asked") || !out.Changed || len(c.ways) != asked+1 {
		t.Errorf("a deployer that does not answer: %+v", out)
	}
}
