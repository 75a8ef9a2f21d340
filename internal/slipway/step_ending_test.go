package slipway

import (
	"reflect"
	"testing"
	"time"
)

// How deployments end when they do not end well.

var (
	broken = Observed{Failed: true, Message: "2 of 3 pods never became ready: image pull denied"}
	denied = "2 of 3 pods never became ready: image pull denied."
)

func TestFailureGoesBack(t *testing.T) {
	t.Parallel()
	w := running(t).see(broken).is(Reverting, Applying).says(denied)
	w.asks(Effect{Failure: true, Hold: "2.0 was taken back: " + denied})
	back := w.d.Current().Desired
	if back.Name != "back to 1.0" || len(back.Tracks) != 1 || !reflect.DeepEqual(back.Tracks[0], w.d.Plan.From.track(100, 4)) || back.Bake != 0 || back.Pause {
		t.Fatalf("back to %+v", back)
	}
	w.accept().see(Observed{}).is(Reverting, Converging).see(ready)
	if w.d.State != RolledBack {
		t.Fatal(w.d.State)
	}
	w.says(denied + " 1.0 is live again.").asks(Effect{Failure: true})
}

func TestTheFirstDeploymentLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w := running(t, first).see(broken).is(Reverting, Applying)
	if d := w.d.Current().Desired; d.Name != "remove 2.0" || d.Tracks == nil || len(d.Tracks) != 0 {
		t.Fatalf("it asks for %+v", d)
	}
	w.accept().see(ready).says(denied).asks(Effect{Failure: true})
	if w.d.State != Failed {
		t.Fatal(w.d.State)
	}
}

func TestWhatIsIrreversibleIsNeverUndoneByItself(t *testing.T) {
	t.Parallel()
	says := denied + " The release is marked irreversible, so nothing was undone. The stage is frozen until somebody decides."
	w := running(t, lasting).see(broken).is(Failed, Broken).says(says)
	w.asks(Effect{Failure: true, Hold: "2.0 failed: " + says, Frozen: true})
	w = running(t, lasting)
	w.watch(5*time.Minute, seen(w.d, Observed{})).is(Failed, Broken)
	refused := start(t, lasting).step(Judged{Verdicts: pass})
	refused.step(Refused{Generation: refused.d.Current().Generation, Reason: "quota"}).is(Failed, Broken)
	// Going back to it is another matter: what it changed outside is done already.
	running(t, lasting, rollback).see(broken).is(Reverting, Applying)
	// And a person may.
	running(t, lasting).step(CancelledBy{By: ben}).is(Reverting, Applying)
}

func TestToldToStopItStops(t *testing.T) {
	t.Parallel()
	w := running(t, stopping).see(broken).is(Failed, Broken)
	w.says(denied + " The stage is told to stop on failure, so nothing was undone.")
	if len(w.d.Runs) != 1 || w.effects[0].Hold == "" || !w.effects[0].Failure {
		t.Fatalf("%d runs, %+v", len(w.d.Runs), w.effects)
	}
}

func TestNoWayBackIsFailed(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]func(*walk) *walk{
		"broken": func(w *walk) *walk { return w.accept().see(broken) },
		"late": func(w *walk) *walk {
			w.accept()
			return w.watch(5*time.Minute, seen(w.d, Observed{Message: broken.Message}))
		},
		"refused": func(w *walk) *walk {
			return w.step(Refused{Generation: w.d.Current().Generation, Reason: broken.Message})
		},
	} {
		w := bad(running(t).see(broken)).is(Failed, Broken)
		if fault := plain(w.d.Message, true); fault != "" {
			t.Errorf("%s: %q %s", name, w.d.Message, fault)
		}
		if len(w.effects) != 1 || !w.effects[0].Failure || w.effects[0].Hold == "" {
			t.Errorf("%s: %+v", name, w.effects)
		}
	}
	running(t).see(broken).accept().see(broken).
		says("Could not go back: " + denied + " What runs now is what the deployer reports.")
}

func TestCancelInEachState(t *testing.T) {
	t.Parallel()
	cancel := CancelledBy{By: ben, Reason: "wrong release"}
	w := start(t).step(cancel).says("Cancelled by Ben: wrong release.").asks()
	if w.d.State != Cancelled || len(w.d.Runs) != 0 {
		t.Fatal(w.d.State)
	}
	for name, at := range map[string]*walk{
		"applying":   start(t).step(Judged{Verdicts: pass}),
		"converging": running(t),
		"baking":     running(t).see(ready),
		"paused":     running(t).step(PausedBy{anna}),
		"held":       running(t, pausing).see(ready).after(time.Hour).see(ready),
	} {
		at.step(cancel).is(Reverting, Applying)
		if at.effects[0].Failure || at.effects[0].Hold == "" {
			t.Errorf("%s: nothing failed, and automation has to wait: %+v", name, at.effects)
		}
		if _, _, err := Step(at.d, cancel, at.now); CodeOf(err) != CodeConflict {
			t.Errorf("%s: cancelled twice: %v", name, err)
		}
		at.accept().see(ready).says("Cancelled by Ben: wrong release.").asks()
		if at.d.State != Cancelled {
			t.Errorf("%s: it is %s", name, at.d.State)
		}
	}
	start(t).step(CancelledBy{By: ben}).says("Cancelled by Ben.")
}

func TestEndsBeforeTheStart(t *testing.T) {
	t.Parallel()
	for message, c := range map[string]struct {
		ev Event
		to State
	}{
		"Rejected by Ben: not on a Friday.": {RejectedBy{By: ben, Reason: "not on a Friday."}, Rejected},
		"Rejected by Ben.":                  {RejectedBy{By: ben}, Rejected},
		"Nobody decided in time.":           {ApprovalExpired{}, Expired},
		"3.0 took its place.":               {SupersededBy{"3.0"}, Superseded},
	} {
		if w := start(t).step(c.ev).says(message).asks(); w.d.State != c.to || w.d.StartedAt != nil {
			t.Errorf("%s: %s, started %v", message, w.d.State, w.d.StartedAt)
		}
	}
}

func TestSupersededAtWorkSaysNothingIsDone(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*walk{
		"converging": running(t),
		"paused":     running(t).step(PausedBy{anna}),
		"reverting":  running(t).see(broken),
	} {
		w.after(time.Minute).step(SupersededBy{"3.0"}).is(Superseded, Broken).asks()
		if !w.d.Current().EndedAt.Equal(w.now) {
			t.Errorf("%s: the phase at work ended %v", name, w.d.Current().EndedAt)
		}
	}
}

func TestDeployersMaySayNothingOrTooMuch(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", "\n", "no.", "one\ntwo  three\n", "Really?"} {
		w := start(t).step(Judged{Verdicts: pass})
		for _, ev := range []Event{
			Refused{Generation: w.d.Current().Generation, Reason: text, Retry: true},
			Refused{Generation: w.d.Current().Generation, Reason: text},
		} {
			if fault := plain(w.step(ev).d.Message, true); fault != "" {
				t.Errorf("%q makes %q, which %s", text, w.d.Message, fault)
			}
		}
		ended := w.accept().see(ready).d
		if fault := plain(ended.Message, true); fault != "" {
			t.Errorf("%q makes %q, which %s", text, ended.Message, fault)
		}
		for _, o := range []Observed{{Failed: true, Message: text}, {Message: text}} {
			w := running(t)
			w.watch(5*time.Minute, seen(w.d, o))
			if fault := plain(w.d.Message, true); fault != "" {
				t.Errorf("%q makes %q, which %s", text, w.d.Message, fault)
			}
		}
	}
}
