package slipway

import (
	"slices"
	"time"
)

// broke ends a phase that cannot come true, and decides between going back and
// stopping where it is.
func (m *machine) broke(reason string) {
	run := m.d.Current()
	if m.again(run, reason) {
		return
	}
	m.closeRun(Broken)
	run.Message = reason
	switch {
	case m.d.State == Reverting:
		m.stop(sentences(because("Could not go back", reason), "What runs now is what the deployer reports."))
	case !m.d.Plan.To.Reversible && m.d.Cause != CauseRollback && m.touched():
		m.stop(sentences(reason, "The release is marked irreversible, so nothing was undone. The stage is frozen until somebody decides."))
		m.effects[len(m.effects)-1].Frozen = true
	case !m.touched():
		m.untouched(reason)
	case m.d.Plan.OnFailure == OnFailureStop:
		m.stop(sentences(reason, "The stage is told to stop on failure, so nothing was undone."))
	default:
		m.revert(RolledBack, reason)
	}
}

// touched reports whether anything was asked of a deployer yet.
func (m *machine) touched() bool {
	return slices.ContainsFunc(m.d.Runs, func(r PhaseRun) bool { return r.Desired.Hook == nil })
}

// untouched ends a deployment whose first jobs failed before anything changed.
func (m *machine) untouched(reason string) {
	m.end(Failed, sentences(reason, "Nothing of "+m.d.Version+" was started."))
	m.effects = append(m.effects, Effect{Failure: true, Hold: because(m.d.Version+" failed", reason)})
}

// stop ends a deployment in the middle and keeps automation away from it.
func (m *machine) stop(reason string) {
	m.end(Failed, reason)
	m.effects = append(m.effects, Effect{Failure: true, Hold: because(m.d.Version+" failed", reason)})
}

// revert asks for what was live before, whole, at every site that this
// deployment has touched: the newest first, since that is where it went wrong.
// With nothing before, nothing is to run. The hold is written at once:
// automation must not start the same release again while this one is on its
// way back.
func (m *machine) revert(ending State, reason string) {
	m.d.Current().Message = reason
	m.closeRun(Broken)
	m.d.State, m.d.Ending = Reverting, ending
	m.effects = append(m.effects, Effect{Failure: ending == RolledBack, Hold: because(m.d.Version+" was taken back", reason)})
	m.goBack(1)
	m.d.Message = reason
}

// wayBack lists the desired states of the way back. It is found anew from the
// runs each time, so that nothing more has to be remembered.
func (d Deployment) wayBack() []Desired {
	var sites []string
	for _, run := range slices.Backward(d.Runs) {
		if run.Back == 0 && run.Desired.Hook == nil && !slices.Contains(sites, run.Desired.Site) {
			sites = append(sites, run.Desired.Site)
		}
	}
	if len(sites) == 0 {
		return nil
	}
	if d.Plan.From == nil {
		var phases []Desired
		for _, site := range sites {
			phases = append(phases, at(site, Desired{Name: "remove " + d.Version, Tracks: []Track{}}))
		}
		return phases
	}
	return d.Plan.wayBack(*d.Plan.From, sites)
}

// goBack begins a place of the way back, or ends the deployment after the last.
func (m *machine) goBack(place int) {
	way := m.d.wayBack()
	if place > len(way) {
		m.reverted()
		return
	}
	m.begin(way[place-1])
	m.d.Current().Back = place
}

// reverted ends a deployment whose way back is done. With nothing to go back
// to it has simply failed.
func (m *machine) reverted() {
	m.closeRun(Done)
	reason := m.why()
	if m.d.Plan.Beside != nil { // the way back was to what is live, whole
		m.effects = append(m.effects, Effect{Withdrawn: true})
	}
	switch {
	case m.d.Ending == Cancelled:
		m.end(Cancelled, reason)
	case m.d.Plan.From == nil:
		m.end(Failed, reason)
		m.effects = append(m.effects, Effect{Failure: true})
	default:
		m.end(RolledBack, sentences(reason, m.d.Plan.From.Version+" is live again."))
		m.effects = append(m.effects, Effect{Failure: true})
	}
}

// why is the reason of the newest phase that broke on the way forward.
func (m *machine) why() string {
	for i := len(m.d.Runs) - 1; i >= 0; i-- {
		if run := m.d.Runs[i]; run.Back == 0 && run.State == Broken && run.Message != "" {
			return run.Message
		}
	}
	return m.d.Message
}

// How often the engine looks, from a lively start to a calm wait.
const (
	soonest    = 100 * time.Millisecond
	latest     = 2 * time.Second
	lostLatest = 15 * time.Second
	// patience is how many times longer than whoever watches a phase looks again the
	// row says that nobody has to: so long it takes until others come should they be
	// gone, and so seldom it is saved that nothing has changed.
	patience = 3
	// gateLatest is only a net below the signals: whatever may open a gate wakes
	// those that wait for it, and most wait for a person, for days. Those that
	// began together are spread over gateSpread.
	gateLatest = 30 * time.Minute
	gateSpread = 5 * time.Minute
)

// nextWake is when the engine has something to look at again. No active
// deployment is without one: nothing waits for ever.
func (m *machine) nextWake() *time.Time {
	var at time.Time
	if m.d.State == Waiting {
		if len(m.d.Verdicts) == 0 { // nothing was judged on this plan yet
			at = m.now.Add(soonest)
			return &at
		}
		at = m.now.Add(gateLatest + time.Duration(m.d.ID)*time.Second%gateSpread)
		for _, v := range m.d.Verdicts {
			for _, soon := range []*time.Time{v.Until, v.AskAgain} {
				if soon != nil && soon.After(m.now) && soon.Before(at) {
					at = *soon
				}
			}
		}
		return &at
	}
	run := m.d.Current()
	switch run.State {
	case Applying:
		at = m.now.Add(min(latest, time.Duration(run.Attempts)*soonest))
		if run.WithheldSince != nil {
			at = m.now.Add(latest)
		}
	case Converging:
		if run.Desired.Hook != nil {
			at = m.now.Add(clamp(m.now.Sub(run.StartedAt)/10, soonest, latest))
			break
		}
		at = m.now.Add(patience * run.watchEvery(m.now))
	case Baking:
		at = m.now.Add(patience * run.watchEvery(m.now))
		if end := run.ReadyAt.Add(time.Duration(run.Desired.Bake)); end.After(m.now) && end.Before(at) {
			at = end
		}
		if m.decided {
			at = m.now
		}
	case Held:
		at = m.now.Add(patience * run.watchEvery(m.now))
	case Lost:
		at = m.now.Add(lostLatest)
	default:
		at = m.now.Add(latest)
	}
	if at = run.nextCheck(at); at.Before(m.now) {
		at = m.now
	}
	return &at
}

// watchEvery is how often whoever watches a phase asks what runs; 0: nobody does.
func (r *PhaseRun) watchEvery(now time.Time) time.Duration {
	switch {
	case r.Desired.Hook != nil:
		return 0
	case r.State == Converging:
		return clamp(now.Sub(r.UnreadySince)/10, soonest, latest)
	case r.State == Baking, r.State == Held:
		return latest
	default:
		return 0
	}
}

// LookAgain is when who has just looked does so again, which may be before the
// row is due. The zero time: never.
func (d *Deployment) LookAgain(now time.Time) time.Time {
	if d.NextWakeAt == nil {
		return time.Time{}
	}
	again := *d.NextWakeAt
	if run := d.Current(); run != nil {
		if every := run.watchEvery(now); every > 0 && again.After(now.Add(every)) {
			again = now.Add(every)
		}
	}
	return again
}

func clamp(d, low, high time.Duration) time.Duration { return max(low, min(d, high)) }
