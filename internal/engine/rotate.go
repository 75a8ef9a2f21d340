package engine

import (
	"context"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// lookEvery is how late a change is seen that was made in the secret store
// itself. What is changed through Slipway is seen at once.
const lookEvery = time.Minute

// settleEvery is how late a change of secrets is made that was approved while
// the store was away, or ended that nobody answered.
const settleEvery = 15 * time.Second

// lookForTurns looks at the secrets of everything that runs with some, one after
// the other: a store with thousands of paths is asked steadily, not in bursts.
// What it finds it tells by an event.
func (e *Engine) lookForTurns(ctx context.Context) error {
	var services []slipway.Service
	var environments []string
	err := e.Store.Read(ctx, func(tx slipway.Tx) error {
		services, environments = nil, nil
		states, err := tx.Stages().All(ctx)
		if err != nil {
			return err
		}
		for _, s := range states {
			if len(s.Live.Spec.Secrets) == 0 {
				continue
			}
			service, err := tx.Services().Get(ctx, s.Service)
			if err != nil {
				return err
			}
			services, environments = append(services, service), append(environments, s.Environment)
		}
		return nil
	})
	for i, s := range services {
		if err != nil || ctx.Err() != nil {
			break
		}
		_, err = e.Secrets.Look(ctx, s, environments[i]) // a store that is down is in the view, and no error
	}
	return err
}

// rotation is the release that is live where new values of its keys are due;
// empty if none are, or if something else has to end first: a deployment, a part
// of the traffic, a hold, a lock, a stopped line. Each set of values is tried
// once: what failed, was cancelled or rejected is for people to try again.
func rotation(ctx context.Context, tx slipway.Tx, service, environment string) (string, error) {
	state, err := tx.Stages().Get(ctx, service, environment)
	if err != nil || state.Live == nil || state.Hold != nil || state.Partial != nil {
		return "", err
	}
	view, err := tx.Secrets().View(ctx, service, environment)
	if err != nil || view.Fault != "" || len(view.Rotated(state.Live)) == 0 {
		return "", err
	}
	if at, err := tx.Environments().Get(ctx, environment); err != nil || at.Lock != nil {
		return "", err
	}
	if line, err := tx.Line().Get(ctx); err != nil || line != nil {
		return "", err
	}
	if _, err := tx.Deployments().Active(ctx, service, environment); !slipway.IsNotFound(err) {
		return "", err
	}
	tried, err := triedSince(ctx, tx, service, environment, *state.Live, view)
	if err != nil || tried {
		return "", err
	}
	return state.Live.Spec.Version, nil
}

// triedSince reports whether a deployment after the one that is live was to bring
// the newest values. An attempt that a newer deployment took the place of is none.
func triedSince(ctx context.Context, tx slipway.Tx, service, environment string, live slipway.Live, view slipway.SecretView) (bool, error) {
	page := slipway.Page{Limit: 20}
	for {
		list, next, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{Service: service, Environment: environment}, page)
		if err != nil {
			return false, err
		}
		for _, d := range list {
			if d.ID <= live.Deployment {
				return false, nil
			}
			if d.Cause == slipway.CauseRotation && d.State != slipway.Superseded && slices.Contains(versions(d.Plan.To), view.Version) {
				return true, nil
			}
		}
		if next == "" {
			return false, nil
		}
		page.Cursor = next
	}
}

func versions(s slipway.Spec) (out []int) {
	for _, version := range s.Secrets {
		out = append(out, version)
	}
	return out
}
