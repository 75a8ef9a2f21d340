package app

import (
	"cmp"
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// SecretVersionChange is what a version did to one key.
type SecretVersionChange struct {
	Key  string
	What string // new, removed, changed, same; in both where values may not be compared; restricted where nobody may
}

// CompareVersions says which keys differ between two versions of the secrets of
// an environment, and never how: not a value, and not how long it is. Whether a
// key that both have is the same only those are told who may reveal it. Else,
// whoever may write could find a value out by trying.
func (a *App) CompareVersions(ctx context.Context, actor slipway.Actor, service, environment string, from, to int) (out []SecretVersionChange, err error) {
	if from < 0 || to < 1 {
		return nil, slipway.Invalid("The comparison", []slipway.FieldError{{Field: "to", Message: "is the number of a version"}})
	}
	place, err := a.secretPlace(ctx, actor, service, environment, slipway.SecretList)
	if err != nil {
		return nil, err
	}
	mayReveal := false
	var closed []string
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		marks, err := tx.SecretMarks().Of(ctx, service, environment)
		if err != nil {
			return err
		}
		closed = append(marks.Closed(from), marks.Closed(to)...)
		whyNot, err := a.may(ctx, tx, actor, slipway.SecretReveal, place.resource())
		mayReveal = whyNot == ""
		return err
	})
	if err != nil {
		return nil, err
	}
	own, _, err := a.Secret.As(actor)
	if err != nil {
		return nil, err
	}
	was, err := versionKeys(ctx, own, place.path, from, mayReveal)
	if err != nil {
		return nil, err
	}
	is, err := versionKeys(ctx, own, place.path, to, mayReveal)
	if err != nil {
		return nil, err
	}
	out = []SecretVersionChange{}
	for key, value := range is {
		before, had := was[key]
		what := "in both"
		switch {
		case !had:
			what = "new"
		case slices.Contains(closed, key):
			what = "restricted"
		case mayReveal && before == value:
			what = "same"
		case mayReveal:
			what = "changed"
		}
		out = append(out, SecretVersionChange{key, what})
	}
	for key := range was {
		if _, has := is[key]; !has {
			out = append(out, SecretVersionChange{key, "removed"})
		}
	}
	slices.SortFunc(out, func(a, b SecretVersionChange) int { return cmp.Compare(a.Key, b.Key) })
	return out, nil
}

// versionKeys are the keys of a version, with their values only if they are to be
// compared. Version 0 is what was before the first.
func versionKeys(ctx context.Context, in slipway.SecretReader, path string, version int, values bool) (map[string]slipway.Secret, error) {
	if version == 0 {
		return nil, nil
	}
	if values {
		doc, err := in.Read(ctx, path, version)
		return doc.Values, err
	}
	keys, err := in.Keys(ctx, path, version)
	out := map[string]slipway.Secret{}
	for _, key := range keys {
		out[key] = slipway.Secret{}
	}
	return out, err
}
