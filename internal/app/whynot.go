package app

import (
	"context"

	"github.com/slipway-dev/slipway/internal/slipway"
)

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
