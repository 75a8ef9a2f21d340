package slipway

import "time"

// WayBack tells how long a rollback took: from the moment it was decided on, by
// a person or by a check, until what served before had all the traffic again at
// every site. False while that is not so, and for deployments that went forward.
func (d Deployment) WayBack() (time.Duration, bool) {
	var from, until time.Time
	for i, run := range d.Runs {
		back := run.Back > 0 || d.Cause == CauseRollback
		if !back || run.Desired.Hook != nil {
			continue
		}
		if from.IsZero() {
			if from = run.StartedAt; d.Cause == CauseRollback && run.Back == 0 {
				from = d.CreatedAt
			}
		}
		if run.ReadyAt == nil || i == len(d.Runs)-1 && d.State == Failed {
			return 0, false
		}
		until = *run.ReadyAt
	}
	if from.IsZero() || until.IsZero() || len(d.wayAhead()) > 0 {
		return 0, false
	}
	return until.Sub(from), true
}

// wayAhead lists the desired states that a rollback has yet to ask for.
func (d Deployment) wayAhead() []Desired {
	var ahead []Desired
	phases, done := d.Plan.Phases, d.Phase+1
	if run := d.Current(); run != nil && run.Back > 0 {
		phases, done = d.wayBack(), run.Back
	}
	for _, p := range phases[min(done, len(phases)):] {
		if p.Hook == nil {
			ahead = append(ahead, p)
		}
	}
	return ahead
}
