package app

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// RestrictSecrets takes the sight of keys away: their values can be set, brought
// back and delivered from then on, and nobody can see them, in no version.
type RestrictSecrets struct {
	Once
	Service     string
	Environment string
	Keys        []string
}

// RestrictSecrets marks keys, those that are not set yet as well. The way back is
// SetSecrets with a new value.
func (a *App) RestrictSecrets(ctx context.Context, actor slipway.Actor, c RestrictSecrets) (out SecretsChanged, err error) {
	if len(c.Keys) == 0 || len(c.Keys) > slipway.MaxSecretKeys {
		return out, slipway.Invalid("The restriction", []slipway.FieldError{{Field: "keys", Message: "are 1 to 500 names"}})
	}
	for _, key := range c.Keys {
		if wrong := slipway.CheckSecretKey(key); wrong != "" {
			return out, slipway.Invalid("The restriction", []slipway.FieldError{{Field: "keys", Message: "one of the names " + wrong}})
		}
	}
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		place, err := a.secretPlaceIn(ctx, tx, actor, c.Service, c.Environment, slipway.SecretWrite)
		if err != nil {
			return err
		}
		out = SecretsChanged{Path: place.path, Keys: c.Keys}
		_, err = a.once(ctx, tx, actor, c.Once, c, func() (string, error) { return "restricted", a.restrict(ctx, tx, actor, place, c.Keys) })
		return err
	})
	return out, err
}

// restrict marks keys and writes down who did.
func (a *App) restrict(ctx context.Context, tx slipway.Tx, actor slipway.Actor, place secretPlace, keys []string) error {
	marks, err := tx.SecretMarks().Of(ctx, place.service.Name, place.environment)
	if err != nil {
		return err
	}
	var closed []string
	for _, key := range slices.Compact(slices.Sorted(slices.Values(keys))) {
		m := marks.Of(key)
		if m.Restricted {
			continue
		}
		m.Restricted = true
		if err := a.putMark(ctx, tx, actor, place, m); err != nil {
			return err
		}
		closed = append(closed, key)
	}
	if len(closed) == 0 {
		return nil
	}
	return a.recordMarks(ctx, tx, actor, place, "secret.restricted", "restricts", closed)
}

func (a *App) putMark(ctx context.Context, tx slipway.Tx, actor slipway.Actor, place secretPlace, m slipway.SecretMark) error {
	m.Service, m.Environment, m.By, m.ByName, m.At = place.service.Name, place.environment, actor.ID, actor.Name, a.now()
	return tx.SecretMarks().Put(ctx, m)
}

func (a *App) recordMarks(ctx context.Context, tx slipway.Tx, actor slipway.Actor, place secretPlace, action, verb string, keys []string) error {
	return a.record(ctx, tx, actor, change{action: action, on: place.resource(), subject: place.service.Name + "/" + place.environment,
		summary: verb + " " + keyCount(len(keys)) + " of " + place.words(), detail: map[string]any{"path": place.path, "keys": keys}})
}

// closing lists the keys that have to be closed before a change is written: those
// that it restricts, and those that it brings back from where they are closed.
func (c secretChange) closing(marks slipway.SecretMarks) []string {
	keys := slices.Clone(c.restrict)
	if c.restores > 0 {
		for _, key := range marks.Closed(c.restores) {
			if len(c.keys) == 0 || slices.Contains(c.keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// keepClosed marks what of a change nobody may see, in the transaction before it
// is written: never is there a version that waits for its mark.
func (a *App) keepClosed(ctx context.Context, tx slipway.Tx, actor slipway.Actor, place secretPlace, closing []string, over int) error {
	if len(closing) > 0 {
		if err := a.restrict(ctx, tx, actor, place, closing); err != nil {
			return err
		}
	}
	marks, err := tx.SecretMarks().Of(ctx, place.service.Name, place.environment)
	for _, m := range marks {
		if !m.Restricted || m.Pending > over {
			continue
		}
		m.Pending = over + 1
		if err := tx.SecretMarks().Put(ctx, m); err != nil {
			return err
		}
	}
	return err
}

// lift opens keys from the version on that was written for it.
func (a *App) lift(ctx context.Context, tx slipway.Tx, actor slipway.Actor, place secretPlace, keys []string, version int) (stay []string, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	marks, err := tx.SecretMarks().Of(ctx, place.service.Name, place.environment)
	if err != nil {
		return nil, err
	}
	var open []string
	for _, key := range keys {
		m := marks.Of(key)
		if !m.Restricted {
			continue
		}
		lifted, ok := m.Lifted(version)
		if !ok {
			stay = append(stay, key)
			continue
		}
		if err := a.putMark(ctx, tx, actor, place, lifted); err != nil {
			return nil, err
		}
		open = append(open, key)
	}
	if len(open) == 0 {
		return stay, nil
	}
	return stay, a.recordMarks(ctx, tx, actor, place, "secret.lifted", "lifts the restriction of", open)
}

// stillRestricted says that a value was written and its key not opened.
func stillRestricted(place secretPlace, keys []string, version int) error {
	return &slipway.Error{Code: slipway.CodeConflict, Message: "Version " + itoa(int64(version)) + " of " + place.words() + " is written, and " + keysInWords(keys) + " stays restricted: somebody was about to write a value that nobody is to see.",
		Affected: "The restriction was not lifted.", Do: "Set the value again, with the restriction lifted, once theirs is there."}
}

// checkLift refuses to lift without a new value.
func checkLift(c SetSecrets) error {
	if c.Restricted == nil || *c.Restricted {
		return nil
	}
	for _, value := range c.Changes {
		if value == nil {
			return slipway.Invalid("The change of secrets", []slipway.FieldError{{Field: "restricted", Message: "is lifted together with a new value only, and this removes a key"}})
		}
	}
	return nil
}
