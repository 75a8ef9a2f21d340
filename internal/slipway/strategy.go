package slipway

import "fmt"

// StrategyType names a way of replacing one release by another.
type StrategyType string

// The strategies.
const (
	StrategyRecreate  StrategyType = "recreate"
	StrategyRolling   StrategyType = "rolling"
	StrategyBlueGreen StrategyType = "blueGreen"
	StrategyCanary    StrategyType = "canary"
	StrategyPartial   StrategyType = "partial"
)

// StrategyTypes lists every strategy, from the plainest to the most careful.
func StrategyTypes() []StrategyType {
	return []StrategyType{StrategyRecreate, StrategyRolling, StrategyBlueGreen, StrategyCanary, StrategyPartial}
}

// Strategy is how a stage replaces what runs. Only the members of its own type
// may be set.
type Strategy struct {
	Type           StrategyType `json:"type"`
	Batch          int          `json:"batch,omitempty"`          // rolling: replicas replaced at once; default 1
	MaxUnavailable int          `json:"maxUnavailable,omitempty"` // rolling: replicas that may be missing meanwhile; 0: new ones start first
	KeepWarm       Duration     `json:"keepWarm,omitempty"`       // blueGreen: how long the old side stays up
	Manual         bool         `json:"manual,omitempty"`         // blueGreen: a person switches
	Preview        bool         `json:"preview,omitempty"`        // blueGreen: the new side answers at the preview address first
	Steps          []CanaryStep `json:"steps,omitempty"`          // canary
	Share          int          `json:"share,omitempty"`          // partial: percent of the traffic
	Match          []Match      `json:"match,omitempty"`          // partial: requests that get the new release
}

// CanaryStep is a share of the traffic, held for a while or until a person
// lets it go on.
type CanaryStep struct {
	Weight int      `json:"weight"`
	Bake   Duration `json:"bake,omitempty"`
	Pause  bool     `json:"pause,omitempty"`
}

// Match picks requests by what they carry: a header (of a user, a region, a
// device) or a cookie with exactly this value. Any one match is enough.
type Match struct {
	Header string `json:"header,omitempty"`
	Cookie string `json:"cookie,omitempty"`
	Value  string `json:"value"`
}

// Track is one release's part of a phase.
type Track struct {
	Spec     string  `json:"spec"` // Spec.ID of what runs
	Version  string  `json:"version"`
	Weight   int     `json:"weight"` // percent of the traffic that no match picks
	Replicas int     `json:"replicas"`
	Match    []Match `json:"match,omitempty"`   // requests that come here whatever the weights
	Preview  bool    `json:"preview,omitempty"` // answers at the preview address
}

// Desired is a phase as a plan holds it: a state to make true at one site, how
// long to watch it, and whether a person lets it go on. With Hook set it is a
// job to run while everything stays as it is.
type Desired struct {
	Name   string   `json:"name"`
	Site   string   `json:"site,omitempty"`
	Tracks []Track  `json:"tracks"`
	Bake   Duration `json:"bake,omitempty"`
	Pause  bool     `json:"pause,omitempty"`
	Hook   *Hook    `json:"hook,omitempty"`
}

// side is one of the two releases of a strategy, at one site.
type side struct {
	id, version string
	replicas    int
}

func (s side) track(weight, replicas int) Track {
	return Track{Spec: s.id, Version: s.version, Weight: weight, Replicas: replicas}
}

// Phases yields the desired states that lead from one release to another. It
// is a pure function. With nothing running there is nothing to be careful of,
// so every strategy is one phase.
func (s Strategy) Phases(from *Spec, to Spec) []Desired {
	return s.phasesAt("", from, to)
}

func (s Strategy) phasesAt(site string, from *Spec, to Spec) []Desired {
	new, _ := to.side(site)
	whole := func(name string) Desired {
		return Desired{Name: name, Tracks: []Track{new.track(100, new.replicas)}}
	}
	var old side
	there := false
	if from != nil {
		old, there = from.side(site)
	}
	if !there || old.id == new.id {
		return []Desired{whole("all of " + new.version)}
	}
	switch s.Type {
	case StrategyRecreate:
		return []Desired{{Name: "stop " + old.version, Tracks: []Track{}}, whole("start " + new.version)}
	case StrategyBlueGreen:
		return s.blueGreen(old, new)
	case StrategyCanary:
		return s.canary(old, new)
	case StrategyPartial:
		return s.partial(old, new)
	default:
		return s.rolling(old, new)
	}
}

// rolling replaces replicas batch by batch; traffic follows the replicas. New
// ones start before old ones stop, unless some may be missing: then room is
// made first, and there are never more than in the end.
func (s Strategy) rolling(old, new side) []Desired {
	batch := max(1, s.Batch)
	var phases []Desired
	share, moved := 0, 0
	for next := batch; next < new.replicas; next += batch {
		left := max(1, ceilDiv(old.replicas*(new.replicas-next), new.replicas))
		if s.MaxUnavailable > 0 {
			phases = append(phases, s.room(old, new, left, moved, share))
		}
		moved, share = next, 100*next/new.replicas
		phases = append(phases, Desired{
			Name:   fmt.Sprintf("%d of %d replaced", moved, new.replicas),
			Tracks: []Track{old.track(100-share, left), new.track(share, moved)},
		})
	}
	if s.MaxUnavailable > 0 && moved > 0 {
		phases = append(phases, s.room(old, new, 0, moved, 100))
	}
	return append(phases, Desired{Name: "all replaced", Tracks: []Track{new.track(100, new.replicas)}})
}

// room stops old replicas before the next new ones start.
func (s Strategy) room(old, new side, left, moved, share int) Desired {
	d := Desired{Name: fmt.Sprintf("make room beside %d of %d", moved, new.replicas), Tracks: []Track{}}
	if left > 0 {
		d.Tracks = append(d.Tracks, old.track(100-share, left))
	}
	if moved > 0 {
		d.Tracks = append(d.Tracks, new.track(share, moved))
	}
	return d
}

// blueGreen starts the new side whole and unseen, switches all traffic at once
// and keeps the old side warm for a quick way back.
func (s Strategy) blueGreen(old, new side) []Desired {
	beside := new.track(0, new.replicas)
	beside.Preview = s.Preview
	return []Desired{
		{Name: "start " + new.version + " beside", Pause: s.Manual, Tracks: []Track{old.track(100, old.replicas), beside}},
		{Name: "switch to " + new.version, Bake: s.KeepWarm,
			Tracks: []Track{old.track(0, old.replicas), new.track(100, new.replicas)}},
		{Name: "stop " + old.version, Tracks: []Track{new.track(100, new.replicas)}},
	}
}

// canary gives the new release a growing share. The old one keeps all its
// replicas until the end, so going back is only a matter of weights.
func (s Strategy) canary(old, new side) []Desired {
	var phases []Desired
	last := Desired{Name: "all traffic", Tracks: []Track{new.track(100, new.replicas)}}
	for _, step := range s.Steps {
		if step.Weight >= 100 {
			last.Bake, last.Pause = step.Bake, step.Pause
			break
		}
		phases = append(phases, Desired{
			Name: fmt.Sprintf("%d %% of traffic", step.Weight), Bake: step.Bake, Pause: step.Pause,
			Tracks: []Track{old.track(100-step.Weight, old.replicas), new.track(step.Weight, part(new.replicas, step.Weight))},
		})
	}
	return append(phases, last)
}

// partial gives the new release its part and leaves it at that.
func (s Strategy) partial(old, new side) []Desired {
	if s.whole() {
		return []Desired{{Name: "all traffic", Tracks: []Track{new.track(100, new.replicas)}}}
	}
	beside := new.track(s.Share, part(new.replicas, s.Share))
	beside.Match = s.Match
	name := fmt.Sprintf("%d %% of traffic, to stay", s.Share)
	if s.Share == 0 {
		name = "matching requests, to stay"
	}
	return []Desired{{Name: name, Tracks: []Track{old.track(100-s.Share, old.replicas), beside}}}
}

// whole reports whether a partial deployment is partial no more.
func (s Strategy) whole() bool { return s.Type != StrategyPartial || s.Share >= 100 }

// part is how many replicas carry a share of the traffic.
func part(replicas, share int) int { return max(1, ceilDiv(replicas*share, 100)) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }
