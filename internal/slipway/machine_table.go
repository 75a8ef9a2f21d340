package slipway

// Transition is one line of the state table: in state From, the event On leads
// to one of the states To.
type Transition struct {
	From State
	On   string // the event's name
	To   []State
}

// Table is the whole machine. Step takes no transition that is not listed
// here, and docs/deployment-states.md is drawn from it.
func Table() []Transition {
	return []Transition{
		{Waiting, "judged", []State{Waiting, Running}},
		{Waiting, "replanned", []State{Waiting}},
		{Waiting, "rejected", []State{Rejected}},
		{Waiting, "expired", []State{Expired}},
		{Waiting, "superseded", []State{Superseded}},
		{Waiting, "cancelled", []State{Cancelled}},

		{Running, "claimed", []State{Running}},
		{Running, "withheld", []State{Running}},
		{Running, "accepted", []State{Running}},
		{Running, "refused", []State{Running, Paused, Succeeded, Reverting, Failed}},
		{Running, "observed", []State{Running, Paused, Succeeded, Reverting, Failed}},
		{Running, "job", []State{Running, Paused, Succeeded, Reverting, Failed}},
		{Running, "measured", []State{Running, Paused, Reverting, Failed}},
		{Running, "paused", []State{Paused}},
		{Running, "cancelled", []State{Reverting, Cancelled}},
		{Running, "superseded", []State{Superseded}},

		{Paused, "claimed", []State{Paused}},
		{Paused, "withheld", []State{Paused}},
		{Paused, "accepted", []State{Paused}},
		{Paused, "refused", []State{Paused, Reverting, Failed}},
		{Paused, "observed", []State{Paused, Running, Succeeded, Reverting, Failed}},
		{Paused, "job", []State{Paused, Running, Succeeded, Reverting, Failed}},
		{Paused, "measured", []State{Paused, Reverting, Failed}},
		{Paused, "resumed", []State{Running, Succeeded}},
		{Paused, "cancelled", []State{Reverting, Cancelled}},
		{Paused, "superseded", []State{Superseded}},

		{Reverting, "claimed", []State{Reverting}},
		{Reverting, "withheld", []State{Reverting}},
		{Reverting, "accepted", []State{Reverting}},
		{Reverting, "refused", []State{Reverting, RolledBack, Cancelled, Failed}},
		{Reverting, "observed", []State{Reverting, RolledBack, Cancelled, Failed}},
		{Reverting, "job", []State{Reverting, RolledBack, Cancelled}},
		{Reverting, "resumed", []State{Reverting, RolledBack, Cancelled}},
		{Reverting, "superseded", []State{Superseded}},
	}
}
