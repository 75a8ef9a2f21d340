package engine_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestALostCallIsNotMadeAgain: a deployer whose calls must not be repeated did
// not answer, and nobody can tell whether it did anything. So nothing is done,
// for as long as it takes, until somebody who has looked says how to go on.
func TestALostCallIsNotMadeAgain(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		ledger := filepath.Join(memory(t), "ledger")
		r.fake = fake.New(fake.Options{AtMostOnce: true, Ledger: ledger})
		r.others["fake"] = r.fake
		r.service("shop", stage("staging"))
		r.release("shop", "1")
		r.script("1", fake.Script{LoseCall: true})
		r.run()
		id := r.promote("shop", "1", "staging")
		r.until(time.Minute, "somebody is asked", func() bool { d := r.get(id); return d.Current() != nil && d.Current().State == slipway.Lost })
		<-time.After(10 * time.Minute)
		calls := must(fake.ReadLedger(ledger))(t)
		if len(calls) != 1 || calls[0].What != fake.Lost {
			t.Errorf("the deployer was called: %+v", calls)
		}
		r.script("1", fake.Script{})
		must(r.app.Resume(r.ctx, root, app.Control{Deployment: id, Reason: "it did nothing", As: app.Again}))(t)
		if d := r.ended(id, time.Minute); d.State != slipway.Succeeded {
			t.Errorf("it ended %s: %s", d.State, d.Message)
		}
	})
}
