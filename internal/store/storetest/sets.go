package storetest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func set(name string) slipway.ReleaseSet {
	return slipway.ReleaseSet{
		Name: name, Environment: "staging", State: slipway.SetRunning, OnFailure: slipway.OnFailureRollback,
		Items: []slipway.SetItem{
			{Team: "payments", Service: "api", Version: "1.0.0", Seq: 1, State: slipway.ItemPending},
			{Team: "payments", Service: "web", Version: "1.0.0", Seq: 1, After: []string{"api"}, State: slipway.ItemPending},
		},
		Asked: slipway.SetOrder{By: slipway.Person{Kind: slipway.ActorUser, ID: "ana", Name: "Ana"}, TokenID: "t1", At: noon()},
		Note:  "together", Message: "0 of 2 live.", CreatedAt: noon(),
	}
}

func (f fixture) insertSet(t *testing.T, s slipway.ReleaseSet) slipway.ReleaseSet {
	t.Helper()
	f.write(t, func(tx slipway.Tx) (err error) { s, err = tx.Sets().Insert(f.ctx, s); return err })
	return s
}

func testSets(t *testing.T, f fixture) {
	f.seed(t, "api", "web")
	want := f.insertSet(t, set("checkout"))
	if want.ID <= 0 || want.Epoch != 1 {
		t.Fatalf("inserted: id %d, epoch %d", want.ID, want.Epoch)
	}
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Sets().Get(f.ctx, want.ID)
		same(t, "set", got, want)
		_, missing := tx.Sets().Get(f.ctx, 1<<40)
		refused(t, "a set that does not exist", missing, slipway.CodeNotFound)
		return err
	})
	d, other := f.insert(t, deployment("api", "staging")), f.insert(t, deployment("web", "staging"))
	later := noon().Add(time.Hour)
	want.State, want.Ending, want.Message, want.EndedAt = slipway.SetFailed, slipway.SetRolledBack, "web has 1.0.0", &later
	want.Items[0].Deployment, want.Items[0].State, want.Items[0].WaitsSince = d.ID, slipway.ItemUnclear, &later
	want.Stop = &slipway.SetOrder{By: want.Asked.By, At: later, Reason: "bad", AcceptIrreversible: true}
	f.write(t, func(tx slipway.Tx) error {
		saved, err := tx.Sets().Save(f.ctx, want)
		want.Epoch = 2
		same(t, "what Save returns", saved, want)
		return err
	})
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Sets().Of(f.ctx, d.ID)
		same(t, "the set of a deployment", got, want)
		_, none := tx.Sets().Of(f.ctx, other.ID)
		refused(t, "the set of a deployment of none", none, slipway.CodeNotFound)
		active, _ := tx.Sets().Active(f.ctx)
		same(t, "active", active, []slipway.ReleaseSet{})
		return err
	})
	want.Items[0].Deployment = other.ID // and it remembers the one before
	f.write(t, func(tx slipway.Tx) (err error) { want, err = tx.Sets().Save(f.ctx, want); return err })
	f.read(t, func(tx slipway.Tx) error {
		for _, id := range []int64{d.ID, other.ID} {
			if got, err := tx.Sets().Of(f.ctx, id); err != nil || got.ID != want.ID {
				t.Errorf("deployment %d is of set %d: %v", id, got.ID, err)
			}
		}
		return nil
	})
}

func testSetPages(t *testing.T, f fixture) {
	f.seed(t, "api", "web")
	var ids []int64
	for i := range 5 {
		s := set(numbered("set", i))
		if i == 1 {
			at := noon()
			s.State, s.EndedAt = slipway.SetSucceeded, &at
		}
		if i == 3 {
			s.Items = s.Items[:1] // without web
		}
		ids = append(ids, f.insertSet(t, s).ID)
	}
	f.read(t, func(tx slipway.Tx) error {
		var got []int64
		for page := (slipway.Page{Limit: 2}); ; {
			rows, next, err := tx.Sets().List(f.ctx, "", page)
			if err != nil {
				return err
			}
			for _, s := range rows {
				got = append(got, s.ID)
			}
			if page.Cursor = next; next == "" {
				break
			}
		}
		same(t, "newest first", got, []int64{ids[4], ids[3], ids[2], ids[1], ids[0]})
		for service, want := range map[string][]int64{"web": {ids[4], ids[2], ids[1], ids[0]}, "we": nil, "%": nil} {
			rows, _, err := tx.Sets().List(f.ctx, service, slipway.Page{Limit: 10})
			if err != nil {
				return err
			}
			got = nil
			for _, s := range rows {
				got = append(got, s.ID)
			}
			same(t, "with a release of "+service, got, want)
		}
		active, err := tx.Sets().Active(f.ctx)
		got = nil
		for _, s := range active {
			got = append(got, s.ID)
		}
		same(t, "active, oldest first", got, []int64{ids[0], ids[2], ids[3], ids[4]})
		_, _, wrong := tx.Sets().List(f.ctx, "", slipway.Page{Cursor: "nonsense"})
		refused(t, "a cursor of no list", wrong, slipway.CodeInvalid)
		return err
	})
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		s := set("nowhere")
		s.Environment = "nowhere"
		_, err := tx.Sets().Insert(f.ctx, s)
		return err
	})
	refused(t, "a set for no environment", err, slipway.CodeConflict)
}

// testSetEpochs: of many who save over what they have read, one does, and what
// the others did with it is undone.
func testSetEpochs(t *testing.T, f fixture) {
	f.seed(t, "api", "web")
	read := f.insertSet(t, set("checkout"))
	var won atomic.Int32
	f.together(t, 8, func(i int) error {
		err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
			if err := tx.Events().Add(f.ctx, event("set", 1)); err != nil {
				return err
			}
			mine := read
			mine.Message = numbered("writer", i)
			_, err := tx.Sets().Save(f.ctx, mine)
			return err
		})
		if err == nil {
			won.Add(1)
			return nil
		}
		refused(t, "the late ones", err, slipway.CodeConflict)
		return nil
	})
	if n := f.count(t, `SELECT count(*) FROM events`); won.Load() != 1 || n != 1 {
		t.Errorf("%d saved, and %d events are left", won.Load(), n)
	}
	refused(t, "saving what was never kept", f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		missing := read
		missing.ID = 1 << 40
		_, err := tx.Sets().Save(f.ctx, missing)
		return err
	}), slipway.CodeNotFound)
}
