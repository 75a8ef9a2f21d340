package app

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Set returns a set to who may read all of it.
func (a *App) Set(ctx context.Context, actor slipway.Actor, id int64) (p SetPage, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if p.Set, err = a.set(ctx, tx, actor, id, slipway.ServiceRead); err != nil {
			return err
		}
		for verb, permission := range map[string]slipway.Permission{"cancel": slipway.DeploymentControl, "rollback": slipway.DeploymentRollback} {
			why, err := a.mayAll(ctx, tx, actor, p.Set, permission)
			if err != nil {
				return err
			}
			if why != "" {
				if p.WhyNot == nil {
					p.WhyNot = map[string]string{}
				}
				p.WhyNot[verb] = why
			}
		}
		p.Facts, err = slipway.LoadSetFacts(ctx, tx, p.Set)
		return err
	})
	return p, err
}

// SetPage is a set with what became of its deployments.
type SetPage struct {
	Set    slipway.ReleaseSet
	Facts  slipway.SetFacts
	WhyNot map[string]string // why the actor may not cancel, or rollback
}

// mayAll says why the actor may not do p to one of the items.
func (a *App) mayAll(ctx context.Context, tx slipway.Tx, actor slipway.Actor, s slipway.ReleaseSet, p slipway.Permission) (string, error) {
	for _, item := range s.Items {
		why, err := a.may(ctx, tx, actor, p, s.Resource(item))
		if err != nil || why != "" {
			return why, err
		}
	}
	return "", nil
}

// set loads a set, of whose every item the actor may do p. One that holds what
// they may not see is answered like one that does not exist.
func (a *App) set(ctx context.Context, tx slipway.Tx, actor slipway.Actor, id int64, p slipway.Permission) (slipway.ReleaseSet, error) {
	if err := a.outright(ctx, tx, actor, p, slipway.Resource{}); err != nil {
		return slipway.ReleaseSet{}, err
	}
	s, err := tx.Sets().Get(ctx, id)
	if err != nil {
		return s, err
	}
	var refused error
	for _, item := range s.Items {
		_, err := a.service(ctx, tx, actor, item.Service, s.Environment, p)
		if slipway.IsNotFound(err) {
			return slipway.ReleaseSet{}, slipway.NotFound("set", itoa(id))
		}
		if refused == nil {
			refused = err
		}
	}
	if refused != nil {
		return slipway.ReleaseSet{}, refused
	}
	return s, nil
}

// setWith is the set that a deployment belongs to; nil if it belongs to none
// that the actor may read.
func (a *App) setWith(ctx context.Context, tx slipway.Tx, actor slipway.Actor, deployment int64) (*slipway.ReleaseSet, error) {
	found, err := tx.Sets().Of(ctx, deployment)
	if slipway.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := a.set(ctx, tx, actor, found.ID, slipway.ServiceRead)
	if code := slipway.CodeOf(err); err != nil && (code == slipway.CodeNotFound || code == slipway.CodeDenied) {
		return nil, nil
	}
	return &s, err
}

// Sets lists the sets that the actor may read all of, newest first: those with a
// release of a service, if it is named. Of what is under way the deployments are
// with them.
func (a *App) Sets(ctx context.Context, actor slipway.Actor, service string, page slipway.Page) (out []SetPage, next string, err error) {
	page = bounded(page)
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		may, err := a.visible(ctx, tx, actor, slipway.ServiceRead)
		if err != nil || may.Nothing() {
			return err
		}
		for {
			rows, after, err := tx.Sets().List(ctx, service, slipway.Page{Cursor: page.Cursor, Limit: page.Limit - len(out)})
			if err != nil {
				return err
			}
			for _, s := range rows {
				if slices.ContainsFunc(s.Items, func(i slipway.SetItem) bool { return !may.Admits(s.Resource(i)) }) {
					continue
				}
				p := SetPage{Set: s}
				if s.State.Active() {
					if p.Facts, err = slipway.LoadSetFacts(ctx, tx, s); err != nil {
						return err
					}
				}
				out = append(out, p)
			}
			if next = after; next == "" || len(out) >= page.Limit {
				return nil
			}
			page.Cursor = next
		}
	})
	return out, next, err
}
