package app

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Found is what a search over names came up with.
type Found struct {
	Services    []slipway.Service
	Releases    []slipway.Release // of the service that the first word names
	Deployments []slipway.Deployment
	Keys        []FoundKey // whose name has the query in it
}

// foundCount is how many of each kind a search shows.
const foundCount = 8

// Find looks for services by part of their name, for releases when the query
// is "service version", and for a deployment when it is a number.
func (a *App) Find(ctx context.Context, actor slipway.Actor, query string) (f Found, err error) {
	words := strings.Fields(query)
	if len(words) == 0 || len(query) > 200 {
		return f, a.signedIn(actor)
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if f.Services, _, err = a.services(ctx, tx, actor, slipway.ServiceFilter{Query: words[0]}, slipway.Page{Limit: foundCount}); err != nil {
			return err
		}
		if id, err := atoi("deployment", strings.TrimLeft(words[0], "#Gg-")); err == nil {
			d, err := a.deployment(ctx, tx, actor, id, slipway.ServiceRead)
			if err == nil {
				f.Deployments = append(f.Deployments, d)
			} else if !slipway.IsNotFound(err) {
				return err
			}
		}
		if f.Keys, err = a.findKeys(ctx, tx, actor, words[0], foundCount); err != nil || len(f.Services) == 0 {
			return err
		}
		releases, _, err := tx.Releases().List(ctx, f.Services[0].Name, slipway.Page{Limit: defaultLimit})
		if err != nil {
			return err
		}
		for _, r := range releases {
			if len(f.Releases) < foundCount && (len(words) == 1 || strings.HasPrefix(r.Version, words[1])) {
				f.Releases = append(f.Releases, r)
			}
		}
		return nil
	})
	return f, err
}
