package app

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Rollback asks for what served before.
type Rollback struct {
	Once
	Service            string
	Environment        string
	To                 string // version; empty: the last good one
	Reason             string
	AcceptIrreversible bool
}

// Rollback starts a rollback: to exactly what ran then, settings included. It
// takes the place of whatever is active in the stage.
func (a *App) Rollback(ctx context.Context, actor slipway.Actor, c Rollback) (slipway.Deployment, error) {
	if len(c.Reason) > maxText {
		return slipway.Deployment{}, slipway.Invalid("The rollback", []slipway.FieldError{{Field: "reason", Message: fmt.Sprintf("is at most %d characters long", maxText)}})
	}
	var target RollbackTarget
	var d slipway.Deployment
	answered := false
	err := a.Store.Read(ctx, func(tx slipway.Tx) error {
		s, err := a.service(ctx, tx, actor, c.Service, c.Environment, slipway.DeploymentRollback)
		if err != nil {
			return err
		}
		if d, answered, err = a.answeredDeployment(ctx, tx, actor, c.Once, c); err != nil || answered {
			return err
		}
		state, err := tx.Stages().Get(ctx, s.Name, c.Environment)
		if err != nil {
			return err
		}
		targets, err := rollbackTargets(ctx, tx, s.Name, c.Environment, a.now())
		if err != nil {
			return err
		}
		target, err = pickTarget(targets, c)
		if live := state.Live; err != nil && live != nil && live.Spec.Version == c.To {
			err = slipway.Conflict(c.To+" is what is live in "+c.Environment+".", "There is nothing to go back to under that name.")
		}
		return err
	})
	if err != nil || answered {
		return d, err
	}
	r := slipway.Request{Service: c.Service, Environment: c.Environment, Version: target.Spec.Version, Cause: slipway.CauseRollback,
		By: actor, Note: c.Reason, Restore: &target.Spec, AcceptIrreversible: c.AcceptIrreversible}
	return a.start(ctx, actor, slipway.DeploymentRollback, r, c.Once, c)
}

func pickTarget(targets []RollbackTarget, c Rollback) (RollbackTarget, error) {
	for _, t := range targets {
		if (c.To == "" && t.WhyNot == "" && !t.Left) || (c.To != "" && t.Spec.Version == c.To) {
			return t, nil
		}
	}
	if c.To != "" {
		return RollbackTarget{}, slipway.Conflict(fmt.Sprintf("%s never ran well in %s, so there is nothing to go back to under that name.", c.To, c.Environment),
			"Pick one of the releases that did, or promote it.")
	}
	return RollbackTarget{}, slipway.Conflict("Nothing earlier has run well in "+c.Environment+" of "+c.Service+".",
		"There is nothing to go back to. Promote a release that works, or cancel what is under way.")
}

// RollbackTarget is something that ran well before.
type RollbackTarget struct {
	Spec       slipway.Spec
	Deployment int64
	From       time.Time
	Served     time.Duration
	Current    bool   // live now, while something newer is under way or has a part of the traffic
	Left       bool   // rolled back from since: chosen by name only
	WhyNot     string // why it cannot be chosen; empty if it can
}

// rollbackTargets lists what succeeded in a stage before, newest first, each
// content once. While a deployment is under way, or a release has a part of the
// traffic beside what is live, what is live is the first: going there withdraws
// the other. What never had more than a part is none.
func rollbackTargets(ctx context.Context, tx slipway.Tx, service, environment string, now time.Time) ([]RollbackTarget, error) {
	state, err := tx.Stages().Get(ctx, service, environment)
	if err != nil {
		return nil, err
	}
	active, err := tx.Deployments().Active(ctx, service, environment)
	underWay := err == nil && active.State != slipway.Waiting
	if err != nil && !slipway.IsNotFound(err) {
		return nil, err
	}
	good, _, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{Service: service, Environment: environment,
		States: []slipway.State{slipway.Succeeded}}, slipway.Page{Limit: defaultLimit})
	if err != nil {
		return nil, err
	}
	var targets []RollbackTarget
	seen, left := map[string]bool{}, map[string]bool{}
	// Two who roll back at the same moment want the same: the second must not
	// bring back what the first is taking away.
	leave := func(d slipway.Deployment) {
		if d.Cause != slipway.CauseRollback {
			return
		}
		if from := d.Plan.From; from != nil && from.ID() != d.Plan.To.ID() {
			left[from.ID()] = true
		}
		if beside := d.Plan.Beside; beside != nil {
			left[beside.Spec.ID()] = true
		}
	}
	if underWay {
		leave(active)
	}
	until := now
	for _, d := range good {
		if d.Plan.LeavesPart() {
			continue
		}
		spec := d.Plan.To
		served := until.Sub(*d.EndedAt)
		until = *d.EndedAt
		current := state.Live != nil && state.Live.Spec.ID() == spec.ID()
		gone := left[spec.ID()]
		leave(d) // of what succeeded before it
		if seen[spec.ID()] || (current && !underWay && state.Partial == nil) {
			continue
		}
		seen[spec.ID()] = true
		t := RollbackTarget{Spec: spec, Deployment: d.ID, From: *d.EndedAt, Served: served, Current: current, Left: gone}
		r, err := tx.Releases().Get(ctx, service, spec.Version)
		if err != nil {
			return nil, err
		}
		if r.Blocked != nil {
			t.WhyNot = "blocked by " + r.Blocked.By + ": " + r.Blocked.Reason
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// RollbackPage is what somebody needs to see before they go back.
type RollbackPage struct {
	Service      slipway.Service
	Environment  slipway.Environment
	State        slipway.StageState
	Active       *slipway.Deployment
	Targets      []RollbackTarget
	Chosen       *RollbackTarget
	Changes      []slipway.Difference // from what is live, to the chosen
	Irreversible bool                 // what is live is marked as not reversible
	WhyNot       string               // why the actor may not; empty if allowed
}

// RollbackPreview shows what going back to a version (empty: the last good
// one) would and would not undo.
func (a *App) RollbackPreview(ctx context.Context, actor slipway.Actor, service, environment, to string) (p RollbackPage, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if p.Service, err = a.service(ctx, tx, actor, service, environment, slipway.ServiceRead); err != nil {
			return err
		}
		if p.Environment, err = tx.Environments().Get(ctx, environment); err != nil {
			return err
		}
		if p.State, err = tx.Stages().Get(ctx, service, environment); err != nil {
			return err
		}
		active, err := tx.Deployments().Active(ctx, service, environment)
		if err == nil {
			p.Active = &active
		} else if !slipway.IsNotFound(err) {
			return err
		}
		if p.Targets, err = rollbackTargets(ctx, tx, service, environment, a.now()); err != nil {
			return err
		}
		for i, t := range p.Targets {
			if p.Chosen == nil && t.WhyNot == "" && ((to == "" && !t.Left) || t.Spec.Version == to) {
				p.Chosen = &p.Targets[i]
			}
		}
		p.compare()
		p.WhyNot, err = a.may(ctx, tx, actor, slipway.DeploymentRollback, p.Service.Resource(environment))
		return err
	})
	return p, err
}

func (p *RollbackPage) compare() {
	if p.Chosen == nil || p.State.Live == nil {
		return
	}
	from := p.State.Live.Spec
	switch {
	case !p.Chosen.Current:
	case p.Active != nil:
		from = p.Active.Plan.To
	case p.State.Partial != nil:
		from = p.State.Partial.Spec
	}
	p.Changes = slipway.DiffSpecs(&from, p.Chosen.Spec)
	p.Irreversible = !from.Reversible
}
