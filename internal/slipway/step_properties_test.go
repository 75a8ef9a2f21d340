package slipway

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// texts is what deployers may say.
var texts = rapid.SampledFrom([]string{"", " ", "image pull denied", "Quota exceeded.", "two\nlines  here", "50 % of 2"})

func TestStepKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var life *lifetime
		for range stepsPerRun {
			if life == nil {
				life = newLifetime(t)
			}
			life.step(t)
			if !life.d.State.Active() {
				life.replay(t)
				life.nothingFollows(t)
				life = nil
			}
		}
	})
}

// lifetime is one deployment and all that happened to it.
type lifetime struct {
	born, d Deployment
	now     time.Time
	events  []Event
	times   []time.Time
}

func newLifetime(t *rapid.T) *lifetime {
	d := waiting(func(p *Plan) {
		p.Strategy = anyStrategy().Draw(t, "strategy")
		p.To = spec("2.0", rapid.IntRange(1, 5).Draw(t, "replicas"))
		p.To.Reversible = rapid.Bool().Draw(t, "reversible")
		switch rapid.IntRange(0, 4).Draw(t, "from") {
		case 0:
			p.From = nil
		case 1:
			p.From = &p.To
		}
		p.OnFailure = rapid.SampledFrom([]FailureRule{OnFailureRollback, OnFailureRollback, OnFailureStop}).Draw(t, "onFailure")
		p.Cause = rapid.SampledFrom([]Cause{CausePromote, CauseRollback, CauseRedeploy}).Draw(t, "cause")
	})
	d = furnished(t, d)
	return &lifetime{born: deepCopy(d), d: d, now: t0}
}

// anyEvent prefers what moves a deployment on, so that all of its life is seen.
func (l *lifetime) anyEvent(t *rapid.T) Event {
	generation := int64(0)
	if run := l.d.Current(); run != nil {
		generation = run.Generation
		if rapid.IntRange(0, 9).Draw(t, "old") == 0 {
			generation += rapid.Int64Range(-2, 2).Draw(t, "off")
		}
	}
	observed := func(o Observed) Event {
		o.Generation, o.Message = generation, texts.Draw(t, "message")
		return Seen{Observed: o}
	}
	if run := l.d.Current(); run != nil && run.EndedAt == nil && rapid.IntRange(0, 2).Draw(t, "own") > 0 {
		if run.Desired.Hook != nil {
			return anyJobEvent(t, generation)
		}
		if run.ReadyAt != nil && len(run.Checks) > 0 {
			return anyMeasured(t, generation, l.now)
		}
	}
	switch n := rapid.IntRange(0, 99).Draw(t, "event"); {
	case n < 8:
		return Judged{Verdicts: pass}
	case n < 10:
		return Judged{Verdicts: rapid.SampledFrom([][]Verdict{nil, {}, wait, {wait[0], pass[0]}}).Draw(t, "verdicts")}
	case n < 35:
		return Accepted{generation}
	case n < 60:
		return observed(Observed{Converged: true})
	case n < 72:
		return observed(Observed{})
	case n < 76:
		return observed(Observed{Failed: true})
	case n < 80:
		return Seen{Err: "connection refused"}
	case n < 86:
		return Refused{Generation: generation, Reason: texts.Draw(t, "reason"), Retry: n < 84, Lost: n == 81}
	case n < 90:
		return PausedBy{ben}
	case n < 95:
		return ResumedBy{By: anna, AsDone: n == 94}
	case n == 95:
		return CancelledBy{By: ben, Reason: texts.Draw(t, "reason")}
	case n == 96:
		return SupersededBy{"3.0"}
	case n == 97:
		plan := l.d.Plan
		plan.Preview += "x"
		return Replanned{plan}
	case n == 98:
		return RejectedBy{By: ben, Reason: texts.Draw(t, "reason")}
	default:
		return ApprovalExpired{}
	}
}

func (l *lifetime) step(t *rapid.T) {
	ev := l.anyEvent(t)
	passed := rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Second, time.Second, 2 * time.Second, time.Minute,
		4 * time.Minute, 11 * time.Minute, -time.Second, -time.Hour}).Draw(t, "passed")
	l.now = l.now.Add(passed)
	before := snapshot(l.d)
	next, effects, err := Step(l.d, ev, l.now)
	if !reflect.DeepEqual(l.d, before) {
		t.Fatalf("%s changed what it was given: %s", ev.name(), cmp.Diff(before, l.d))
	}
	line := slices.IndexFunc(Table(), func(row Transition) bool { return row.From == before.State && row.On == ev.name() })
	if line < 0 {
		if CodeOf(err) != CodeConflict || len(effects) > 0 || !reflect.DeepEqual(next, before) {
			t.Fatalf("%s in %s, where it has no place: %v, %v", ev.name(), before.State, err, effects)
		}
		return
	}
	if err != nil || !slices.Contains(Table()[line].To, next.State) {
		t.Fatalf("%s led from %s to %s: %v", ev.name(), before.State, next.State, err)
	}
	l.events, l.times, l.d = append(l.events, deepCopy(ev)), append(l.times, l.now), next
	checkTimes(t, next, l.now)
	checkRuns(t, before, next)
	checkEffects(t, before, next, effects)
	if fault := plain(next.Message, !next.State.Active()); fault != "" {
		t.Fatalf("%s says %q, which %s", next.State, next.Message, fault)
	}
}

// checkTimes: nothing active waits for ever (I6), nothing final is looked at.
func checkTimes(t *rapid.T, d Deployment, now time.Time) {
	if d.State.Active() {
		most := lostLatest
		if d.State == Waiting {
			most = gateLatest + gateSpread
		}
		if d.NextWakeAt == nil || d.NextWakeAt.Before(now) || d.NextWakeAt.After(now.Add(most)) || d.EndedAt != nil {
			t.Fatalf("%s at %s: looked at again %v, ended %v", d.State, now, d.NextWakeAt, d.EndedAt)
		}
	} else if d.NextWakeAt != nil || d.EndedAt == nil || !d.EndedAt.Equal(now) {
		t.Fatalf("%s at %s: looked at again %v, ended %v", d.State, now, d.NextWakeAt, d.EndedAt)
	}
	if (d.StartedAt != nil) != (len(d.Runs) > 0) {
		t.Fatalf("started %v with %d phases begun", d.StartedAt, len(d.Runs))
	}
}

// checkRuns: intents come one by one, each with a higher generation; what is
// past stays as it is.
func checkRuns(t *rapid.T, before, d Deployment) {
	if d.Phase < before.Phase || d.Phase >= len(d.Plan.Phases) || len(d.Runs) < len(before.Runs) || len(d.Runs) > len(before.Runs)+1 {
		t.Fatalf("phase %d of %d after %d, %d begun after %d", d.Phase, len(d.Plan.Phases), before.Phase, len(d.Runs), len(before.Runs))
	}
	generation := d.ID * maxRuns
	for i, run := range d.Runs {
		if run.Generation <= generation || run.Generation >= (d.ID+1)*maxRuns {
			t.Fatalf("phase %d has generation %d after %d", i, run.Generation, generation)
		}
		generation = run.Generation
		open := i == len(d.Runs)-1 && d.State.Active()
		if open != (run.EndedAt == nil) || open == slices.Contains([]PhaseState{Done, Broken}, run.State) {
			t.Fatalf("phase %d of %d is %s, ended %v, in %s", i+1, len(d.Runs), run.State, run.EndedAt, d.State)
		}
		if i < len(before.Runs)-1 && !reflect.DeepEqual(run, before.Runs[i]) {
			t.Fatalf("the past changed: %s", cmp.Diff(before.Runs[i], run))
		}
		checkWeights(t, run.Desired)
	}
	if len(d.Runs) > len(before.Runs) && d.State.Active() && d.Current().State != Applying {
		t.Fatalf("a phase began as %s, without its intent", d.Current().State)
	}
	if held := d.Current() != nil && d.Current().State == Held; held && d.State != Paused {
		t.Fatalf("a phase is held while the deployment is %s", d.State)
	}
}

func checkWeights(t interface{ Fatalf(string, ...any) }, d Desired) {
	sum := 0
	for _, track := range d.Tracks {
		sum += track.Weight
		if track.Replicas < 1 || track.Weight < 0 || track.Weight > 100 {
			t.Fatalf("%s has a track %+v", d.Name, track)
		}
	}
	if len(d.Tracks) > 0 && sum != 100 || d.Tracks == nil {
		t.Fatalf("the weights of %s make %d: %+v", d.Name, sum, d.Tracks)
	}
}

// checkEffects: live exactly on success; a hold as soon as anything is undone
// or given up, and a failure told where one was.
func checkEffects(t *rapid.T, before, d Deployment, effects []Effect) {
	var all Effect
	for _, e := range effects {
		if e.Live != nil {
			all.Live = e.Live
		}
		if e.Partial != nil {
			all.Live = &e.Partial.Spec
			if s := d.Plan.Strategy; s.Type != StrategyPartial || s.Share >= 100 || d.Plan.From == nil || d.Cause == CauseRollback {
				t.Fatalf("a part for what is whole: %+v", e.Partial)
			}
		}
		all.Hold += e.Hold
		all.Failure = all.Failure || e.Failure
	}
	if (all.Live != nil) != (d.State == Succeeded) || all.Live != nil && all.Live.ID() != d.Plan.To.ID() {
		t.Fatalf("%s, and live is %+v", d.State, all.Live)
	}
	turned := before.State != d.State && (d.State == Reverting || d.State == Failed && before.Plan.From != nil)
	if turned && all.Hold == "" && before.State != Reverting {
		t.Fatalf("%s after %s without a hold", d.State, before.State)
	}
	if all.Hold != "" && plain(all.Hold, true) != "" {
		t.Fatalf("the hold says %q, which %s", all.Hold, plain(all.Hold, true))
	}
	if ended := d.State == Failed || d.State == RolledBack; ended && !all.Failure {
		t.Fatalf("%s without a failure to remember", d.State)
	}
}

// replay takes the same events again.
func (l *lifetime) replay(t *rapid.T) {
	d := l.born
	for i, ev := range l.events {
		var err error
		if d, _, err = Step(d, ev, l.times[i]); err != nil {
			t.Fatalf("again: %v", err)
		}
	}
	if l.d.PlanDigest != l.d.Plan.Digest() {
		t.Fatal("the digest is not of the plan")
	}
	if len(l.d.Replaced) == 0 && !reflect.DeepEqual(l.d.Plan, l.born.Plan) {
		t.Fatalf("the plan changed: %s", cmp.Diff(l.born.Plan, l.d.Plan))
	}
	if !reflect.DeepEqual(d, l.d) {
		t.Fatalf("the same events made another deployment: %s", cmp.Diff(l.d, d))
	}
}

// nothingFollows: final is final (I9).
func (l *lifetime) nothingFollows(t *rapid.T) {
	for _, ev := range everyEvent(l.d) {
		if next, effects, err := Step(l.d, ev, l.now); CodeOf(err) != CodeConflict || effects != nil || !reflect.DeepEqual(next, l.d) {
			t.Fatalf("%s in %s: %v, %v", ev.name(), l.d.State, effects, err)
		}
	}
}
