package app

import (
	"cmp"
	"context"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// RevealSecret asks for one value.
type RevealSecret struct {
	Service     string
	Environment string
	Key         string
	Version     int  // 0: the newest
	Copy        bool // it goes to the clipboard and is not shown
}

// Revealed is a value that somebody may see, for a short while.
type Revealed struct {
	Value   slipway.Secret
	Version int
	Until   time.Time
}

// RevealSecret gives out a value, after it was written down who gets it.
func (a *App) RevealSecret(ctx context.Context, actor slipway.Actor, c RevealSecret) (Revealed, error) {
	if wrong := slipway.CheckSecretKey(c.Key); wrong != "" {
		return Revealed{}, slipway.Invalid("The key", []slipway.FieldError{{Field: "key", Message: wrong}})
	}
	var place secretPlace
	var refused error
	err := a.Store.Write(ctx, func(tx slipway.Tx) (err error) {
		if place, err = a.secretPlaceIn(ctx, tx, actor, c.Service, c.Environment, slipway.SecretReveal); err != nil {
			return err
		}
		if refused, err = a.refuseRestricted(ctx, tx, actor, place, c, c.Version); err != nil || refused != nil {
			return err
		}
		action, verb := "secret.revealed", "reveals"
		if c.Copy {
			action, verb = "secret.copied", "copies"
		}
		return a.record(ctx, tx, actor, change{action: action, on: place.resource(), subject: place.service.Name + "/" + place.environment,
			summary: verb + " 1 key of " + place.words(), detail: map[string]any{"path": place.path, "keys": []string{c.Key}, "version": c.Version}})
	})
	if err = cmp.Or(err, refused); err != nil {
		return Revealed{}, err
	}
	own, _, err := a.Secret.As(actor)
	if err != nil {
		return Revealed{}, err
	}
	doc, err := own.Read(ctx, place.path, c.Version)
	if err != nil {
		return Revealed{}, err
	}
	// Only now is it known which version is the newest, and whether somebody has
	// restricted the key since.
	err = a.Store.Write(ctx, func(tx slipway.Tx) (err error) {
		refused, err = a.refuseRestricted(ctx, tx, actor, place, c, doc.Version)
		return err
	})
	if err = cmp.Or(err, refused); err != nil {
		return Revealed{}, err
	}
	value, ok := doc.Values[c.Key]
	if !ok {
		return Revealed{}, slipway.NotFound("key of "+place.words(), c.Key)
	}
	return Revealed{Value: value, Version: doc.Version, Until: a.now().Add(revealFor)}, nil
}

// refuseRestricted writes down that somebody asked for what nobody may see, and
// returns the refusal; nil: it is no such key.
func (a *App) refuseRestricted(ctx context.Context, tx slipway.Tx, actor slipway.Actor, place secretPlace, c RevealSecret, version int) (refusal, err error) {
	marks, err := tx.SecretMarks().Of(ctx, place.service.Name, place.environment)
	if err != nil {
		return nil, err
	}
	m := marks.Of(c.Key)
	if !m.Closed(version) {
		return nil, nil
	}
	refusal = slipway.SecretRestricted(c.Key, place.words(), version, m.Restricted)
	return refusal, a.record(ctx, tx, actor, change{action: "secret.refused", on: place.resource(), subject: place.service.Name + "/" + place.environment,
		summary: "is not shown 1 restricted key of " + place.words(), detail: map[string]any{"path": place.path, "keys": []string{c.Key}, "version": version}})
}

// revealFor is how long a page shows a value.
const revealFor = 30 * time.Second
