package app

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// FoundKey is a key of a service, with the environments that have it set.
type FoundKey struct {
	Key          string
	Team         string
	Service      string
	Environments []string // as they were last seen, and only those that the asker may list
}

// shortestKey keeps single letters from finding everything.
const shortestKey = 3

// FindSecrets lists the keys of all services by a part of their names: of what
// was last seen, and only where the asker may list. No value is read.
func (a *App) FindSecrets(ctx context.Context, actor slipway.Actor, query string) (found []FoundKey, err error) {
	if err := a.signedIn(actor); err != nil {
		return nil, err
	}
	if query = strings.TrimSpace(query); len(query) < shortestKey || len(query) > 200 {
		return nil, slipway.Invalid("The search", []slipway.FieldError{{Field: "key", Message: "is 3 to 200 characters of the name of a key"}})
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if err := a.outright(ctx, tx, actor, slipway.SecretList, slipway.Resource{}); err != nil {
			return err
		}
		found, err = a.findKeys(ctx, tx, actor, query, maxLimit)
		return err
	})
	return found, err
}

func (a *App) findKeys(ctx context.Context, tx slipway.Tx, actor slipway.Actor, query string, limit int) ([]FoundKey, error) {
	names, err := a.named(ctx, tx, actor)
	if err != nil || names.Nothing() || len(query) < shortestKey {
		return nil, err
	}
	seen, err := tx.Secrets().Views(ctx)
	if err != nil {
		return nil, err
	}
	byKey := map[[2]string]*FoundKey{}
	for _, s := range seen {
		on := slipway.Resource{Team: s.Team, Service: s.Service, Environment: s.Environment}
		if !names.Admits(on) {
			continue
		}
		for _, key := range s.View.Keys {
			if !strings.Contains(strings.ToLower(key), strings.ToLower(query)) {
				continue
			}
			at := [2]string{s.Service, key}
			if byKey[at] == nil {
				byKey[at] = &FoundKey{Key: key, Team: s.Team, Service: s.Service}
			}
			byKey[at].Environments = append(byKey[at].Environments, s.Environment)
		}
	}
	found := []FoundKey{}
	for _, f := range byKey {
		found = append(found, *f)
	}
	slices.SortFunc(found, func(a, b FoundKey) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Service, b.Service)) })
	return found[:min(len(found), limit)], nil
}
