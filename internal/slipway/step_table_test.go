package slipway

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// everyEvent is each event in each shape that makes a difference to a
// deployment.
func everyEvent(d Deployment) []Event {
	generation := int64(0)
	if run := d.Current(); run != nil {
		generation = run.Generation
	}
	events := []Event{
		Judged{Verdicts: pass}, Judged{Verdicts: wait}, Judged{}, Replanned{d.Plan},
		RejectedBy{By: ben, Reason: "not on a Friday"}, ApprovalExpired{}, SupersededBy{"3.0"},
		CancelledBy{By: ben}, CancelledBy{By: ben, Reason: "wrong release."}, PausedBy{ben}, ResumedBy{By: ben},
		Seen{Err: "connection refused"},
	}
	for _, g := range []int64{generation - 1, generation, generation + 1} {
		events = append(events, Accepted{g}, Withheld{Generation: g, Reason: "Vault is sealed."},
			Refused{Generation: g, Reason: "busy", Retry: true}, Refused{Generation: g, Reason: "quota", Retry: false},
			Seen{Observed: Observed{Generation: g, Converged: true}},
			Seen{Observed: Observed{Generation: g, Message: "1 of 4 ready"}},
			Seen{Observed: Observed{Generation: g, Failed: true, Message: "image pull denied"}})
	}
	run := d.Current()
	if run == nil {
		return events
	}
	events = append(events, Refused{Generation: generation, Reason: "the answer was lost", Retry: true, Lost: true}, ResumedBy{By: ben, AsDone: true})
	if run.Desired.Hook != nil || !d.State.Active() {
		events = append(events, Claimed{Generation: generation, Runner: "r1"},
			JobSeen{Generation: generation, State: JobRunning, Message: "at it"}, JobSeen{Generation: generation, State: JobSucceeded},
			JobSeen{Generation: generation, State: JobFailed, Message: "exited with code 1"},
			JobSeen{Generation: generation, State: JobUnknown, Message: "it is gone"},
			JobSeen{Generation: generation, State: JobAway, Message: "its runner is away"}, JobSeen{Generation: generation - 1, State: JobFailed})
	}
	if len(run.Checks) > 0 || !d.State.Active() {
		for _, outcome := range []Outcome{OutcomePass, OutcomeFail, OutcomeInconclusive, OutcomeError} {
			events = append(events, Measured{Generation: generation, Check: "errors", Measurement: Measurement{At: t0, Outcome: outcome, Message: "0.2"}})
		}
	}
	return events
}

type move struct {
	from State
	on   string
	to   State
}

// explore takes every event in every situation that can be reached from some
// deployments, and returns the moves it saw.
func explore(t *testing.T, from ...Deployment) map[move]bool {
	type todo struct {
		d   Deployment
		now time.Time
	}
	var queue []todo
	for _, d := range from {
		queue = append(queue, todo{d, t0})
	}
	moves, known := map[move]bool{}, map[string]bool{}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, ev := range everyEvent(at.d) {
			for _, later := range []time.Duration{time.Second, time.Hour} {
				now := at.now.Add(later)
				before := snapshot(at.d)
				next, effects, err := Step(at.d, ev, now)
				if !reflect.DeepEqual(at.d, before) {
					t.Fatalf("%s in %s changed what it was given: %s", ev.name(), before.State, cmp.Diff(before, at.d))
				}
				listed := slices.ContainsFunc(Table(), func(l Transition) bool { return l.From == at.d.State && l.On == ev.name() })
				if !listed {
					if CodeOf(err) != CodeConflict || len(effects) > 0 || !reflect.DeepEqual(next, before) {
						t.Fatalf("%s in %s: %v, %v", ev.name(), at.d.State, err, effects)
					}
					if fault := plain(err.Error(), true); fault != "" {
						t.Fatalf("%q %s", err, fault)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%#v in %s: %v", ev, at.d.State, err)
				}
				moves[move{at.d.State, ev.name(), next.State}] = true
				if key := situation(next, now); !known[key] {
					known[key] = true
					queue = append(queue, todo{next, now})
				}
			}
		}
	}
	return moves
}

// maxExplored bounds how often a hook is repeated in the search.
const maxExplored = 8

// situation is all of a deployment that decides what may happen next, with
// failed calls only counted as few or many.
func situation(d Deployment, now time.Time) string {
	run := PhaseRun{}
	if d.Current() != nil {
		run = *d.Current()
	}
	old := now.Sub(run.UnreadySince) >= time.Duration(d.Plan.Deadline)
	checks := ""
	for _, c := range run.Checks {
		checks += fmt.Sprint(c.State, c.AcceptedBy)
	}
	return fmt.Sprint(d.PlanDigest, d.State, d.Phase, d.Ending, len(d.Runs) > maxExplored, run.State, run.ReadyAt != nil, old, min(run.Attempts, 2),
		run.Desired.Hook != nil, run.Back, run.Try, run.Parked, run.Runner, checks)
}

func TestStepTakesExactlyTheTable(t *testing.T) {
	t.Parallel()
	worn := waiting()
	worn, _, err := Step(worn, Judged{Verdicts: pass}, t0)
	if err != nil {
		t.Fatal(err)
	}
	worn.Runs[0].Attempts = maxAttempts - 1
	retried, optional := hook("migrate"), hook("warm")
	retried.Retries, optional.Optional = 1, true
	moves := explore(t, worn, waiting(), waiting(first), waiting(lasting), waiting(stopping), waiting(pausing),
		waiting(recreating), waiting(rollback), waiting(rollback, lasting),
		hooked(waiting(quick), Hooks{Before: []Hook{retried}, OnRollback: []Hook{hook("tell")}}),
		hooked(waiting(quick), Hooks{After: []Hook{hook("warm")}}), hooked(waiting(quick), Hooks{After: []Hook{optional}}),
		hooked(waiting(quick, stopping), Hooks{Before: []Hook{hook("migrate")}}), checked(waiting(quick)), checked(waiting(quick, stopping)))
	for _, line := range Table() {
		for _, to := range line.To {
			if m := (move{line.From, line.On, to}); !moves[m] {
				t.Errorf("no case leads from %s on %s to %s", m.from, m.on, m.to)
			}
			delete(moves, move{line.From, line.On, to})
		}
	}
	for m := range moves {
		t.Errorf("%s on %s led to %s, which the table does not have", m.from, m.on, m.to)
	}
}

func TestFinalStatesHaveNoWayOut(t *testing.T) {
	t.Parallel()
	for _, s := range States() {
		out := slices.ContainsFunc(Table(), func(l Transition) bool { return l.From == s })
		if out != s.Active() {
			t.Errorf("%s is active: %v, and has a way out: %v", s, s.Active(), out)
		}
	}
	for _, s := range []State{Waiting, Running, Paused, Reverting} {
		if !s.Active() {
			t.Errorf("%s is not active", s)
		}
	}
}

func TestTableNamesEachPairOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, l := range Table() {
		key := string(l.From) + " " + l.On
		if seen[key] {
			t.Errorf("%s is listed twice; Step would look at the first only", key)
		}
		seen[key] = true
	}
}
