package slipway

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Checks, hooks, sites and lost calls, one story each.

func verified(p *Plan) {
	p.Verify = []Check{errorsCheck(), {Name: "smoke", HTTP: &HTTPCheck{URL: "${address}/healthz"}}}
}

func (w *walk) measure(name string, outcome Outcome, message string) *walk {
	w.t.Helper()
	return w.step(Measured{Generation: w.d.Current().Generation, Check: name, Measurement: Measurement{At: w.now, Outcome: outcome, Message: message}})
}

func (w *walk) due(name string) *walk {
	w.t.Helper()
	if _, run, ok := w.d.DueCheck(w.now); run.Name != name || ok != (name != "") {
		w.t.Fatalf("at %s the check %q is due, not %q", w.now, run.Name, name)
	}
	return w
}

func TestAPhaseWaitsForItsChecks(t *testing.T) {
	t.Parallel()
	w := running(t, verified).due("").see(Observed{}).due("")
	w.see(ready).is(Running, Baking).due("errors").measure("errors", OutcomePass, "0.001").due("smoke").measure("smoke", OutcomePass, "200")
	w.due("").after(time.Minute).see(ready).due("errors").measure("errors", OutcomeFail, "0.5").is(Running, Baking) // one is borne
	w.after(9*time.Minute).see(ready).is(Running, Baking).says("10 % of traffic: the check errors is at work")
	w.measure("errors", OutcomePass, "0.002").see(ready).is(Running, Applying)
	w.accept().see(ready).is(Running, Baking).measure("smoke", OutcomePass, "200")
	for range 3 {
		w.after(time.Minute).measure("errors", OutcomePass, "0.001")
	}
	w.see(ready)
	if w.d.State != Succeeded {
		t.Fatal(w.d.State, w.d.Message)
	}
}

func TestAFailedCheckGoesBack(t *testing.T) {
	t.Parallel()
	w := running(t, verified).see(ready).measure("errors", OutcomeFail, "0.5").is(Running, Baking)
	w.measure("errors", OutcomeFail, "0.6 is not below 0.01").is(Reverting, Applying).says("The check errors failed: 0.6 is not below 0.01.")
	w.asks(Effect{Failure: true, Hold: "2.0 was taken back: The check errors failed: 0.6 is not below 0.01."})
	w.accept().see(ready).says("The check errors failed: 0.6 is not below 0.01. 1.0 is live again.")
	if w.d.State != RolledBack || w.d.Runs[1].Checks != nil {
		t.Fatalf("%s, %+v: the way back is not judged", w.d.State, w.d.Runs[1].Checks)
	}
}

func TestChecksGoOnWhileAPersonThinks(t *testing.T) {
	t.Parallel()
	w := running(t, verified, pausing).see(ready).measure("smoke", OutcomePass, "200")
	for range 3 {
		w.after(4*time.Minute).measure("errors", OutcomePass, "0.001")
	}
	w.see(ready).is(Paused, Held).due("").after(time.Minute).due("errors").measure("errors", OutcomeFail, "0.4").is(Paused, Held)
	w.after(time.Minute).due("errors").measure("errors", OutcomeFail, "0.5").is(Reverting, Applying)
}

func TestWhatIsInconclusiveAsksAPerson(t *testing.T) {
	t.Parallel()
	w := running(t, verified).see(ready).measure("smoke", OutcomePass, "200").measure("errors", OutcomeInconclusive, "no data")
	w.is(Paused, Held).says("The check errors is inconclusive: no data. Resume to accept it, or cancel to go back.")
	w.after(time.Minute).see(ready).is(Paused, Held).due("")
	w.step(ResumedBy{By: anna}).is(Running, Baking) // the bake is not over
	w.after(time.Hour).see(ready).is(Running, Applying)
	if got := w.d.Runs[0].Checks[0]; got.AcceptedBy != "Anna" || got.State != CheckInconclusive {
		t.Fatalf("%+v", got)
	}
}

func TestWhatCannotBeMeasuredAsksAPersonInTheEnd(t *testing.T) {
	t.Parallel()
	w := running(t, verified).see(ready).measure("smoke", OutcomePass, "200")
	for range defaultErrorLimit {
		w.after(time.Minute).measure("errors", OutcomeError, "connection refused").is(Running, Baking)
	}
	w.after(time.Minute).measure("errors", OutcomeError, "connection refused").is(Paused, Held)
	w.says("The check errors could not be made: connection refused. Resume to accept it, or cancel to go back.")
	w.step(CancelledBy{By: ben}).is(Reverting, Applying)
}

func TestADryRunDecidesNothing(t *testing.T) {
	t.Parallel()
	w := running(t, verified, func(p *Plan) { p.Verify[0].DryRun = true }).see(ready).measure("smoke", OutcomePass, "200")
	for range 5 {
		w.after(5*time.Minute).measure("errors", OutcomeFail, "1")
	}
	w.see(ready).is(Running, Applying)
}

func TestCheckLimits(t *testing.T) {
	t.Parallel()
	const p, f, i, e = OutcomePass, OutcomeFail, OutcomeInconclusive, OutcomeError
	minute := Duration(time.Minute)
	for name, c := range map[string]struct {
		check    Check
		outcomes []Outcome
		want     CheckState
	}{
		"one measurement without an interval":    {Check{}, []Outcome{p}, CheckSuccessful},
		"its failure":                            {Check{}, []Outcome{f}, CheckFailed},
		"its failure, borne":                     {Check{FailureLimit: 1}, []Outcome{f}, CheckSuccessful},
		"several without an interval":            {Check{Count: 2}, []Outcome{p}, CheckRunning},
		"inconclusive":                           {Check{}, []Outcome{i}, CheckInconclusive},
		"inconclusive, borne":                    {Check{Interval: minute, Count: 2, InconclusiveLimit: 1}, []Outcome{i, p}, CheckSuccessful},
		"any number of failures":                 {Check{Interval: minute, Count: 3, FailureLimit: -1}, []Outcome{f, f, f}, CheckSuccessful},
		"four errors are borne":                  {Check{Interval: minute, Count: 1}, []Outcome{e, e, e, e, p}, CheckSuccessful},
		"five are not":                           {Check{Interval: minute, Count: 1}, []Outcome{e, e, e, e, e}, CheckErred},
		"errors that are not in a row":           {Check{Interval: minute, Count: 9}, []Outcome{e, e, e, e, p, e, e, e, e}, CheckRunning},
		"enough in a row":                        {Check{Interval: minute, Count: 9, ConsecutivePassLimit: 2, FailureLimit: 5}, []Outcome{p, f, p, p}, CheckSuccessful},
		"the count without enough in a row":      {Check{Interval: minute, Count: 3, ConsecutivePassLimit: 2, FailureLimit: 5}, []Outcome{p, f, p}, CheckInconclusive},
		"a failure outweighs passes in a row":    {Check{Interval: minute, ConsecutivePassLimit: 1}, []Outcome{f}, CheckFailed},
		"without an end":                         {Check{Interval: minute}, []Outcome{p, p, p}, CheckRunning},
		"it goes on, and may fail, once decided": {Check{Interval: minute, Count: 1}, []Outcome{p, f}, CheckFailed},
	} {
		run := CheckRun{State: CheckRunning}
		for _, outcome := range c.outcomes {
			run = run.count(c.check, Measurement{At: t0, Outcome: outcome})
		}
		if run.State != c.want {
			t.Errorf("%s: %s, not %s", name, run.State, c.want)
		}
	}
}

func (w *walk) job(state JobState, message string) *walk {
	w.t.Helper()
	return w.step(JobSeen{Generation: w.d.Current().Generation, State: state, Message: message})
}

func names(d Deployment) []string {
	var out []string
	for _, run := range d.Runs {
		out = append(out, run.Desired.Name)
	}
	return out
}

// wired makes the plan of a walk as a stage with hooks and sites would.
func wired(t *testing.T, hooks Hooks, sites bool, change ...func(*Plan)) *walk {
	t.Helper()
	w := start(t, change...)
	if sites {
		w.d = sited(w.d)
	}
	w.d.Plan.Rollback = hooks.OnRollback
	w.d.Plan.Phases = withHooks(w.d.Plan.forward(0), hooks, w.d.Plan.From)
	w.d.PlanDigest = w.d.Plan.Digest()
	return w.step(Judged{Verdicts: pass})
}

func TestHooksRunInTheirPlaces(t *testing.T) {
	t.Parallel()
	hooks := Hooks{Before: []Hook{hook("migrate")}, BeforeTraffic: []Hook{hook("warm")}, After: []Hook{hook("tell")}}
	w := wired(t, hooks, false, func(p *Plan) { p.Strategy = Strategy{Type: StrategyBlueGreen} })
	w.is(Running, Applying).step(Claimed{Generation: w.d.Current().Generation, Runner: "r1"}).accept().is(Running, Converging)
	w.job(JobRunning, "half way").says("before: migrate: half way").job(JobSucceeded, "done")
	w.accept().see(ready) // beside, without traffic
	w.accept().job(JobSucceeded, "")
	w.accept().see(ready).accept().see(ready).accept().job(JobSucceeded, "")
	want := []string{"before: migrate", "start 2.0 beside", "before traffic: warm", "switch to 2.0", "stop 1.0", "after: tell"}
	if diff := cmp.Diff(want, names(w.d)); diff != "" || w.d.State != Succeeded {
		t.Fatal(w.d.State, diff)
	}
}

func TestAHookThatFailsBeforeAnythingChanged(t *testing.T) {
	t.Parallel()
	w := wired(t, Hooks{Before: []Hook{hook("migrate")}}, false).accept().job(JobFailed, "exited with code 1")
	if w.d.State != Failed {
		t.Fatal(w.d.State)
	}
	says := "The hook migrate failed: exited with code 1. Nothing of 2.0 was started."
	w.says(says).asks(Effect{Failure: true, Hold: "2.0 failed: The hook migrate failed: exited with code 1."})
	wired(t, Hooks{Before: []Hook{hook("migrate")}}, false).accept().step(CancelledBy{By: ben}).says("Cancelled by Ben.").asks()
}

func TestAHookIsRunAgainAsOftenAsItAsks(t *testing.T) {
	t.Parallel()
	h := hook("migrate")
	h.Retries, h.Optional = 2, true
	w := wired(t, Hooks{Before: []Hook{h}}, false)
	for range 2 {
		w.accept().job(JobFailed, "locked").is(Running, Applying).says("The hook migrate is run again: The hook migrate failed: locked.")
	}
	w.accept().job(JobFailed, "locked").is(Running, Applying) // optional: it goes on without it
	if got := w.d.Current().Desired.Name; got != "10 % of traffic" || w.d.Runs[2].State != Broken || w.d.Runs[2].Try != 2 {
		t.Fatal(got, w.d.Runs[2])
	}
}

func TestALostHookIsForAPerson(t *testing.T) {
	t.Parallel()
	lost := func() *walk {
		return wired(t, Hooks{Before: []Hook{hook("migrate")}}, false).accept().job(JobUnknown, "the host is gone").is(Paused, Lost)
	}
	lost().says("Nobody can tell whether the hook migrate has run: the host is gone. Look for yourself, then resume as done, or resume to do it again.")
	if w := lost().step(ResumedBy{By: anna, AsDone: true}).is(Running, Applying); len(w.d.Runs) != 2 || w.d.Runs[1].Desired.Hook != nil {
		t.Fatal(names(w.d))
	}
	if w := lost().step(ResumedBy{By: anna}).is(Running, Applying); w.d.Runs[1].Desired.Hook == nil || w.d.Runs[1].Generation == w.d.Runs[0].Generation {
		t.Fatal(names(w.d))
	}
	lost().job(JobSucceeded, "").is(Running, Applying) // its runner came back
	safe := hook("migrate")
	safe.Again = AgainSafe
	wired(t, Hooks{Before: []Hook{safe}}, false).accept().job(JobUnknown, "the host is gone").is(Running, Applying)
}

func TestALostCallIsForAPerson(t *testing.T) {
	t.Parallel()
	lost := func() *walk {
		w := start(t).step(Judged{Verdicts: pass})
		w.step(Refused{Generation: w.d.Current().Generation, Reason: "connection reset", Retry: true, Lost: true})
		return w.is(Paused, Lost).says("Nobody can tell whether the deployer did it: connection reset. Look for yourself, then resume as done, or resume to do it again.")
	}
	old := lost()
	old.step(Seen{Observed: Observed{Generation: old.d.Current().Generation - 1, Converged: true}}).is(Paused, Lost)
	lost().see(ready).is(Running, Baking) // the deployer shows that it did
	lost().step(ResumedBy{By: anna, AsDone: true}).is(Running, Converging)
	lost().step(ResumedBy{By: anna}).is(Running, Applying)
	lost().step(CancelledBy{By: ben}).is(Reverting, Applying)
}

func TestWavesStopWhereOneFails(t *testing.T) {
	t.Parallel()
	told := Hooks{OnRollback: []Hook{hook("tell")}}
	w := wired(t, told, true, recreating)
	for range 2 { // stop and start in eu
		w.accept().see(ready)
	}
	w.accept().see(ready).accept().see(broken).is(Reverting, Applying) // us
	w.accept().see(ready).accept().see(ready).accept().job(JobFailed, "nobody listens")
	want := []string{"eu: stop 1.0", "eu: start 2.0", "us: stop 1.0", "us: start 2.0", "us: back to 1.0", "eu: back to 1.0", "after the way back: tell"}
	if diff := cmp.Diff(want, names(w.d)); diff != "" || w.d.State != RolledBack {
		t.Fatal(w.d.State, diff)
	}
	w.says(denied + " 1.0 is live again.")

	early := wired(t, Hooks{}, true, recreating).accept().see(broken).accept().see(ready)
	if diff := cmp.Diff([]string{"eu: stop 1.0", "eu: back to 1.0"}, names(early.d)); diff != "" || early.d.State != RolledBack {
		t.Fatal(early.d.State, diff) // what was not touched is not touched now
	}
}

func TestAPartStaysBesideWhatIsLive(t *testing.T) {
	t.Parallel()
	partial := func(p *Plan) { p.Strategy = Strategy{Type: StrategyPartial, Share: 10} }
	w := running(t, partial).see(ready).says("2.0 has its part of prod, beside 1.0.")
	if w.d.State != Succeeded {
		t.Fatal(w.d.State)
	}
	w.asks(Effect{Partial: &Partial{Deployment: 42, Spec: w.d.Plan.To, Share: 10, Since: w.now}})
	w = running(t, partial, func(p *Plan) { p.Beside = &Partial{} }).see(broken).accept().see(ready)
	w.asks(Effect{Withdrawn: true}, Effect{Failure: true})
	whole := func(p *Plan) { p.Strategy = Strategy{Type: StrategyPartial, Share: 100} }
	w = running(t, whole).see(ready)
	w.asks(Effect{Live: &w.d.Plan.To})
}
