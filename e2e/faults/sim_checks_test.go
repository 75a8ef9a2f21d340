package faults_test

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// What has to hold in the simulation, whatever happens.

// book keeps what a call did: each generation was intended before it was called
// (I3), takes effect once, and never after a newer one (I5).
func (f *simFar) book(t deployers.Target, generation int64, err error) {
	if err != nil {
		if generation < f.newest[t] {
			f.s.stats["stale calls refused"]++
		}
		return
	}
	intended := false
	f.s.read(func(ctx context.Context, tx slipway.Tx) error {
		d, err := tx.Deployments().Get(ctx, generation/4096)
		intended = err == nil && slices.ContainsFunc(d.Runs, func(r slipway.PhaseRun) bool { return r.Generation == generation })
		return nil
	})
	switch {
	case !intended:
		f.s.bad("I3: %s was called with %d, of which no row knows", t, generation)
	case generation < f.newest[t]:
		f.s.bad("I5: %s took %d after %d", t, generation, f.newest[t])
	case generation > f.newest[t]:
		f.s.stats["effects"]++
		if f.effects[generation]++; f.effects[generation] > 1 {
			f.s.bad("I3: %d took effect twice", generation)
		}
	}
	f.newest[t] = max(f.newest[t], generation)
}

func (s *sim) read(f func(context.Context, slipway.Tx) error) {
	ctx := context.Background()
	if err := s.store.Read(ctx, func(tx slipway.Tx) error { return f(ctx, tx) }); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sim) active() (out []slipway.Deployment) {
	s.read(func(ctx context.Context, tx slipway.Tx) (err error) {
		out, err = tx.Deployments().ActiveOf(ctx, simServices)
		return err
	})
	return out
}

// look compares what is there with what was, after each commit.
func (s *sim) look() {
	s.read(func(ctx context.Context, tx slipway.Tx) error {
		now, err := tx.Deployments().ActiveOf(ctx, simServices)
		if err != nil {
			return err
		}
		busy := map[[2]string]int64{}
		here := map[int64]bool{}
		for _, d := range now {
			at := [2]string{d.Service, d.Environment}
			if busy[at] != 0 {
				s.bad("I1: %d and %d are both active in %v", busy[at], d.ID, at)
			}
			busy[at], here[d.ID] = d.ID, true
			if d.NextWakeAt == nil || d.NextWakeAt.After(s.now.Add(farOff)) {
				s.bad("I6: %d is %s and is looked at %v, at %v", d.ID, d.State, d.NextWakeAt, s.now)
			}
			s.compare(ctx, tx, s.seen[d.ID], d)
			s.seen[d.ID] = d
		}
		for id, was := range s.seen {
			if here[id] {
				continue
			}
			d, err := tx.Deployments().Get(ctx, id)
			if err != nil {
				s.bad("I4: deployment %d is gone: %v", id, err)
				return nil
			}
			s.compare(ctx, tx, was, d)
			s.stats[string(d.State)]++
			delete(s.seen, id)
		}
		return nil
	})
}

// compare looks at one deployment before and after a commit.
func (s *sim) compare(ctx context.Context, tx slipway.Tx, was, is slipway.Deployment) {
	if was.ID == 0 {
		if is.State != slipway.Waiting {
			s.bad("I9: %d began as %s", is.ID, is.State)
		}
		return
	}
	if is.Epoch < was.Epoch || is.Epoch == was.Epoch && is.State != was.State {
		s.bad("I5: %d went from epoch %d to %d", is.ID, was.Epoch, is.Epoch)
	}
	if is.PlanDigest != is.Plan.Digest() {
		s.bad("I2: the digest of %d is not that of its plan", is.ID)
	}
	if is.State != was.State && !s.leads(was.State, is.State) {
		s.bad("I9: %d went from %s to %s", is.ID, was.State, is.State)
	}
	for i, run := range was.Runs {
		if i >= len(is.Runs) || is.Runs[i].Generation != run.Generation {
			s.bad("I9: the past of %d changed", is.ID)
			return
		}
	}
	if was.State == slipway.Waiting && is.State == slipway.Running {
		s.started(ctx, tx, is)
	}
}

func (s *sim) leads(from, to slipway.State) bool {
	return slices.ContainsFunc(slipway.Table(), func(row slipway.Transition) bool { return row.From == from && slices.Contains(row.To, to) })
}

// started: what goes to production was approved, by somebody else, for exactly
// this plan, and the plan is what the pipeline says now (I2).
func (s *sim) started(ctx context.Context, tx slipway.Tx, d slipway.Deployment) {
	votes, err := tx.Votes().Of(ctx, d.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	approved := slices.ContainsFunc(votes, func(v slipway.Vote) bool {
		return v.PlanDigest == d.PlanDigest && v.Decision == slipway.Approve && v.By != d.RequestedBy.ID
	})
	gated := slices.ContainsFunc(d.Plan.Gates, func(g slipway.Gate) bool { return g.Approval != nil })
	if d.Environment == "prod" && !approved && gated {
		s.bad("I2: %d started in production without an approval of its plan", d.ID)
	}
	if d.Cause != slipway.CausePromote {
		return
	}
	if d.Environment == "prod" && !gated {
		s.bad("I2: %d started in production without a gate", d.ID)
	}
	p, err := tx.Pipelines().Latest(ctx, d.Service)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, st := range p.Stages {
		if st.Environment == d.Environment && jsonOf(st.Strategy.Steps) != jsonOf(d.Plan.Strategy.Steps) {
			s.bad("I2: %d started with %s, and the pipeline says %s", d.ID, jsonOf(d.Plan.Strategy.Steps), jsonOf(st.Strategy.Steps))
		}
	}
}

func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// comeToRest kills whoever is set aside, and has one engine bring everything to
// its end with a right clock and a good line: nothing may be stuck (I6). Then
// everything that was acknowledged is there (I4), the audit is whole (I8), and
// from where it is one can go back (I7).
func (s *sim) comeToRest() {
	for len(s.workers) > 0 {
		s.move(s.workers[len(s.workers)-1], false)
	}
	if s.faulty != "" {
		return
	}
	s.calm = true
	ctx, e := context.Background(), s.engines[0]
	e.wrong = 0
	for range 2000 {
		active := s.active()
		if len(active) == 0 || s.faulty != "" {
			break
		}
		for _, d := range active {
			if d.State == slipway.Waiting || d.State == slipway.Paused {
				_, err := s.people.Cancel(ctx, simPeople[0], app.Control{Deployment: d.ID, Reason: "the end"})
				s.answered("cancels", err)
			}
		}
		due, err := s.store.Due(ctx, s.now, 50)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, id := range due {
			_, _ = e.Step(ctx, id)
		}
		s.now = s.now.Add(time.Second)
	}
	if left := s.active(); len(left) > 0 {
		s.bad("I6: %d is stuck as %s: %s", left[0].ID, left[0].State, left[0].Message)
	}
	s.lastly(ctx)
}

func (s *sim) lastly(ctx context.Context) {
	chains, err := app.VerifyAudit(ctx, s.store)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, chain := range chains {
		if chain.Fault != "" {
			s.bad("I8: %s", chain.Fault)
		}
	}
	s.read(func(ctx context.Context, tx slipway.Tx) error {
		for _, a := range s.acks {
			votes, err := tx.Votes().Of(ctx, a.Deployment)
			if err != nil {
				return err
			}
			n := 0
			for _, v := range votes {
				if v.By == a.Voter && v.PlanDigest == a.Plan {
					n++
				}
			}
			if _, err := tx.Deployments().Get(ctx, a.Deployment); err != nil || a.Voter != "" && n != 1 {
				s.bad("I4: what was acknowledged of deployment %d is there %d times: %v", a.Deployment, n, err)
			}
		}
		return nil
	})
	s.goBack(ctx)
}

// goBack rolls back wherever another release has been live before.
func (s *sim) goBack(ctx context.Context) {
	for _, service := range simServices {
		for _, environment := range []string{"dev", "prod"} {
			before := ""
			s.read(func(ctx context.Context, tx slipway.Tx) error {
				state, err := tx.Stages().Get(ctx, service, environment)
				if err != nil || state.Live == nil {
					return err
				}
				list, _, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{Service: service, Environment: environment, States: []slipway.State{slipway.Succeeded}}, slipway.Page{Limit: 50})
				for _, d := range list {
					if d.Version != state.Live.Spec.Version {
						before = d.Version
					}
				}
				return err
			})
			if before == "" {
				continue
			}
			if _, err := s.people.Rollback(ctx, simPeople[0], app.Rollback{Service: service, Environment: environment, To: before, Reason: "the end"}); err != nil {
				s.bad("I7: %s cannot go back to %s in %s: %v", service, before, environment, err)
			}
			s.stats["ways back"]++
		}
	}
}
