package slipway

import (
	"context"
	"time"
)

// StoppedLine keeps everybody from starting anything anywhere, until somebody
// lets the line go again. Deployments at work stand still before their next
// phase meanwhile; what goes back goes on.
type StoppedLine struct {
	Owner     string    `json:"owner"`
	OwnerName string    `json:"ownerName"`
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"`
}

// Line is the line of the whole organisation.
type Line interface {
	Get(ctx context.Context) (*StoppedLine, error) // nil while it goes
	Stop(ctx context.Context, s StoppedLine) error // stopped already: CodeConflict
	Go(ctx context.Context) error                  // one that goes goes on
}

const lineGate = "stop-the-line"

func lineVerdict(f GateFacts) Verdict {
	v := Verdict{Gate: lineGate, Result: Pass, Reason: "The line goes."}
	if f.Line == nil {
		return v
	}
	if f.Deployment.Cause == CauseRollback {
		v.Reason = "A stopped line lets rollbacks pass."
		return v
	}
	v.Result, v.Since = Wait, &f.Line.Since
	v.Reason = because("The line is stopped by "+f.Line.OwnerName, f.Line.Reason)
	v.Who = f.Line.OwnerName + ", or who may stop the line"
	return v
}

// WakeHeldByLine has the engine judge the gates of the deployments that nothing
// but the line kept. Whatever opens the other gates of the rest wakes those.
func WakeHeldByLine(ctx context.Context, tx Tx, now time.Time) error {
	return wakeWaiting(ctx, tx, DeploymentFilter{}, now, func(d Deployment) bool {
		blocking := Blocking(d.Verdicts)
		return len(blocking) == 1 && blocking[0].Gate == lineGate
	})
}

// StepStopped is Step while the line is stopped: a deployment does not begin its
// next phase, and is ready to. It goes on with the first step after the line
// goes again, unless a person has paused it, which is another matter.
func StepStopped(d Deployment, ev Event, line StoppedLine, now time.Time) (Deployment, []Effect, error) {
	return step(d, ev, &line, now)
}

// GoesOn reports whether a step has led to the next phase of a way forward: what
// a stopped line keeps from happening.
func (d Deployment) GoesOn(next Deployment) bool {
	return next.Phase > d.Phase && d.Cause != CauseRollback
}

// stepInTx takes a step as the line lets it.
func stepInTx(ctx context.Context, tx Tx, d Deployment, ev Event, now time.Time) (Deployment, []Effect, error) {
	next, effects, err := Step(d, ev, now)
	if err != nil || !d.GoesOn(next) {
		return next, effects, err
	}
	line, err := tx.Line().Get(ctx)
	if err != nil || line == nil {
		return next, effects, err
	}
	return StepStopped(d, ev, *line, now)
}

// KeptByLine reports whether the phase at work is done and goes on as soon as
// the line does.
func (d *Deployment) KeptByLine() bool {
	run := d.Current()
	return d.State == Running && run != nil && run.State == Held
}

// standStill keeps a phase that is done where it is. The state stays running:
// nobody has to do anything for this deployment.
func (m *machine) standStill() {
	run := m.d.Current()
	run.State = Held
	m.d.Message = because(run.Desired.Name+": done; the line is stopped by "+m.line.OwnerName, m.line.Reason)
}
