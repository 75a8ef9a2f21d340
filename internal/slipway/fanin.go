package slipway

import (
	"context"
	"slices"
)

// When a release may go on by itself to a stage that has others before it:
//
//	In each stage before, it has been live, whole, and nothing older has been
//	live there since.
//
// That something newer has taken its place in one of them takes nothing away
// from that: each stage moves at its own pace, and a stage that wanted them all
// at the same release at the same moment might wait for ever. Going back behind
// it does, even if something newer is live by now: somebody found a reason not
// to have it. A part of the traffic is no proof at all. Of the releases that
// may go on, the newest does.

// Lived is a release that was live in a stage.
type Lived struct {
	Seq     int64
	Version string
}

// Past tells what was live in one stage, newest first: what is live, what was
// live before that, and so on; false at the end.
type Past func() (l Lived, ok bool, err error)

// NewestInAll returns the newest release after a number that may go on from all
// the stages before; the zero value if none may. It reads no further back than
// it has to.
func NewestInAll(before []Past, after int64) (Lived, error) {
	if len(before) == 0 {
		return Lived{}, nil
	}
	// Whatever may go on from a stage is older than all that was live there
	// since: the oldest met so far on the way back.
	oldest := make([]Lived, len(before))
	want := int64(1<<63 - 1)
	for {
		agreed := 0
		for i, past := range before {
			for oldest[i].Version == "" || oldest[i].Seq > want {
				l, ok, err := past()
				if err != nil || !ok {
					return Lived{}, err
				}
				oldest[i] = l // all that was passed over is newer than what is wanted
			}
			if oldest[i].Seq == want {
				agreed++
			}
		}
		if agreed == len(before) {
			return oldest[0], nil
		}
		want = slices.MinFunc(oldest, func(a, b Lived) int { return int(a.Seq - b.Seq) }).Seq
		if want <= after {
			return Lived{}, nil
		}
	}
}

// How much of a past is read at a time, and at most. Mostly what is live
// suffices.
const (
	pastPage = 10
	pastMost = 1000
)

// PastOf reads the past of a stage. What only ever had a part of the traffic is
// left out.
func PastOf(ctx context.Context, tx Tx, service, environment string) Past {
	var rows []Deployment
	page, begun, read := Page{Limit: pastPage}, false, 0
	return func() (Lived, bool, error) {
		if !begun {
			begun = true
			state, err := tx.Stages().Get(ctx, service, environment)
			if err != nil || state.Live == nil {
				return Lived{}, false, err
			}
			return Lived{Seq: state.Live.Spec.Seq, Version: state.Live.Spec.Version}, true, nil
		}
		for {
			for len(rows) > 0 {
				d := rows[0]
				rows = rows[1:]
				if !d.Plan.LeavesPart() {
					return Lived{Seq: d.Plan.To.Seq, Version: d.Version}, true, nil
				}
			}
			if read > 0 && page.Cursor == "" || read >= pastMost {
				return Lived{}, false, nil
			}
			var err error
			filter := DeploymentFilter{Service: service, Environment: environment, States: []State{Succeeded}}
			if rows, page.Cursor, err = tx.Deployments().List(ctx, filter, page); err != nil || len(rows) == 0 {
				return Lived{}, false, err
			}
			read += len(rows)
		}
	}
}

// wasLive reports whether a release has ever been live in a stage, whole.
func wasLive(ctx context.Context, tx Tx, service, environment, version string) (bool, error) {
	filter := DeploymentFilter{Service: service, Environment: environment, Version: version, States: []State{Succeeded}}
	page := Page{Limit: pastPage}
	for {
		rows, next, err := tx.Deployments().List(ctx, filter, page)
		if err != nil {
			return false, err
		}
		whole := func(d Deployment) bool { return !d.Plan.LeavesPart() }
		if next == "" || slices.ContainsFunc(rows, whole) {
			return slices.ContainsFunc(rows, whole), nil
		}
		page.Cursor = next
	}
}
