package slipway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bypass is one person's decision to start without a gate, for exactly one
// plan. It is no approval: the gate has not opened, somebody went around it.
type Bypass struct {
	ID         int64     `json:"id"`
	Deployment int64     `json:"deployment"`
	PlanDigest string    `json:"planDigest"`
	Gate       string    `json:"gate"` // Verdict.Key
	Reason     string    `json:"reason"`
	By         string    `json:"by"` // user ID
	ByName     string    `json:"byName"`
	Via        Channel   `json:"via"`
	At         time.Time `json:"at"`
}

// Bypasses keeps bypasses. They are never changed.
type Bypasses interface {
	Of(ctx context.Context, deployment int64) ([]Bypass, error) // oldest first
	Add(ctx context.Context, b Bypass) (Bypass, error)
}

// Bypassable reports whether a kind of gate can be bypassed at all. A blocked
// release has to be unblocked, a plan that no longer holds made anew, and a
// promotion for a later time asked for again.
func Bypassable(kind string) bool {
	return slices.Contains([]string{"lock", "freeze", lineGate, "window", "soak", "approval", "external", "metric", "errorBudget",
		"provenance", "expression"}, kind)
}

// named gives every verdict a key of its own: its kind, its title where that is
// another, and a number where both are the same.
func named(verdicts []Verdict) {
	seen := map[string]int{}
	for i := range verdicts {
		v := &verdicts[i]
		if v.Key = v.Gate; v.Title != "" && v.Title != v.Gate {
			v.Key += ":" + v.Title
		}
		if seen[v.Key]++; seen[v.Key] > 1 {
			v.Key = fmt.Sprintf("%s#%d", v.Key, seen[v.Key])
		}
	}
}

// bypassed lets the gates pass that somebody bypassed.
func bypassed(f GateFacts, verdicts []Verdict) {
	for i := range verdicts {
		v := &verdicts[i]
		if v.Result == Pass || !Bypassable(v.Gate) {
			continue
		}
		for _, b := range f.Bypasses {
			if b.PlanDigest == f.Deployment.PlanDigest && b.Gate == v.Key && b.covers(*v) {
				v.Result, v.Until, v.AskAgain, v.Who = Pass, nil, nil, ""
				v.Bypassed = b.ByName + ": " + strings.TrimSuffix(oneLine(b.Reason), ".")
				break
			}
		}
	}
}

// covers reports whether the bypass was given in view of what the verdict says.
// A lock, a freeze or a stop that began later is another one, and nobody has
// decided about that.
func (b Bypass) covers(v Verdict) bool {
	switch v.Gate {
	case "lock", "freeze", lineGate:
		return v.Since != nil && !v.Since.After(b.At)
	default:
		return true
	}
}
