package slipway

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var stopped = StoppedLine{Owner: ben.ID, OwnerName: ben.Name, Reason: "Payments are down.", Since: t0}

// held takes a step while the line is stopped.
func (w *walk) held(ev Event) *walk {
	w.t.Helper()
	next, effects, err := StepStopped(w.d, ev, stopped, w.now)
	if err != nil {
		w.t.Fatalf("%s in %s: %v", ev.name(), w.d.State, err)
	}
	w.d, w.effects = next, effects
	return w
}

const standing = "10 % of traffic: done; the line is stopped by Ben: Payments are down."

// TestAStoppedLineKeepsTheNextPhase from beginning, and nothing else: the phase
// at work ends, and goes on by itself when the line goes.
func TestAStoppedLineKeepsTheNextPhase(t *testing.T) {
	t.Parallel()
	w := running(t).see(ready).after(10 * time.Minute)
	w.held(seen(w.d, ready)).is(Running, Held).says(standing)
	if !w.d.KeptByLine() || w.d.Phase != 0 || w.d.LookAgain(w.now).Sub(w.now) > latest {
		t.Fatalf("phase %d, looked at again at %s", w.d.Phase, w.d.NextWakeAt)
	}
	w.after(time.Hour).held(seen(w.d, ready)).is(Running, Held).says(standing)
	w.held(seen(w.d, Observed{Message: "1 of 4 ready"})).is(Running, Converging).after(time.Minute).held(seen(w.d, ready)).is(Running, Baking)
	w.after(10*time.Minute).held(seen(w.d, ready)).is(Running, Held)
	w.see(ready).is(Running, Applying)
	if w.d.Phase != 1 {
		t.Errorf("it is in phase %d", w.d.Phase)
	}
	w.accept().held(seen(w.d, ready)) // the last one: nothing begins after it
	if w.d.State != Succeeded {
		t.Errorf("it is %s: %s", w.d.State, w.d.Message)
	}
}

// TestAStoppedLineAndAPerson: a pause that a person asked for outlives the stop,
// and a resume during the stop counts when the line goes again.
func TestAStoppedLineAndAPerson(t *testing.T) {
	t.Parallel()
	w := running(t).see(ready).after(10 * time.Minute)
	w.held(seen(w.d, ready)).step(PausedBy{ben}).held(seen(w.d, ready)).is(Paused, Held)
	w.see(ready).is(Paused, Held) // the line goes; the pause stays
	w.step(ResumedBy{By: anna}).is(Running, Applying)

	w = running(t, pausing).see(ready).after(10 * time.Minute)
	w.held(seen(w.d, ready)).is(Paused, Held).says("10 % of traffic: waits for somebody to resume.")
	w.held(ResumedBy{By: anna}).is(Running, Held).says(standing)
	w.held(seen(w.d, ready)).is(Running, Held).says(standing) // and nobody is asked again
	w.see(ready).is(Running, Applying)
}

// TestAStoppedLineAndHooks: the job ends, and the phase after it waits.
func TestAStoppedLineAndHooks(t *testing.T) {
	t.Parallel()
	hook := Hook{Name: "migrate", Job: Job{Command: []string{"true"}, Timeout: Duration(time.Minute)}, Again: AgainAsk}
	hooked := func() *walk {
		d := waiting()
		d.Plan.Phases = append([]Desired{hook.phase("before", d.Plan.Phases[0].Tracks[:1], "")}, d.Plan.Phases...)
		d.PlanDigest = d.Plan.Digest()
		w := &walk{t: t, d: d, now: t0}
		w.step(Judged{Verdicts: pass})
		return w.step(Claimed{w.d.Current().Generation, "r1"}).accept()
	}
	job := func(w *walk, s JobState) JobSeen { return JobSeen{Generation: w.d.Current().Generation, State: s} }
	w := hooked()
	w.held(job(w, JobRunning)).is(Running, Converging).held(job(w, JobSucceeded)).is(Running, Held)
	w.says("before: migrate: done; the line is stopped by Ben: Payments are down.")
	w.held(job(w, JobUnknown)).is(Running, Held) // whoever ran it may be gone by now
	w.step(job(w, JobSucceeded)).is(Running, Applying)

	w = hooked()
	w.held(job(w, JobUnknown)).is(Paused, Lost).held(ResumedBy{By: anna, AsDone: true}).is(Running, Held)
	w.step(job(w, JobSucceeded)).is(Running, Applying)

	w = hooked()
	w.held(job(w, JobFailed))
	if w.d.State != Failed {
		t.Errorf("a stopped line keeps it from failing: %s", w.d.State)
	}
}

// TestAStoppedLineLetsTheWayBackPass: of rollbacks, and of what goes wrong or is
// cancelled meanwhile.
func TestAStoppedLineLetsTheWayBackPass(t *testing.T) {
	t.Parallel()
	for _, ev := range []Event{CancelledBy{By: ben}, Seen{Observed: Observed{Failed: true}}} {
		w := running(t).see(ready).after(10 * time.Minute)
		w.held(seen(w.d, ready)).is(Running, Held)
		if s, ok := ev.(Seen); ok {
			ev = seen(w.d, s.Observed)
		}
		w.held(ev).is(Reverting, Applying)
		w.accept().held(seen(w.d, ready))
		if w.d.State.Active() {
			t.Errorf("after %s it is %s: %s", ev.name(), w.d.State, w.d.Message)
		}
	}
	w := running(t, rollback, recreating)
	w.held(seen(w.d, ready)).is(Running, Applying)
}

func TestLineVerdicts(t *testing.T) {
	t.Parallel()
	stop := func(f *GateFacts) { line := stopped; f.Line = &line }
	for says, c := range map[string]struct {
		change []func(*GateFacts)
		result Result
	}{
		"The line goes.":                                 {nil, Pass},
		"A stopped line lets rollbacks pass.":            {[]func(*GateFacts){stop, back}, Pass},
		"The line is stopped by Ben: Payments are down.": {[]func(*GateFacts){stop}, Wait},
	} {
		v := lineVerdict(facts(c.change...))
		if v.Result != c.result || v.Reason != says || (v.Result != Pass && (v.Who != "Ben, or who may stop the line" || !v.Since.Equal(t0))) {
			t.Errorf("%+v", v)
		}
	}
}

// TestALineThatStopsAndGoes at any time: no phase begins while it is stopped,
// nothing else is kept, a pause of a person is never lost, and a deployment
// comes to an end all the same.
func TestALineThatStopsAndGoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := newLifetime(t)
		for range 60 {
			ev, stop := l.anyEvent(t), rapid.Bool().Draw(t, "stopped")
			l.now = l.now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 11 * time.Minute}).Draw(t, "passed"))
			free, effects, err := Step(l.d, ev, l.now)
			next := free
			if stop {
				next, effects, err = StepStopped(l.d, ev, stopped, l.now)
			}
			if err != nil {
				continue
			}
			kept := l.d.GoesOn(free) && stop
			switch {
			case kept && (next.State != Running || !next.KeptByLine() || len(next.Runs) != len(l.d.Runs) || next.Phase != l.d.Phase || len(effects) > 0):
				t.Fatalf("%s of %s led to %s, phase %d of %d runs", ev.name(), l.d.State, next.State, next.Phase, len(next.Runs))
			case !kept && stop && (next.State != free.State || len(next.Runs) != len(free.Runs) || next.Message != free.Message):
				t.Fatalf("%s of %s led to %s, %q, and with a line that goes to %s, %q", ev.name(), l.d.State, next.State, next.Message, free.State, free.Message)
			}
			if _, resumed := ev.(ResumedBy); l.d.State == Paused && next.State == Running && !resumed && !l.d.Current().Parked {
				t.Fatalf("%s lost a pause", ev.name())
			}
			if l.d = next; !next.State.Active() {
				return
			}
			if next.State != Waiting {
				checkTimes(t, next, l.now)
			}
		}
	})
}
