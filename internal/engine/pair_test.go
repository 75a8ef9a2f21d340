package engine_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestTwoEnginesOneTruth: two engines share a store and a deployer, and both
// look at everything. The deployer's own ledger shows that every desired state
// was made true in order and none twice, and nothing is stuck (I1, I3, I5).
func TestTwoEnginesOneTruth(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		const services, rounds = 50 / slower, 4 // the race detector makes SQLite crawl
		dir := memory(t)
		ledger := filepath.Join(dir, "ledger")
		shared := func() *fake.Deployer { return fake.New(fake.Options{Dir: dir, Ledger: ledger}) }
		r.fake = shared()
		r.others["fake"] = r.fake
		second := r.another()
		r.others["fake"] = shared()
		r.engine = r.another()
		for i := range services {
			name := fmt.Sprintf("s%d", i)
			r.service(name, stage("staging", func(s *slipway.Stage) { s.Strategy.Batch = 1 }))
			r.release(name, "1", "2", "3", "4")
		}
		r.script("2", fake.Script{ApplyErrors: 1})
		r.script("3", fake.Script{ReadyAfter: 1})
		r.run(second)
		for round := 1; round <= rounds; round++ {
			ids := make([]int64, services)
			for i := range ids {
				ids[i] = r.promote(fmt.Sprintf("s%d", i), fmt.Sprint(round), "staging")
				_ = r.engine.Waker.Wake(r.ctx, ids[i:i+1]) // both at once
				_ = second.Waker.Wake(r.ctx, ids[i:i+1])
			}
			for _, id := range ids {
				if d := r.ended(id, time.Minute); d.State != slipway.Succeeded {
					t.Errorf("deployment %d ended %s: %s", id, d.State, d.Message)
				}
			}
		}
		checkLedger(t, r, ledger, services*(1+3*2))
		for _, chain := range must(app.VerifyAudit(r.ctx, r.store))(t) {
			if chain.Fault != "" {
				t.Error(chain.Fault)
			}
		}
		if due := must(r.store.Due(r.ctx, time.Now().Add(time.Hour), 9))(t); len(due) != 0 {
			t.Errorf("stuck: %v", due)
		}
	})
}

// checkLedger compares what the deployer was told with what the rows believe.
func checkLedger(t *testing.T, r *rig, ledger string, want int) {
	t.Helper()
	newest, effects := map[string]int64{}, map[string]int{}
	for _, e := range must(fake.ReadLedger(ledger))(t) {
		slash := strings.LastIndex(e.Key, "/")
		var generation int64
		_ = must(fmt.Sscan(e.Key[slash+1:], &generation))(t)
		target := e.Key[:slash]
		if e.What != fake.Applied {
			continue
		}
		if effects[e.Key]++; effects[e.Key] > 1 {
			t.Errorf("%s took effect %d times", e.Key, effects[e.Key])
		}
		if generation < newest[target] {
			t.Errorf("%s took effect after %d", e.Key, newest[target])
		}
		newest[target] = generation
	}
	if len(effects) != want {
		t.Errorf("%d desired states took effect, want %d", len(effects), want)
	}
	for target, generation := range newest {
		service, environment, _ := strings.Cut(target, "/")
		d := r.list(service, environment)[0]
		if got := d.Current().Generation; got != generation {
			t.Errorf("%s believes %d, the deployer has %d", target, got, generation)
		}
	}
}
