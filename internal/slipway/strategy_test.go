package slipway

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// anyStrategy draws strategies that Check accepts for one replica or more.
func anyStrategy() *rapid.Generator[Strategy] {
	return rapid.Custom(func(t *rapid.T) Strategy {
		s := Strategy{Type: rapid.SampledFrom([]StrategyType{StrategyRecreate, StrategyRolling, StrategyBlueGreen, StrategyCanary, StrategyPartial}).Draw(t, "type")}
		switch s.Type {
		case StrategyRolling:
			s.Batch = rapid.IntRange(0, 4).Draw(t, "batch")
			if rapid.Bool().Draw(t, "room") {
				s.MaxUnavailable = max(1, s.Batch)
				s.Batch = s.MaxUnavailable
			}
		case StrategyPartial:
			s.Share = rapid.IntRange(0, 100).Draw(t, "share")
			if s.Share == 0 {
				s.Match = []Match{{Header: "X-Region", Value: "eu"}}
			}
		case StrategyBlueGreen:
			s.KeepWarm = Duration(rapid.IntRange(0, 20).Draw(t, "keepWarm")) * Duration(time.Minute)
			s.Manual = rapid.Bool().Draw(t, "manual")
		case StrategyCanary:
			last := 0
			for range rapid.IntRange(1, 5).Draw(t, "steps") {
				if last = rapid.IntRange(last+1, min(last+60, 100)).Draw(t, "weight"); last == 100 && len(s.Steps) == 0 {
					last = 99
				}
				s.Steps = append(s.Steps, CanaryStep{Weight: last, Pause: rapid.Bool().Draw(t, "pause"),
					Bake: Duration(rapid.IntRange(0, 20).Draw(t, "bake")) * Duration(time.Minute)})
				if last == 100 {
					break
				}
			}
		}
		return s
	})
}

// sketch writes phases as "weight×replicas" of each track, old before new.
func sketch(phases []Desired) string {
	var out []string
	for _, p := range phases {
		var tracks []string
		for _, track := range p.Tracks {
			tracks = append(tracks, fmt.Sprintf("%s:%d%%×%d", track.Version, track.Weight, track.Replicas))
		}
		text := strings.Join(tracks, "+")
		if p.Bake > 0 {
			text += " bake " + p.Bake.String()
		}
		if p.Pause {
			text += " pause"
		}
		out = append(out, text)
	}
	return strings.Join(out, " | ")
}

func TestPhases(t *testing.T) {
	t.Parallel()
	hour := Duration(time.Hour)
	one, four, three := spec("1", 4), spec("2", 4), spec("2", 3)
	for name, c := range map[string]struct {
		s    Strategy
		from *Spec
		to   Spec
		want string
	}{
		"recreate":          {Strategy{Type: StrategyRecreate}, &one, three, " | 2:100%×3"},
		"rolling":           {Strategy{Type: StrategyRolling}, &one, four, "1:75%×3+2:25%×1 | 1:50%×2+2:50%×2 | 1:25%×1+2:75%×3 | 2:100%×4"},
		"rolling by batch":  {Strategy{Type: StrategyRolling, Batch: 3}, &one, four, "1:25%×1+2:75%×3 | 2:100%×4"},
		"rolling at once":   {Strategy{Type: StrategyRolling, Batch: 4}, &one, four, "2:100%×4"},
		"rolling to fewer":  {Strategy{Type: StrategyRolling, Batch: 2}, &one, three, "1:34%×2+2:66%×2 | 2:100%×3"},
		"rolling, room":     {Strategy{Type: StrategyRolling, Batch: 2, MaxUnavailable: 2}, &one, four, "1:100%×2 | 1:50%×2+2:50%×2 | 2:100%×2 | 2:100%×4"},
		"a part":            {Strategy{Type: StrategyPartial, Share: 10}, &one, four, "1:90%×4+2:10%×1"},
		"a part, widened":   {Strategy{Type: StrategyPartial, Share: 100}, &one, four, "2:100%×4"},
		"some requests":     {Strategy{Type: StrategyPartial, Match: []Match{{Cookie: "beta", Value: "1"}}}, &one, four, "1:100%×4+2:0%×1"},
		"blue/green":        {Strategy{Type: StrategyBlueGreen}, &one, three, "1:100%×4+2:0%×3 | 1:0%×4+2:100%×3 | 2:100%×3"},
		"blue/green, warm":  {Strategy{Type: StrategyBlueGreen, KeepWarm: hour, Manual: true}, &one, three, "1:100%×4+2:0%×3 pause | 1:0%×4+2:100%×3 bake 1h | 2:100%×3"},
		"canary":            {Strategy{Type: StrategyCanary, Steps: []CanaryStep{{Weight: 5, Bake: hour}, {Weight: 50, Pause: true}}}, &one, four, "1:95%×4+2:5%×1 bake 1h | 1:50%×4+2:50%×2 pause | 2:100%×4"},
		"canary to the end": {Strategy{Type: StrategyCanary, Steps: []CanaryStep{{Weight: 50}, {Weight: 100, Bake: hour, Pause: true}}}, &one, four, "1:50%×4+2:50%×2 | 2:100%×4 bake 1h pause"},
		"first":             {Strategy{Type: StrategyCanary, Steps: []CanaryStep{{Weight: 5}}}, nil, three, "2:100%×3"},
		"the same again":    {Strategy{Type: StrategyRecreate}, &four, four, "2:100%×4"},
	} {
		if got := sketch(c.s.Phases(c.from, c.to)); got != c.want {
			t.Errorf("%s:\n  %s\nnot\n  %s", name, got, c.want)
		}
	}
}

func TestPhasesOfAnyStrategy(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, to := anyStrategy().Draw(t, "strategy"), spec("2", rapid.IntRange(1, 50).Draw(t, "to"))
		other := spec("1", rapid.IntRange(1, 50).Draw(t, "from"))
		from := rapid.SampledFrom([]*Spec{nil, &to, &other, &other, &other}).Draw(t, "replaces")
		phases := s.Phases(from, to)
		if len(phases) == 0 || len(phases) > maxPhases {
			t.Fatalf("%d phases", len(phases))
		}
		for i, p := range phases {
			checkWeights(t, p)
			if fault := plain(p.Name, false); fault != "" {
				t.Fatalf("phase %d is called %q, which %s", i, p.Name, fault)
			}
			if stop := s.Type == StrategyRecreate && i == 0 && len(phases) == 2; (len(p.Tracks) == 0) != stop {
				t.Fatalf("nothing runs in phase %d: %s", i, sketch(phases))
			}
		}
		if last := phases[len(phases)-1].Tracks; !reflect.DeepEqual(last, []Track{to.track(100, to.Replicas)}) && (s.whole() || from != &other) {
			t.Fatalf("it ends with %+v", last)
		}
		if !s.whole() && from == &other {
			if last := phases[0].Tracks; len(phases) != 1 || last[0].Replicas != other.Replicas || last[1].Weight != s.Share {
				t.Fatalf("a part is %s", sketch(phases))
			}
			return
		}
		if from != &other {
			if len(phases) != 1 {
				t.Fatalf("nothing to be careful of, and %d phases", len(phases))
			}
			return
		}
		checkCare(t, s, *from, to, phases[:len(phases)-1])
	})
}

// checkCare: what serves is never too little while two releases run.
func checkCare(t *rapid.T, s Strategy, from, to Spec, phases []Desired) {
	weight := 0
	if s.Type == StrategyRecreate {
		return
	}
	if s.MaxUnavailable > 0 {
		if s.MaxUnavailable < to.Replicas { // else Check refuses it
			checkRoom(t, s, from, to, phases)
		}
		return
	}
	for _, p := range phases {
		before, after := p.Tracks[0], p.Tracks[1]
		if before.Spec != from.ID() || after.Spec != to.ID() || after.Replicas > to.Replicas || before.Replicas > from.Replicas {
			t.Fatalf("tracks %+v", p.Tracks)
		}
		switch s.Type {
		case StrategyRolling:
			if before.Replicas+after.Replicas < min(from.Replicas, to.Replicas) {
				t.Fatalf("only %d+%d replicas of %d → %d", before.Replicas, after.Replicas, from.Replicas, to.Replicas)
			}
			if before.Replicas*100 < from.Replicas*before.Weight-from.Replicas { // the weight is rounded up by less than 1
				t.Fatalf("%d of %d replicas carry %d %%", before.Replicas, from.Replicas, before.Weight)
			}
		default:
			if before.Replicas != from.Replicas {
				t.Fatalf("the way back is not whole: %+v", p.Tracks)
			}
		}
		if s.Type == StrategyCanary && after.Weight <= weight || after.Weight < weight {
			t.Fatalf("%d %% after %d %%", after.Weight, weight)
		}
		weight = after.Weight
	}
}

// checkRoom: from phase to phase replicas are either stopped or started, never
// more of them than may be missing at once, and there are never more in all
// than before or after.
func checkRoom(t *rapid.T, s Strategy, from, to Spec, phases []Desired) {
	running := map[string]int{from.ID(): from.Replicas}
	for _, p := range append(slices.Clone(phases), Desired{Tracks: []Track{to.track(100, to.Replicas)}}) {
		next, started, stopped, all := map[string]int{}, 0, 0, 0
		for _, track := range p.Tracks {
			next[track.Spec] = track.Replicas
			all += track.Replicas
			started += max(0, track.Replicas-running[track.Spec])
		}
		for id, n := range running {
			stopped += max(0, n-next[id])
		}
		if started > 0 && stopped > 0 {
			t.Fatalf("%s starts %d and stops %d: %s", p.Name, started, stopped, sketch(phases))
		}
		if from.Replicas == to.Replicas && (started > s.MaxUnavailable || all > to.Replicas || all < to.Replicas-s.MaxUnavailable) {
			t.Fatalf("%s has %d of %d, and starts %d: %s", p.Name, all, to.Replicas, started, sketch(phases))
		}
		running = next
	}
}

func TestStrategyCheck(t *testing.T) {
	t.Parallel()
	step := func(w int) CanaryStep { return CanaryStep{Weight: w} }
	canary := func(steps ...CanaryStep) Strategy { return Strategy{Type: StrategyCanary, Steps: steps} }
	long := Duration(8 * 24 * time.Hour)
	for name, c := range map[string]struct {
		s        Strategy
		replicas int
		want     []string
	}{
		"recreate":             {Strategy{Type: StrategyRecreate}, 3, nil},
		"rolling":              {Strategy{Type: StrategyRolling, Batch: 3}, 3, nil},
		"blue/green":           {Strategy{Type: StrategyBlueGreen, Manual: true, KeepWarm: Duration(time.Hour)}, 3, nil},
		"canary":               {canary(step(1), step(99), step(100)), 3, nil},
		"no type":              {Strategy{Batch: 9}, 3, []string{".type"}},
		"other type":           {Strategy{Type: "yolo"}, 3, []string{".type"}},
		"too large a batch":    {Strategy{Type: StrategyRolling, Batch: 4}, 3, []string{".batch"}},
		"negative batch":       {Strategy{Type: StrategyRolling, Batch: -1}, 3, []string{".batch"}},
		"unknown replicas":     {Strategy{Type: StrategyRolling, Batch: 4}, 0, nil},
		"too many phases":      {Strategy{Type: StrategyRolling}, 5000, []string{".batch"}},
		"many, in batches":     {Strategy{Type: StrategyRolling, Batch: 5}, 5000, nil},
		"batch elsewhere":      {Strategy{Type: StrategyRecreate, Batch: 1}, 3, []string{".batch"}},
		"warm elsewhere":       {Strategy{Type: StrategyRolling, KeepWarm: 1, Manual: true}, 3, []string{".keepWarm", ".manual"}},
		"too warm":             {Strategy{Type: StrategyBlueGreen, KeepWarm: long}, 3, []string{".keepWarm"}},
		"steps elsewhere":      {Strategy{Type: StrategyRolling, Steps: []CanaryStep{step(1)}}, 3, []string{".steps"}},
		"no steps":             {canary(), 3, []string{".steps"}},
		"no step below 100":    {canary(step(100)), 3, []string{".steps"}},
		"weights not growing":  {canary(step(10), step(10), step(5)), 3, []string{".steps[1].weight", ".steps[2].weight"}},
		"weights out of range": {canary(step(0), step(101)), 3, []string{".steps[0].weight", ".steps[1].weight"}},
		"too long a bake":      {canary(CanaryStep{Weight: 1, Bake: long}), 3, []string{".steps[0].bake"}},
	} {
		if diff := cmp.Diff(c.want, fields(c.s.Check(c.replicas))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if faults := anyStrategy().Draw(t, "strategy").Check(5); len(faults) > 0 {
			t.Fatal(faults)
		}
	})
}

func TestStrategyLacks(t *testing.T) {
	t.Parallel()
	none, beside := DeployerCapabilities{}, DeployerCapabilities{ParallelTracks: true}
	all := DeployerCapabilities{ParallelTracks: true, TrafficWeights: true}
	for _, c := range []struct {
		s    StrategyType
		with DeployerCapabilities
		can  bool
	}{
		{StrategyRecreate, none, true}, {StrategyRolling, none, false}, {StrategyBlueGreen, none, false}, {StrategyCanary, none, false},
		{StrategyRolling, beside, true}, {StrategyBlueGreen, beside, false}, {StrategyCanary, beside, false},
		{StrategyRecreate, all, true}, {StrategyRolling, all, true}, {StrategyBlueGreen, all, true}, {StrategyCanary, all, true},
	} {
		if lacks := (Strategy{Type: c.s}).Lacks(c.with); (lacks == "") != c.can {
			t.Errorf("%s with %+v lacks %q", c.s, c.with, lacks)
		}
	}
}

// fields are where the faults are.
func fields(faults []FieldError) []string {
	var out []string
	for _, f := range faults {
		out = append(out, f.Field)
		if f.Message == "" || strings.HasSuffix(f.Message, ".") {
			out = append(out, "message of "+f.Field)
		}
	}
	return out
}
