package slipway

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Advance takes one step of a deployment in the caller's transaction: the
// deployment over the epoch it was read at, the effects on its stage, the audit
// entry and the event, all or nothing.
func Advance(ctx context.Context, tx Tx, d Deployment, ev Event, by Actor, now time.Time) (Deployment, error) {
	next, effects, err := stepInTx(ctx, tx, d, ev, now)
	if err != nil {
		return d, err
	}
	saved, err := tx.Deployments().Save(ctx, next)
	if err != nil {
		return d, err
	}
	for _, effect := range effects {
		if err := carryOut(ctx, tx, saved, effect, now); err != nil {
			return d, err
		}
	}
	if next.State != d.State || len(next.Runs) != len(d.Runs) || ev.name() == "replanned" {
		return saved, recordDeployment(ctx, tx, saved, by, "deployment."+actionOf(d, saved, ev), saved.Message, now)
	}
	if next.Message != d.Message {
		return saved, tx.Events().Add(ctx, saved.event("deployment.progress", by, now))
	}
	return saved, nil
}

// actionOf names a step for the audit: what people did by its own name, what
// the engine found out by what came of it.
func actionOf(was, is Deployment, ev Event) string {
	switch ev.(type) {
	case Judged, Accepted, Refused, Seen:
		if is.State != was.State {
			return string(is.State)
		}
		return "phase"
	default:
		return ev.name()
	}
}

func carryOut(ctx context.Context, tx Tx, d Deployment, effect Effect, now time.Time) error {
	state, err := tx.Stages().Get(ctx, d.Service, d.Environment)
	if err != nil {
		return err
	}
	before := state
	state.Team, state.Service, state.Environment = d.Team, d.Service, d.Environment
	if effect.Live != nil {
		state.Live = &Live{Deployment: d.ID, Spec: *effect.Live, Since: now}
		state.Failure, state.Partial = nil, nil
		if was := before.Live; before.Partial != nil && was != nil && was.Spec.ID() == effect.Live.ID() {
			state.Live.Since = was.Since // a partial release was withdrawn from beside it
		}
	}
	if effect.Partial != nil {
		state.Partial, state.Failure = effect.Partial, nil
	}
	if effect.Withdrawn {
		state.Partial = nil
	}
	if effect.Hold != "" {
		state.Hold = &Hold{Reason: effect.Hold, By: "Slipway", Deployment: d.ID, Since: now, Frozen: effect.Frozen || before.Hold.frozen()}
	}
	if effect.Failure {
		state.Failure = &LastFailure{Deployment: d.ID, Version: d.Version, State: d.State, Message: d.Message, At: now}
	}
	if err := tx.Stages().Put(ctx, state); err != nil || effect.Live == nil {
		return err
	}
	return WakeWaiting(ctx, tx, DeploymentFilter{Service: d.Service}, now) // they may soak, or come after
}

// WakeWaiting has the engine judge the gates of waiting deployments now,
// because something that they may wait for has changed.
func WakeWaiting(ctx context.Context, tx Tx, filter DeploymentFilter, now time.Time) error {
	return wakeWaiting(ctx, tx, filter, now, func(Deployment) bool { return true })
}

func wakeWaiting(ctx context.Context, tx Tx, filter DeploymentFilter, now time.Time, concerned func(Deployment) bool) error {
	filter.States = []State{Waiting}
	page := Page{Limit: wakePage}
	for {
		waiting, next, err := tx.Deployments().List(ctx, filter, page)
		if err != nil {
			return err
		}
		for _, d := range waiting {
			if !concerned(d) {
				continue
			}
			if err := WakeAt(ctx, tx, d, now); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		page.Cursor = next
	}
}

const (
	wakePage  = 200
	wakeTries = 5 // how often a deployment that others save at the same moment is read again
)

// AdvanceNewest is Advance for what a person asks for. That the engine saved the
// deployment at the same moment is no reason to send them away: it is read again.
func AdvanceNewest(ctx context.Context, tx Tx, d Deployment, ev Event, by Actor, now time.Time) (Deployment, error) {
	for try := 1; ; try++ {
		saved, err := Advance(ctx, tx, d, ev, by, now)
		if err == nil || CodeOf(err) != CodeConflict || try == wakeTries {
			return saved, err
		}
		newest, missing := tx.Deployments().Get(ctx, d.ID)
		if missing != nil || newest.Epoch == d.Epoch {
			return d, err // it is refused as it is
		}
		d = newest
	}
}

// WakeAt has the engine look at a waiting deployment. That the engine saved it
// meanwhile is no reason for the caller's change to fail: it is read again. One
// that no longer waits needs no waking.
func WakeAt(ctx context.Context, tx Tx, d Deployment, now time.Time) error {
	for try := 1; ; try++ {
		d.NextWakeAt = &now
		_, err := tx.Deployments().Save(ctx, d)
		if err == nil || CodeOf(err) != CodeConflict || try == wakeTries {
			return err
		}
		if d, err = tx.Deployments().Get(ctx, d.ID); err != nil || d.State != Waiting {
			return err
		}
	}
}

// recordDeployment writes the audit entry and the event of a change.
func recordDeployment(ctx context.Context, tx Tx, d Deployment, by Actor, action, summary string, now time.Time) error {
	detail, err := json.Marshal(map[string]any{"state": d.State, "version": d.Version, "plan": d.PlanDigest, "epoch": d.Epoch})
	if err != nil {
		return err
	}
	entry := by.Entry(action, d.Resource(), fmt.Sprintf("deployment %d", d.ID), summary, now)
	entry.Detail = detail
	if err := tx.Audit().Append(ctx, entry); err != nil {
		return err
	}
	return tx.Events().Add(ctx, d.event("deployment."+string(d.State), by, now))
}

func (d Deployment) event(kind string, by Actor, now time.Time) DomainEvent {
	return DomainEvent{At: now, Kind: kind, Team: d.Team, Service: d.Service, Environment: d.Environment,
		Deployment: d.ID, Actor: by.Name, Message: d.Message}
}

// Entry begins an audit entry of the actor's doing. Its chain is the team's, or
// the organisation's where no team is concerned.
func (a Actor) Entry(action string, on Resource, subject, summary string, now time.Time) AuditEntry {
	chain := on.Team
	if chain == "" {
		chain = OrganisationChain
	}
	return AuditEntry{Chain: chain, At: now, Actor: a.Person(), TokenID: a.TokenID, Via: a.Via,
		RequestID: a.RequestID, Address: a.Address, Action: action, Resource: on, Subject: subject, Summary: summary}
}

// LoadGateFacts reads what the gates of a deployment are judged by.
func LoadGateFacts(ctx context.Context, tx Tx, aids Aids, d Deployment, now time.Time) (GateFacts, error) {
	var draft Draft
	var err error
	if draft.Release, err = tx.Releases().Get(ctx, d.Service, d.Version); err != nil {
		return GateFacts{}, err
	}
	if draft.Environment, err = tx.Environments().Get(ctx, d.Environment); err != nil {
		return GateFacts{}, err
	}
	return draft.GateFacts(ctx, tx, aids, d, now)
}

// GateFacts is LoadGateFacts in the transaction that made the draft, and reads
// nothing a second time.
func (d Draft) GateFacts(ctx context.Context, tx Tx, aids Aids, of Deployment, now time.Time) (GateFacts, error) {
	f := GateFacts{Now: now, Deployment: of, Release: d.Release, Environment: d.Environment, LiveSince: map[string]time.Time{}}
	var err error
	if f.Line, err = tx.Line().Get(ctx); err != nil {
		return f, err
	}
	if f.Freezes, err = FreezesIn(ctx, tx, aids, now, of.Environment); err != nil {
		return f, err
	}
	if len(of.Plan.To.Secrets) > 0 {
		if f.Secrets, err = tx.Secrets().View(ctx, of.Service, of.Environment); err != nil {
			return f, err
		}
	}
	if of.ID != 0 {
		if err := f.loadVotes(ctx, tx, aids); err != nil {
			return f, err
		}
		if f.Bypasses, err = tx.Bypasses().Of(ctx, of.ID); err != nil {
			return f, err
		}
	}
	states, err := tx.Stages().Of(ctx, []string{of.Service})
	if err != nil {
		return f, err
	}
	for _, s := range states {
		if s.Live != nil && s.Live.Spec.Version == of.Version {
			f.LiveSince[s.Environment] = s.Live.Since
		}
	}
	return f, nil
}
