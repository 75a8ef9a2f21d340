package slipway

import (
	"cmp"
	"time"
)

// seen judges a report. A report of an older generation says nothing about the
// phase at work, and a deployer that cannot be asked is no failure of the
// release: what is unknown is shown as unknown and asked again.
func (m *machine) seen(ev Seen) {
	run := m.d.Current()
	if run.State == Applying || run.Desired.Hook != nil {
		return
	}
	asked := m.watched(run, ev.Asked)
	if run.State == Lost {
		if ev.Err != "" || ev.Observed.Generation != run.Generation {
			return
		}
		m.unpark(run) // the deployer knows after all
		m.found(run, true)
	}
	if ev.Err != "" {
		run.Message = because("The deployer could not be asked", ev.Err)
		m.d.Message = run.Message
		return
	}
	o := ev.Observed
	if o.Generation != run.Generation {
		if run.ReadyAt == nil {
			m.overdue(run, asked, "The deployer still reports an older state.")
		}
		return
	}
	run.Message = o.Message
	if o.Failed {
		m.broke(cmp.Or(sentences(o.Message), "The deployer reported a failure and no reason."))
		return
	}
	if !o.Converged {
		m.unready(run, asked)
		return
	}
	m.ready(run)
}

const (
	// missedFor is how much later than it was due a look is where nobody looked
	// meanwhile: no portal ran, or none that had its share of the machine.
	missedFor = 10 * time.Second
	// slowest is longer than a look takes, with all that it asks. One that took
	// longer stood still.
	slowest = time.Minute
)

// watched takes time in which nobody looked out of what a phase has had to become
// ready, and a hook to end: what it runs on may have stood still as well, and a
// deployer that was away with the portal has yet to find out. What lies between one
// look and the time of the next counts, so the deadline comes however late they are.
// It returns when the deployer was asked, on the same clock.
func (m *machine) watched(run *PhaseRun, asked time.Time) time.Time {
	if asked.IsZero() {
		asked = m.now
	}
	missed := time.Duration(0)
	if due := m.d.NextWakeAt; due != nil && asked.Sub(*due) > missedFor {
		missed += asked.Sub(*due)
	}
	if took := m.now.Sub(asked); took > slowest {
		missed, asked = missed+took, m.now
	}
	if run.ReadyAt == nil {
		run.UnreadySince = run.UnreadySince.Add(missed)
	}
	return asked
}

func (m *machine) unready(run *PhaseRun, asked time.Time) {
	if run.ReadyAt != nil {
		// It was ready and is no more: the bake starts over. The time that it
		// was not ready before still counts, or a release that comes and goes
		// would never meet its deadline.
		spent := run.ReadyAt.Sub(run.UnreadySince)
		run.ReadyAt, run.State, run.UnreadySince = nil, Converging, m.now.Add(-spent)
	}
	m.d.Message = run.Desired.Name
	if last := oneLine(run.Message); last != "" {
		m.d.Message += ": " + last
	}
	m.overdue(run, asked, run.Message)
}

// overdue breaks a phase that was asked after when its time was over, and was not
// ready then. An answer from before says nothing about it.
func (m *machine) overdue(run *PhaseRun, asked time.Time, last string) {
	if asked.Sub(run.UnreadySince) >= time.Duration(m.d.Plan.Deadline) {
		m.broke(sentences("Not ready within "+m.d.Plan.Deadline.String(), last))
	}
}

// ready lets a phase go on once it was watched for long enough and its checks
// have come out well.
func (m *machine) ready(run *PhaseRun) {
	if run.ReadyAt == nil {
		run.ReadyAt, run.State = &m.now, Baking
		run.Checks = started(run.Checks, m.d.Plan.Verify, m.now)
	}
	if r := run.asking(); r != nil {
		m.ask(run, *r)
		return
	}
	if end := run.bakedAt(); m.now.Before(end) {
		m.d.Message = run.Desired.Name + ": watched until " + end.UTC().Format("15:04:05 MST")
		return
	}
	if !m.checked(run) {
		return
	}
	switch {
	case m.d.State == Paused, m.d.State == Running && run.Desired.Pause && !run.Released:
		run.State = Held
		m.d.State, m.d.Message = Paused, run.Desired.Name+": waits for somebody to resume."
	default:
		m.advance()
	}
}

// bakedAt is when a phase that is ready was watched for long enough.
func (r *PhaseRun) bakedAt() time.Time { return r.ReadyAt.Add(time.Duration(r.Desired.Bake)) }

// advance goes on to the next phase, or ends well after the last.
func (m *machine) advance() {
	if m.d.State == Reverting {
		m.goBack(m.d.Current().Back + 1)
		return
	}
	if m.d.Phase+1 < len(m.d.Plan.Phases) {
		if m.line != nil && m.d.Cause != CauseRollback {
			m.standStill()
			return
		}
		m.d.Phase++
		m.begin(m.d.Plan.Phases[m.d.Phase])
		return
	}
	m.closeRun(Done)
	if s := m.d.Plan.Strategy; m.d.Plan.LeavesPart() {
		m.end(Succeeded, m.d.Version+" has its part of "+m.d.Environment+", beside "+m.d.Plan.From.Version+".")
		m.effects = append(m.effects, Effect{Partial: &Partial{Deployment: m.d.ID, Spec: m.d.Plan.To, Share: s.Share, Match: s.Match, Since: m.now}})
		return
	}
	m.end(Succeeded, m.d.Version+" is live in "+m.d.Environment+".")
	m.effects = append(m.effects, Effect{Live: &m.d.Plan.To})
}
