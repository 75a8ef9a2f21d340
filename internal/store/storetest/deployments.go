package storetest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func testDeployments(t *testing.T, f fixture) {
	f.seed(t, "api")
	want := f.insert(t, deployment("api", "staging"))
	if want.ID <= 0 || want.Epoch != 1 {
		t.Fatalf("inserted: id %d, epoch %d", want.ID, want.Epoch)
	}
	at, later := noon().Add(time.Second), noon().Add(time.Hour)
	want.State, want.StartedAt, want.NextWakeAt = slipway.Running, &at, &later
	want.Replaced, want.Phase, want.Ending = []slipway.Plan{want.Plan}, 1, slipway.Cancelled
	want.Runs = []slipway.PhaseRun{{Desired: want.Plan.Phases[0], Generation: 4097, State: slipway.Baking, StartedAt: at, UnreadySince: at, ReadyAt: &at, Attempts: 3}}
	want.Verdicts = []slipway.Verdict{{Gate: "approval", Result: slipway.Wait, Reason: "1 more", Until: &later, Need: 1}}
	want.Message, want.PlanDigest = "half way", "sha256:other"
	saved := f.save(t, want)
	if saved.Epoch != 2 {
		t.Errorf("epoch after a save: %d", saved.Epoch)
	}
	want.Epoch = 2
	same(t, "what Save returns", saved, want)
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Deployments().Get(f.ctx, want.ID)
		same(t, "deployment", got, want)
		if got.Plan.Digest() != want.Plan.Digest() {
			t.Error("the plan has another digest than the one that went in")
		}
		active, _ := tx.Deployments().Active(f.ctx, "api", "staging")
		same(t, "active", active, want)
		of, _ := tx.Deployments().ActiveOf(f.ctx, []string{"api", "none"})
		same(t, "active of", of, []slipway.Deployment{want})
		_, missing := tx.Deployments().Get(f.ctx, 1<<40)
		refused(t, "a deployment that does not exist", missing, slipway.CodeNotFound)
		_, missing = tx.Deployments().Active(f.ctx, "api", "production")
		refused(t, "nothing active", missing, slipway.CodeNotFound)
		none, _ := tx.Deployments().ActiveOf(f.ctx, nil)
		same(t, "active of none", none, []slipway.Deployment{})
		return err
	})
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		unknown := deployment("api", "production")
		unknown.Version = "9.9.9"
		_, err := tx.Deployments().Insert(f.ctx, unknown)
		return err
	})
	refused(t, "a deployment of no release", err, slipway.CodeConflict)
}

func testDeploymentFilters(t *testing.T, f fixture) {
	f.seed(t, "api", "web")
	f.write(t, func(tx slipway.Tx) error {
		_, err := tx.Releases().Add(f.ctx, release("api", "2.0.0"))
		return err
	})
	first := deployment("api", "staging")
	first.State = slipway.Succeeded
	f.insert(t, first)
	second := deployment("web", "staging")
	second.Team, second.State = "other", slipway.Failed
	f.insert(t, second)
	third := deployment("api", "production")
	third.Version, third.CreatedAt, third.RequestedBy.ID = "2.0.0", noon().Add(time.Hour), "bob"
	f.insert(t, third)
	for name, c := range map[string]struct {
		filter slipway.DeploymentFilter
		want   []int64
	}{
		"all":             {slipway.DeploymentFilter{}, []int64{3, 2, 1}},
		"team":            {slipway.DeploymentFilter{Team: "other"}, []int64{2}},
		"service":         {slipway.DeploymentFilter{Service: "api"}, []int64{3, 1}},
		"environment":     {slipway.DeploymentFilter{Environment: "staging"}, []int64{2, 1}},
		"version":         {slipway.DeploymentFilter{Service: "api", Version: "2.0.0"}, []int64{3}},
		"states":          {slipway.DeploymentFilter{States: []slipway.State{slipway.Waiting, slipway.Failed}}, []int64{3, 2}},
		"requester":       {slipway.DeploymentFilter{RequestedBy: "bob"}, []int64{3}},
		"since":           {slipway.DeploymentFilter{Since: noon().Add(time.Hour)}, []int64{3}},
		"several":         {slipway.DeploymentFilter{Service: "api", Environment: "staging", Team: "payments"}, []int64{1}},
		"nothing matches": {slipway.DeploymentFilter{Service: "api", Team: "other"}, nil},
	} {
		f.read(t, func(tx slipway.Tx) error {
			page, _, err := tx.Deployments().List(f.ctx, c.filter, slipway.Page{})
			var ids []int64
			for _, d := range page {
				ids = append(ids, d.ID)
			}
			same(t, name, ids, c.want)
			return err
		})
	}
}

func testEpochs(t *testing.T, f fixture) {
	f.seed(t, "api")
	d := f.insert(t, deployment("api", "staging"))
	var won atomic.Int32
	f.together(t, 16, func(int) error {
		err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
			_, err := tx.Deployments().Save(f.ctx, d)
			return err
		})
		if slipway.CodeOf(err) == slipway.CodeConflict {
			return nil
		}
		won.Add(1)
		return err
	})
	if won.Load() != 1 {
		t.Errorf("%d of 16 saves over the same epoch succeeded, want 1", won.Load())
	}
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		_, err := tx.Deployments().Save(f.ctx, d)
		return err
	})
	refused(t, "a save over an old epoch", err, slipway.CodeConflict)
	err = f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		_, err := tx.Deployments().Save(f.ctx, slipway.Deployment{ID: 1 << 40, Epoch: 1})
		return err
	})
	refused(t, "a save of nothing", err, slipway.CodeNotFound)
}

func testFinal(t *testing.T, f fixture) {
	f.seed(t, "api")
	d := f.insert(t, deployment("api", "staging"))
	d.State = slipway.Cancelled
	d = f.save(t, d)
	d.SupersededBy = 7 // may still be said of it
	d = f.save(t, d)
	d.State = slipway.Running
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		_, err := tx.Deployments().Save(f.ctx, d)
		return err
	})
	refused(t, "bringing a deployment back to life", err, slipway.CodeConflict)
	next := f.insert(t, deployment("api", "staging"))
	if next.ID <= d.ID {
		t.Errorf("ids do not grow: %d after %d", next.ID, d.ID)
	}
}

func testOneActive(t *testing.T, f fixture) {
	f.seed(t, "api")
	var won, refusals atomic.Int32
	f.together(t, 64, func(i int) error {
		err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
			d := deployment("api", "production")
			d.State = []slipway.State{slipway.Waiting, slipway.Running, slipway.Paused, slipway.Reverting}[i%4]
			_, err := tx.Deployments().Insert(f.ctx, d)
			return err
		})
		switch {
		case err == nil:
			won.Add(1)
		case slipway.CodeOf(err) == slipway.CodeConflict:
			refusals.Add(1)
		default:
			return err
		}
		return nil
	})
	if won.Load() != 1 || refusals.Load() != 63 {
		t.Errorf("%d inserts won and %d were refused, want 1 and 63", won.Load(), refusals.Load())
	}
	if n := f.count(t, `SELECT count(*) FROM deployments`); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	_, err := f.SQL.ExecContext(f.ctx, `INSERT INTO deployments (epoch, team, service, environment, version, cause, state, plan,
		plan_digest, requested_by_kind, requested_by, requested_by_name, note, phase, ending, message, superseded_by, created_at)
		SELECT epoch, team, service, environment, version, cause, 'paused', plan, plan_digest, requested_by_kind,
		requested_by, requested_by_name, note, phase, ending, message, superseded_by, created_at FROM deployments`)
	if err == nil {
		t.Error("raw SQL could add a second active deployment: there is no constraint")
	}
}

func testDue(t *testing.T, f fixture) {
	f.seed(t, "a", "b", "c", "d", "e")
	at := func(name string, after time.Duration, state slipway.State) int64 {
		d := deployment(name, "staging")
		when := time.Now().Add(time.Hour + after)
		d.NextWakeAt, d.State = &when, state
		return f.insert(t, d).ID
	}
	second := at("a", 2*time.Second, slipway.Waiting)
	first := at("b", time.Second, slipway.Running)
	at("c", time.Minute, slipway.Running)
	at("d", 0, slipway.Failed)
	due, err := f.Wakes.Due(f.ctx, time.Now().Add(time.Hour+10*time.Second), 10)
	same(t, "due, the longest first", due, []int64{first, second})
	one, _ := f.Wakes.Due(f.ctx, time.Now().Add(2*time.Hour), 1)
	same(t, "up to a limit", one, []int64{first})
	none, _ := f.Wakes.Due(f.ctx, time.Now(), 10)
	if err != nil || len(none) != 0 {
		t.Errorf("due too early: %v, %v", none, err)
	}
	astray := at("e", 10*365*24*time.Hour, slipway.Running)
	lost, _ := f.Wakes.Due(f.ctx, time.Now(), 10)
	same(t, "put off for years by a wrong clock", lost, []int64{astray})
}

// testLook: what the engine looks at is the row that a transaction sees, with the
// place from which its log is to be read on.
func testLook(t *testing.T, f fixture) {
	f.seed(t, "api", "web")
	f.insert(t, deployment("web", "staging"))
	d := f.insert(t, deployment("api", "staging"))
	seen, cursor, err := f.Wakes.Look(f.ctx, d.ID)
	if err != nil || cursor != "" {
		t.Errorf("before any log: cursor %q, %v", cursor, err)
	}
	same(t, "what was inserted", seen, d)
	f.write(t, func(tx slipway.Tx) error { return tx.Logs().Append(f.ctx, d.ID, nil, "c1") })
	seen.Plan.To.Version = "changed by whoever looked"
	d.Message = "ready"
	d = f.save(t, d)
	if seen, cursor, err = f.Wakes.Look(f.ctx, d.ID); err != nil || cursor != "c1" {
		t.Errorf("after a log: cursor %q, %v", cursor, err)
	}
	same(t, "what was saved", seen, d)
	_, _, missing := f.Wakes.Look(f.ctx, d.ID+1000)
	refused(t, "one that is not there", missing, slipway.CodeNotFound)
}
