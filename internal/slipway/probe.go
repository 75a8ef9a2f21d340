package slipway

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// Probe is the newest answer of a gate that asks something outside: another
// system, a source of figures, a signature. It is taken outside of any
// transaction and judged inside one.
type Probe struct {
	Gate       int        `json:"gate"` // index in Plan.Gates
	PlanDigest string     `json:"planDigest"`
	Result     Result     `json:"result"`
	Reason     string     `json:"reason"`
	Who        string     `json:"who,omitempty"`
	Until      *time.Time `json:"until,omitempty"`
	Since      time.Time  `json:"since"` // of the first answer of this kind in a row
	At         time.Time  `json:"at"`
}

// ProbeSubject is what a gate is asked about.
type ProbeSubject struct {
	Now         time.Time
	Deployment  Deployment
	Release     Release
	Service     Service
	Environment Environment
}

// Prober answers gates that ask something outside. It never fails: what cannot
// be asked is Unknown, with the reason. It may take as long as ctx lets it.
type Prober interface {
	Probe(ctx context.Context, g Gate, s ProbeSubject) Probe
}

// defaultProbeInterval is how old an answer may be when a deployment starts.
const defaultProbeInterval = Duration(30 * time.Second)

func (g Gate) probeInterval() Duration {
	switch {
	case g.External != nil:
		return cmp.Or(g.External.Interval, defaultProbeInterval)
	case g.Metric != nil:
		return cmp.Or(g.Metric.Interval, defaultProbeInterval)
	case g.ErrorBudget != nil:
		return cmp.Or(g.ErrorBudget.Interval, defaultProbeInterval)
	default:
		return defaultProbeInterval
	}
}

// probeOf finds the newest answer of a gate on the plan that holds.
func (d Deployment) probeOf(gate int) (Probe, bool) {
	for _, p := range d.Probes {
		if p.Gate == gate && p.PlanDigest == d.PlanDigest {
			return p, true
		}
	}
	return Probe{}, false
}

// DueProbes lists the gates of the plan, by index, whose answer is missing or
// too old to start on.
func (d Deployment) DueProbes(now time.Time) []int {
	var due []int
	for i, g := range d.Plan.Gates {
		if !g.probed() {
			continue
		}
		interval := time.Duration(g.probeInterval())
		if d.waitsAnyway() {
			interval = max(interval, calmProbeInterval)
		}
		p, ok := d.probeOf(i)
		if age := now.Sub(p.At); !ok || age < 0 || age >= interval {
			due = append(due, i)
		}
	}
	return due
}

// calmProbeInterval is how often a gate is asked while others keep the
// deployment from starting anyway.
const calmProbeInterval = 5 * time.Minute

// waitsAnyway reports whether a gate that asks nothing outside was shut when
// the gates were last judged.
func (d Deployment) waitsAnyway() bool {
	for _, v := range Blocking(d.Verdicts) {
		if !v.Probed {
			return true
		}
	}
	return false
}

// MergeProbes puts new answers in the place of old ones. An answer that says
// the same as before keeps its Since.
func MergeProbes(was, is []Probe) []Probe {
	if len(is) == 0 {
		return was
	}
	out := make([]Probe, 0, len(is))
	for _, p := range is {
		p.Since = p.At
		for _, old := range was {
			if old.Gate == p.Gate && old.PlanDigest == p.PlanDigest && old.Result == p.Result {
				p.Since = old.Since
			}
		}
		out = append(out, p)
	}
	for _, old := range was {
		replaced := false
		for _, p := range is {
			replaced = replaced || p.Gate == old.Gate
		}
		if !replaced {
			out = append(out, old)
		}
	}
	return out
}

func probeVerdict(f GateFacts, i int, g Gate) Verdict {
	v := Verdict{Gate: g.Kind(), Title: g.Title(), Probed: true}
	p, ok := f.Deployment.probeOf(i)
	if !ok || f.Now.Sub(p.At) >= 2*time.Duration(g.probeInterval()) {
		soon := f.Now.Add(soonest)
		v.Result, v.Reason, v.Who, v.AskAgain = Wait, "It is being asked.", "Slipway", &soon
		if ok {
			v.Reason = fmt.Sprintf("Its last answer is from %s: %s", p.At.UTC().Format("15:04:05 MST"), p.Reason)
		}
		return v
	}
	since := p.Since
	v.Result, v.Reason, v.Since, v.Until, v.Who = p.Result, p.Reason, &since, p.Until, p.Who
	if v.Result != Pass && v.Until == nil {
		next := p.At.Add(time.Duration(g.probeInterval()))
		v.AskAgain = &next
	}
	return v
}
