package app_test

import (
	"testing"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestPipelineRevisions(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	apply := func(c app.ApplyPipeline) (app.Applied, error) { return r.ApplyPipeline(r.ctx, boss, c) }
	before := r.all()
	dry := must(apply(app.ApplyPipeline{Pipeline: pipeline("shop", open), DryRun: true}))(t)
	if !dry.Changed || dry.Before.Revision != 1 || dry.After.Revision != 2 {
		t.Errorf("the rehearsal says %d → %d, %v", dry.Before.Revision, dry.After.Revision, dry.Changed)
	}
	spaced := pipeline("shop")
	spaced.Stages[1].Deployer.Config = []byte("{ \"replicas\" :  2 }")
	if same := must(apply(app.ApplyPipeline{Pipeline: spaced}))(t); same.Changed || same.After.Revision != 1 {
		t.Errorf("the same pipeline made revision %d", same.After.Revision)
	}
	refused(t, of(apply(app.ApplyPipeline{Pipeline: pipeline("shop", open), IfRevision: 7})), slipway.CodeConflict, "at revision 1 by now, not 7")
	foreign := pipeline("shop", open)
	foreign.Team = "ops"
	refused(t, of(apply(app.ApplyPipeline{Pipeline: foreign})), slipway.CodeInvalid, "belongs to team web")
	if r.all() != before {
		t.Error("something changed")
	}
	done := must(apply(app.ApplyPipeline{Pipeline: pipeline("shop", open), IfRevision: 1}))(t)
	if !done.Changed || done.Before.Revision != 1 || done.After.Revision != 2 || done.After.AppliedBy != "Boss" || done.After.Team != "web" {
		t.Errorf("applied: %+v", done)
	}
	old, all, err := r.Pipeline(r.ctx, viewer, "shop", 1)
	ok(t, err)
	if len(all) != 2 || len(old.Stages[1].Gates) != 1 {
		t.Errorf("revision 1 of %d is %+v", len(all), old)
	}
}

// TestPipelineFaultsHaveLines: all of them at once, each where it is.
func TestPipelineFaultsHaveLines(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	p := pipeline("shop", func(s *slipway.Stage) {
		s.Environment, s.Deployer.Name = "moon", "rocket"
	})
	p.Stages[0].Deployer.Config = []byte(`{"replicas":0}`)
	before := r.all()
	e := refused(t, of(r.ApplyPipeline(r.ctx, boss, app.ApplyPipeline{Pipeline: p, Locate: func(faults []slipway.FieldError) []slipway.FieldError {
		for i := range faults {
			faults[i].Line = 10 + i
		}
		return faults
	}})), slipway.CodeInvalid, "line 10", "line 12", "moon", "rocket", "replicas")
	if len(e.Fields) != 3 || r.all() != before {
		t.Errorf("the faults are %+v", e.Fields)
	}
}

// TestPipelineWakesWhatWaits: a plan that is another now is made anew at once.
func TestPipelineWakesWhatWaits(t *testing.T) {
	t.Parallel()
	r, d := waiting(t)
	if due := must(r.store.Due(r.ctx, r.clock(), 9))(t); len(due) != 0 {
		t.Fatalf("due already: %v", due)
	}
	must(r.ApplyPipeline(r.ctx, boss, app.ApplyPipeline{Pipeline: pipeline("shop", open)}))(t)
	if due := must(r.store.Due(r.ctx, r.clock(), 9))(t); len(due) != 1 || due[0] != d.ID {
		t.Errorf("due: %v, want %d", due, d.ID)
	}
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Errorf("without gates it is %s: %s", d.State, d.Message)
	}
}

// TestRegisterFileIsOneThing: service and pipeline together, or neither.
func TestRegisterFileIsOneThing(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	file := app.RegisterFile{Service: slipway.Service{Name: "neu", Team: "web", Description: "new"}, Describes: true, Pipeline: pipeline("neu"), DryRun: true}
	before := r.all()
	dry := must(r.RegisterFile(r.ctx, boss, file))(t)
	if dry.Before.Name != "" || dry.Service.Name != "neu" || !dry.Pipeline.Changed || dry.Pipeline.After.Revision != 1 {
		t.Errorf("the rehearsal says %+v", dry)
	}
	faulty := file
	faulty.DryRun, faulty.Pipeline = false, pipeline("neu", func(s *slipway.Stage) { s.Environment = "moon" })
	refused(t, of(r.RegisterFile(r.ctx, boss, faulty)), slipway.CodeInvalid, "moon")
	if r.all() != before {
		t.Error("something changed")
	}
	file.DryRun = false
	must(r.RegisterFile(r.ctx, boss, file))(t)
	// Without a description of its own the file leaves what is there.
	again := must(r.RegisterFile(r.ctx, boss, app.RegisterFile{Service: slipway.Service{Name: "neu"}, Pipeline: pipeline("neu")}))(t)
	if again.Service.Description != "new" || again.Service.Team != "web" || again.Pipeline.Changed || again.Pipeline.After.Revision != 1 {
		t.Errorf("the same again says %+v", again)
	}
}

// TestALiveStageKeepsItsDeployer: another one could not stop what runs there.
func TestALiveStageKeepsItsDeployer(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	other := pipeline("shop")
	other.Stages[0].Deployer.Name = "other"
	r.Deployers = engine.NewRegistry(map[string]deployers.Deployer{"fake": r.fake, "other": fake.New(fake.Options{})})
	dry := app.ApplyPipeline{Pipeline: other, DryRun: true}
	must(r.ApplyPipeline(r.ctx, boss, dry))(t) // nothing is live yet
	r.release("shop", "1")
	r.live("1", other.Stages[0].Environment)
	refused(t, of(r.ApplyPipeline(r.ctx, boss, dry)), slipway.CodeInvalid, "stages[0].deployer.name", "by deployer fake, which would run on")
}
