package app

import (
	"cmp"
	"context"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// RolloutSecrets asks for what is live to be given today's values of its keys.
type RolloutSecrets struct {
	Once
	Service     string
	Environment string
	Note        string
}

// RolloutSecrets starts an ordinary deployment, with a plan and gates of its own,
// of what is live and with nothing new but the values.
func (a *App) RolloutSecrets(ctx context.Context, actor slipway.Actor, c RolloutSecrets) (slipway.Deployment, error) {
	r := slipway.Request{Service: c.Service, Environment: c.Environment, Cause: slipway.CauseRotation, By: actor, Note: c.Note}
	var d slipway.Deployment
	var s slipway.Service
	answered := false
	err := a.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		if s, err = a.service(ctx, tx, actor, c.Service, c.Environment, slipway.DeploymentPromote); err != nil {
			return err
		}
		if d, answered, err = a.answeredDeployment(ctx, tx, actor, c.Once, c); err != nil || answered {
			return err
		}
		if a.Secret == nil {
			return noSecrets()
		}
		state, err := tx.Stages().Get(ctx, s.Name, c.Environment)
		if err == nil && state.Live != nil {
			r.Version = state.Live.Spec.Version
		}
		if err != nil || r.Version == "" {
			return cmp.Or[error](err, slipway.Conflict("Nothing is live in "+c.Environment+" of "+s.Name+".", "Promote a release: it gets today's values with that."))
		}
		pipeline, err := tx.Pipelines().Latest(ctx, s.Name)
		if stage, ok := pipeline.Stage(c.Environment); err == nil && ok && stage.Rotation() == slipway.RotateNever {
			return slipway.Conflict("The pipeline of "+s.Name+" says that new values wait for the next deployment to "+c.Environment+" (rotate: never).", "Promote, or redeploy what is live.")
		}
		return err
	})
	if err != nil || answered {
		return d, err
	}
	if _, err := a.Secret.Look(ctx, s, c.Environment); err != nil {
		return d, err
	}
	return a.start(ctx, actor, slipway.DeploymentPromote, r, c.Once, c)
}

// Rotation is what is new for what runs in an environment.
type Rotation struct {
	Keys       []string // with other values than it was given; empty: none
	Rule       slipway.RotateRule
	Deployment int64  // under way there, which brings them along or is waited for; 0: none
	WhyNot     string // why the asker may not roll them out
}

// rotationOf loads it for a column of the matrix, but for the keys.
func (a *App) rotationOf(ctx context.Context, tx slipway.Tx, actor slipway.Actor, s slipway.Service, stage slipway.Stage) (out Rotation, err error) {
	out.Rule = stage.Rotation()
	active, err := tx.Deployments().Active(ctx, s.Name, stage.Environment)
	if err != nil && !slipway.IsNotFound(err) {
		return out, err
	}
	out.Deployment = active.ID
	out.WhyNot, err = a.may(ctx, tx, actor, slipway.DeploymentPromote, s.Resource(stage.Environment))
	return out, err
}
