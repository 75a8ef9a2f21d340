package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Control is what somebody does to a deployment under way.
type Control struct {
	Once
	Deployment int64
	Reason     string
	// As says, to resume a call of which nobody knows whether it took effect,
	// how to go on: AsDone or Again.
	As string
}

// The ways to resume a lost call.
const (
	AsDone = "done"
	Again  = "again"
)

// Cancel stops a deployment. One that waits ends; one at work goes back to what
// was live before.
func (a *App) Cancel(ctx context.Context, actor slipway.Actor, c Control) (slipway.Deployment, error) {
	reason := strings.TrimSpace(c.Reason)
	return a.control(ctx, actor, c, "cancel", slipway.CancelledBy{By: actor.Person(), Reason: reason})
}

// Pause holds a deployment before its next phase; it goes on watching.
func (a *App) Pause(ctx context.Context, actor slipway.Actor, c Control) (slipway.Deployment, error) {
	return a.control(ctx, actor, c, "pause", slipway.PausedBy{By: actor.Person()})
}

// Resume lets a paused deployment go on.
func (a *App) Resume(ctx context.Context, actor slipway.Actor, c Control) (slipway.Deployment, error) {
	switch c.As {
	case "", Again, AsDone:
	default:
		return slipway.Deployment{}, slipway.Invalid("The resumption", []slipway.FieldError{{Field: "as", Message: "is done or again, for a call that was lost"}})
	}
	return a.control(ctx, actor, c, "resume", slipway.ResumedBy{By: actor.Person(), AsDone: c.As == AsDone})
}

func (a *App) control(ctx context.Context, actor slipway.Actor, c Control, verb string, ev slipway.Event) (slipway.Deployment, error) {
	if len(c.Reason) > maxText {
		return slipway.Deployment{}, slipway.Invalid("The "+verb, []slipway.FieldError{{Field: "reason", Message: fmt.Sprintf("is at most %d characters long", maxText)}})
	}
	var d slipway.Deployment
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		found, err := a.deployment(ctx, tx, actor, c.Deployment, slipway.DeploymentControl)
		if err != nil {
			return err
		}
		if run := found.Current(); verb == "resume" && c.As == "" && run != nil && run.State == slipway.Lost {
			return &slipway.Error{Code: slipway.CodeConflict, Message: "Nobody knows whether the last call took effect.", Affected: "Nothing was changed.",
				Do: "Look for yourself, then resume it as done, or again."}
		}
		command := struct{ Control, Verb any }{c, verb}
		outcome, err := a.once(ctx, tx, actor, c.Once, command, func() (string, error) {
			_, err := slipway.AdvanceNewest(ctx, tx, found, ev, actor, a.now())
			return itoa(found.ID), err
		})
		if err != nil {
			return err
		}
		d, err = deploymentOf(ctx, tx, outcome)
		return err
	})
	return d, err
}

// Retry asks again for what a failed deployment asked for. It is a new
// deployment with a plan and gates of its own: what has ended stays ended.
func (a *App) Retry(ctx context.Context, actor slipway.Actor, c Control) (slipway.Deployment, error) {
	var old slipway.Deployment
	err := a.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		old, err = a.deployment(ctx, tx, actor, c.Deployment, slipway.DeploymentControl)
		return err
	})
	if err != nil {
		return slipway.Deployment{}, err
	}
	if old.State.Active() || old.State == slipway.Succeeded {
		return slipway.Deployment{}, slipway.Conflict(fmt.Sprintf("Deployment %d is %s; there is nothing to retry.", old.ID, old.State), "")
	}
	r := slipway.Request{Service: old.Service, Environment: old.Environment, Version: old.Version, Cause: old.Cause, By: actor, Part: old.Plan.Part,
		Note: fmt.Sprintf("Again, after deployment %d.", old.ID)}
	permission := slipway.DeploymentPromote
	if old.Cause == slipway.CauseRollback {
		permission, r.Restore = slipway.DeploymentRollback, &old.Plan.To
	}
	return a.start(ctx, actor, permission, r, c.Once, c)
}

// LiftHold lets automation act on a stage again.
type LiftHold struct {
	Once
	Service     string
	Environment string
}

// LiftHold lifts the hold; where there is none, nothing happens.
func (a *App) LiftHold(ctx context.Context, actor slipway.Actor, c LiftHold) (slipway.StageState, error) {
	var state slipway.StageState
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		s, err := a.service(ctx, tx, actor, c.Service, c.Environment, slipway.HoldLift)
		if err != nil {
			return err
		}
		_, err = a.once(ctx, tx, actor, c.Once, c, func() (string, error) {
			found, err := tx.Stages().Get(ctx, c.Service, c.Environment)
			if err != nil || found.Hold == nil {
				return "", err
			}
			was := found.Hold
			found.Hold = nil
			if err := tx.Stages().Put(ctx, found); err != nil {
				return "", err
			}
			return "", a.record(ctx, tx, actor, change{action: "hold.lifted", on: s.Resource(c.Environment), subject: "hold of " + s.Name + " in " + c.Environment,
				summary: "lifted the hold of " + s.Name + " in " + c.Environment, detail: was})
		})
		if err != nil {
			return err
		}
		state, err = tx.Stages().Get(ctx, c.Service, c.Environment)
		return err
	})
	return state, err
}
