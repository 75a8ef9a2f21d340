package storetest

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func testStages(t *testing.T, f fixture) {
	f.seed(t, "api", "web")
	want := stage("api", "staging")
	bare := slipway.StageState{Team: "payments", Service: "web", Environment: "staging"}
	f.write(t, func(tx slipway.Tx) error {
		if err := tx.Stages().Put(f.ctx, want); err != nil {
			return err
		}
		return tx.Stages().Put(f.ctx, bare)
	})
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Stages().Get(f.ctx, "api", "staging")
		same(t, "stage", got, want)
		unknown, zeroErr := tx.Stages().Get(f.ctx, "api", "production")
		same(t, "nothing known", unknown, slipway.StageState{Service: "api", Environment: "production"})
		of, _ := tx.Stages().Of(f.ctx, []string{"web", "api"})
		same(t, "of", of, []slipway.StageState{want, bare})
		none, _ := tx.Stages().Of(f.ctx, nil)
		same(t, "of none", none, []slipway.StageState{})
		all, _ := tx.Stages().All(f.ctx)
		same(t, "with something live", all, []slipway.StageState{want})
		if err == nil {
			err = zeroErr
		}
		return err
	})
	want.Hold, want.Failure, want.Live = nil, nil, nil
	f.write(t, func(tx slipway.Tx) error { return tx.Stages().Put(f.ctx, want) })
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Stages().Get(f.ctx, "api", "staging")
		same(t, "stage put again", got, want)
		return err
	})
}

// stage is one of which everything is known.
func stage(service, environment string) slipway.StageState {
	return slipway.StageState{
		Team: "payments", Service: service, Environment: environment,
		Live:     &slipway.Live{Deployment: 3, Spec: slipway.Spec{Version: "1.0.0", Replicas: 2, Secrets: map[string]int{"KEY": 4}}, Since: noon()},
		Observed: &slipway.Observed{At: noon(), Generation: 9, Converged: true, Tracks: []slipway.ObservedTrack{{Version: "1.0.0", Ready: 2}}},
		Hold:     &slipway.Hold{Reason: "rolled back", By: "ana", Deployment: 3, Since: noon()},
		Failure:  &slipway.LastFailure{Deployment: 2, Version: "0.9.0", State: slipway.Failed, Message: "no", At: noon()},
	}
}

func testObserved(t *testing.T, f fixture) {
	f.seed(t, "api")
	hold := &slipway.Hold{Reason: "mine", By: "ana", Since: noon()}
	seen := func(generation int64, after time.Duration) slipway.Observed {
		return slipway.Observed{At: noon().Add(after), Generation: generation, Tracks: []slipway.ObservedTrack{}}
	}
	f.write(t, func(tx slipway.Tx) error {
		if err := tx.Stages().PutObserved(f.ctx, "api", "staging", seen(1, 0)); err != nil {
			return err
		}
		state, err := tx.Stages().Get(f.ctx, "api", "staging")
		if err != nil || state.Team != "payments" || state.Observed == nil {
			t.Errorf("the first report: %+v, %v", state, err)
		}
		state.Hold = hold
		return tx.Stages().Put(f.ctx, state)
	})
	for _, o := range []slipway.Observed{seen(2, time.Second), seen(1, -time.Second)} {
		f.write(t, func(tx slipway.Tx) error { return tx.Stages().PutObserved(f.ctx, "api", "staging", o) })
	}
	f.read(t, func(tx slipway.Tx) error {
		state, err := tx.Stages().Get(f.ctx, "api", "staging")
		same(t, "the newest report", *state.Observed, seen(2, time.Second))
		same(t, "the hold beside it", state.Hold, hold)
		return err
	})
}

// testStagesTogether: many read a stage, change it and put it back at once, and
// no change is lost.
func testStagesTogether(t *testing.T, f fixture) {
	f.seed(t, "api")
	f.write(t, func(tx slipway.Tx) error {
		return tx.Stages().Put(f.ctx, slipway.StageState{Service: "api", Environment: "staging", Hold: &slipway.Hold{}})
	})
	f.together(t, 24, func(int) error {
		return f.Store.Write(f.ctx, func(tx slipway.Tx) error {
			state, err := tx.Stages().Get(f.ctx, "api", "staging")
			if err != nil {
				return err
			}
			state.Hold.Deployment++
			return tx.Stages().Put(f.ctx, state)
		})
	})
	f.read(t, func(tx slipway.Tx) error {
		state, err := tx.Stages().Get(f.ctx, "api", "staging")
		if state.Hold.Deployment != 24 {
			t.Errorf("%d of 24 changes were kept", state.Hold.Deployment)
		}
		return err
	})
}

func testVotes(t *testing.T, f fixture) {
	f.seed(t, "api")
	d := f.insert(t, deployment("api", "staging"))
	want := []slipway.Vote{
		{Deployment: d.ID, PlanDigest: d.PlanDigest, Decision: slipway.Approve, By: "bob", ByName: "Bob", Groups: []string{"sre"}, Comment: "fine", Via: slipway.ViaSlack, At: noon()},
		{Deployment: d.ID, PlanDigest: d.PlanDigest, Decision: slipway.Reject, By: "bob", ByName: "Bob", Via: slipway.ViaREST, At: noon().Add(time.Second)},
	}
	f.write(t, func(tx slipway.Tx) error {
		for i := range want {
			added, err := tx.Votes().Add(f.ctx, want[i])
			if err != nil {
				return err
			}
			want[i].ID = added.ID
			same(t, "what Add returns", added, want[i])
		}
		return nil
	})
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Votes().Of(f.ctx, d.ID)
		same(t, "votes", got, want)
		if err != nil {
			return err
		}
		decided, err := tx.Deployments().Undecided(f.ctx, "bob", 10)
		same(t, "what bob has not decided on", decided, []slipway.Deployment{})
		if err != nil {
			return err
		}
		open, err := tx.Deployments().Undecided(f.ctx, "eve", 10)
		short := d
		short.Plan, short.Note, short.Runs, short.NextWakeAt = slipway.Plan{Gates: d.Plan.Gates}, "", nil, nil
		same(t, "what eve has not decided on", open, []slipway.Deployment{short})
		return err
	})
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		_, err := tx.Votes().Add(f.ctx, slipway.Vote{Deployment: 1 << 40})
		return err
	})
	refused(t, "a vote on nothing", err, slipway.CodeConflict)
}

func testFreezes(t *testing.T, f fixture) {
	f.seed(t)
	freeze := func(from, until time.Duration) slipway.Freeze {
		return slipway.Freeze{Environment: "production", Reason: "holidays", From: noon().Add(from), Until: noon().Add(until), By: "ana"}
	}
	var past, coming, current slipway.Freeze
	f.write(t, func(tx slipway.Tx) (err error) {
		past, _ = tx.Freezes().Add(f.ctx, freeze(-2*time.Hour, 0))
		coming, _ = tx.Freezes().Add(f.ctx, freeze(time.Hour, 2*time.Hour))
		current, err = tx.Freezes().Add(f.ctx, freeze(-time.Hour, time.Microsecond))
		return err
	})
	f.write(t, func(tx slipway.Tx) error {
		list, err := tx.Freezes().List(f.ctx, noon())
		same(t, "current and coming", list, []slipway.Freeze{current, coming})
		got, _ := tx.Freezes().Get(f.ctx, past.ID)
		same(t, "a past one", got, past)
		if err == nil {
			err = tx.Freezes().Remove(f.ctx, coming.ID)
		}
		refused(t, "removing it twice", tx.Freezes().Remove(f.ctx, coming.ID), slipway.CodeNotFound)
		_, missing := tx.Freezes().Get(f.ctx, coming.ID)
		refused(t, "what was removed", missing, slipway.CodeNotFound)
		return err
	})
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		_, err := tx.Freezes().Add(f.ctx, slipway.Freeze{Environment: "nowhere"})
		return err
	})
	refused(t, "a freeze of nothing", err, slipway.CodeConflict)
}
