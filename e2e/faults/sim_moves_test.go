package faults_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// What happens in the simulation, move by move.

var simServices = []string{"shop", "cart", "mail"}

var simPeople = []slipway.Actor{
	{Kind: slipway.ActorUser, ID: "root", Name: "Root", Groups: []string{"admins"}, Via: slipway.ViaBrowser},
	{Kind: slipway.ActorUser, ID: "lead", Name: "Lead", Groups: []string{"admins"}, Via: slipway.ViaBrowser},
}

// settleIn makes what there is to deploy, before anything goes wrong.
func (s *sim) settleIn() {
	ctx, root := context.Background(), simPeople[0]
	must := func(err error) {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	_, err := s.people.PutTeam(ctx, root, app.PutTeam{Team: slipway.Team{Name: "web"}})
	must(err)
	for i, name := range []string{"dev", "prod"} {
		_, err := s.people.PutEnvironment(ctx, root, app.PutEnvironment{Environment: slipway.Environment{Name: name, Rank: i, Tier: slipway.TierStaging}})
		must(err)
	}
	for _, name := range simServices {
		_, err := s.people.RegisterService(ctx, root, app.RegisterService{Service: slipway.Service{Name: name, Team: "web"}})
		must(err)
		must(s.pipeline(ctx, name, 1))
	}
}

// pipeline applies one whose bake tells it from others.
func (s *sim) pipeline(ctx context.Context, service string, bake int) error {
	canary := slipway.Strategy{Type: slipway.StrategyCanary, Steps: []slipway.CanaryStep{{Weight: 30, Bake: slipway.Duration(time.Duration(bake) * time.Second)}, {Weight: 100}}}
	stage := func(environment string, more func(*slipway.Stage)) slipway.Stage {
		st := slipway.Stage{Environment: environment, Deployer: slipway.DeployerRef{Name: "far", Config: []byte(`{"replicas":2}`)}, Strategy: canary, Deadline: slipway.Duration(40 * time.Second)}
		more(&st)
		return st
	}
	_, err := s.people.ApplyPipeline(ctx, simPeople[0], app.ApplyPipeline{Pipeline: slipway.Pipeline{Service: service, Stages: []slipway.Stage{
		stage("dev", func(*slipway.Stage) {}),
		stage("prod", func(st *slipway.Stage) {
			st.Gates = []slipway.Gate{{Approval: &slipway.ApprovalGate{Count: 1, Expires: slipway.Duration(time.Hour)}}}
		}),
	}}})
	return err
}

// tick is one move of somebody.
func (s *sim) tick() {
	switch n := s.random.IntN(1000); {
	case n < 640 && len(s.workers) > 0:
		// The newest move most, so that some are set aside for long.
		s.move(s.workers[max(s.random.IntN(len(s.workers)), s.random.IntN(len(s.workers)))], true)
	case n < 880:
		s.wake()
	case n < 950:
		s.request()
	case n < 980:
		s.now = s.now.Add(time.Duration(s.random.IntN(2000)) * time.Millisecond)
	case n < 984:
		s.now = s.now.Add(time.Duration(s.random.IntN(60)) * time.Second)
	case n < 990:
		e := s.engines[s.random.IntN(len(s.engines))]
		e.wrong = time.Duration(s.random.IntN(8000)-4000) * time.Millisecond
		s.note("the clock of %s is off by %v", e.name, e.wrong)
	case n < 993:
		e := s.engines[s.random.IntN(len(s.engines))]
		s.note("%s is killed", e.name)
		s.stats["killed"]++
		for i := len(s.workers) - 1; i >= 0; i-- {
			if w := s.workers[i]; w.engine == e {
				s.move(w, false)
			}
		}
	case n < 996 && len(s.workers) > 0:
		s.move(s.workers[s.random.IntN(len(s.workers))], false) // a client or one look is gone
	}
}

// wake has an engine look at something: what is due, or just anything, as hints
// come late and twice.
func (s *sim) wake() {
	e := s.engines[s.random.IntN(len(s.engines))]
	due, err := s.store.Due(context.Background(), e.Clock(), 10)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.random.IntN(6) == 0 {
		for id := range s.seen {
			due = append(due, id)
		}
	}
	if len(due) == 0 || len(s.workers) > 9 {
		s.now = s.now.Add(500 * time.Millisecond)
		return
	}
	id := due[s.random.IntN(len(due))]
	s.begin(fmt.Sprintf("%s at %d", e.name, id), e, func(ctx context.Context) { _, _ = e.Step(ctx, id) })
}

// request has a person ask for something.
func (s *sim) request() {
	service := simServices[s.random.IntN(len(simServices))]
	actor, number := simPeople[s.random.IntN(2)], s.random.IntN(100)
	environment := []string{"dev", "prod"}[s.random.IntN(2)]
	active := s.active()
	do := func(what string, f func(ctx context.Context) error) {
		s.begin(actor.Name+" "+what, nil, func(ctx context.Context) { s.answered(what, f(ctx)) })
	}
	if len(active) > 0 && number < 50 {
		s.decide(active[s.random.IntN(len(active))], actor, number, do)
		return
	}
	switch {
	case number < 60 || len(s.versions) == 0:
		version := fmt.Sprintf("1.%d", len(s.versions))
		s.versions = append(s.versions, version)
		s.script(version)
		for _, service := range simServices {
			do("releases "+version, func(ctx context.Context) error {
				_, _, err := s.people.CreateRelease(ctx, actor, app.CreateRelease{Service: service, Version: version, Content: slipway.ReleaseContent{Reversible: true,
					Artifacts: []slipway.Artifact{{Name: "image", Reference: "reg/" + version, Digest: "sha256:" + strings.Repeat("a", 64)}}}})
				return err
			})
		}
	case number < 90:
		version := s.versions[s.random.IntN(len(s.versions))]
		do("promotes "+version, func(ctx context.Context) error {
			d, err := s.people.Promote(ctx, actor, app.Promote{Service: service, Environment: environment, Version: version})
			if err == nil {
				s.acks = append(s.acks, ack{Deployment: d.ID})
			}
			return err
		})
	case number < 93:
		do("rolls back", func(ctx context.Context) error {
			_, err := s.people.Rollback(ctx, actor, app.Rollback{Service: service, Environment: environment, Reason: "a test"})
			return err
		})
	case number < 97:
		bake := 1 + s.random.IntN(5)
		do("changes the pipeline", func(ctx context.Context) error { return s.pipeline(ctx, service, bake) })
	default:
		do("lifts a hold", func(ctx context.Context) error {
			_, err := s.people.LiftHold(ctx, actor, app.LiftHold{Service: service, Environment: environment})
			return err
		})
	}
}

// decide has somebody decide on a deployment, by the plan that was seen.
func (s *sim) decide(d slipway.Deployment, actor slipway.Actor, number int, do func(string, func(context.Context) error)) {
	c := app.Control{Deployment: d.ID, Reason: "a test"}
	if d.State == slipway.Waiting && number < 47 {
		do(fmt.Sprintf("approves %d", d.ID), func(ctx context.Context) error {
			_, err := s.people.Approve(ctx, actor, app.Approve{Deployment: d.ID, PlanDigest: d.PlanDigest})
			if err == nil {
				s.stats["approved"]++
				s.acks = append(s.acks, ack{Deployment: d.ID, Voter: actor.ID, Plan: d.PlanDigest})
			}
			return err
		})
		return
	}
	switch {
	case number < 42:
		do(fmt.Sprintf("resumes %d", d.ID), func(ctx context.Context) error { _, err := s.people.Resume(ctx, actor, c); return err })
	case number < 46:
		do(fmt.Sprintf("pauses %d", d.ID), func(ctx context.Context) error { _, err := s.people.Pause(ctx, actor, c); return err })
	default:
		do(fmt.Sprintf("cancels %d", d.ID), func(ctx context.Context) error { _, err := s.people.Cancel(ctx, actor, c); return err })
	}
}

// script makes a version behave somehow, always the same way.
func (s *sim) script(version string) {
	how := fake.Script{ReadyAfter: s.random.IntN(3)}
	switch s.random.IntN(12) {
	case 0:
		how.Fail = "it exits at once"
	case 1:
		how.NeverReady = true
	case 2:
		how.ApplyErrors = 2
	case 3:
		how.ApplyTerminal = "no such workload"
	}
	if err := s.far.SetScript(context.Background(), deployers.Target{}, version, how); err != nil {
		s.t.Fatal(err)
	}
}

// answered looks at what people are told: never that something is broken in
// Slipway, unless the line is.
func (s *sim) answered(what string, err error) {
	if err != nil && slipway.CodeOf(err) == slipway.CodeInternal && !strings.Contains(err.Error(), errCut.Error()) {
		s.bad("%s: %v", what, err)
	}
}
