package app

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Watch names what somebody wants to follow on a page, besides what everybody
// may follow in part, such as the board.
type Watch struct {
	Services    []string
	Deployments []int64
	Sets        []int64
}

// Watching says what an actor may be told of. It was true when it was made:
// who follows for longer asks again.
type Watching struct{ may policy.Filter }

// Admits reports whether the actor may know that an event happened. What
// belongs to no team and no service, a freeze say, is known to all.
func (w Watching) Admits(e slipway.DomainEvent) bool {
	if e.Team == "" && e.Service == "" && !private(e.Kind) {
		return true
	}
	return w.may.Admits(slipway.Resource{Team: e.Team, Service: e.Service, Environment: e.Environment})
}

// private reports whether an event tells of people: who signed in, who made a
// token, who got which role; or of a set that is of several teams. The audit
// keeps those to who may read all of it.
func private(kind string) bool {
	return strings.HasPrefix(kind, "set.") || strings.HasPrefix(kind, "person.") || strings.HasPrefix(kind, "token.") || strings.HasPrefix(kind, "access.")
}

// Watch checks that the actor may read everything that is to be followed.
func (a *App) Watch(ctx context.Context, actor slipway.Actor, c Watch) (w Watching, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if w.may, err = a.visible(ctx, tx, actor, slipway.ServiceRead); err != nil {
			return err
		}
		for _, name := range c.Services {
			s, err := tx.Services().Get(ctx, name)
			if err != nil {
				return err
			}
			if !w.may.Admits(s.Resource("")) {
				return slipway.NotFound("service", name)
			}
		}
		for _, id := range c.Deployments {
			if err := watchDeployment(ctx, tx, w.may, id); err != nil {
				return err
			}
		}
		for _, id := range c.Sets {
			if _, err := a.set(ctx, tx, actor, id, slipway.ServiceRead); err != nil {
				return err
			}
		}
		return nil
	})
	return w, err
}

// watchDeployment answers like the page of the deployment does, but with the
// filter: the question comes every few seconds for every open page.
func watchDeployment(ctx context.Context, tx slipway.Tx, may policy.Filter, id int64) error {
	d, err := tx.Deployments().Get(ctx, id)
	if err != nil {
		return err
	}
	s, err := tx.Services().Get(ctx, d.Service)
	if err != nil {
		return err
	}
	if !may.Admits(s.Resource(d.Environment)) {
		return slipway.NotFound("deployment", itoa(id))
	}
	return nil
}

// News returns events after an id, oldest first, whoever may see them. It is
// for the process itself: nothing of it is for anybody but through
// Watching.Admits.
func (a *App) News(ctx context.Context, after int64, limit int) (out []slipway.DomainEvent, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		out, err = tx.Events().After(ctx, after, limit)
		return err
	})
	return out, err
}

// LastNews is the id of the newest event.
func (a *App) LastNews(ctx context.Context) (id int64, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		id, err = tx.Events().LastID(ctx)
		return err
	})
	return id, err
}
