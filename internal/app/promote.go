package app

import (
	"context"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Promote asks for a release to go to an environment.
type Promote struct {
	Once
	Service     string
	Environment string
	Version     string
	Note        string
	// Redeploy sends out again what is live already, with today's settings.
	Redeploy bool
	// NotBefore is when it may start; nil, or a time that has passed: at once.
	NotBefore *time.Time
	// Part is asked for instead of the part that a partial strategy names.
	Part *slipway.Part
	// Shown is the intent of the plan that was shown to whoever asks: another one
	// is not started. Empty: whatever it is.
	Shown string `json:",omitempty"`
}

// furthest is how far ahead a promotion may be scheduled: the same time that a
// pipeline may wait for anything.
const furthest = 90 * 24 * time.Hour

// evidenceFor is how long a deployer may think about what a plan would change:
// less than those who asked wait for an answer.
const evidenceFor = 12 * time.Second

// Promote starts a deployment: the plan is frozen, the gates are asked.
func (a *App) Promote(ctx context.Context, actor slipway.Actor, c Promote) (slipway.Deployment, error) {
	r, err := c.request(actor, a.now())
	if err != nil {
		return slipway.Deployment{}, err
	}
	return a.startShown(ctx, actor, slipway.DeploymentPromote, r, c.Once, c, c.Shown)
}

func (c Promote) request(actor slipway.Actor, now time.Time) (slipway.Request, error) {
	r := slipway.Request{Service: c.Service, Environment: c.Environment, Version: c.Version,
		Cause: slipway.CausePromote, By: actor, Note: c.Note, Part: c.Part}
	if c.Redeploy {
		r.Cause = slipway.CauseRedeploy
	}
	if c.NotBefore == nil || !c.NotBefore.After(now) {
		return r, nil
	}
	at := c.NotBefore.UTC().Truncate(time.Microsecond)
	if at.After(now.Add(furthest)) {
		return r, slipway.Invalid("The promotion", []slipway.FieldError{{Field: "at", Message: "is at most 90 days ahead"}})
	}
	r.NotBefore = &at
	return r, nil
}

func (a *App) start(ctx context.Context, actor slipway.Actor, p slipway.Permission, r slipway.Request, once Once, command any) (slipway.Deployment, error) {
	return a.startShown(ctx, actor, p, r, once, command, "")
}

// startShown gathers the deployer's evidence outside any transaction, because
// that may be slow, and then starts in one: what Start would freeze there has to
// be what the evidence is of.
func (a *App) startShown(ctx context.Context, actor slipway.Actor, p slipway.Permission, r slipway.Request, once Once, command any, shown string) (slipway.Deployment, error) {
	var draft slipway.Draft
	var d slipway.Deployment
	answered := false
	err := a.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		if _, err = a.service(ctx, tx, actor, r.Service, r.Environment, p); err != nil {
			return err
		}
		if d, answered, err = a.answeredDeployment(ctx, tx, actor, once, command); err != nil || answered {
			return err
		}
		draft, err = slipway.MakeDraft(ctx, tx, a.Deployers, r)
		return err
	})
	if err != nil || answered {
		return d, err
	}
	if err := a.seeSecrets(ctx, &draft, r); err != nil {
		return slipway.Deployment{}, err
	}
	if shown != "" && draft.Plan.Intent() != shown {
		return d, slipway.Conflict("What would happen has changed since you saw it.", "Look at it again, then confirm that.")
	}
	evidence := draft.Plan
	asking, cancel := context.WithTimeout(ctx, evidenceFor)
	defer cancel()
	evidence.Preview, evidence.Prepared, err = a.Deployers.Preview(asking, draft.Plan)
	if slipway.CodeOf(err) == slipway.CodeConflict {
		return slipway.Deployment{}, err
	}
	if err != nil {
		return slipway.Deployment{}, &slipway.Error{Code: slipway.CodeUnavailable, Err: err,
			Message:  "Deployer " + draft.Plan.To.Deployer.Name + " could not say what would change: " + strings.TrimSuffix(err.Error(), ".") + ".",
			Affected: "Nothing was started.", Do: "Mend it, then ask again."}
	}
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		if _, err := a.service(ctx, tx, actor, r.Service, r.Environment, p); err != nil {
			return err
		}
		outcome, err := a.once(ctx, tx, actor, once, command, func() (string, error) {
			started, err := slipway.Start(ctx, tx, a.Deployers, r, evidence, a.now())
			return itoa(started.ID), err
		})
		if err != nil {
			return err
		}
		d, err = deploymentOf(ctx, tx, outcome)
		return err
	})
	return d, err
}

// answeredDeployment is the deployment that the same command with the same key
// led to before. What has changed since is no reason to answer otherwise.
func (a *App) answeredDeployment(ctx context.Context, tx slipway.Tx, actor slipway.Actor, once Once, command any) (d slipway.Deployment, answered bool, err error) {
	outcome, answered, err := a.answered(ctx, tx, actor, once, command)
	if err == nil && answered {
		d, err = deploymentOf(ctx, tx, outcome)
	}
	return d, answered, err
}

func deploymentOf(ctx context.Context, tx slipway.Tx, outcome string) (slipway.Deployment, error) {
	id, err := atoi("deployment", outcome)
	if err != nil {
		return slipway.Deployment{}, err
	}
	return tx.Deployments().Get(ctx, id)
}

// Outlook is what would happen if a release were promoted now.
type Outlook struct {
	Draft    slipway.Draft
	Refusals []slipway.Verdict // keep it from starting at all
	Verdicts []slipway.Verdict // gates it would wait for
	WhyNot   string            // why the asker may not; empty if they may
}

// Outlook answers "what if", and changes nothing.
func (a *App) Outlook(ctx context.Context, actor slipway.Actor, c Promote) (Outlook, error) {
	var o Outlook
	err := a.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		o, _, err = a.outlook(ctx, tx, actor, c)
		return err
	})
	return o, err
}

// outlook also returns the deployment that it would be.
func (a *App) outlook(ctx context.Context, tx slipway.Tx, actor slipway.Actor, c Promote) (o Outlook, d slipway.Deployment, err error) {
	service, err := a.service(ctx, tx, actor, c.Service, c.Environment, slipway.ServiceRead)
	if err != nil {
		return o, d, err
	}
	r, err := c.request(actor, a.now())
	if err != nil {
		return o, d, err
	}
	if o.Draft, err = slipway.MakeDraft(ctx, tx, a.Deployers, r); err != nil {
		return o, d, err
	}
	if o.Refusals, err = slipway.Admit(ctx, tx, o.Draft, r); err != nil {
		return o, d, err
	}
	d = slipway.Deployment{Team: service.Team, Service: c.Service, Environment: c.Environment, Version: c.Version, Cause: r.Cause, State: slipway.Waiting,
		RequestedBy: actor.Person(), Plan: o.Draft.Plan, PlanDigest: o.Draft.Plan.Digest(), CreatedAt: a.now()}
	facts, err := slipway.LoadGateFacts(ctx, tx, a.aids(), d, a.now())
	if err != nil {
		return o, d, err
	}
	o.Verdicts = slipway.Verdicts(facts)
	o.WhyNot, err = a.may(ctx, tx, actor, slipway.DeploymentPromote, service.Resource(c.Environment))
	return o, d, err
}
