package app

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Announce has a channel of a chat system told of a deployment, in one message
// that is kept up to date. What a channel knows its members know: whoever asks
// has to be able to read the deployment, and asks for the channel they are in.
// Asking again changes nothing.
func (a *App) Announce(ctx context.Context, actor slipway.Actor, deployment int64, place slipway.Place) error {
	if place.Platform == "" || place.Channel == "" {
		return slipway.Invalid("The announcement", []slipway.FieldError{{Field: "channel", Message: "is needed"}})
	}
	return a.Store.Write(ctx, func(tx slipway.Tx) error {
		d, err := a.deployment(ctx, tx, actor, deployment, slipway.ServiceRead)
		if err != nil {
			return err
		}
		now := a.now()
		added, err := tx.Announcements().Add(ctx, slipway.Announcement{Deployment: deployment, Place: place, NextAt: &now, CreatedAt: now})
		if err != nil || !added {
			return err
		}
		return a.record(ctx, tx, actor, change{action: "deployment.announced", on: d.Resource(), subject: fmt.Sprintf("deployment %d", d.ID), deployment: d.ID,
			summary: fmt.Sprintf("had channel %s of %s told of %s to %s", place.Channel, place.Platform.Title(), d.Version, d.Environment), detail: place})
	})
}
