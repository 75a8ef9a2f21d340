package app

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// StopTheLine keeps everything from starting anywhere.
type StopTheLine struct {
	Once
	Reason string
}

// StopTheLine stops the line. Rollbacks start all the same, and what is at work
// stands still before its next phase. To stop it again for the same reason
// changes nothing; one that somebody else has stopped is a conflict.
func (a *App) StopTheLine(ctx context.Context, actor slipway.Actor, c StopTheLine) (*slipway.StoppedLine, error) {
	return a.lineWrite(ctx, actor, c.Once, c, func(tx slipway.Tx, was *slipway.StoppedLine) error {
		reason := strings.TrimSpace(c.Reason)
		switch {
		case reason == "" || len(reason) > maxText:
			return slipway.Invalid("The stop", []slipway.FieldError{{Field: "reason", Message: "is needed, so that everybody knows why they wait"}})
		case was != nil && was.Owner == actor.ID && was.Reason == reason:
			return nil
		case was != nil:
			return slipway.Conflict("The line is stopped already, by "+was.OwnerName+": "+was.Reason, "Let it go first.")
		}
		line := slipway.StoppedLine{Owner: actor.ID, OwnerName: actor.Name, Reason: reason, Since: a.now()}
		if err := tx.Line().Stop(ctx, line); err != nil {
			return err
		}
		return a.record(ctx, tx, actor, change{action: "line.stopped", subject: "the line", summary: "stopped the line: " + reason, detail: line})
	})
}

// LetTheLineGo lets deployments start and go on again.
type LetTheLineGo struct{ Once }

// LetTheLineGo lets a stopped line go; one that goes goes on.
func (a *App) LetTheLineGo(ctx context.Context, actor slipway.Actor, c LetTheLineGo) (*slipway.StoppedLine, error) {
	return a.lineWrite(ctx, actor, c.Once, c, func(tx slipway.Tx, was *slipway.StoppedLine) error {
		if was == nil {
			return nil
		}
		if err := tx.Line().Go(ctx); err != nil {
			return err
		}
		if err := a.record(ctx, tx, actor, change{action: "line.going", subject: "the line", summary: "let the line go again", detail: was}); err != nil {
			return err
		}
		return slipway.WakeHeldByLine(ctx, tx, a.now())
	})
}

func (a *App) lineWrite(ctx context.Context, actor slipway.Actor, once Once, command any, do func(slipway.Tx, *slipway.StoppedLine) error) (line *slipway.StoppedLine, err error) {
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		if err := a.authorize(ctx, tx, actor, slipway.LineStop, slipway.Resource{}); err != nil {
			return err
		}
		_, err := a.once(ctx, tx, actor, once, command, func() (string, error) {
			was, err := tx.Line().Get(ctx)
			if err != nil {
				return "", err
			}
			return "", do(tx, was)
		})
		if err != nil {
			return err
		}
		line, err = tx.Line().Get(ctx)
		return err
	})
	return line, err
}

// Line says whether the line is stopped, to everybody who is signed in; nil
// while it goes.
func (a *App) Line(ctx context.Context, actor slipway.Actor) (line *slipway.StoppedLine, err error) {
	if err := a.signedIn(actor); err != nil {
		return nil, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		line, err = tx.Line().Get(ctx)
		return err
	})
	return line, err
}
