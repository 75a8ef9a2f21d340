package slipway

import (
	"fmt"
	"slices"
	"time"
)

// Event is something that happened to a deployment.
type Event interface{ name() string }

// The events. Those of the engine carry what it learned; those of people carry
// who they are.
type (
	// Judged: the gates were judged, on the plan that still holds.
	// Probes are the newest answers of gates that ask outside, if any were asked.
	Judged struct {
		Verdicts []Verdict
		Probes   []Probe
	}
	// Replanned: what the plan was made of has changed.
	Replanned struct{ Plan Plan }
	// RejectedBy: somebody who may approve said no.
	RejectedBy struct {
		By     Person
		Reason string
	}
	// ApprovalExpired: nobody answered in time.
	ApprovalExpired struct{}
	// SupersededBy: a newer deployment takes the place of this one.
	SupersededBy struct{ Version string }
	// CancelledBy: somebody stopped it.
	CancelledBy struct {
		By     Person
		Reason string
	}
	// Claimed: a runner of jobs is going to run the hook. It is on record before
	// the job begins, so that no other runner begins it a second time.
	Claimed struct {
		Generation int64
		Runner     string
	}
	// Accepted: the deployer took a desired state, or the job of a hook began.
	Accepted struct{ Generation int64 }
	// Refused: the deployer did not take it. Retry says whether it may yet;
	// Lost, that nobody can tell whether it did and asking twice is not safe.
	Refused struct {
		Generation int64
		Reason     string
		Retry      bool
		Lost       bool
	}
	// Withheld: the secrets of a desired state are not to be had now, so the
	// deployer was not asked. The phase waits for them and nothing else.
	Withheld struct {
		Generation int64
		Reason     string
	}
	// Seen: the deployer reported what runs, or why it cannot (Err), to who asked
	// at the time Asked (zero: just now).
	Seen struct {
		Asked    time.Time
		Observed Observed
		Err      string
	}
	// JobSeen: how the job of a hook stands, to who asked at the time Asked (zero:
	// just now).
	JobSeen struct {
		Asked      time.Time
		Generation int64
		State      JobState
		Message    string
		Cursor     string // behind the lines of its output that were kept
	}
	// Measured: a check was made once.
	Measured struct {
		Generation  int64
		Check       string
		Measurement Measurement
	}
	// PausedBy and ResumedBy: somebody holds a phase, or lets it go on. AsDone
	// says of a lost call that it did take effect; otherwise it is made again.
	PausedBy  struct{ By Person }
	ResumedBy struct {
		By     Person
		AsDone bool
	}
)

func (Judged) name() string          { return "judged" }
func (Replanned) name() string       { return "replanned" }
func (RejectedBy) name() string      { return "rejected" }
func (ApprovalExpired) name() string { return "expired" }
func (SupersededBy) name() string    { return "superseded" }
func (CancelledBy) name() string     { return "cancelled" }
func (Claimed) name() string         { return "claimed" }
func (Accepted) name() string        { return "accepted" }
func (Refused) name() string         { return "refused" }
func (Withheld) name() string        { return "withheld" }
func (Seen) name() string            { return "observed" }
func (JobSeen) name() string         { return "job" }
func (Measured) name() string        { return "measured" }
func (PausedBy) name() string        { return "paused" }
func (ResumedBy) name() string       { return "resumed" }

// Effect is what a step asks for besides the deployment itself. Effects are
// carried out in the transaction that saves the step. Calling the deployer is
// no effect: the saved Applying phase is the standing order to do so.
type Effect struct {
	Live      *Spec    // this is live from now on, and nothing is beside it
	Partial   *Partial // this has a part of the traffic from now on
	Withdrawn bool     // nothing is beside what is live any more
	Hold      string   // hold the stage's automation, for this reason
	Frozen    bool     // with Hold: people wait as well
	Failure   bool     // remember as the stage's newest failure
}

// Step is the machine: the only way a deployment changes. It is pure. An event
// that the state has no use for is a conflict and changes nothing.
func Step(d Deployment, ev Event, now time.Time) (Deployment, []Effect, error) {
	return step(d, ev, nil, now)
}

func step(d Deployment, ev Event, line *StoppedLine, now time.Time) (Deployment, []Effect, error) {
	from := d.State
	at := slices.IndexFunc(Table(), func(t Transition) bool { return t.From == from && t.On == ev.name() })
	if at < 0 {
		return d, nil, Conflict(fmt.Sprintf("The deployment is %s and cannot be %s.", from.words(), ev.name()),
			"Look at it again; somebody or something was quicker.")
	}
	m := machine{d: d, line: line, now: now}
	m.d.Runs = slices.Clone(d.Runs)
	m.handle(ev)
	if !slices.Contains(Table()[at].To, m.d.State) {
		return d, nil, fmt.Errorf("slipway: %s on %s led to %s, which the table does not have", ev.name(), from, m.d.State)
	}
	if m.d.State.Active() {
		m.d.NextWakeAt = m.nextWake()
	} else {
		m.d.EndedAt, m.d.NextWakeAt = &now, nil
	}
	return m.d, m.effects, nil
}

type machine struct {
	d       Deployment
	line    *StoppedLine // nil while it goes
	now     time.Time
	decided bool // a check has just come out: the phase may be over
	effects []Effect
}

func (m *machine) handle(ev Event) {
	switch ev := ev.(type) {
	case Judged:
		m.judged(ev)
	case Replanned:
		m.d.Replaced = append(slices.Clone(m.d.Replaced), m.d.Plan)
		m.d.Plan, m.d.PlanDigest = ev.Plan, ev.Plan.Digest()
		m.d.Verdicts = []Verdict{} // they were on the old plan
		m.d.Message = "The plan changed; earlier approvals no longer count."
	case RejectedBy:
		m.end(Rejected, because("Rejected by "+ev.By.Name, ev.Reason))
	case ApprovalExpired:
		m.end(Expired, "Nobody decided in time.")
	case SupersededBy:
		m.closeRun(Broken) // it was interrupted, and nobody saw it done
		m.end(Superseded, ev.Version+" took its place.")
	case CancelledBy:
		m.cancelled(ev)
	case Claimed:
		if run := m.d.Current(); run.Generation == ev.Generation && run.State == Applying && run.Runner == "" {
			run.Runner = ev.Runner
		}
	case Accepted:
		if run := m.d.Current(); run.Generation == ev.Generation && run.State == Applying {
			run.State, run.Attempts, run.UnreadySince, run.WithheldSince = Converging, 0, m.now, nil
		}
	case Refused:
		m.refused(ev)
	case Withheld:
		m.withheld(ev)
	case Seen:
		m.seen(ev)
	case JobSeen:
		m.jobSeen(ev)
	case Measured:
		m.measured(ev)
	case PausedBy:
		m.d.State, m.d.Message = Paused, "Paused by "+ev.By.Name+"."
	case ResumedBy:
		m.resumed(ev)
	}
}

func (m *machine) judged(ev Judged) {
	m.d.Verdicts = ev.Verdicts
	m.d.Probes = MergeProbes(m.d.Probes, ev.Probes)
	if len(ev.Verdicts) == 0 { // the controls are always judged: no verdict is no answer, not a yes
		m.d.Message = "The gates have not been judged yet."
		return
	}
	if blocking := Blocking(ev.Verdicts); len(blocking) > 0 {
		m.d.Message = blocking[len(blocking)-1].Reason
		return
	}
	m.d.State, m.d.StartedAt = Running, &m.now
	m.begin(m.d.Plan.Phases[0])
}

// begin records the intent to make a desired state true.
func (m *machine) begin(desired Desired) {
	m.closeRun(Done)
	run := PhaseRun{
		Desired: desired, Generation: generation(m.d.ID, len(m.d.Runs)+1),
		State: Applying, StartedAt: m.now, UnreadySince: m.now,
	}
	if m.d.State == Running {
		run.Checks = m.d.Plan.checksIn(desired)
	}
	m.d.Runs = append(m.d.Runs, run)
	m.d.Message = desired.Name
}

// closeRun ends the phase at work, if there is one that has not ended.
func (m *machine) closeRun(as PhaseState) {
	if run := m.d.Current(); run != nil && run.EndedAt == nil {
		run.State, run.EndedAt = as, &m.now
	}
}

func (m *machine) end(as State, message string) {
	m.d.State, m.d.Message = as, message
}

func (m *machine) cancelled(ev CancelledBy) {
	message := because("Cancelled by "+ev.By.Name, ev.Reason)
	if m.d.State == Waiting || !m.touched() {
		m.closeRun(Broken)
		m.end(Cancelled, message)
		return
	}
	m.revert(Cancelled, message)
}

// resumed lets a held phase go on, with what is inconclusive accepted in the
// person's name. A call that was lost is taken as done or made again.
func (m *machine) resumed(ev ResumedBy) {
	run := m.d.Current()
	if m.d.State == Paused {
		m.d.State = Running
	}
	m.d.Message = "Resumed by " + ev.By.Name + "."
	if run.State == Lost {
		m.found(run, ev.AsDone)
		return
	}
	if run.State != Held {
		return
	}
	run.Checks = accepted(run.Checks, ev.By)
	if run.Desired.Hook == nil && (m.now.Before(run.bakedAt()) || len(m.undecided(run)) > 0) {
		run.State = Baking
		return
	}
	run.Released = true
	m.advance()
}

// withheld parks a phase whose secrets are not to be had. No attempt is counted
// and no deadline runs: it goes on by itself, or somebody cancels it.
func (m *machine) withheld(ev Withheld) {
	run := m.d.Current()
	if run.Generation != ev.Generation || run.State != Applying {
		return
	}
	if run.WithheldSince == nil {
		run.WithheldSince = &m.now
	}
	run.Message = ev.Reason
	m.d.Message = sentences("Waits for secrets since "+run.WithheldSince.UTC().Format("15:04:05 MST"), ev.Reason)
}

// maxAttempts is how often in a row the deployer may fail to take a desired
// state; with the growing wait between (nextWake) that is about two minutes.
const maxAttempts = 60

func (m *machine) refused(ev Refused) {
	run := m.d.Current()
	if run.Generation != ev.Generation || run.State != Applying {
		return
	}
	run.Attempts++
	run.Message = ev.Reason
	if ev.Lost {
		m.lose(run, because("Nobody can tell whether the deployer did it", ev.Reason))
		return
	}
	if ev.Retry && run.Attempts < maxAttempts {
		m.d.Message = because("The deployer did not take it yet", ev.Reason)
		return
	}
	m.broke(because("The deployer refused", ev.Reason))
}
