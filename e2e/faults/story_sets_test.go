package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// setPlaces are those that only release sets come by.
var setPlaces = []string{"engine.stepSet/Store.Write", "engine.actOnSet/Store.Write", "engine.setEvidence/Deployers.Preview", "app.PromoteSet/Store.Write", "app.steerSet/Store.Write"}

// together promotes services as sets: one after the other on the way forward,
// and the other way round on the way back, whether a person asks for it or one
// of them fails.
func (g *gauntlet) together() {
	for _, name := range []string{"ledger", "till", "shop"} {
		g.service(name, stage("prod", "far", "strategy: {type: canary, steps: [{weight: 50, bake: 20ms}, {weight: 100}]}"))
	}
	g.setEnds(g.promoteSet("1", "1"), slipway.SetSucceeded)
	for n := 2; n <= 12; n++ {
		version := fmt.Sprint(n)
		id := g.promoteSet(version, version)
		g.setEnds(id, slipway.SetSucceeded)
		g.must("root", http.MethodPost, fmt.Sprintf("sets/%d/rollback", id), map[string]any{"reason": "a test"}, nil)
		g.setEnds(id, slipway.SetRolledBack)
		g.far.script(g.t, version+"-bad", fake.Script{Fail: "it cannot run here"})
		g.setEnds(g.promoteSet(version+"-good", version+"-bad"), slipway.SetRolledBack)
		for _, name := range []string{"ledger", "till", "shop"} {
			if live := g.state(name, "prod").Live; live == nil || live.Spec.Version != "1" {
				g.t.Errorf("after two sets that went back %s has %+v", name, live)
			}
		}
		if !g.awaits(setPlaces...) {
			return
		}
	}
}

// promoteSet asks for three services: ledger, then till, then shop. They are not
// given in that order.
func (g *gauntlet) promoteSet(version, till string) int64 {
	g.t.Helper()
	items := []map[string]any{{"service": "shop", "version": version, "after": []string{"till"}}, {"service": "ledger", "version": version},
		{"service": "till", "version": till, "after": []string{"ledger"}}}
	for _, i := range items {
		g.release(i["service"].(string), i["version"].(string))
	}
	var made struct{ ID int64 }
	g.must("root", http.MethodPost, "sets", map[string]any{"name": "all of " + version, "environment": "prod", "items": items}, &made)
	return made.ID
}

func (w *world) releaseSet(id int64) (s slipway.ReleaseSet) {
	w.t.Helper()
	ctx := context.Background()
	w.ok(w.store.Read(ctx, func(tx slipway.Tx) (err error) { s, err = tx.Sets().Get(ctx, id); return err }))
	return s
}

func (w *world) setEnds(id int64, as slipway.SetState) {
	w.t.Helper()
	w.until(time.Minute, fmt.Sprintf("set %d had ended", id), func() bool { return !w.releaseSet(id).State.Active() })
	if s := w.releaseSet(id); s.State != as {
		w.t.Errorf("set %d ended %s, not %s: %s", id, s.State, as, s.Message)
	}
}
