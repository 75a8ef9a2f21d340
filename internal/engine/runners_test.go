package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// host runs jobs as a test tells it to. Like the real one it starts a key at
// most once, and knows only its own.
type host struct {
	id string

	mu      sync.Mutex
	started []string // keys, in the order of their starts
	orders  map[string]slipway.JobOrder
	reports map[string]slipway.JobReport // by the first word of the command
	fail    error                        // of Start
}

func newHost(id string) *host {
	return &host{id: id, orders: map[string]slipway.JobOrder{}, reports: map[string]slipway.JobReport{}}
}

func (h *host) ID() string { return h.id }

func (h *host) Start(_ context.Context, o slipway.JobOrder) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		return h.fail
	}
	if _, known := h.orders[o.Key]; !known {
		h.started, h.orders[o.Key] = append(h.started, o.Key), o
	}
	return nil
}

func (h *host) Status(_ context.Context, key string) (slipway.JobReport, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o, known := h.orders[key]
	if !known {
		return slipway.JobReport{State: slipway.JobUnknown, Message: "nobody has heard of it"}, nil
	}
	return h.reports[o.Command[0]], nil
}

func (h *host) Output(_ context.Context, key, cursor string, _ int) ([]slipway.LogLine, string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o, known := h.orders[key]
	if !known || cursor != "" {
		return nil, cursor, nil
	}
	return []slipway.LogLine{{At: time.Now(), Stream: "stdout", Text: "\x1b[1mthis is\x1b[0m " + strings.Join(o.Command, " ")}}, "1", nil
}

func (h *host) Stop(_ context.Context, key string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.orders[key]
	h.reports[o.Command[0]] = slipway.JobReport{State: slipway.JobFailed, Message: "stopped"}
	return nil
}

func (h *host) AtWork(context.Context) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var keys []string
	for _, key := range h.started {
		if h.reports[h.orders[key].Command[0]].State == slipway.JobRunning {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (h *host) report(command string, state slipway.JobState, message string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reports[command] = slipway.JobReport{State: state, Message: message}
}

func (h *host) ran() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, key := range h.started {
		out = append(out, strings.Join(h.orders[key].Command, " "))
	}
	return out
}

// figures makes checks and answers gates as a test tells it to.
type figures struct {
	mu       sync.Mutex
	outcomes map[string]slipway.Outcome // by name of the check
	gate     slipway.Probe
	subjects []slipway.CheckSubject
	probes   int
}

func (f *figures) Measure(_ context.Context, c slipway.Check, s slipway.CheckSubject) slipway.Measurement {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subjects = append(f.subjects, s)
	outcome, ok := f.outcomes[c.Name]
	if !ok {
		outcome = slipway.OutcomePass
	}
	return slipway.Measurement{Outcome: outcome, Message: "it is " + string(outcome)}
}

func (f *figures) Probe(context.Context, slipway.Gate, slipway.ProbeSubject) slipway.Probe {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.probes++
	return f.gate
}

func (f *figures) set(name string, o slipway.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outcomes[name] = o
}

func hook(name string, change ...func(*slipway.Hook)) slipway.Hook {
	h := slipway.Hook{Name: name, Again: slipway.AgainAsk, Job: slipway.Job{Command: []string{name, "${version}", "${previous}"}, Timeout: slipway.Duration(time.Minute)}}
	for _, f := range change {
		f(&h)
	}
	return h
}

// TestHooksRunOnceEach: of two portals that look at the same deployment all the
// time, one runs each hook, once, and its words are on the run.
func TestHooksRunOnceEach(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		one, two := newHost("one"), newHost("two")
		second := r.another()
		r.engine.Jobs, second.Jobs = one, two
		for _, h := range []*host{one, two} {
			h.report("migrate", slipway.JobRunning, "half way")
			h.report("warm", slipway.JobSucceeded, "exited with code 0")
		}
		r.service("shop", stage("staging", func(s *slipway.Stage) {
			s.Hooks = slipway.Hooks{Before: []slipway.Hook{hook("migrate")}, After: []slipway.Hook{hook("warm")}}
		}))
		r.release("shop", "1", "2")
		r.run(second)
		both := func(id int64) {
			_ = r.engine.Waker.Wake(r.ctx, []int64{id})
			_ = second.Waker.Wake(r.ctx, []int64{id})
		}
		id := r.promote("shop", "1", "staging")
		r.until(time.Minute, "the hook is at work", func() bool { both(id); return strings.Contains(r.get(id).Message, "half way") })
		if o := r.list("shop", "staging"); r.state("shop", "staging").Observed != nil || len(o) != 1 {
			t.Fatal("the deployer was asked for something before the hook had ended")
		}
		for _, h := range []*host{one, two} {
			h.report("migrate", slipway.JobSucceeded, "exited with code 0")
		}
		if d := r.ended(id, time.Minute); d.State != slipway.Succeeded {
			t.Fatal(d.State, d.Message)
		}
		ran := append(one.ran(), two.ran()...)
		slices.Sort(ran)
		if want := []string{"migrate 1 ", "warm 1 "}; !slices.Equal(ran, want) {
			t.Fatalf("%q ran, not %q", ran, want)
		}
		var lines []slipway.LogLine
		ok(t, r.store.Read(r.ctx, func(tx slipway.Tx) (err error) { lines, err = tx.Logs().After(r.ctx, id, 0, 100); return err }))
		if text := fmt.Sprint(lines); !strings.Contains(text, "hook migrate stdout this is migrate 1") {
			t.Error(text)
		}
	})
}

// TestAHookOfAPortalThatIsGone: nobody else runs it, and in the end a person is
// asked.
func TestAHookOfAPortalThatIsGone(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		gone, here := newHost("gone"), newHost("here")
		r.engine.Jobs = gone
		gone.report("migrate", slipway.JobRunning, "half way")
		r.service("shop", stage("staging", func(s *slipway.Stage) { s.Hooks.Before = []slipway.Hook{hook("migrate")} }))
		r.release("shop", "1")
		stop := r.run()
		id := r.promote("shop", "1", "staging")
		r.until(time.Minute, "the hook is at work", func() bool { return strings.Contains(r.get(id).Message, "half way") })
		stop()
		r.engine = r.another()
		r.engine.Jobs = here
		r.run()
		r.until(5*time.Minute, "a person is asked", func() bool { return r.get(id).State == slipway.Paused })
		want := "Nobody can tell whether the hook migrate has run: the portal gone, which runs it, does not answer. Look for yourself, then resume as done, or resume to do it again."
		if d := r.get(id); d.Message != want || len(here.ran()) != 0 {
			t.Fatalf("%s; it ran %q", d.Message, here.ran())
		}
	})
}

// TestACancelledJobIsStopped: nothing goes on that nothing waits for.
func TestACancelledJobIsStopped(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		h := newHost("one")
		r.engine.Jobs = h
		h.report("migrate", slipway.JobRunning, "half way")
		r.service("shop", stage("staging", func(s *slipway.Stage) { s.Hooks.Before = []slipway.Hook{hook("migrate")} }))
		r.release("shop", "1")
		r.run()
		id := r.promote("shop", "1", "staging")
		r.until(time.Minute, "the hook is at work", func() bool { return strings.Contains(r.get(id).Message, "half way") })
		d := r.get(id)
		ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
			_, err := slipway.Advance(r.ctx, tx, d, slipway.CancelledBy{By: root.Person()}, root, time.Now())
			return err
		}))
		r.until(time.Minute, "it was stopped", func() bool { keys, err := h.AtWork(r.ctx); return err == nil && len(keys) == 0 })
		if d := r.get(id); d.State != slipway.Cancelled {
			t.Fatal(d.State, d.Message)
		}
	})
}

// TestAJobThatCannotStart is tried again until it can be.
func TestAJobThatCannotStart(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		h := newHost("one")
		h.fail = errors.New("no space left on device")
		h.report("migrate", slipway.JobSucceeded, "")
		r.engine.Jobs = h
		r.service("shop", stage("staging", func(s *slipway.Stage) { s.Hooks.Before = []slipway.Hook{hook("migrate")} }))
		r.release("shop", "1")
		r.run()
		id := r.promote("shop", "1", "staging")
		r.until(time.Minute, "it says why", func() bool { return strings.Contains(r.get(id).Message, "no space left on device") })
		h.mu.Lock()
		h.fail = nil
		h.mu.Unlock()
		if d := r.ended(id, time.Minute); d.State != slipway.Succeeded {
			t.Fatal(d.State, d.Message)
		}
	})
}

// TestAFailedCheckRollsBack by itself, restores what was live and holds
// automation.
func TestAFailedCheckRollsBack(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		f := &figures{outcomes: map[string]slipway.Outcome{}}
		r.engine.Checks = f
		r.service("shop", stage("staging", func(s *slipway.Stage) {
			s.Strategy = slipway.Strategy{Type: slipway.StrategyCanary, Steps: []slipway.CanaryStep{{Weight: 50, Bake: slipway.Duration(time.Hour)}}}
			s.Verify = []slipway.Check{{Name: "errors", Metric: &slipway.MetricCheck{Provider: "prometheus", Query: "up", Success: "result == 1"},
				Interval: slipway.Duration(time.Minute), Count: 10, FailureLimit: 1}}
		}))
		r.release("shop", "1", "2")
		r.run()
		if d := r.ended(r.promote("shop", "1", "staging"), time.Hour); d.State != slipway.Succeeded || len(d.Runs[0].Checks[0].Measurements) != 10 {
			t.Fatal(d.State, d.Message, d.Runs)
		}
		id := r.promote("shop", "2", "staging")
		r.until(20*time.Minute, "five measurements were good", func() bool {
			d := r.get(id)
			run := d.Current()
			return run != nil && len(run.Checks) == 1 && run.Checks[0].Passed == 5
		})
		f.set("errors", slipway.OutcomeFail)
		d := r.ended(id, 10*time.Minute)
		if d.State != slipway.RolledBack || d.Message != "The check errors failed: it is fail. 1 is live again." {
			t.Fatal(d.State, d.Message)
		}
		s := r.state("shop", "staging")
		if s.Live.Spec.Version != "1" || s.Hold == nil || s.Failure == nil {
			t.Fatalf("%+v", s)
		}
		last := f.subjects[len(f.subjects)-1]
		if last.Version != "2" || last.Stable != "1" || last.Service != "shop" || last.Environment != "staging" {
			t.Fatalf("it was asked about %+v", last)
		}
	})
}

// TestAGateThatAsksOutside holds a deployment until the answer is yes, and is
// not asked more often than it needs to be.
func TestAGateThatAsksOutside(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		f := &figures{gate: slipway.Probe{Result: slipway.Wait, Reason: "The change board meets at ten.", Who: "the change board"}}
		r.engine.Prober = f
		r.service("shop", stage("staging", func(s *slipway.Stage) {
			s.Gates = []slipway.Gate{{External: &slipway.ExternalGate{URL: "https://example.com/ok"}}}
		}))
		r.release("shop", "1")
		r.run()
		id := r.promote("shop", "1", "staging")
		r.until(time.Minute, "it says why", func() bool { return r.get(id).Message == "The change board meets at ten." })
		f.mu.Lock()
		before := f.probes
		f.mu.Unlock()
		<-time.After(10 * time.Minute)
		f.mu.Lock()
		if n := f.probes - before; n < 15 || n > 25 {
			t.Errorf("asked %d times in ten minutes", n)
		}
		f.gate = slipway.Probe{Result: slipway.Pass, Reason: "The change board agrees."}
		f.mu.Unlock()
		if d := r.ended(id, 2*time.Minute); d.State != slipway.Succeeded {
			t.Fatal(d.State, d.Message)
		}
	})
}

// TestSitesGoOutInWaves, and come back in the other order.
func TestSitesGoOutInWaves(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		f := &figures{outcomes: map[string]slipway.Outcome{}}
		r.engine.Checks = f
		r.service("shop", stage("staging", func(s *slipway.Stage) {
			s.Waves = []slipway.Wave{{Site: "eu"}, {Site: "us", Config: []byte(`{"replicas":3}`)}}
			s.Verify = []slipway.Check{{Name: "smoke", HTTP: &slipway.HTTPCheck{URL: "https://example.com/${site}"}}}
		}))
		r.release("shop", "1", "2")
		r.run()
		d := r.ended(r.promote("shop", "1", "staging"), time.Minute)
		if d.State != slipway.Succeeded || len(d.Runs) != 2 || d.Runs[1].Desired.Tracks[0].Replicas != 3 {
			t.Fatal(d.State, d.Message, d.Runs)
		}
		sites := func() (out []string) {
			for _, track := range r.state("shop", "staging").Observed.Tracks {
				out = append(out, fmt.Sprintf("%s %s %d/%d", track.Site, track.Version, track.Ready, track.Wanted))
			}
			return out
		}
		if got := sites(); !slices.Equal(got, []string{"eu 1 2/2", "us 1 3/3"}) {
			t.Fatalf("%q", got)
		}
		f.set("smoke", slipway.OutcomeFail)
		d = r.ended(r.promote("shop", "2", "staging"), time.Minute)
		if d.State != slipway.RolledBack || len(d.Runs) != 2 || d.Runs[1].Desired.Site != "eu" {
			t.Fatalf("%s %s: us was touched, which comes after what failed: %+v", d.State, d.Message, d.Runs)
		}
		r.until(time.Minute, "both are seen as they were", func() bool { return slices.Equal(sites(), []string{"eu 1 2/2", "us 1 3/3"}) })
	})
}
