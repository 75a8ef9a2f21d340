package slipway

import (
	"fmt"
	"strings"
	"time"
)

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
	case StrategyRecreate, StrategyRolling, StrategyBlueGreen, StrategyCanary, StrategyPartial:
	default:
		add(".type", "is recreate, rolling, blueGreen, canary or partial, not %q", s.Type)
		return faults
	}
	only(StrategyRolling, s.Batch != 0, ".batch")
	only(StrategyRolling, s.MaxUnavailable != 0, ".maxUnavailable")
	only(StrategyBlueGreen, s.KeepWarm != 0, ".keepWarm")
	only(StrategyBlueGreen, s.Manual, ".manual")
	only(StrategyBlueGreen, s.Preview, ".preview")
	only(StrategyCanary, len(s.Steps) > 0, ".steps")
	only(StrategyPartial, s.Share != 0, ".share")
	only(StrategyPartial, len(s.Match) > 0, ".match")
	s.checkBatch(replicas, add)
	if s.KeepWarm > longestBake {
		add(".keepWarm", "is at most %s", longestBake)
	}
	switch s.Type {
	case StrategyCanary:
		faults = append(faults, checkSteps(s.Steps)...)
	case StrategyPartial:
		s.checkPart(add)
	default:
	}
	return faults
}

func (s Strategy) checkBatch(replicas int, add func(field, format string, args ...any)) {
	phases := replicas / max(1, s.Batch)
	if s.MaxUnavailable > 0 {
		phases *= 2 // room is made before each batch
	}
	switch {
	case s.Batch < 0 || replicas > 0 && s.Batch > replicas: // 0 replicas: the deployer config is at fault already
		add(".batch", "is 1 to %d, the number of replicas", replicas)
	case s.Type == StrategyRolling && phases > maxPhases:
		add(".batch", "makes more than %d phases of %d replicas; replace more at once", maxPhases, replicas)
	}
	switch {
	case s.MaxUnavailable < 0 || replicas > 0 && s.MaxUnavailable >= max(2, replicas):
		add(".maxUnavailable", "is 0 to %d, fewer than the replicas there are", max(0, replicas-1))
	case s.MaxUnavailable > 0 && max(1, s.Batch) > s.MaxUnavailable:
		add(".maxUnavailable", "is less than the batch of %d, which could then never be replaced", max(1, s.Batch))
	}
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

// maxMatches bounds what a balancer compares on every request.
const maxMatches = 20

func (s Strategy) checkPart(add func(field, format string, args ...any)) {
	if s.Share < 0 || s.Share > 100 {
		add(".share", "is 0 to 100 percent")
	}
	if s.Share == 0 && len(s.Match) == 0 {
		add(".share", "is needed, or a match: part of the traffic has to go somewhere")
	}
	if len(s.Match) > maxMatches {
		add(".match", "holds at most %d", maxMatches)
	}
	for i, m := range s.Match {
		field := fmt.Sprintf(".match[%d]", i)
		if (m.Header == "") == (m.Cookie == "") {
			add(field, "is either a header or a cookie")
		}
		if m.Value == "" || len(m.Value) > 256 {
			add(field+".value", "is 1 to 256 characters that the request must carry exactly")
		}
		if strings.ContainsAny(m.Header+m.Cookie, " \t\r\n:;,=\"") {
			add(field, "has a name that no header or cookie can have")
		}
	}
}

// Lacks names what a deployer would need for the strategy and has not; empty
// if it can do it. A strategy is refused, never quietly replaced by another.
func (s Strategy) Lacks(c DeployerCapabilities) string {
	switch {
	case s.Type == StrategyRecreate:
		return ""
	case !c.ParallelTracks:
		return "way to run two releases side by side"
	case (s.Type == StrategyCanary || s.Type == StrategyPartial && s.Share > 0) && !c.TrafficWeights:
		return "way to divide traffic by weight"
	case s.Type == StrategyBlueGreen && !c.TrafficWeights:
		return "way to switch traffic"
	case len(s.Match) > 0 && !c.TrafficMatch:
		return "way to pick requests by header or cookie"
	case s.Preview && !c.PreviewAddress:
		return "preview address"
	default:
		return ""
	}
}
