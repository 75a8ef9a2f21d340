package slipway

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Start makes a deployment of a request, in the caller's transaction. The plan
// is made again here from the same facts; if it asks for something else than
// the evidence was gathered for, the answer is a conflict and the caller
// gathers again. An older deployment that still waits is superseded; one at
// work is superseded only by a rollback.
func Start(ctx context.Context, tx Tx, deployers Deployers, r Request, evidence Plan, now time.Time) (Deployment, error) {
	draft, err := MakeDraft(ctx, tx, deployers, r)
	if err != nil {
		return Deployment{}, err
	}
	if draft.Plan.Intent() != evidence.Intent() {
		return Deployment{}, Conflict("The plan changed while it was being prepared.", "Ask again.")
	}
	draft.Plan.Preview, draft.Plan.Prepared = evidence.Preview, evidence.Prepared
	blocking, err := Admit(ctx, tx, draft, r)
	if err != nil {
		return Deployment{}, err
	}
	what := fmt.Sprintf("%s does not go to %s of %s.", r.Version, r.Environment, r.Service)
	if err := Refuse(what, blocking); err != nil {
		return Deployment{}, err
	}
	older, err := Room(ctx, tx, draft, r)
	if err != nil {
		return Deployment{}, err
	}
	if older != nil {
		if *older, err = Advance(ctx, tx, *older, SupersededBy{Version: r.Version}, r.By, now); err != nil {
			return Deployment{}, err
		}
	}
	d := Deployment{
		Team: draft.Service.Team, Service: r.Service, Environment: r.Environment, Version: r.Version,
		Cause: r.Cause, State: Waiting, Plan: draft.Plan, PlanDigest: draft.Plan.Digest(),
		RequestedBy: r.By.Person(), Note: r.Note, Runs: []PhaseRun{}, Verdicts: []Verdict{},
		Message: "Judging the gates.", CreatedAt: now, NextWakeAt: &now,
	}
	if d, err = tx.Deployments().Insert(ctx, d); err != nil {
		return Deployment{}, err
	}
	if older != nil {
		older.SupersededBy = d.ID
		if _, err := tx.Deployments().Save(ctx, *older); err != nil {
			return Deployment{}, err
		}
	}
	if err := setHold(ctx, tx, draft, d, r, now); err != nil {
		return Deployment{}, err
	}
	summary := fmt.Sprintf("%s of %s to %s asked for", causeNoun(r.Cause), r.Version, r.Environment)
	if r.Cause == CauseRotation {
		summary = fmt.Sprintf("rotation of %s of %s in %s asked for", keyCount(d.Plan.Rotates), r.Version, r.Environment)
	}
	return d, recordDeployment(ctx, tx, d, r.By, "deployment."+string(r.Cause), summary, now)
}

// Room returns the active deployment whose place a request would take, nil if
// there is none. The error says why there is no room, or no point in it.
func Room(ctx context.Context, tx Tx, draft Draft, r Request) (*Deployment, error) {
	if err := pointless(draft, r); err != nil {
		return nil, err
	}
	active, err := tx.Deployments().Active(ctx, r.Service, r.Environment)
	if IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	again := active.State == Waiting && active.Version == r.Version && active.Cause == r.Cause && active.Plan.asked(r)
	if active.State != Waiting && r.Cause != CauseRollback || r.Cause == CauseRotation && !again { // what waits brings the new values along
		return nil, Refuse(fmt.Sprintf("%s does not go to %s of %s now.", r.Version, r.Environment, r.Service), []Verdict{{
			Gate: "active", Result: Wait, Since: active.StartedAt,
			Reason: because(fmt.Sprintf("Deployment %d of %s is at work there", active.ID, active.Version), active.Message),
			Who:    "who may cancel it, or roll back",
		}})
	}
	if active.Cause == CauseRollback && r.Cause == CauseRollback && active.State != Reverting && active.Plan.To.ID() == r.Restore.ID() {
		return nil, Conflict(fmt.Sprintf("Deployment %d already goes back to %s in %s.", active.ID, r.Version, r.Environment), "Follow that one.")
	}
	if again {
		return nil, Conflict(fmt.Sprintf("Deployment %d already asks for %s in %s.", active.ID, r.Version, r.Environment),
			"Decide on that one.")
	}
	return &active, nil
}

// pointless says that a request asks for what is so already, or can never be.
func pointless(draft Draft, r Request) error {
	live, part := draft.State.Live, draft.State.Partial
	switch {
	case r.Cause == CauseRotation:
		return draft.rotatable(r)
	case r.Cause == CausePromote && live != nil && live.Spec.ID() == draft.Plan.To.ID():
		return Conflict(r.Version+" is already live in "+r.Environment+".", "There is nothing to promote.")
	case r.Cause == CausePromote && part != nil && part.same(draft.Plan):
		return Conflict(fmt.Sprintf("%s already has %s in %s.", r.Version, part.words(), r.Environment), "Ask for another part, or roll back to withdraw it.")
	case r.Cause == CauseRedeploy && (live == nil || live.Spec.Version != r.Version):
		return Conflict(r.Version+" is not live in "+r.Environment+", so it cannot be sent out again.", "Promote it.")
	default:
		return nil
	}
}

// asked reports whether the plan is for the time and the part of a request. A
// promotion for another time or part takes the place of one that waits.
func (p Plan) asked(r Request) bool {
	at, part := r.NotBefore, r.Part
	sameTime := (at == nil) == (p.NotBefore == nil) && (at == nil || at.Equal(*p.NotBefore))
	samePart := (part == nil) == (p.Part == nil) && (part == nil || part.Share == p.Part.Share && slices.Equal(part.Match, p.Part.Match))
	return sameTime && samePart
}

// setHold keeps automation from undoing a rollback, and lets it go again when
// a person promotes the newest release.
func setHold(ctx context.Context, tx Tx, draft Draft, d Deployment, r Request, now time.Time) error {
	state := draft.State
	state.Team, state.Service, state.Environment = d.Team, d.Service, d.Environment
	switch {
	case r.Cause == CauseRollback:
		reason := "rolled back to " + r.Version
		if r.Note != "" {
			reason += ": " + r.Note
		}
		state.Hold = &Hold{Reason: reason, By: r.By.Name, Deployment: d.ID, Since: now, Frozen: state.Hold.frozen()}
	case state.Hold != nil && r.Cause == CausePromote && r.By.Kind != ActorSystem:
		newest, err := tx.Releases().Newest(ctx, r.Service)
		if err != nil {
			return err
		}
		if newest.Version != r.Version {
			return nil
		}
		state.Hold = nil
	default:
		return nil
	}
	return tx.Stages().Put(ctx, state)
}

func causeNoun(c Cause) string {
	switch c {
	case CauseRollback:
		return "rollback"
	case CauseRedeploy:
		return "redeployment"
	case CauseRotation:
		return "rotation"
	default:
		return "promotion"
	}
}
