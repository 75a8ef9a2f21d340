package engine_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// hooked is the fake with something that happens within its calls.
type hooked struct {
	*fake.Deployer
	mu             sync.Mutex // looks go on while a test changes its mind
	apply, observe func(deployers.Target)
}

func (h *hooked) set(apply, observe func(deployers.Target)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.apply, h.observe = apply, observe
}

func (h *hooked) now() (apply, observe func(deployers.Target)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.apply, h.observe
}

func (h *hooked) Apply(ctx context.Context, t deployers.Target, d deployers.Desired) error {
	if apply, _ := h.now(); apply != nil {
		apply(t)
	}
	return h.Deployer.Apply(ctx, t, d)
}

func (h *hooked) Observe(ctx context.Context, t deployers.Target) (deployers.Observed, error) {
	if _, observe := h.now(); observe != nil {
		observe(t)
	}
	return h.Deployer.Observe(ctx, t)
}

// TestPanicStopsOnlyItsOwn: a deployer that panics fails the deployment at hand
// and no other, whichever verb it is.
func TestPanicStopsOnlyItsOwn(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		burn := func(target deployers.Target) {
			if target.Service == "shop" {
				panic("nil map")
			}
		}
		h := &hooked{Deployer: r.fake, apply: burn}
		r.others["fake"] = h
		r.service("shop", stage("staging"))
		r.service("cart", stage("staging"))
		r.release("shop", "1")
		r.release("cart", "1")
		r.run()
		bad, good := r.promote("shop", "1", "staging"), r.promote("cart", "1", "staging")
		if d := r.ended(good, 20*time.Second); d.State != slipway.Succeeded {
			t.Errorf("the other ended %s: %s", d.State, d.Message)
		}
		r.until(20*time.Second, "it says what happened", func() bool { return strings.Contains(r.get(bad).Message, "the deployer panicked: nil map") })
		if d := r.get(bad); d.State != slipway.Running {
			t.Errorf("it is %s", d.State)
		}
		h.set(nil, burn)
		r.until(20*time.Second, "it was taken", func() bool { return strings.Contains(r.get(bad).Message, "could not be asked") })
		h.set(nil, nil)
		if d := r.ended(bad, 20*time.Second); d.State != slipway.Succeeded {
			t.Errorf("once mended it ended %s: %s", d.State, d.Message)
		}
	})
}

// TestOvertakenStepChangesNothing: while an engine calls the deployer, somebody
// else moves the deployment on. What comes back is of an old epoch and is dropped.
func TestOvertakenStepChangesNothing(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		var id int64
		var during slipway.Deployment
		h := &hooked{Deployer: r.fake}
		r.others["fake"] = h
		r.service("shop", stage("staging"))
		r.release("shop", "1")
		id = r.promote("shop", "1", "staging")
		must(r.engine.Step(r.ctx, id))(t) // the gates open
		meddle := func(deployers.Target) {
			h.set(nil, nil)
			if _, err := r.app.Cancel(r.ctx, root, app.Control{Deployment: id, Reason: "stop"}); err != nil {
				t.Error(err)
			}
			during = r.get(id)
		}
		h.set(meddle, nil)
		if _, err := r.engine.Step(r.ctx, id); slipway.CodeOf(err) != slipway.CodeConflict {
			t.Errorf("the overtaken step answered %v", err)
		}
		if d := r.get(id); d.Epoch != during.Epoch || d.State != slipway.Reverting {
			t.Errorf("it is %s at epoch %d, want %d", d.State, d.Epoch, during.Epoch)
		}
		// The deployer took the old generation and then gets the newer one.
		for range 3 {
			_, err := r.engine.Step(r.ctx, id)
			ok(t, err)
		}
		if d := r.get(id); d.State != slipway.Cancelled {
			t.Errorf("it ended %s: %s", d.State, d.Message)
		}
		if names := must(r.fake.Instances(r.ctx, deployers.Target{Service: "shop", Environment: "staging"}))(t); len(names) != 0 {
			t.Errorf("cancelled, and %v run", names)
		}
	})
}

type prober func(slipway.ProbeSubject) slipway.Probe

func (p prober) Probe(_ context.Context, _ slipway.Gate, s slipway.ProbeSubject) slipway.Probe {
	return p(s)
}

// TestOvertakenJudgementChangesNothing: while a gate asks outside, somebody
// votes. Whether it may start is judged anew, with what is known then.
func TestOvertakenJudgementChangesNothing(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		var during slipway.Deployment
		r.service("shop", stage("staging", approved(time.Hour), func(s *slipway.Stage) {
			s.Gates = append(s.Gates, slipway.Gate{External: &slipway.ExternalGate{URL: "https://example.com/ok"}})
		}))
		r.release("shop", "1")
		id := r.promote("shop", "1", "staging")
		r.engine.Prober = prober(func(slipway.ProbeSubject) slipway.Probe {
			ok(t, r.approve(id))
			during = r.get(id)
			return slipway.Probe{Result: slipway.Pass}
		})
		if _, err := r.engine.Step(r.ctx, id); slipway.CodeOf(err) != slipway.CodeConflict {
			t.Errorf("the overtaken step answered %v", err)
		}
		if d := r.get(id); d.Epoch != during.Epoch || d.State != slipway.Waiting {
			t.Errorf("it is %s at epoch %d, want %d", d.State, d.Epoch, during.Epoch)
		}
	})
}

// TestManyLooksAreOne: a hundred looks at once lead where one does.
func TestManyLooksAreOne(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("staging"))
		r.release("shop", "1")
		id := r.promote("shop", "1", "staging")
		for range 100 {
			r.looks.Go(func() {
				if err := r.engine.Look(r.ctx, id); err != nil {
					t.Error(err)
				}
			})
		}
		r.looks.Wait()
		if d := r.get(id); d.State != slipway.Succeeded {
			t.Errorf("a hundred looks led to %s", d.State)
		}
		ok(t, r.engine.Look(r.ctx, 999))
		ok(t, r.engine.Look(r.ctx, id))
		over, cancel := context.WithCancel(r.ctx)
		cancel()
		_ = r.engine.Look(over, id)
	})
}

// TestSweeperFindsWhatWasLost: with every wake-up dropped for a while, what is
// due is taken up within the sweeper's time.
func TestSweeperFindsWhatWasLost(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		real, dropping := r.engine.Waker, atomic.Bool{}
		dropping.Store(true)
		r.engine.Waker = waker(func(ctx context.Context, ids []int64) error {
			if dropping.Load() {
				return nil
			}
			return real.Wake(ctx, ids)
		})
		r.service("shop", stage("staging"))
		r.release("shop", "1")
		r.run()
		id := r.promote("shop", "1", "staging")
		<-time.After(30 * time.Second)
		if d := r.get(id); d.State != slipway.Waiting || d.Epoch != 1 {
			t.Fatalf("somebody looked: it is %s", d.State)
		}
		dropping.Store(false)
		if d := r.ended(id, 10*time.Second); d.State != slipway.Succeeded {
			t.Errorf("it is %s", d.State)
		}
	})
}

// TestRestedInAProcessThatIsGone: what comes due soon after a start is not left to
// the pace of later sweeps.
func TestRestedInAProcessThatIsGone(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("staging"))
		r.release("shop", "1")
		d := r.get(r.promote("shop", "1", "staging"))
		due := time.Now().Add(5300 * time.Millisecond)
		d.NextWakeAt = &due
		ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error { _, err := tx.Deployments().Save(r.ctx, d); return err }))
		r.engine.Alone = true
		r.run()
		if late := r.ended(d.ID, 20*time.Second).StartedAt.Sub(due); late > 300*time.Millisecond {
			t.Errorf("it was looked at %s after its time had come", late)
		}
	})
}

// TestPortalsAway: six seconds of a phase's half a minute are left when the last
// portal goes, two of which were to pass before the next look. Back after an hour,
// it asks, and asks again, before it gives up.
func TestPortalsAway(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("staging"))
		r.service("cart", stage("staging"))
		r.release("shop", "1")
		r.release("cart", "1")
		r.script("1", fake.Script{NeverReady: true})
		stop := r.run()
		late, never := r.promote("shop", "1", "staging"), r.promote("cart", "1", "staging")
		<-time.After(24 * time.Second)
		stop()
		<-time.After(time.Hour)
		r.run()
		<-time.After(3 * time.Second)
		if d := r.get(late); d.State != slipway.Running || !strings.Contains(d.Message, "0 of 2 ready") {
			t.Fatalf("it is %s: %s", d.State, d.Message)
		}
		ok(t, r.fake.SetScript(r.ctx, deployers.Target{Service: "shop", Environment: "staging"}, "1", fake.Script{}))
		if d := r.ended(late, 5*time.Second); d.State != slipway.Succeeded {
			t.Errorf("it ended %s: %s", d.State, d.Message)
		}
		if d := r.ended(never, 10*time.Second); d.State != slipway.Failed || !strings.Contains(d.Message, "Not ready within 30s") {
			t.Errorf("what is never ready ended %s: %s", d.State, d.Message)
		}
	})
}

// TestPortalsAwayFromAHook: twenty seconds of the two minutes of a hook are left
// when all portals go. Back after an hour, they ask after it, whoever comes first,
// and give it up when its time is over.
func TestPortalsAwayFromAHook(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		own, other := newHost("own"), newHost("other")
		second := r.another()
		r.engine.Jobs, second.Jobs = own, other
		for _, service := range []string{"shop", "cart"} {
			r.service(service, stage("staging", func(s *slipway.Stage) { s.Hooks.Before = []slipway.Hook{hook("for-" + service)} }))
			r.release(service, "1")
			own.report("for-"+service, slipway.JobRunning, "half way")
		}
		stop := r.run()
		late, never := r.promote("shop", "1", "staging"), r.promote("cart", "1", "staging")
		<-time.After(100 * time.Second)
		stop()
		<-time.After(time.Hour)
		first := r.engine
		r.engine = second
		stop = r.run()
		<-time.After(10 * time.Second)
		if d := r.get(late); d.State != slipway.Running || !strings.Contains(d.Message, "the portal own, which runs it, does not answer") {
			t.Fatalf("to another it is %s: %s", d.State, d.Message)
		}
		stop()
		r.engine = first
		r.run(second)
		r.until(5*time.Second, "its own portal answers", func() bool { return strings.Contains(r.get(late).Message, "half way") })
		own.report("for-shop", slipway.JobSucceeded, "")
		if d := r.ended(late, 5*time.Second); d.State != slipway.Succeeded {
			t.Errorf("it ended %s: %s", d.State, d.Message)
		}
		if d := r.ended(never, 30*time.Second); d.State != slipway.Failed || !strings.Contains(d.Message, "did not end within 1m") {
			t.Errorf("what never ends ended %s: %s", d.State, d.Message)
		}
	})
}
