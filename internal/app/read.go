package app

import (
	"context"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// service loads a service the actor may do p to. What exists but may not be
// seen is answered like what does not exist.
func (a *App) service(ctx context.Context, tx slipway.Tx, actor slipway.Actor, name, environment string, p slipway.Permission) (slipway.Service, error) {
	if err := a.outright(ctx, tx, actor, p, slipway.Resource{Service: name, Environment: environment}); err != nil {
		return slipway.Service{}, err
	}
	s, err := tx.Services().Get(ctx, name)
	if err != nil {
		return s, err
	}
	if err := a.authorize(ctx, tx, actor, p, s.Resource(environment)); err != nil {
		if hidden := a.authorize(ctx, tx, actor, slipway.ServiceRead, s.Resource(environment)); slipway.CodeOf(hidden) == slipway.CodeDenied {
			return slipway.Service{}, slipway.NotFound("service", name)
		}
		return slipway.Service{}, err
	}
	return s, nil
}

// outright refuses whoever is refused whatever they ask for: before anything is
// looked up, so that the answer tells nothing of what there is.
func (a *App) outright(ctx context.Context, tx slipway.Tx, actor slipway.Actor, p slipway.Permission, on slipway.Resource) error {
	if err := a.signedIn(actor); err != nil {
		return err
	}
	if narrowed(actor, p) {
		return a.authorize(ctx, tx, actor, p, on)
	}
	return nil
}

// deployment loads a deployment the actor may do p to. The team asked about is
// the one that owns the service today.
func (a *App) deployment(ctx context.Context, tx slipway.Tx, actor slipway.Actor, id int64, p slipway.Permission) (slipway.Deployment, error) {
	if err := a.outright(ctx, tx, actor, p, slipway.Resource{}); err != nil {
		return slipway.Deployment{}, err
	}
	d, err := tx.Deployments().Get(ctx, id)
	if err != nil {
		return d, err
	}
	if _, err := a.service(ctx, tx, actor, d.Service, d.Environment, p); err != nil {
		if slipway.IsNotFound(err) {
			return slipway.Deployment{}, slipway.NotFound("deployment", itoa(id))
		}
		return slipway.Deployment{}, err
	}
	return d, nil
}

// visible is the filter of what the actor may read of the catalog.
func (a *App) visible(ctx context.Context, tx slipway.Tx, actor slipway.Actor, p slipway.Permission) (policy.Filter, error) {
	if err := a.outright(ctx, tx, actor, p, slipway.Resource{}); err != nil {
		return policy.Filter{}, err
	}
	bindings, err := a.bindings(ctx, tx, actor)
	if err != nil {
		return policy.Filter{}, err
	}
	return policy.Visible(bindings, actor, p), nil
}

// signedIn lets every authenticated actor through: for what is the same for
// all and holds nothing of any team, such as the list of environments.
func (a *App) signedIn(actor slipway.Actor) error {
	if actor.ID == "" {
		return &slipway.Error{Code: slipway.CodeUnauthenticated, Message: "You are not signed in.", Do: "Sign in, or send a token."}
	}
	return nil
}

// Limits of lists.
const (
	defaultLimit = 50
	maxLimit     = 200
	maxBoard     = 1000 // its rows say little, and who draws them all wants all
)

func bounded(p slipway.Page) slipway.Page { return atMost(maxLimit, p) }

func atMost(limit int, p slipway.Page) slipway.Page {
	if p.Limit <= 0 {
		p.Limit = defaultLimit
	}
	p.Limit = min(p.Limit, limit)
	return p
}
