package engine_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestWhatCameOfACallIsSavedWithIt: the deployer is asked as soon as it has taken a
// desired state, and both are saved at once.
func TestWhatCameOfACallIsSavedWithIt(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		id := r.readyToApply()
		before := r.get(id)
		must(r.engine.Step(r.ctx, id))(t)
		if d := r.get(id); d.State != slipway.Succeeded || d.Epoch != before.Epoch+1 {
			t.Errorf("it is %s, saved %d times", d.State, d.Epoch-before.Epoch)
		}
		if o := r.state("shop", "staging").Observed; o == nil || o.Generation != before.Current().Generation {
			t.Errorf("the stage shows %+v", o)
		}
	})
}

// TestAnAcceptedCallIsSavedSoon: that it was taken waits for no deployer that is
// slow to say what came of it, and not at all where asking again is not safe.
func TestAnAcceptedCallIsSavedSoon(t *testing.T) {
	for name, test := range map[string]struct {
		options fake.Options
		script  fake.Script
		within  time.Duration
	}{
		"it hangs when it is asked":  {script: fake.Script{ObserveHang: true}, within: time.Second},
		"it may be called only once": {options: fake.Options{AtMostOnce: true}},
		"it cannot be asked":         {script: fake.Script{ObserveError: "away"}},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func(t *testing.T, r *rig) {
				r.fake = fake.New(test.options)
				r.others["fake"] = r.fake
				id := r.readyToApply()
				r.script("1", test.script)
				began, before := time.Now(), r.get(id)
				must(r.engine.Step(r.ctx, id))(t)
				d := r.get(id)
				if d.State != slipway.Running || d.Current().State != slipway.Converging || d.Epoch != before.Epoch+1 {
					t.Errorf("it is %s, its phase %s, saved %d times", d.State, d.Current().State, d.Epoch-before.Epoch)
				}
				if took := time.Since(began); took > test.within {
					t.Errorf("it took %v, want %v", took, test.within)
				}
			})
		})
	}
}

// readyToApply is a deployment whose gates have just opened.
func (r *rig) readyToApply() int64 {
	r.t.Helper()
	r.service("shop", stage("staging"))
	r.release("shop", "1")
	id := r.promote("shop", "1", "staging")
	must(r.engine.Step(r.ctx, id))(r.t)
	return id
}

// TestWatchedOftenSavedSeldom: that nothing has changed in a phase is found out
// every two seconds, and saved only before others would come to find it out.
func TestWatchedOftenSavedSeldom(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		var asked atomic.Int64
		r.others["fake"] = &hooked{Deployer: r.fake, observe: func(deployers.Target) { asked.Add(1) }}
		r.service("shop", stage("staging", func(s *slipway.Stage) {
			s.Strategy = slipway.Strategy{Type: slipway.StrategyCanary, Steps: []slipway.CanaryStep{{Weight: 10, Bake: slipway.Duration(time.Hour)}}}
		}))
		r.release("shop", "1", "2")
		r.run()
		r.ended(r.promote("shop", "1", "staging"), time.Minute)
		id := r.promote("shop", "2", "staging")
		r.until(time.Minute, "it bakes", func() bool { d := r.get(id); return d.Current() != nil && d.Current().State == slipway.Baking })
		epoch, before := r.get(id).Epoch, asked.Load()
		<-time.After(10 * time.Minute)
		if n := asked.Load() - before; n < 295 || n > 305 {
			t.Errorf("asked %d times in ten minutes, want 300", n)
		}
		if n := r.get(id).Epoch - epoch; n < 100 || n > 160 {
			t.Errorf("saved %d times in ten minutes, want every four seconds", n)
		}
		r.script("2", fake.Script{Fail: "it leaks"})
		r.until(3*time.Second, "it goes back", func() bool { return r.get(id).State == slipway.Reverting || !r.get(id).State.Active() })
	})
}
