package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// SteerSet is what somebody does to a set under way, or after it.
type SteerSet struct {
	Once
	Set                int64
	Reason             string
	AcceptIrreversible bool // to go back
}

// CancelSet has a set go no further. What is under way is taken back, what has
// got there stays.
func (a *App) CancelSet(ctx context.Context, actor slipway.Actor, c SteerSet) (slipway.ReleaseSet, error) {
	return a.steerSet(ctx, actor, c, slipway.DeploymentControl, "cancel", slipway.ReleaseSet.Cancel)
}

// RollBackSet takes a set back as a whole, the last of it first. Who asks for it
// may roll back each item by itself.
func (a *App) RollBackSet(ctx context.Context, actor slipway.Actor, c SteerSet) (slipway.ReleaseSet, error) {
	return a.steerSet(ctx, actor, c, slipway.DeploymentRollback, "rollback", slipway.ReleaseSet.RollBack)
}

func (a *App) steerSet(ctx context.Context, actor slipway.Actor, c SteerSet, p slipway.Permission, verb string, do func(slipway.ReleaseSet, slipway.SetOrder) (slipway.ReleaseSet, error)) (slipway.ReleaseSet, error) {
	if len(c.Reason) > maxText {
		return slipway.ReleaseSet{}, slipway.Invalid("The "+verb, []slipway.FieldError{{Field: "reason", Message: fmt.Sprintf("is at most %d characters long", maxText)}})
	}
	var s slipway.ReleaseSet
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		found, err := a.set(ctx, tx, actor, c.Set, p)
		if err != nil {
			return err
		}
		command := struct {
			SteerSet
			Verb string
		}{c, verb}
		_, err = a.once(ctx, tx, actor, c.Once, command, func() (string, error) {
			order := slipway.SetOrder{By: actor.Person(), TokenID: actor.TokenID, At: a.now(), Reason: strings.TrimSpace(c.Reason), AcceptIrreversible: c.AcceptIrreversible}
			next, err := do(found, order)
			if err != nil {
				return "", err
			}
			if found.State != slipway.SetRunning { // those on their way could be pushed aside by it
				if err := a.notInAnother(ctx, tx, found); err != nil {
					return "", err
				}
			}
			if next, err = tx.Sets().Save(ctx, next); err != nil {
				return "", err
			}
			return itoa(next.ID), a.recordSet(ctx, tx, actor, next, "set."+verb, fmt.Sprintf("asked for the %s of set %s in %s", verb, next.Name, next.Environment))
		})
		if err != nil {
			return err
		}
		s, err = tx.Sets().Get(ctx, c.Set)
		return err
	})
	return s, err
}

var _ slipway.Rights = (*App)(nil)

// MayStill looks at who gave an order as they are known today: what a set does
// later in somebody's name does not outlive their right to do it by hand.
func (a *App) MayStill(ctx context.Context, tx slipway.Tx, order slipway.SetOrder, p slipway.Permission, service, environment string) (whyNot string, err error) {
	actor := slipway.Actor{Kind: order.By.Kind, ID: order.By.ID, Name: order.By.Name, Via: slipway.ViaEngine}
	if order.TokenID != "" {
		token, err := tx.Tokens().Get(ctx, order.TokenID)
		switch {
		case slipway.IsNotFound(err), err == nil && token.RevokedAt != nil:
			return "The token that the set was asked for with is revoked.", nil
		case err != nil:
			return "", err
		}
		actor.TokenID, actor.Scopes = token.ID, token.Scopes
	}
	if actor.Kind == slipway.ActorUser {
		u, err := tx.People().User(ctx, actor.ID)
		switch {
		case slipway.IsNotFound(err), err == nil && u.Disabled:
			return "The account of " + order.By.Name + " is no more, or disabled.", nil
		case err != nil:
			return "", err
		}
		actor.Groups = u.Groups
	}
	s, err := tx.Services().Get(ctx, service)
	if err != nil {
		return "", err
	}
	bindings, err := a.bindings(ctx, tx, actor)
	if err != nil {
		return "", err
	}
	if !policy.Decide(policy.Input{Actor: actor, Bindings: bindings, Permission: p, Resource: s.Resource(environment)}).Allowed {
		return fmt.Sprintf("%s has no %s there any more.", order.By.Name, p), nil
	}
	return "", nil
}
