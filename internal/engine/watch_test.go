package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (r *rig) logs(id int64) (out []slipway.LogLine) {
	r.t.Helper()
	ok(r.t, r.store.Read(r.ctx, func(tx slipway.Tx) (err error) { out, err = tx.Logs().After(r.ctx, id, 0, 1000); return err }))
	return out
}

// TestLogsAreCollectedOnce, in order, and each deployment has its own.
func TestLogsAreCollectedOnce(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("staging", func(s *slipway.Stage) { s.Strategy.Batch = 1 }))
		r.release("shop", "1", "2")
		r.run()
		first := r.promote("shop", "1", "staging")
		r.ended(first, time.Minute)
		<-time.After(time.Minute)
		r.script("2", fake.Script{ReadyAfter: 8})
		second := r.promote("shop", "2", "staging")
		d := r.ended(second, time.Minute)
		lines := r.logs(second)
		if len(lines) != len(d.Runs) {
			t.Fatalf("%d lines of %d phases: %+v", len(lines), len(d.Runs), lines)
		}
		for i, line := range lines {
			if line.Number != int64(i+1) || !strings.HasPrefix(line.Text, fmt.Sprintf("generation %d:", d.Runs[i].Generation)) {
				t.Errorf("line %d is %d: %s", i, line.Number, line.Text)
			}
		}
		if one := r.logs(first); len(one) != 1 {
			t.Errorf("the first has %+v", one)
		}
	})
}

// TestPagesShowWhatRuns: a calm stage is asked after, each change is told once,
// however many engines watch, and nothing is told while nothing changes.
func TestPagesShowWhatRuns(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("staging"))
		r.release("shop", "1")
		r.run(r.another(), r.another())
		r.ended(r.promote("shop", "1", "staging"), time.Minute)
		<-time.After(40 * time.Second)
		calm := len(r.events("stage.observed"))
		seen := r.state("shop", "staging").Observed
		if age := time.Since(seen.At); age > 20*time.Second || !seen.Converged {
			t.Errorf("the report is %s old: %+v", age, seen)
		}
		r.script("1", fake.Script{NeverReady: true}) // a replica dies
		<-time.After(40 * time.Second)
		broken := r.state("shop", "staging").Observed
		if n := len(r.events("stage.observed")); broken.Converged || n != calm+1 {
			t.Errorf("one change was told %d times: %+v", n-calm, broken)
		}
		r.script("1", fake.Script{ObserveError: "no route"})
		<-time.After(40 * time.Second)
		if last := r.state("shop", "staging").Observed; time.Since(last.At) < 30*time.Second || last.Message != broken.Message {
			t.Errorf("what cannot be asked shows %+v", last)
		}
	})
}

// TestOneHangingDeployerBlindsNoOther.
func TestOneHangingDeployerBlindsNoOther(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		slow := fake.New(fake.Options{})
		r.others["slow"] = slow
		on := func(s *slipway.Stage) { s.Deployer.Name = "slow" }
		r.service("shop", stage("staging"))
		r.release("shop", "1")
		for i := range 6 {
			name := fmt.Sprintf("aaa%d", i) // asked after before shop
			r.service(name, stage("staging", on))
			r.release(name, "1")
		}
		r.run()
		r.ended(r.promote("shop", "1", "staging"), time.Minute)
		for i := range 6 {
			r.ended(r.promote(fmt.Sprintf("aaa%d", i), "1", "staging"), time.Minute)
		}
		ok(t, slow.SetScript(r.ctx, deployers.Target{}, "1", fake.Script{ObserveHang: true}))
		<-time.After(3 * time.Minute)
		r.until(40*time.Second, "shop has a fresh report", func() bool { return time.Since(r.state("shop", "staging").Observed.At) < 5*time.Second })
	})
}

// TestStagesAtWorkAreLeftAlone: the looks of the engine ask after those.
func TestStagesAtWorkAreLeftAlone(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("staging", func(s *slipway.Stage) { s.Deadline = slipway.Duration(time.Hour) }))
		r.release("shop", "1", "2")
		r.run()
		r.ended(r.promote("shop", "1", "staging"), time.Minute)
		r.script("2", fake.Script{NeverReady: true})
		before := len(r.events("stage.observed"))
		id := r.promote("shop", "2", "staging")
		for i := range 120 { // what it reports changes all the time
			<-time.After(time.Second)
			r.script("2", fake.Script{NeverReady: i%2 == 0, ReadyAfter: 1000})
		}
		if n := len(r.events("stage.observed")) - before; n != 0 || r.get(id).State != slipway.Running {
			t.Errorf("the stage at work was told of %d times", n)
		}
		if seen := r.state("shop", "staging").Observed; time.Since(seen.At) > 5*time.Second {
			t.Errorf("its report is %s old", time.Since(seen.At))
		}
	})
}
