package app

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Preferences is what the actor wants to be told of.
func (a *App) Preferences(ctx context.Context, actor slipway.Actor) (p slipway.Preferences, err error) {
	if err := a.person(actor); err != nil {
		return p, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		p, err = tx.Preferences().Get(ctx, actor.ID)
		return err
	})
	return p, err
}

// SetPreferences keeps what the actor wants to be told of. They follow what they
// may read; should they lose that, they are told no more of it.
func (a *App) SetPreferences(ctx context.Context, actor slipway.Actor, p slipway.Preferences) error {
	if err := a.person(actor); err != nil {
		return err
	}
	if err := slipway.Invalid("What you want to be told of", p.Validate()); err != nil {
		return err
	}
	return a.Store.Write(ctx, func(tx slipway.Tx) error {
		var faults []slipway.FieldError
		may, err := a.visible(ctx, tx, actor, slipway.ServiceRead)
		if err != nil {
			return err
		}
		for i, name := range p.Teams {
			if !may.Admits(slipway.Resource{Team: name}) {
				faults = append(faults, slipway.FieldError{Field: fmt.Sprintf("teams[%d]", i), Message: fmt.Sprintf("there is no team %q that you may read all of", name)})
			}
		}
		for i, name := range p.Services {
			if _, err := a.service(ctx, tx, actor, name, "", slipway.ServiceRead); slipway.IsNotFound(err) {
				faults = append(faults, slipway.FieldError{Field: fmt.Sprintf("services[%d]", i), Message: fmt.Sprintf("there is no service %q", name)})
			} else if err != nil {
				return err
			}
		}
		if err := slipway.Invalid("What you want to be told of", faults); err != nil {
			return err
		}
		return tx.Preferences().Put(ctx, actor.ID, p)
	})
}

// person lets people through: machines read what happens from webhooks. A token
// that was made for a part of what its owner may is for a machine as well: what is
// found in a CI system must not silence who owns it.
func (a *App) person(actor slipway.Actor) error {
	if err := a.signedIn(actor); err != nil {
		return err
	}
	if len(actor.Scopes) > 0 {
		return &slipway.Error{Code: slipway.CodeDenied, Message: "This token is narrowed to some permissions, and what its owner is told is none of them.",
			Affected: "Nothing was changed.", Do: "Use a token without scopes: slipway login."}
	}
	if actor.Kind != slipway.ActorUser {
		return &slipway.Error{Code: slipway.CodeDenied, Message: "Only people have preferences.", Affected: "Nothing was changed.", Do: "Add a notification route for a machine."}
	}
	return nil
}
