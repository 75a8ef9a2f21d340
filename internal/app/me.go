package app

import (
	"context"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Me is what the frame of every page shows of whoever it is for.
type Me struct {
	User    slipway.User // zero if the actor is no person that has signed in
	Waiting int          // deployments that the actor may decide on
}

// Me returns it.
func (a *App) Me(ctx context.Context, actor slipway.Actor) (m Me, err error) {
	if err := a.signedIn(actor); err != nil {
		return m, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if actor.Kind == slipway.ActorUser {
			if m.User, err = tx.People().User(ctx, actor.ID); err != nil && !slipway.IsNotFound(err) {
				return err
			}
		}
		waiting, err := a.waitingFor(ctx, tx, actor)
		m.Waiting = len(waiting)
		return err
	})
	return m, err
}

// Ask is one question of permission, for a page that shows a button.
type Ask struct {
	Permission slipway.Permission
	On         slipway.Resource
}

// WhyNot answers each question with the reason why the actor may not, empty if
// they may. The team of a service is taken from what is stored, and a service
// that the actor may not see is one that does not exist.
func (a *App) WhyNot(ctx context.Context, actor slipway.Actor, asks ...Ask) (reasons []string, err error) {
	if err := a.signedIn(actor); err != nil {
		return nil, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		reasons = make([]string, len(asks))
		teams := map[string]string{}
		for i, ask := range asks {
			if name := ask.On.Service; name != "" {
				if teams[name] == "" {
					s, err := a.service(ctx, tx, actor, name, ask.On.Environment, slipway.ServiceRead)
					if err != nil {
						return err
					}
					teams[name] = s.Team
				}
				ask.On.Team = teams[name]
			}
			if reasons[i], err = a.may(ctx, tx, actor, ask.Permission, ask.On); err != nil {
				return err
			}
		}
		return nil
	})
	return reasons, err
}
