package slipway

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Shared by the tests of this package: a clock, people, specs, deployments.

var (
	t0    = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	anna  = Person{Kind: ActorUser, ID: "u-anna", Name: "Anna"}
	ben   = Person{Kind: ActorUser, ID: "u-ben", Name: "Ben"}
	pass  = []Verdict{{Gate: "lock", Result: Pass, Reason: "prod is not locked."}}
	wait  = []Verdict{{Gate: "lock", Result: Wait, Reason: "prod is locked by Ben."}}
	seen  = func(d Deployment, o Observed) Seen { o.Generation = d.Current().Generation; return Seen{Observed: o} }
	ready = Observed{Converged: true}
)

func spec(version string, replicas int) Spec {
	return Spec{
		Version: version, Seq: int64(len(version)), Replicas: replicas, Reversible: true,
		Artifacts: []Artifact{{Name: "image", Reference: "reg/app:" + version, Digest: "sha256:" + strings.Repeat("a", 64)}},
		Deployer:  DeployerRef{Name: "fake", Config: []byte(`{"replicas":2}`)},
	}
}

// canaryPlan goes from 1.0 to 2.0 by way of 10 % for 10 minutes.
func canaryPlan() Plan {
	from, to := spec("1.0", 4), spec("2.0", 4)
	p := Plan{
		Service: "shop", Environment: "prod", Cause: CausePromote, PipelineRevision: 3, From: &from, To: to,
		Strategy: Strategy{Type: StrategyCanary, Steps: []CanaryStep{{Weight: 10, Bake: Duration(10 * time.Minute)}}},
		Gates:    []Gate{}, Deadline: Duration(5 * time.Minute), OnFailure: OnFailureRollback,
	}
	p.Phases = p.Strategy.Phases(p.From, p.To)
	return p
}

// waiting is a new deployment of a plan, changed beforehand.
func waiting(change ...func(*Plan)) Deployment {
	p := canaryPlan()
	for _, f := range change {
		f(&p)
	}
	if len(change) > 0 {
		p.Phases = p.Strategy.Phases(p.From, p.To)
	}
	return Deployment{
		ID: 42, Team: "web", Service: p.Service, Environment: p.Environment, Version: p.To.Version, Cause: p.Cause,
		State: Waiting, Plan: p, PlanDigest: p.Digest(), RequestedBy: anna, Runs: []PhaseRun{}, Verdicts: []Verdict{},
		Message: "Judging the gates.", CreatedAt: t0, NextWakeAt: &t0,
	}
}

// The changes of a plan.
func first(p *Plan)      { p.From = nil }
func lasting(p *Plan)    { p.To.Reversible = false }
func stopping(p *Plan)   { p.OnFailure = OnFailureStop }
func pausing(p *Plan)    { p.Strategy.Steps[0].Pause = true }
func recreating(p *Plan) { p.Strategy = Strategy{Type: StrategyRecreate} }
func rollback(p *Plan)   { p.Cause = CauseRollback }

// walk is a deployment on its way, at a time of its own.
type walk struct {
	t       *testing.T
	d       Deployment
	now     time.Time
	effects []Effect // of the last step
}

func start(t *testing.T, change ...func(*Plan)) *walk {
	t.Helper()
	return &walk{t: t, d: waiting(change...), now: t0}
}

func (w *walk) after(d time.Duration) *walk { w.now = w.now.Add(d); return w }

func (w *walk) step(events ...Event) *walk {
	w.t.Helper()
	for _, ev := range events {
		next, effects, err := Step(w.d, ev, w.now)
		if err != nil {
			w.t.Fatalf("%s in %s: %v", ev.name(), w.d.State, err)
		}
		w.d, w.effects = next, effects
	}
	return w
}

func (w *walk) accept() *walk { w.t.Helper(); return w.step(Accepted{w.d.Current().Generation}) }

func (w *walk) see(o Observed) *walk { w.t.Helper(); return w.step(seen(w.d, o)) }

// watch has the deployer asked whenever that is due, with the same answer, while
// the phase is not ready, until the time has passed.
func (w *walk) watch(d time.Duration, ev Event) *walk {
	w.t.Helper()
	phase := w.d.Current().Generation
	for end := w.now.Add(d); w.now.Before(end) && w.d.Current().Generation == phase && w.d.Current().State == Converging; {
		if w.now = *w.d.NextWakeAt; w.now.After(end) {
			w.now = end
		}
		w.step(ev)
	}
	return w
}

// running is past its gates, with its first phase accepted.
func running(t *testing.T, change ...func(*Plan)) *walk {
	t.Helper()
	return start(t, change...).step(Judged{Verdicts: pass}).accept()
}

func (w *walk) is(state State, run PhaseState) *walk {
	w.t.Helper()
	if w.d.State != state || w.d.Current().State != run {
		w.t.Fatalf("it is %s with phase %s, not %s with phase %s; %s", w.d.State, w.d.Current().State, state, run, w.d.Message)
	}
	return w
}

func (w *walk) says(message string) *walk {
	w.t.Helper()
	if w.d.Message != message {
		w.t.Fatalf("it says  %q\nand not %q", w.d.Message, message)
	}
	return w
}

func (w *walk) asks(effects ...Effect) *walk {
	w.t.Helper()
	if diff := cmp.Diff(effects, w.effects, cmp.Transformer("emptySlice", func(e []Effect) []Effect {
		return append([]Effect{}, e...)
	})); diff != "" && len(effects)+len(w.effects) > 0 {
		w.t.Fatalf("effects: %s", diff)
	}
	return w
}

// deepCopy copies everything that can be reached; times are values.
func deepCopy[T any](v T) T {
	out := reflect.New(reflect.TypeOf(v)).Elem()
	copyInto(out, reflect.ValueOf(v))
	return out.Interface().(T)
}

// snapshot is a deep copy of all that a step works on; the plans, which are
// large, are shared.
func snapshot(d Deployment) Deployment {
	out := d
	out.Plan, out.Replaced = Plan{}, nil
	out = deepCopy(out)
	out.Plan, out.Replaced = d.Plan, slices.Clone(d.Replaced)
	return out
}

func copyInto(to, from reflect.Value) {
	switch from.Kind() {
	case reflect.Pointer:
		if !from.IsNil() {
			to.Set(reflect.New(from.Type().Elem()))
			copyInto(to.Elem(), from.Elem())
		}
	case reflect.Slice:
		if !from.IsNil() {
			to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
			for i := range from.Len() {
				copyInto(to.Index(i), from.Index(i))
			}
		}
	case reflect.Map:
		if !from.IsNil() {
			to.Set(reflect.MakeMap(from.Type()))
			for _, key := range from.MapKeys() {
				to.SetMapIndex(key, from.MapIndex(key))
			}
		}
	case reflect.Struct:
		if from.Type() == reflect.TypeFor[time.Time]() {
			to.Set(from)
			return
		}
		for i := range from.NumField() {
			copyInto(to.Field(i), from.Field(i))
		}
	default:
		to.Set(from)
	}
}

// plain says what is wrong with a message as a line that people read.
func plain(message string, whole bool) string {
	switch {
	case message == "":
		return "is empty"
	case message != oneLine(message):
		return "has spaces or line ends too many"
	case strings.Contains(message, ".."), strings.Contains(message, ": ."), strings.Contains(message, ":."):
		return "has punctuation too much"
	case whole && !strings.ContainsAny(message[len(message)-1:], ".!?"):
		return "is no whole sentence"
	default:
		return ""
	}
}

// track is a spec's part of a phase at the one nameless site.
func (s Spec) track(weight, replicas int) Track {
	side, _ := s.side("")
	return side.track(weight, replicas)
}
