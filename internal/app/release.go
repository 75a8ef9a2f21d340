package app

import (
	"context"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// CreateRelease makes a release known. It is what CI calls.
type CreateRelease struct {
	Once
	Service string
	Version string
	Content slipway.ReleaseContent
}

// CreateRelease keeps the release. The same version with the same content is
// accepted again and changes nothing (created is false); with other content it
// is refused, because a version means one thing for ever.
func (a *App) CreateRelease(ctx context.Context, actor slipway.Actor, c CreateRelease) (r slipway.Release, created bool, err error) {
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		created, r = false, slipway.Release{}
		s, err := a.service(ctx, tx, actor, c.Service, "", slipway.ReleaseCreate)
		if err != nil {
			return err
		}
		outcome, err := a.once(ctx, tx, actor, c.Once, c, func() (_ string, err error) {
			added := false
			r, added, err = a.addRelease(ctx, tx, actor, s, c)
			return strconv.FormatBool(added), err
		})
		created = outcome == "true"
		if err == nil && r.Version == "" { // it was answered before
			r, err = tx.Releases().Get(ctx, c.Service, c.Version)
		}
		return err
	})
	return r, created, err
}

func (a *App) addRelease(ctx context.Context, tx slipway.Tx, actor slipway.Actor, s slipway.Service, c CreateRelease) (slipway.Release, bool, error) {
	r := slipway.Release{Service: s.Name, Version: c.Version, Content: c.Content, CreatedBy: actor.Name, CreatedAt: a.now()}
	if err := slipway.Invalid("The release", r.Validate()); err != nil {
		return r, false, err
	}
	old, err := tx.Releases().Get(ctx, s.Name, c.Version)
	switch {
	case err == nil && old.Content.Digest() == c.Content.Digest():
		return old, false, nil
	case err == nil:
		return old, false, slipway.Conflict("Release "+c.Version+" of "+s.Name+" exists with other content. A release never changes.",
			"Give the new content a new version.")
	case !slipway.IsNotFound(err):
		return r, false, err
	}
	if r, err = tx.Releases().Add(ctx, r); err != nil {
		return r, false, err
	}
	return r, true, a.record(ctx, tx, actor, change{action: "release.created", on: s.Resource(""), subject: "release " + c.Version,
		summary: "created release " + c.Version + " of " + s.Name, detail: map[string]any{"content": c.Content.Digest(), "artifacts": c.Content.Artifacts}})
}

// BlockRelease keeps a release from being deployed; an empty reason lets it go
// again.
type BlockRelease struct {
	Once
	Service string
	Version string
	Reason  string
	Unblock bool
}

// BlockRelease blocks or unblocks. What waits with the release is judged anew.
func (a *App) BlockRelease(ctx context.Context, actor slipway.Actor, c BlockRelease) (r slipway.Release, err error) {
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		s, err := a.service(ctx, tx, actor, c.Service, "", slipway.ReleaseBlock)
		if err != nil {
			return err
		}
		_, err = a.once(ctx, tx, actor, c.Once, c, func() (string, error) { return c.Version, a.setBlocked(ctx, tx, actor, s, c) })
		if err != nil {
			return err
		}
		r, err = tx.Releases().Get(ctx, c.Service, c.Version)
		return err
	})
	return r, err
}

func (a *App) setBlocked(ctx context.Context, tx slipway.Tx, actor slipway.Actor, s slipway.Service, c BlockRelease) error {
	r, err := tx.Releases().Get(ctx, c.Service, c.Version)
	if err != nil {
		return err
	}
	reason := strings.TrimSpace(c.Reason)
	action, summary := "release.blocked", "blocked release "+c.Version+" of "+s.Name+": "+reason
	block := &slipway.Block{Reason: reason, By: actor.Name, Since: a.now()}
	switch {
	case c.Unblock && r.Blocked == nil:
		return nil
	case c.Unblock:
		block, action, summary = nil, "release.unblocked", "unblocked release "+c.Version+" of "+s.Name
	case reason == "" || len(reason) > maxText:
		return slipway.Invalid("The block", []slipway.FieldError{{Field: "reason", Message: "is needed, so that others know what is wrong with the release"}})
	case r.Blocked != nil:
		return slipway.Conflict(c.Version+" is blocked already, by "+r.Blocked.By+".", "Unblock it first to give another reason.")
	}
	if err := tx.Releases().SetBlocked(ctx, c.Service, c.Version, block); err != nil {
		return err
	}
	if err := a.record(ctx, tx, actor, change{action: action, on: s.Resource(""), subject: "release " + c.Version, summary: summary}); err != nil {
		return err
	}
	return a.wakeWaiting(ctx, tx, slipway.DeploymentFilter{Service: c.Service, Version: c.Version})
}

// ReleasePage is a release and where it has been.
type ReleasePage struct {
	Service     slipway.Service
	Release     slipway.Release
	Newest      bool
	Stages      []slipway.StageState // of the service
	Pipeline    slipway.Pipeline     // revision 0 if there is none
	Deployments []slipway.Deployment // of this release, newest first
	MayPromote  map[string]string    // environment → why not, empty if allowed
	MayBlock    string               // why not, empty if allowed
}

// Release returns a release with everything about it.
func (a *App) Release(ctx context.Context, actor slipway.Actor, service, version string) (p ReleasePage, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if p.Service, err = a.service(ctx, tx, actor, service, "", slipway.ServiceRead); err != nil {
			return err
		}
		if p.Release, err = tx.Releases().Get(ctx, service, version); err != nil {
			return err
		}
		newest, err := tx.Releases().Newest(ctx, service)
		if err != nil {
			return err
		}
		p.Newest = newest.Version == version
		if p.Stages, err = tx.Stages().Of(ctx, []string{service}); err != nil {
			return err
		}
		if p.Pipeline, err = tx.Pipelines().Latest(ctx, service); err != nil && !slipway.IsNotFound(err) {
			return err
		}
		p.Deployments, _, err = tx.Deployments().List(ctx, slipway.DeploymentFilter{Service: service, Version: version}, slipway.Page{Limit: defaultLimit})
		if err != nil {
			return err
		}
		p.MayPromote = map[string]string{}
		for _, stage := range p.Pipeline.Stages {
			if p.MayPromote[stage.Environment], err = a.may(ctx, tx, actor, slipway.DeploymentPromote, p.Service.Resource(stage.Environment)); err != nil {
				return err
			}
		}
		p.MayBlock, err = a.may(ctx, tx, actor, slipway.ReleaseBlock, p.Service.Resource(""))
		return err
	})
	return p, err
}

// Releases lists the releases of a service, newest first.
func (a *App) Releases(ctx context.Context, actor slipway.Actor, service string, page slipway.Page) (out []slipway.Release, next string, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if _, err := a.service(ctx, tx, actor, service, "", slipway.ServiceRead); err != nil {
			return err
		}
		out, next, err = tx.Releases().List(ctx, service, bounded(page))
		return err
	})
	return out, next, err
}
