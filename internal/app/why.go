package app

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Why is the answer to "why does this not go on?": of a deployment, or of a
// stage in which nothing is under way.
type Why struct {
	Service     string
	Environment string
	Deployment  *slipway.Deployment // the one asked about, or the active one; nil if there is none
	Hold        *slipway.Hold       // keeps automation away from the stage
	Summary     string              // one sentence or two
	Stands      []slipway.Verdict   // what keeps it; nothing, if nothing does
	Verdicts    []slipway.Verdict   // all that was judged
	WhyNot      map[slipway.Permission]string
}

// Why says why a deployment is where it is.
func (a *App) Why(ctx context.Context, actor slipway.Actor, id int64) (w Why, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		d, err := a.deployment(ctx, tx, actor, id, slipway.ServiceRead)
		if err != nil {
			return err
		}
		state, err := tx.Stages().Get(ctx, d.Service, d.Environment)
		if err != nil {
			return err
		}
		w, err = a.whyDeployment(ctx, tx, actor, d, state)
		return err
	})
	return w, err
}

// WhyStage says why nothing new starts in a stage, or why what is under way
// there does not go on.
func (a *App) WhyStage(ctx context.Context, actor slipway.Actor, service, environment string) (w Why, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		s, err := a.service(ctx, tx, actor, service, environment, slipway.ServiceRead)
		if err != nil {
			return err
		}
		state, err := tx.Stages().Get(ctx, service, environment)
		if err != nil {
			return err
		}
		active, err := tx.Deployments().Active(ctx, service, environment)
		if err == nil {
			w, err = a.whyDeployment(ctx, tx, actor, active, state)
			return err
		}
		if !slipway.IsNotFound(err) {
			return err
		}
		w = Why{Service: service, Environment: environment, Hold: state.Hold}
		if w.Verdicts, err = slipway.ControlsOf(ctx, tx, a.aids(), state, actor.Person(), a.now()); err != nil {
			return err
		}
		w.Stands = slipway.Blocking(w.Verdicts)
		switch {
		case len(w.Stands) > 0:
			w.Summary = fmt.Sprintf("Nothing new starts in %s of %s but rollbacks: %s", environment, service, w.Stands[len(w.Stands)-1].Reason)
		case state.Hold != nil:
			w.Summary = fmt.Sprintf("Nothing is under way in %s of %s, and nothing starts by itself: automation is held. People may promote.", environment, service)
		default:
			w.Summary = fmt.Sprintf("Nothing is under way in %s of %s, and nothing keeps a promotion from starting but the gates of its plan.", environment, service)
		}
		return a.whyMay(ctx, tx, actor, &w, s)
	})
	return w, err
}

func (a *App) whyDeployment(ctx context.Context, tx slipway.Tx, actor slipway.Actor, d slipway.Deployment, state slipway.StageState) (Why, error) {
	w := Why{Service: d.Service, Environment: d.Environment, Deployment: &d, Hold: state.Hold, Verdicts: d.Verdicts}
	facts, err := slipway.LoadGateFacts(ctx, tx, a.aids(), d, a.now())
	if err != nil {
		return w, err
	}
	if d.State == slipway.Waiting {
		w.Verdicts = slipway.Verdicts(facts)
	}
	w.Stands = d.Stands(w.Verdicts, facts.Line)
	what := fmt.Sprintf("Deployment %d of %s to %s", d.ID, d.Version, d.Environment)
	switch {
	case !d.State.Active():
		w.Summary = what + " has ended: " + d.Message
	case len(w.Stands) > 0:
		w.Summary = what + " stands still: " + w.Stands[len(w.Stands)-1].Reason
	case d.State == slipway.Waiting:
		w.Summary = what + " is about to start: every gate is open."
	default:
		w.Summary = what + " is at work, and nothing keeps it: " + d.Message
	}
	s, err := tx.Services().Get(ctx, d.Service)
	if err != nil {
		return w, err
	}
	return w, a.whyMay(ctx, tx, actor, &w, s)
}

// whyMay says what the asker could do about it.
func (a *App) whyMay(ctx context.Context, tx slipway.Tx, actor slipway.Actor, w *Why, s slipway.Service) (err error) {
	w.WhyNot = map[slipway.Permission]string{}
	here, environment := s.Resource(w.Environment), slipway.Resource{Environment: w.Environment}
	for p, on := range map[slipway.Permission]slipway.Resource{slipway.DeploymentApprove: here, slipway.DeploymentControl: here, slipway.DeploymentPromote: here,
		slipway.DeploymentRollback: here, slipway.GateBypass: here, slipway.HoldLift: here, slipway.EnvironmentLock: environment, slipway.FreezeManage: environment, slipway.LineStop: {}} {
		if w.WhyNot[p], err = a.may(ctx, tx, actor, p, on); err != nil {
			return err
		}
	}
	return nil
}
