package slipway

import "slices"

// nextVersion names a release that is not there yet.
const nextVersion = "next"

// Rehearsal is the plan of a release that may come one day, like the given one in
// everything but its name: it shows the way that a stage describes. Where nothing
// is live yet the way begins with the given release itself.
func Rehearsal(in PlanInput) Plan {
	var first []Desired
	if in.Live == nil {
		begin := NewPlan(in)
		first, in.Live = begin.Phases, &begin.To
	}
	in.Release.Version, in.Release.Seq = nextVersion, in.Release.Seq+1
	plan := NewPlan(in)
	plan.Phases = slices.Concat(first, plan.Phases)
	return plan
}
