package slipway

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Of the deadline of a phase when portals stand still or are away.

func TestTimeInWhichNobodyLookedDoesNotCount(t *testing.T) {
	t.Parallel()
	unready := Observed{Message: "0 of 1 ready"}
	cases := map[string]struct {
		away func(w *walk) *walk // while a minute of the phase's five is left
		is   State
	}{
		"the portals were away, and it is ready": {func(w *walk) *walk { return w.after(time.Hour).see(ready) }, Running},
		"the portals were away, and ask again":   {func(w *walk) *walk { return w.after(time.Hour).see(unready).watch(50*time.Second, seen(w.d, unready)) }, Running},
		"once they are back time counts again":   {func(w *walk) *walk { return w.after(time.Hour).see(unready).watch(time.Minute, seen(w.d, unready)) }, Reverting},
		"they were away twice":                   {func(w *walk) *walk { return w.after(time.Hour).see(unready).after(time.Hour).see(unready) }, Running},
		"a look that comes a little late counts": {func(w *walk) *walk {
			return w.watch(55*time.Second, seen(w.d, unready)).after(missedFor).see(unready)
		}, Reverting},
		"it stood still between question and answer": {func(w *walk) *walk {
			asked := seen(w.d, unready)
			asked.Asked = *w.d.NextWakeAt
			return w.after(time.Hour).step(asked).watch(50*time.Second, seen(w.d, unready))
		}, Running},
		"an answer from before the deadline is none to the question after it": {func(w *walk) *walk {
			asked := seen(w.d, unready)
			w.watch(time.Minute-time.Second, asked)
			asked.Asked = w.now.Add(time.Second - 1)
			return w.after(2 * time.Second).step(asked)
		}, Running},
		"the one asked then is": {func(w *walk) *walk {
			asked := seen(w.d, unready)
			w.watch(time.Minute-time.Second, asked)
			asked.Asked = w.now.Add(time.Second)
			return w.after(2 * time.Second).step(asked)
		}, Reverting},
		"a failure is one at any time": {func(w *walk) *walk { return w.after(time.Hour).see(Observed{Failed: true}) }, Reverting},
		"the deployer was away and the portals were not": {func(w *walk) *walk {
			return w.watch(time.Hour, Seen{Err: "connection refused"}).is(Running, Converging).see(unready)
		}, Reverting},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := running(t)
			w.watch(4*time.Minute, seen(w.d, unready)).is(Running, Converging)
			if w = c.away(w); w.d.State != c.is {
				t.Errorf("it is %s: %s", w.d.State, w.d.Message)
			}
		})
	}
}

func TestAHookHasTheTimeInWhichSomebodyLooked(t *testing.T) {
	t.Parallel()
	look := func(w *walk, s JobState) JobSeen { return JobSeen{Generation: w.d.Current().Generation, State: s} }
	cases := map[string]struct {
		away func(w *walk) *walk // while half a minute is left of the hook's one and the one of grace
		is   State
	}{
		"the portals were away, and it has ended": {func(w *walk) *walk { return w.after(time.Hour).job(JobSucceeded, "") }, Running},
		"it failed meanwhile":                     {func(w *walk) *walk { return w.after(time.Hour).job(JobFailed, "killed after its 1m deadline") }, Failed},
		"it is at work yet": {func(w *walk) *walk {
			return w.after(time.Hour).job(JobRunning, "").watch(20*time.Second, look(w, JobRunning))
		}, Running},
		"once they are back time counts again": {func(w *walk) *walk {
			return w.after(time.Hour).job(JobRunning, "").watch(30*time.Second, look(w, JobRunning))
		}, Failed},
		"nobody was away": {func(w *walk) *walk { return w.watch(30*time.Second, look(w, JobRunning)) }, Failed},
		"a look that comes a little late counts": {func(w *walk) *walk {
			return w.watch(25*time.Second, look(w, JobRunning)).after(missedFor).job(JobRunning, "")
		}, Failed},
		"its runner is away, and others look": {func(w *walk) *walk { return w.watch(30*time.Second+missedFor, look(w, JobAway)) }, Paused},
		"its runner has the first word": {func(w *walk) *walk {
			return w.watch(30*time.Second, look(w, JobAway)).job(JobRunning, "")
		}, Failed},
		"all were away, and another is back first": {func(w *walk) *walk {
			return w.after(time.Hour).job(JobAway, "").watch(20*time.Second, look(w, JobAway))
		}, Running},
		"then its runner is back": {func(w *walk) *walk {
			return w.after(time.Hour).job(JobAway, "").after(time.Second).job(JobSucceeded, "")
		}, Running},
		"then its runner never comes": {func(w *walk) *walk {
			return w.after(time.Hour).job(JobAway, "").watch(30*time.Second+missedFor, look(w, JobAway))
		}, Paused},
		"its runner never came, and is back after all": {func(w *walk) *walk { return w.watch(30*time.Second+missedFor, look(w, JobAway)).job(JobSucceeded, "") }, Running},
		"it stood still between question and answer": {func(w *walk) *walk {
			asked := look(w, JobRunning)
			asked.Asked = *w.d.NextWakeAt
			return w.after(time.Hour).step(asked).watch(20*time.Second, look(w, JobRunning))
		}, Running},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := wired(t, Hooks{Before: []Hook{hook("migrate")}}, false)
			w.step(Withheld{Generation: w.d.Current().Generation, Reason: "sealed"}).after(time.Hour).accept() // waiting to begin is no work
			w.watch(90*time.Second, look(w, JobRunning)).is(Running, Converging)
			if w = c.away(w); w.d.State != c.is {
				t.Errorf("it is %s: %s", w.d.State, w.d.Message)
			}
		})
	}
}

// TestTheDeadlineCountsLooks: however late looks come, one phase breaks exactly
// when the time that somebody looked at it makes the deadline, and so does a hook.
func TestTheDeadlineCountsLooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := running(t, func(p *Plan) { p.Deadline = Duration(20 * time.Second) })
		w.countsLooks(rt, 20*time.Second, func(asked time.Time) Event {
			return Seen{Asked: asked, Observed: Observed{Generation: w.d.Current().Generation}}
		})
	})
	rapid.Check(t, func(rt *rapid.T) {
		w := wired(t, Hooks{Before: []Hook{hook("migrate")}}, false).accept()
		state, deadline := JobRunning, 2*time.Minute
		if rapid.Bool().Draw(rt, "away") {
			state, deadline = JobAway, deadline+missedFor
		}
		w.countsLooks(rt, deadline, func(asked time.Time) Event {
			return JobSeen{Asked: asked, Generation: w.d.Current().Generation, State: state}
		})
	})
}

func (w *walk) countsLooks(rt *rapid.T, deadline time.Duration, look func(asked time.Time) Event) {
	counted := time.Duration(0)
	for range 10_000 {
		late := rapid.SampledFrom([]time.Duration{0, 0, 0, time.Millisecond, time.Second, missedFor, missedFor + 1, time.Hour, 240 * time.Hour}).Draw(rt, "late")
		took := rapid.SampledFrom([]time.Duration{0, 0, time.Millisecond, 15 * time.Second, slowest, slowest + 1, time.Hour}).Draw(rt, "took")
		began, due := w.now, *w.d.NextWakeAt
		asked := due.Add(late)
		w.now = asked.Add(took)
		w.step(look(asked))
		counted += due.Sub(began)
		if late <= missedFor {
			counted += late
		}
		if broken := w.d.State != Running; broken != (counted >= deadline) {
			rt.Fatalf("%s after %s that count: %s", w.d.State, counted, w.d.Message)
		} else if broken {
			return
		}
		if took <= slowest {
			counted += took
		}
	}
	rt.Fatal("what never ends never breaks")
}
