package slipway

import (
	"slices"
	"time"
)

// checksIn lists the checks that have something to ask in a phase.
func (p Plan) checksIn(d Desired) []CheckRun {
	var runs []CheckRun
	for _, c := range p.Verify {
		if c.asksIn(d, p.To.ID()) {
			runs = append(runs, CheckRun{Name: c.Name, Kind: c.Kind(), DryRun: c.DryRun, State: CheckPending})
		}
	}
	return runs
}

// Check finds a check of the plan by its name.
func (p Plan) Check(name string) (Check, bool) {
	i := slices.IndexFunc(p.Verify, func(c Check) bool { return c.Name == name })
	if i < 0 {
		return Check{}, false
	}
	return p.Verify[i], true
}

// started sets the first measurement of each check; a check that was at work
// before the phase became unready goes on where it was.
func started(runs []CheckRun, checks []Check, now time.Time) []CheckRun {
	runs = slices.Clone(runs)
	for i := range runs {
		r := &runs[i]
		for _, c := range checks {
			if c.Name == r.Name && r.State == CheckPending {
				first := now.Add(time.Duration(c.InitialDelay))
				r.State, r.NextAt = CheckRunning, &first
			}
		}
	}
	return runs
}

// accepted marks what is inconclusive as borne by a person.
func accepted(runs []CheckRun, by Person) []CheckRun {
	runs = slices.Clone(runs)
	for i := range runs {
		if r := &runs[i]; r.State == CheckInconclusive || r.State == CheckErred {
			r.AcceptedBy, r.NextAt = by.Name, nil
		}
	}
	return runs
}

// DueCheck is the check of the phase at work that is to be made next, if its
// time has come. Checks are made while a phase is watched or held, never while
// it is not ready: what is not there cannot be measured.
func (d Deployment) DueCheck(now time.Time) (Check, CheckRun, bool) {
	run := d.Current()
	if run == nil || run.ReadyAt == nil || run.EndedAt != nil || (d.State != Running && d.State != Paused) {
		return Check{}, CheckRun{}, false
	}
	found := -1
	for i, r := range run.Checks {
		if r.NextAt != nil && !r.NextAt.After(now) && (found < 0 || r.NextAt.Before(*run.Checks[found].NextAt)) {
			found = i
		}
	}
	if found < 0 {
		return Check{}, CheckRun{}, false
	}
	c, ok := d.Plan.Check(run.Checks[found].Name)
	return c, run.Checks[found], ok
}

// measured counts a measurement and acts on what it decides. A check that came
// out well and repeats goes on being made while the phase lasts: a release may
// go bad while somebody thinks about it.
func (m *machine) measured(ev Measured) {
	run := m.d.Current()
	if run.Generation != ev.Generation || run.ReadyAt == nil {
		return
	}
	check, ok := m.d.Plan.Check(ev.Check)
	i := slices.IndexFunc(run.Checks, func(r CheckRun) bool { return r.Name == ev.Check })
	if !ok || i < 0 || run.Checks[i].AcceptedBy != "" {
		return
	}
	run.Checks = slices.Clone(run.Checks)
	before := run.Checks[i].State
	run.Checks[i] = run.Checks[i].count(check, ev.Measurement)
	r := run.Checks[i]
	m.decided = r.State != before
	if r.DryRun {
		return
	}
	switch r.State {
	case CheckFailed:
		m.broke(because("The check "+r.Name+" failed", r.Message))
	case CheckInconclusive, CheckErred:
		run.Checks[i].NextAt = nil
		m.ask(run, r)
	default:
	}
}

// ask holds a phase for a person: the figures do not say whether the release is
// good, or there are none.
func (m *machine) ask(run *PhaseRun, r CheckRun) {
	what := "The check " + r.Name + " is inconclusive"
	if r.State == CheckErred {
		what = "The check " + r.Name + " could not be made"
	}
	run.State = Held
	m.d.State = Paused
	m.d.Message = sentences(because(what, r.Message), "Resume to accept it, or cancel to go back.")
}

// asking is the first check that a person has to decide on.
func (r *PhaseRun) asking() *CheckRun {
	for i := range r.Checks {
		c := &r.Checks[i]
		if (c.State == CheckInconclusive || c.State == CheckErred) && !c.DryRun && c.AcceptedBy == "" {
			return c
		}
	}
	return nil
}

// undecided lists the checks that the end of a phase waits for. Those without a
// count end with the bake, if they were made at all.
func (m *machine) undecided(run *PhaseRun) []string {
	run.Checks = slices.Clone(run.Checks)
	var names []string
	for i := range run.Checks {
		r := &run.Checks[i]
		c, ok := m.d.Plan.Check(r.Name)
		if !ok || r.DryRun || r.AcceptedBy != "" {
			continue
		}
		if !m.now.Before(run.bakedAt()) {
			*r = r.conclude(c)
		}
		if r.State != CheckSuccessful {
			names = append(names, r.Name)
		}
	}
	return names
}

// checked reports whether the checks let the phase end.
func (m *machine) checked(run *PhaseRun) bool {
	names := m.undecided(run)
	if len(names) > 0 {
		m.d.Message = run.Desired.Name + ": the check " + names[0] + " is at work"
	}
	return len(names) == 0
}

// nextCheck is when the next check of a phase is due, if that is before at.
func (r *PhaseRun) nextCheck(at time.Time) time.Time {
	if r.ReadyAt == nil {
		return at
	}
	for _, c := range r.Checks {
		if c.NextAt != nil && c.NextAt.Before(at) {
			at = *c.NextAt
		}
	}
	return at
}
