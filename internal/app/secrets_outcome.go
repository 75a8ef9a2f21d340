package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// changed writes down what came of it, for those who look at versions and for
// those who wait for news.
func (a *App) changed(ctx context.Context, actor slipway.Actor, place secretPlace, c secretChange, version int) error {
	if _, err := a.Secret.Look(ctx, place.service, place.environment); err != nil {
		return err
	}
	var stay []string
	err := a.Store.Write(ctx, func(tx slipway.Tx) (err error) {
		now := a.now()
		err = tx.Secrets().AddChange(ctx, slipway.SecretChange{Service: place.service.Name, Environment: place.environment, Path: place.path, Version: version,
			Action: c.action, Keys: c.keys, By: actor.ID, ByName: actor.Name, At: now})
		if err != nil {
			return err
		}
		if _, err := a.once(ctx, tx, actor, c.once, c.command, func() (string, error) { return strconv.Itoa(version), nil }); err != nil {
			return err
		}
		if stay, err = a.lift(ctx, tx, actor, place, c.lifts, version); err != nil {
			return err
		}
		on := place.resource()
		return tx.Events().Add(ctx, slipway.DomainEvent{At: now, Kind: "secret." + c.action, Team: on.Team, Service: on.Service,
			Environment: on.Environment, Actor: actor.Name, Message: c.summary(place)})
	})
	if err == nil && len(stay) > 0 {
		return stillRestricted(place, stay, version)
	}
	return err
}

// audited writes the entry alone: what is only being tried is no news yet.
func (a *App) audited(ctx context.Context, tx slipway.Tx, actor slipway.Actor, action string, place secretPlace, summary string, detail map[string]any) error {
	encoded, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("audit detail of %s: %w", action, err)
	}
	entry := actor.Entry(action, place.resource(), place.service.Name+"/"+place.environment, summary, a.now())
	entry.Detail = encoded
	return tx.Audit().Append(ctx, entry)
}

// notChanged writes down that nothing came of it, and says who was quicker.
func (a *App) notChanged(ctx context.Context, actor slipway.Actor, place secretPlace, c secretChange, over int, why error) error {
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		if slipway.SecretFaultOf(why) == slipway.SecretMoved {
			changes, err := tx.Secrets().Changes(ctx, place.path, 1)
			if err != nil {
				return err
			}
			why = overtaken(place, over, changes)
		}
		reason := string(slipway.CodeOf(why))
		if fault := slipway.SecretFaultOf(why); fault != "" {
			reason = string(fault)
		}
		return a.audited(ctx, tx, actor, "secret.unchanged", place, fmt.Sprintf("%s: nothing came of it (%s)", c.summary(place), reason),
			map[string]any{"path": place.path, "over": over, "reason": reason})
	})
	if err != nil {
		return err
	}
	return why
}

// overtaken says who changed what since the asker looked.
func overtaken(place secretPlace, over int, changes []slipway.SecretChange) error {
	e := slipway.SecretsMoved(place.path, over)
	e.Message = fmt.Sprintf("The secrets of %s were changed since you opened them at version %d, outside of Slipway.", place.words(), over)
	if len(changes) > 0 && changes[0].Version > over {
		what := keysInWords(changes[0].Keys)
		if what == "" {
			what = "the secrets"
		}
		e.Message = fmt.Sprintf("%s changed %s of %s at %s, since you opened it at version %d.", changes[0].ByName, what, place.words(),
			changes[0].At.UTC().Format("15:04:05 MST"), over)
	}
	return e
}
