package app

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

var _ slipway.NoticeRights = (*App)(nil)

// RouteMayTell looks at the owner of a route as they are known today: a route does
// not outlive the right to have it, and tells nothing that its owner may not read.
func (a *App) RouteMayTell(ctx context.Context, tx slipway.Tx, r slipway.NotificationRoute, on slipway.Resource) (whyNot string, err error) {
	owner := slipway.Actor{Kind: r.Owner.Kind, ID: r.Owner.ID, Name: r.Owner.Name, Via: slipway.ViaEngine}
	if owner.Kind == slipway.ActorUser {
		u, err := tx.People().User(ctx, owner.ID)
		switch {
		case slipway.IsNotFound(err), err == nil && u.Disabled:
			return "The account of " + r.Owner.Name + ", who added this route, is no more, or disabled.", nil
		case err != nil:
			return "", err
		}
		owner.Groups = u.Groups
	}
	bindings, err := a.bindings(ctx, tx, owner)
	if err != nil {
		return "", err
	}
	may := func(p slipway.Permission, on slipway.Resource) bool {
		return policy.Decide(policy.Input{Actor: owner, Bindings: bindings, Permission: p, Resource: on}).Allowed
	}
	manages := r.Resource()
	if r.Service != "" {
		s, err := tx.Services().Get(ctx, r.Service)
		if err != nil {
			return "", err
		}
		manages.Team = s.Team
	}
	switch {
	case !may(slipway.NotificationManage, manages):
		return fmt.Sprintf("%s, who added this route, has no %s there any more.", r.Owner.Name, slipway.NotificationManage), nil
	case (on.Team != "" || on.Service != "") && !may(slipway.ServiceRead, on):
		return fmt.Sprintf("%s, who added this route, may not read %s any more.", r.Owner.Name, on.Service), nil
	default:
		return "", nil
	}
}

// PersonMayRead looks at a person as they are known today.
func (a *App) PersonMayRead(ctx context.Context, tx slipway.Tx, u slipway.User, on slipway.Resource) (whyNot string, err error) {
	if u.Disabled {
		return "The account is disabled.", nil
	}
	actor := personActor(u)
	bindings, err := a.bindings(ctx, tx, actor)
	if err != nil {
		return "", err
	}
	if (on.Team != "" || on.Service != "") && !policy.Decide(policy.Input{Actor: actor, Bindings: bindings, Permission: slipway.ServiceRead, Resource: on}).Allowed {
		return u.Name + " may not read " + on.Service + " any more.", nil
	}
	return "", nil
}

func personActor(u slipway.User) slipway.Actor {
	return slipway.Actor{Kind: slipway.ActorUser, ID: u.ID, Name: u.Name, Groups: u.Groups, Via: slipway.ViaEngine}
}

// Deciders lists who may decide on a waiting deployment and has not, of those who
// have signed in at least once: of others nobody knows the groups.
func (a *App) Deciders(ctx context.Context, tx slipway.Tx, d slipway.Deployment) ([]slipway.User, error) {
	if d.State != slipway.Waiting || !asksPeople(d.Plan) {
		return nil, nil
	}
	users, err := tx.People().Users(ctx)
	if err != nil {
		return nil, err
	}
	votes, err := tx.Votes().Of(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	s, err := tx.Services().Get(ctx, d.Service)
	if err != nil {
		return nil, err
	}
	d.Team = s.Team                    // the one that owns it today
	all, err := a.allBindings(ctx, tx) // of which each counts for whom it is, and there are many people
	if err != nil {
		return nil, err
	}
	var may []slipway.User
	for _, u := range users {
		if u.Disabled {
			continue
		}
		if decidable(d, personActor(u), all, votes) == "" {
			may = append(may, u)
		}
	}
	return may, nil
}
