package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestProgressIsSeenDuringTheCall: the deployer has printed something and does
// not answer yet, and the page of the run shows it, each line once.
func TestProgressIsSeenDuringTheCall(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("staging"))
		r.release("shop", "1")
		r.script("1", fake.Script{LateReply: true})
		r.run()
		id := r.promote("shop", "1", "staging")
		lines := func() (lines []slipway.LogLine) {
			ok(t, r.store.Read(r.ctx, func(tx slipway.Tx) (err error) {
				lines, err = tx.Logs().After(r.ctx, id, 0, 100)
				return err
			}))
			return lines
		}
		r.until(10*time.Second, "a line is there", func() bool { return len(lines()) > 0 })
		if d := r.get(id); d.Current() == nil || d.Current().State != slipway.Applying {
			t.Fatalf("the call is not on its way any more: %+v", d.Current())
		}
		if d := r.ended(id, time.Minute); d.State != slipway.Succeeded {
			t.Errorf("it ended %s: %s", d.State, d.Message)
		}
		if all := lines(); len(all) != 1 || !strings.HasPrefix(all[0].Text, "generation ") {
			t.Errorf("kept are %+v", all)
		}
	})
}
