package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// damage marks a row with a document that cannot be decoded. It is an error to
// whoever asks for that row, but lists are read without it: one bad row must not
// take the board, or the engine's rounds, from everybody else.
type damage struct{ why error }

func (d *damage) spoil(why error) { d.why = why }

// spoilable is a row that can be marked so.
type spoilable interface{ spoil(why error) }

// undecodable is what a document says that is none.
type undecodable struct{ error }

func (e undecodable) Unwrap() error { return e.error }

// spoiled marks the row if that is what kept it from being read.
func spoiled(row any, err error) bool {
	var why undecodable
	if !errors.As(err, &why) {
		return false
	}
	into, ok := row.(spoilable)
	if ok {
		into.spoil(err)
	}
	return ok
}

var errPlan = errors.New("its plan cannot be decoded")

func unreadable(id int64, why error) error {
	return fmt.Errorf("store: deployment %d is damaged in the database: %w", id, why)
}

// whole leaves the damaged rows out, and says so in the log.
func (s deployments) whole(ctx context.Context, rows []deploymentRow) []deploymentRow {
	return slices.DeleteFunc(rows, func(r deploymentRow) bool {
		if r.why != nil {
			s.leftOut(ctx, r.ID, r.why)
		}
		return r.why != nil
	})
}

func (t *tx) leftOut(ctx context.Context, id int64, why error) {
	t.s.log.ErrorContext(ctx, "a deployment is damaged in the database and is left out of lists; nothing is done with it until its row is mended",
		"deployment", id, "error", why)
}
