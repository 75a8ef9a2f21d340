package app

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// SecretVersions is what the secrets of a service in an environment have been.
type SecretVersions struct {
	Service  slipway.Service
	Path     string
	Current  int
	Versions []SecretVersionView // newest first
}

// SecretVersionView is one version, and who made it if that was through Slipway.
type SecretVersionView struct {
	slipway.SecretVersion
	Change *slipway.SecretChange
	Live   bool // what runs was given it
}

// SecretVersions lists the versions, without values.
func (a *App) SecretVersions(ctx context.Context, actor slipway.Actor, service, environment string) (out SecretVersions, err error) {
	place, err := a.secretPlace(ctx, actor, service, environment, slipway.SecretList)
	if err != nil {
		return out, err
	}
	out.Service, out.Path = place.service, place.path
	own, _, err := a.Secret.As(actor)
	if err != nil {
		return out, err
	}
	h, err := own.History(ctx, place.path)
	if err != nil {
		return out, err
	}
	out.Current = h.Current
	return out, a.Store.Read(ctx, func(tx slipway.Tx) error {
		changes, err := tx.Secrets().Changes(ctx, place.path, 200)
		if err != nil {
			return err
		}
		pinned, err := pinnedVersions(ctx, tx, service, environment)
		if err != nil {
			return err
		}
		out.Versions = nil
		for _, v := range h.Versions {
			view := SecretVersionView{SecretVersion: v, Live: slices.Contains(pinned, v.Version)}
			for _, c := range changes {
				if c.Version == v.Version && makesVersion(c.Action) {
					view.Change = &c
				}
			}
			out.Versions = append(out.Versions, view)
		}
		return nil
	})
}

func makesVersion(action string) bool {
	return action == "set" || action == "imported" || action == "restored"
}

// pinnedVersions lists the versions that what runs was given.
func pinnedVersions(ctx context.Context, tx slipway.Tx, service, environment string) ([]int, error) {
	state, err := tx.Stages().Get(ctx, service, environment)
	if err != nil || state.Live == nil {
		return nil, err
	}
	var versions []int
	for _, v := range state.Live.Spec.Secrets {
		if !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
	}
	return versions, nil
}
