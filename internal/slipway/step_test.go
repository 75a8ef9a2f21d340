package slipway

import (
	"testing"
	"time"
)

// The life of a deployment, case by case. What holds for all of them is in
// step_properties_test.go.

func TestGoesThroughItsPhases(t *testing.T) {
	t.Parallel()
	w := start(t).step(Judged{Verdicts: wait}).says("prod is locked by Ben.").step(Judged{Verdicts: pass}).is(Running, Applying)
	if !w.d.StartedAt.Equal(t0) || w.d.Current().Generation != 42*maxRuns+1 {
		t.Fatalf("started %v, generation %d", w.d.StartedAt, w.d.Current().Generation)
	}
	w.accept().is(Running, Converging).says("10 % of traffic")
	w.see(Observed{Message: "0 of 1 ready"}).says("10 % of traffic: 0 of 1 ready")
	w.see(ready).is(Running, Baking).says("10 % of traffic: watched until 09:10:00 UTC")
	w.after(10*time.Minute-1).see(ready).is(Running, Baking)
	w.after(1).see(ready).is(Running, Applying).says("all traffic")
	if w.d.Phase != 1 || w.d.Runs[0].State != Done || w.d.Runs[0].EndedAt == nil {
		t.Fatalf("phase %d, the one before %+v", w.d.Phase, w.d.Runs[0])
	}
	w.accept().see(ready).says("2.0 is live in prod.").asks(Effect{Live: &w.d.Plan.To})
	if w.d.State != Succeeded || w.d.EndedAt == nil || w.d.NextWakeAt != nil {
		t.Fatalf("%s, ended %v, wakes %v", w.d.State, w.d.EndedAt, w.d.NextWakeAt)
	}
}

func TestNothingIsAcceptedBeforeItIsRecorded(t *testing.T) {
	t.Parallel()
	w := start(t).step(Judged{Verdicts: pass})
	w.see(ready).is(Running, Applying) // a report cannot overtake the intent
	w.see(Observed{Failed: true, Message: "no"}).is(Running, Applying)
	w.accept().is(Running, Converging)
}

func TestNoVerdictIsNoYes(t *testing.T) {
	t.Parallel()
	w := start(t).step(Judged{}).says("The gates have not been judged yet.")
	if w.d.State != Waiting {
		t.Fatalf("it is %s without a verdict", w.d.State)
	}
	if w.step(Judged{Verdicts: []Verdict{{Gate: "check", Result: Unknown, Reason: "It did not answer."}}}); w.d.State != Waiting {
		t.Fatalf("it is %s on what is unknown", w.d.State)
	}
}

func TestOldNewsChangeNothing(t *testing.T) {
	t.Parallel()
	for name, old := range map[string]func(generation int64) Event{
		"accepted":  func(g int64) Event { return Accepted{g} },
		"refused":   func(g int64) Event { return Refused{Generation: g, Reason: "no"} },
		"converged": func(g int64) Event { return Seen{Observed: Observed{Generation: g, Converged: true}} },
		"failed":    func(g int64) Event { return Seen{Observed: Observed{Generation: g, Failed: true}} },
	} {
		for _, off := range []int64{-1, 1} {
			w := running(t, recreating).see(ready) // first phase done, second applying
			w.step(old(w.d.Current().Generation+off)).is(Running, Applying).asks()
			w.accept().step(old(w.d.Current().Generation+off)).is(Running, Converging).asks()
			if w.d.Current().Message != "" || w.d.Current().Attempts != 0 {
				t.Errorf("%s of %+d left %+v", name, off, w.d.Current())
			}
		}
	}
	again := running(t)
	again.accept().is(Running, Converging) // told twice
}

func TestADeployerThatNeverGetsThereMeetsTheDeadline(t *testing.T) {
	t.Parallel()
	w := running(t)
	older := Seen{Observed: Observed{Generation: w.d.Current().Generation - 1, Converged: true}}
	w.watch(5*time.Minute-1, older).is(Running, Converging)
	w.after(1).step(older).is(Reverting, Applying).says("Not ready within 5m. The deployer still reports an older state.")
}

func TestDeadlineCountsWhileNotReady(t *testing.T) {
	t.Parallel()
	w := running(t)
	w.watch(4*time.Minute, seen(w.d, Observed{})).is(Running, Converging)
	w.see(ready).is(Running, Baking)
	w.after(time.Minute).see(Observed{Message: "1 of 2 ready"}).is(Running, Converging) // lost: the bake starts over
	w.watch(30*time.Second, seen(w.d, Observed{})).is(Running, Converging)
	w.see(ready).after(10*time.Minute-1).see(ready).is(Running, Baking)
	w.see(Observed{}).watch(30*time.Second-1, seen(w.d, Observed{})).is(Running, Converging) // what was spent stays spent
	w.after(1).see(Observed{Message: "1 of 2 ready"}).is(Reverting, Applying)
	w.says("Not ready within 5m. 1 of 2 ready.")
}

func TestTimeBeforeItWasTakenIsNotTheReleasesFault(t *testing.T) {
	t.Parallel()
	w := start(t).step(Judged{Verdicts: pass}).after(time.Hour).accept().see(Observed{}).is(Running, Converging)
	w.watch(5*time.Minute, seen(w.d, Observed{})).is(Reverting, Applying)
}

func TestADeployerThatCannotBeAskedFailsNoRelease(t *testing.T) {
	t.Parallel()
	w := running(t)
	for range 100 {
		w.after(time.Hour).step(Seen{Err: "connection refused"}).is(Running, Converging).asks()
	}
	w.says("The deployer could not be asked: connection refused.")
	w.see(ready).is(Running, Baking).says("10 % of traffic: watched until 13:10:00 UTC")
}

func TestADeployerMayTakeItLate(t *testing.T) {
	t.Parallel()
	w := start(t).step(Judged{Verdicts: pass})
	refused := Refused{Generation: w.d.Current().Generation, Reason: "busy", Retry: true}
	for range maxAttempts - 1 {
		w.after(time.Second).step(refused).is(Running, Applying).says("The deployer did not take it yet: busy.")
		if wake := w.d.NextWakeAt.Sub(w.now); wake <= 0 || wake > latest {
			t.Fatalf("asks again after %s", wake)
		}
	}
	taken := deepCopy(w.d)
	w.step(refused).is(Reverting, Applying).says("The deployer refused: busy.")
	w.d = taken
	w.accept().is(Running, Converging)
	if w.d.Current().Attempts != 0 {
		t.Fatal("what was taken has failed no call")
	}
}

func TestPauseWhileConvergingKeepsWatching(t *testing.T) {
	t.Parallel()
	w := running(t).step(PausedBy{ben}).says("Paused by Ben.")
	w.see(Observed{Message: "0 of 1 ready"}).is(Paused, Converging)
	w.see(ready).is(Paused, Baking).step(ResumedBy{By: anna}).is(Running, Baking).says("Resumed by Anna.")

	w = running(t).step(PausedBy{ben}).after(time.Second).see(Observed{Failed: true, Message: "image pull denied"})
	w.is(Reverting, Applying).says("image pull denied.")
}

func TestPauseHoldsAPhaseUntilSomebodyResumes(t *testing.T) {
	t.Parallel()
	w := running(t).see(ready).is(Running, Baking).step(PausedBy{ben}).after(10*time.Minute).see(ready).is(Paused, Held)
	w.says("10 % of traffic: waits for somebody to resume.")
	w.step(Seen{Err: "no"}).see(ready).is(Paused, Held).says("10 % of traffic: waits for somebody to resume.")
	w.step(ResumedBy{By: anna}).is(Running, Applying)
	if w.d.Phase != 1 {
		t.Fatalf("resumed into phase %d", w.d.Phase)
	}
	w.step(PausedBy{ben}).accept().see(ready).is(Paused, Held)
	w.step(ResumedBy{By: anna}).is(Succeeded, Done).asks(Effect{Live: &w.d.Plan.To}).says("2.0 is live in prod.")
}

func TestAPhaseThatAsksForItPausesByItself(t *testing.T) {
	t.Parallel()
	w := running(t, pausing).see(ready).after(10*time.Minute).see(ready).is(Paused, Held)
	w.see(Observed{}).is(Paused, Converging) // readiness lost while held: watched anew
	w.see(ready).after(10*time.Minute).see(ready).is(Paused, Held).step(ResumedBy{By: anna}).is(Running, Applying)
}

func TestReplanningVoidsWhatWasJudged(t *testing.T) {
	t.Parallel()
	w := start(t).step(Judged{Verdicts: wait})
	was, plan := w.d.Plan, w.d.Plan
	plan.To = spec("2.0", 9)
	w.step(Replanned{plan}).says("The plan changed; earlier approvals no longer count.")
	if w.d.PlanDigest != plan.Digest() || len(w.d.Verdicts) != 0 || len(w.d.Replaced) != 1 || w.d.Replaced[0].Digest() != was.Digest() {
		t.Fatalf("%s, %v, %d", w.d.PlanDigest, w.d.Verdicts, len(w.d.Replaced))
	}
	if w.d.NextWakeAt.Sub(w.now) > time.Second {
		t.Fatalf("the new plan is judged only at %s", w.d.NextWakeAt)
	}
}
