package app

import (
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
	err := a.Store.Write(ctx, func(tx slipway.Tx) (err error) {
		if place, err = a.secretPlaceIn(ctx, tx, actor, c.Service, c.Environment, slipway.SecretReveal); err != nil {
			return err
		}
		action, verb := "secret.revealed", "reveals"
		if c.Copy {
			action, verb = "secret.copied", "copies"
		}
		return a.record(ctx, tx, actor, change{action: action, on: place.resource(), subject: place.service.Name + "/" + place.environment,
			summary: verb + " 1 key of " + place.words(), detail: map[string]any{"path": place.path, "keys": []string{c.Key}, "version": c.Version}})
	})
	if err != nil {
		return Revealed{}, err
	}
	doc, err := a.Secret.Secrets.Read(ctx, place.path, c.Version)
	if err != nil {
		return Revealed{}, err
	}
	value, ok := doc.Values[c.Key]
	if !ok {
		return Revealed{}, slipway.NotFound("key of "+place.words(), c.Key)
	}
	return Revealed{Value: value, Version: doc.Version, Until: a.now().Add(revealFor)}, nil
}

// revealFor is how long a page shows a value.
const revealFor = 30 * time.Second
