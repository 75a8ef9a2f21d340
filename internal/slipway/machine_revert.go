package slipway

import "time"

// broke ends a phase that cannot come true, and decides between going back and
// stopping where it is.
func (m *machine) broke(reason string) {
	m.closeRun(Broken)
	m.d.Current().Message = reason
	switch {
	case m.d.State == Reverting:
		m.stop(sentences(because("Could not go back", reason), "What runs now is what the deployer reports."))
	case !m.d.Plan.To.Reversible && m.d.Cause != CauseRollback:
		m.stop(sentences(reason, "The release is marked irreversible, so nothing was undone. Decide by hand."))
	case m.d.Plan.OnFailure == OnFailureStop:
		m.stop(sentences(reason, "The stage is told to stop on failure, so nothing was undone."))
	default:
		m.revert(RolledBack, reason)
	}
}

// stop ends a deployment in the middle and keeps automation away from it.
func (m *machine) stop(reason string) {
	m.end(Failed, reason)
	m.effects = append(m.effects, Effect{Failure: true, Hold: because(m.d.Version+" failed", reason)})
}

// revert asks for what was live before, whole. With nothing before, nothing is
// to run. The hold is written at once: automation must not start the same
// release again while this one is on its way back.
func (m *machine) revert(ending State, reason string) {
	desired := Desired{Name: "remove " + m.d.Version, Tracks: []Track{}}
	if from := m.d.Plan.From; from != nil {
		desired = Desired{Name: "back to " + from.Version, Tracks: []Track{from.track(100, from.Replicas)}}
	}
	m.d.Current().Message = reason
	m.closeRun(Broken)
	m.d.State, m.d.Ending = Reverting, ending
	m.begin(desired)
	m.d.Message = reason
	m.effects = append(m.effects, Effect{Failure: ending == RolledBack, Hold: because(m.d.Version+" was taken back", reason)})
}

// reverted ends a deployment whose way back is done. With nothing to go back
// to it has simply failed.
func (m *machine) reverted() {
	m.closeRun(Done)
	reason := m.why()
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

// why is the reason of the newest phase that broke.
func (m *machine) why() string {
	for i := len(m.d.Runs) - 1; i >= 0; i-- {
		if m.d.Runs[i].State == Broken && m.d.Runs[i].Message != "" {
			return m.d.Runs[i].Message
		}
	}
	return m.d.Message
}

// How often the engine looks, from a lively start to a calm wait.
const (
	soonest    = 100 * time.Millisecond
	latest     = 2 * time.Second
	gateLatest = time.Minute
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
		at = m.now.Add(gateLatest)
		for _, v := range m.d.Verdicts {
			if v.Until != nil && v.Until.After(m.now) && v.Until.Before(at) {
				at = *v.Until
			}
		}
		return &at
	}
	run := m.d.Current()
	switch run.State {
	case Applying:
		at = m.now.Add(min(latest, time.Duration(run.Attempts)*soonest))
	case Converging:
		at = m.now.Add(clamp(m.now.Sub(run.UnreadySince)/10, soonest, latest))
	case Baking:
		at = m.now.Add(latest)
		if end := run.ReadyAt.Add(time.Duration(run.Desired.Bake)); end.After(m.now) && end.Before(at) {
			at = end
		}
	default:
		at = m.now.Add(latest)
	}
	return &at
}

func clamp(d, low, high time.Duration) time.Duration { return max(low, min(d, high)) }
