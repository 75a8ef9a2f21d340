package slipway

import (
	"context"
	"time"
)

// ControlsOf judges what would keep somebody's promotion from starting in a
// stage whatever the release: lock, freezes, the line, and a hold that people
// are not let past either.
func ControlsOf(ctx context.Context, tx Tx, aids Aids, state StageState, by Person, now time.Time) ([]Verdict, error) {
	f := GateFacts{Now: now, Deployment: Deployment{Service: state.Service, Environment: state.Environment, Cause: CausePromote, RequestedBy: by}}
	var err error
	if f.Environment, err = tx.Environments().Get(ctx, state.Environment); err != nil {
		return nil, err
	}
	if f.Line, err = tx.Line().Get(ctx); err != nil {
		return nil, err
	}
	if f.Freezes, err = FreezesIn(ctx, tx, aids, now, state.Environment); err != nil {
		return nil, err
	}
	verdicts := []Verdict{lockVerdict(f), freezeVerdict(f), lineVerdict(f)}
	if hold := state.Hold; hold != nil && hold.Frozen {
		verdicts = append(verdicts, hold.verdict(Request{Service: state.Service, Environment: state.Environment}))
	}
	named(verdicts)
	return verdicts, nil
}

// Stands lists what keeps a deployment where it is: the gates that are shut
// while it waits, the line while that is stopped, or whoever has to let it go
// on. Nothing, if time alone moves it on.
func (d Deployment) Stands(verdicts []Verdict, line *StoppedLine) []Verdict {
	switch {
	case d.State == Waiting:
		return Blocking(verdicts)
	case d.State == Paused, d.State == Reverting && d.Current().State == Lost:
		run := d.Current()
		return []Verdict{{Gate: "pause", Key: "pause", Result: Wait, Reason: d.Message, Since: &run.StartedAt, Who: "who may steer deployments of " + d.Service}}
	case d.KeptByLine() && line != nil:
		v := lineVerdict(GateFacts{Line: line})
		v.Key = v.Gate
		return []Verdict{v}
	default:
		return nil
	}
}
