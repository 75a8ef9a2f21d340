package slipway

import "time"

// jobSeen judges how the job of a hook stands.
func (m *machine) jobSeen(ev JobSeen) {
	run := m.d.Current()
	if run.Desired.Hook != nil && run.Generation == ev.Generation && m.d.KeptByLine() {
		m.advance()
		return
	}
	if run.Desired.Hook == nil || run.Generation != ev.Generation || (run.State != Converging && run.State != Applying && run.State != Lost) {
		return
	}
	if run.State == Lost {
		if ev.State != JobSucceeded && ev.State != JobFailed {
			return
		}
		run.State = Converging // its runner knows after all
		m.unpark(run)
	}
	asked := m.watched(run, ev.Asked)
	run.Message, run.Cursor = ev.Message, ev.Cursor
	switch ev.State {
	case JobSucceeded:
		run.ReadyAt = &m.now
		m.hookDone(run)
	case JobFailed:
		m.broke(because("The hook "+run.Desired.Hook.Name+" failed", ev.Message))
	case JobUnknown:
		m.lose(run, whether(run, ev.Message))
	default:
		m.d.Message = run.Desired.Name
		if last := oneLine(ev.Message); last != "" {
			m.d.Message += ": " + last
		}
		limit := time.Duration(run.Desired.Hook.Job.Timeout + jobGrace)
		switch had := asked.Sub(run.UnreadySince); {
		case ev.State == JobAway && had >= limit+missedFor: // its runner, if it is there, knows better
			m.lose(run, whether(run, ev.Message))
		case ev.State != JobAway && had >= limit:
			m.broke("The hook " + run.Desired.Hook.Name + " did not end within " + run.Desired.Hook.Job.Timeout.String() + ".")
		}
	}
}

func whether(run *PhaseRun, why string) string {
	return because("Nobody can tell whether the hook "+run.Desired.Hook.Name+" has run", why)
}

// jobGrace is how long after its deadline a job may take to be stopped.
const jobGrace = Duration(time.Minute)

// hookDone goes on after a hook, unless somebody has asked to pause.
func (m *machine) hookDone(run *PhaseRun) {
	if m.d.State == Paused {
		run.State = Held
		m.d.Message = run.Desired.Name + ": done; waits for somebody to resume."
		return
	}
	m.advance()
}

// lose parks a call whose effect nobody knows. What may safely be made twice is
// made again at once; everything else is for a person.
func (m *machine) lose(run *PhaseRun, reason string) {
	run.Message = reason
	if h := run.Desired.Hook; h != nil && h.Again == AgainSafe {
		m.repeat(run)
		return
	}
	run.State = Lost
	if m.d.State == Running {
		m.d.State, run.Parked = Paused, true
	}
	m.d.Message = sentences(reason, "Look for yourself, then resume as done, or resume to do it again.")
}

// found goes on with a lost call as a person says.
func (m *machine) found(run *PhaseRun, done bool) {
	switch {
	case !done:
		m.repeat(run)
	case run.Desired.Hook != nil:
		m.advance()
	default:
		run.State, run.Attempts, run.UnreadySince = Converging, 0, m.now
	}
}

// unpark lets a deployment go on that was only paused because a call was lost.
func (m *machine) unpark(run *PhaseRun) {
	if run.Parked && m.d.State == Paused {
		m.d.State = Running
	}
	run.Parked = false
}

// repeat makes the same call once more, under a new generation.
func (m *machine) repeat(run *PhaseRun) {
	desired, back, try := run.Desired, run.Back, run.Try
	m.closeRun(Broken)
	m.begin(desired)
	m.d.Current().Back, m.d.Current().Try = back, try
}

// again runs a hook that failed once more, as often as it asks for. One that is
// optional is let pass then, and one of a way back, too: the old release has
// its traffic already, and taking it away again would help nobody.
func (m *machine) again(run *PhaseRun, reason string) bool {
	h := run.Desired.Hook
	if h == nil {
		return false
	}
	if run.Message = reason; run.Try < h.Retries {
		m.repeat(run)
		m.d.Current().Try++
		m.d.Message = because("The hook "+h.Name+" is run again", reason)
		return true
	}
	if !h.Optional && run.Back == 0 && m.d.Cause != CauseRollback {
		return false
	}
	if m.d.State != Paused {
		m.closeRun(Broken)
	}
	m.hookDone(run)
	return true
}
