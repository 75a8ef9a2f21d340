package engine

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// furnished is a desired state with the values of its secrets, fetched just now.
// Each track gets those of its own spec and no others. They are held no longer
// than the call that hands them over.
func furnished(ctx context.Context, desk *slipway.SecretDesk, p slipway.Plan, run slipway.PhaseRun) (deployers.Desired, error) {
	d := desired(p, run)
	for i := range d.Tracks {
		spec, ok := p.Spec(d.Tracks[i].ID)
		if !ok || len(spec.Secrets) == 0 {
			continue
		}
		if desk == nil {
			return d, noStore()
		}
		values, err := desk.Pinned(ctx, spec)
		if err != nil {
			return d, err
		}
		d.Tracks[i].Secrets = make(map[string]deployers.Secret, len(values))
		for key, value := range values {
			d.Tracks[i].Secrets[key] = deployers.NewSecret(value.Reveal())
		}
	}
	return d, nil
}

func noStore() error {
	return slipway.SecretStoreDown(slipway.SecretAway, "The secret store", time.Time{}, errors.New("none is configured"))
}

// named is a desired state with the names of its secrets, for a preview.
func named(p slipway.Plan, d deployers.Desired) deployers.Desired {
	for i := range d.Tracks {
		spec, ok := p.Spec(d.Tracks[i].ID)
		if !ok || len(spec.Secrets) == 0 {
			continue
		}
		d.Tracks[i].Secrets = map[string]deployers.Secret{}
		for key := range spec.Secrets {
			d.Tracks[i].Secrets[key] = deployers.Secret{}
		}
	}
	return d
}

// withhold parks the phase at work while its secrets are not to be had. What
// waiting cannot mend, a version that was destroyed, breaks it.
func (e *Engine) withhold(ctx context.Context, d slipway.Deployment, why error) (time.Time, error) {
	run, fault := d.Current(), slipway.SecretFaultOf(why)
	reason := why.Error()
	if slipway.CodeOf(why) == slipway.CodeInternal {
		reason = "They could not be read; the log says why."
	}
	e.Log.WarnContext(ctx, "no secrets for a deployment", "deployment", d.ID, "generation", run.Generation, "fault", fault, "error", why)
	if fault != "" && !fault.Passes() {
		return e.take(ctx, d, slipway.Refused{Generation: run.Generation, Reason: reason}, nil)
	}
	return e.take(ctx, d, slipway.Withheld{Generation: run.Generation, Reason: reason}, nil)
}

// lookAtSecrets refreshes what gates and plans are made from.
func (e *Engine) lookAtSecrets(ctx context.Context, d slipway.Deployment) error {
	if e.Secrets == nil {
		return nil
	}
	var s slipway.Service
	needs := len(d.Plan.To.Secrets) > 0
	err := e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		if s, err = tx.Services().Get(ctx, d.Service); err != nil || needs {
			return err
		}
		pipeline, err := tx.Pipelines().Latest(ctx, d.Service)
		if stage, ok := pipeline.Stage(d.Environment); err == nil && ok {
			needs = len(stage.Secrets) > 0
		}
		return err
	})
	if slipway.IsNotFound(err) || err == nil && !needs {
		return nil
	}
	if err == nil {
		_, err = e.Secrets.Look(ctx, s, d.Environment)
	}
	return err
}

// remind hands the same desired state over again to a deployer that forgot the
// secrets in it. If they are not to be had now, the next look does.
func (e *Engine) remind(ctx context.Context, deployer deployers.Deployer, d slipway.Deployment, run slipway.PhaseRun) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	whole, err := furnished(call, e.Secrets, d.Plan, run)
	if err == nil {
		err = guard(func() error { return deployer.Apply(call, target(d, run.Desired.Site), whole) })
	}
	if err != nil && ctx.Err() == nil {
		e.Log.WarnContext(ctx, "secrets could not be handed over again", "deployment", d.ID, "error", err)
		return
	}
	e.Log.InfoContext(ctx, "secrets handed over again", "service", d.Service, "environment", d.Environment, "generation", run.Generation)
}

// remindStage does so for a stage with no deployment at work.
func (e *Engine) remindStage(ctx context.Context, s slipway.StageState) {
	newest := s.Live.Deployment
	if s.Partial != nil {
		newest = max(newest, s.Partial.Deployment)
	}
	if s.Observed != nil && s.Observed.Generation > 0 {
		newest = max(newest, slipway.DeploymentOf(s.Observed.Generation))
	}
	var d slipway.Deployment
	err := e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		d, err = tx.Deployments().Get(ctx, newest)
		return err
	})
	if err != nil {
		e.Log.WarnContext(ctx, "secrets could not be handed over again", "service", s.Service, "environment", s.Environment, "error", err)
		return
	}
	deployer, ok := e.Deployers.get(d.Plan.To.Deployer.Name)
	for _, run := range d.LastRuns() {
		if ok {
			e.remind(ctx, deployer, d, run)
		}
	}
}
