package storetest

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// testGlance: a glance gives what the three questions give that it stands for,
// whatever is left out of it.
func testGlance(t *testing.T, f fixture) {
	f.seed(t, "api", "web", "idle")
	running := deployment("web", "staging")
	at := noon()
	running.State, running.StartedAt, running.Ending = slipway.Running, &at, slipway.Cancelled
	running.Runs = []slipway.PhaseRun{{Desired: running.Plan.Phases[0], Generation: 7, State: slipway.Baking, StartedAt: noon(), UnreadySince: noon()}}
	running.Probes = []slipway.Probe{{Gate: 1, Result: slipway.Pass, Since: at, At: at}}
	ended := deployment("api", "production")
	ended.State = slipway.Succeeded
	var voted slipway.Deployment
	for _, d := range []slipway.Deployment{deployment("api", "staging"), running, ended, deployment("idle", "staging"), deployment("web", "production")} {
		voted = f.insert(t, d)
	}
	f.write(t, func(tx slipway.Tx) error {
		_, err := tx.Votes().Add(f.ctx, slipway.Vote{Deployment: voted.ID, PlanDigest: voted.PlanDigest, Decision: slipway.Approve, By: "bob", At: noon()})
		for _, of := range []string{"web", "api"} {
			if err == nil {
				err = tx.Stages().Put(f.ctx, stage(of, "staging"))
			}
			if err == nil {
				err = tx.Stages().Put(f.ctx, slipway.StageState{Team: "payments", Service: of, Environment: "production"})
			}
		}
		return err
	})
	for _, at := range []slipway.Glancing{
		{}, {Services: []string{"api"}}, {Services: []string{"web", "api", "none"}}, {Voter: "bob", Limit: 10},
		{Services: []string{"api", "web"}, Voter: "bob", Limit: 10}, {Services: []string{"api"}, Voter: "eve", Limit: 1}, {Services: []string{"none"}, Voter: "eve", Limit: 9},
	} {
		f.read(t, func(tx slipway.Tx) error {
			got, err := tx.Stages().Glance(f.ctx, at)
			if err != nil {
				return err
			}
			want := slipway.Glance{Undecided: []slipway.Deployment{}}
			if want.Stages, err = tx.Stages().Of(f.ctx, at.Services); err != nil {
				return err
			}
			if want.Active, err = tx.Deployments().ActiveOf(f.ctx, at.Services); err == nil && at.Voter != "" {
				want.Undecided, err = tx.Deployments().Undecided(f.ctx, at.Voter, at.Limit)
			}
			same(t, "a glance", got, want)
			return err
		})
	}
}
