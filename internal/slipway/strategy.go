package slipway

import (
	"fmt"
	"time"
)

// StrategyType names a way of replacing one release by another.
type StrategyType string

// The strategies.
const (
	StrategyRecreate  StrategyType = "recreate"
	StrategyRolling   StrategyType = "rolling"
	StrategyBlueGreen StrategyType = "blueGreen"
	StrategyCanary    StrategyType = "canary"
)

// Strategy is how a stage replaces what runs. Only the members of its own type
// may be set.
type Strategy struct {
	Type     StrategyType `json:"type"`
	Batch    int          `json:"batch,omitempty"`    // rolling: replicas replaced at once; default 1
	KeepWarm Duration     `json:"keepWarm,omitempty"` // blueGreen: how long the old side stays up
	Manual   bool         `json:"manual,omitempty"`   // blueGreen: a person switches
	Steps    []CanaryStep `json:"steps,omitempty"`    // canary
}

// CanaryStep is a share of the traffic, held for a while or until a person
// lets it go on.
type CanaryStep struct {
	Weight int      `json:"weight"`
	Bake   Duration `json:"bake,omitempty"`
	Pause  bool     `json:"pause,omitempty"`
}

// Track is one release's part of a phase.
type Track struct {
	Spec     string `json:"spec"` // Spec.ID of what runs
	Version  string `json:"version"`
	Weight   int    `json:"weight"` // percent of the traffic
	Replicas int    `json:"replicas"`
}

// Desired is a phase as a strategy yields it: a state to make true, how long
// to watch it, and whether a person lets it go on.
type Desired struct {
	Name   string   `json:"name"`
	Tracks []Track  `json:"tracks"`
	Bake   Duration `json:"bake,omitempty"`
	Pause  bool     `json:"pause,omitempty"`
}

// Phases yields the desired states that lead from one release to another. It
// is a pure function. With nothing running there is nothing to be careful of,
// so every strategy is one phase.
func (s Strategy) Phases(from *Spec, to Spec) []Desired {
	whole := func(name string) Desired {
		return Desired{Name: name, Tracks: []Track{to.track(100, to.Replicas)}}
	}
	if from == nil || from.ID() == to.ID() {
		return []Desired{whole("all of " + to.Version)}
	}
	switch s.Type {
	case StrategyRecreate:
		return []Desired{{Name: "stop " + from.Version, Tracks: []Track{}}, whole("start " + to.Version)}
	case StrategyBlueGreen:
		return s.blueGreen(*from, to)
	case StrategyCanary:
		return s.canary(*from, to)
	default:
		return s.rolling(*from, to)
	}
}

// rolling replaces replicas batch by batch; traffic follows the replicas.
func (s Strategy) rolling(from, to Spec) []Desired {
	batch := max(1, s.Batch)
	var phases []Desired
	for moved := batch; moved < to.Replicas; moved += batch {
		share := 100 * moved / to.Replicas
		left := max(1, ceilDiv(from.Replicas*(to.Replicas-moved), to.Replicas))
		phases = append(phases, Desired{
			Name:   fmt.Sprintf("%d of %d replaced", moved, to.Replicas),
			Tracks: []Track{from.track(100-share, left), to.track(share, moved)},
		})
	}
	return append(phases, Desired{Name: "all replaced", Tracks: []Track{to.track(100, to.Replicas)}})
}

// blueGreen starts the new side whole and unseen, switches all traffic at once
// and keeps the old side warm for a quick way back.
func (s Strategy) blueGreen(from, to Spec) []Desired {
	return []Desired{
		{Name: "start " + to.Version + " beside", Pause: s.Manual,
			Tracks: []Track{from.track(100, from.Replicas), to.track(0, to.Replicas)}},
		{Name: "switch to " + to.Version, Bake: s.KeepWarm,
			Tracks: []Track{from.track(0, from.Replicas), to.track(100, to.Replicas)}},
		{Name: "stop " + from.Version, Tracks: []Track{to.track(100, to.Replicas)}},
	}
}

// canary gives the new release a growing share. The old one keeps all its
// replicas until the end, so going back is only a matter of weights.
func (s Strategy) canary(from, to Spec) []Desired {
	var phases []Desired
	last := Desired{Name: "all traffic", Tracks: []Track{to.track(100, to.Replicas)}}
	for _, step := range s.Steps {
		if step.Weight >= 100 {
			last.Bake, last.Pause = step.Bake, step.Pause
			break
		}
		replicas := max(1, ceilDiv(to.Replicas*step.Weight, 100))
		phases = append(phases, Desired{
			Name: fmt.Sprintf("%d %% of traffic", step.Weight), Bake: step.Bake, Pause: step.Pause,
			Tracks: []Track{from.track(100-step.Weight, from.Replicas), to.track(step.Weight, replicas)},
		})
	}
	return append(phases, last)
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// longestBake bounds how long a phase may be watched.
const longestBake = Duration(7 * 24 * time.Hour)

// Check lists what is wrong with the strategy for a service of so many
// replicas. Fields begin with a dot.
func (s Strategy) Check(replicas int) []FieldError {
	var faults []FieldError
	add := func(field, format string, args ...any) {
		faults = append(faults, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	only := func(t StrategyType, set bool, field string) {
		if set && s.Type != t {
			add(field, "belongs to %s, not to %s", t, s.Type)
		}
	}
	switch s.Type {
	case StrategyRecreate, StrategyRolling, StrategyBlueGreen, StrategyCanary:
	default:
		add(".type", "is recreate, rolling, blueGreen or canary, not %q", s.Type)
		return faults
	}
	only(StrategyRolling, s.Batch != 0, ".batch")
	only(StrategyBlueGreen, s.KeepWarm != 0, ".keepWarm")
	only(StrategyBlueGreen, s.Manual, ".manual")
	only(StrategyCanary, len(s.Steps) > 0, ".steps")
	switch {
	case s.Batch < 0 || replicas > 0 && s.Batch > replicas: // 0 replicas: the deployer config is at fault already
		add(".batch", "is 1 to %d, the number of replicas", replicas)
	case s.Type == StrategyRolling && replicas/max(1, s.Batch) > maxPhases:
		add(".batch", "makes more than %d phases of %d replicas; replace more at once", maxPhases, replicas)
	}
	if s.KeepWarm > longestBake {
		add(".keepWarm", "is at most %s", longestBake)
	}
	if s.Type == StrategyCanary {
		faults = append(faults, checkSteps(s.Steps)...)
	}
	return faults
}

func checkSteps(steps []CanaryStep) []FieldError {
	if len(steps) == 0 || steps[0].Weight == 100 {
		return []FieldError{{Field: ".steps", Message: "a canary needs at least one step below 100"}}
	}
	var faults []FieldError
	last := 0
	for i, step := range steps {
		field := fmt.Sprintf(".steps[%d]", i)
		if step.Weight <= last || step.Weight > 100 {
			faults = append(faults, FieldError{Field: field + ".weight", Message: "is 1 to 100, and more than the step before"})
		}
		if step.Bake > longestBake {
			faults = append(faults, FieldError{Field: field + ".bake", Message: fmt.Sprintf("is at most %s", longestBake)})
		}
		last = step.Weight
	}
	return faults
}

// Lacks names what a deployer would need for the strategy and has not; empty
// if it can do it. A strategy is refused, never quietly replaced by another.
func (s Strategy) Lacks(c DeployerCapabilities) string {
	switch {
	case s.Type == StrategyRecreate:
		return ""
	case !c.ParallelTracks:
		return "way to run two releases side by side"
	case s.Type == StrategyCanary && !c.TrafficWeights:
		return "way to divide traffic by weight"
	case s.Type == StrategyBlueGreen && !c.TrafficWeights:
		return "way to switch traffic"
	default:
		return ""
	}
}
