package engine

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// setsEvery is how late a set goes on at worst, should its signals be lost.
const setsEvery = 15 * time.Second

// driveSets takes release sets further whenever a deployment of theirs has
// ended. Every replica does: the epoch of a set's row lets one of them take
// each step.
func (e *Engine) driveSets(ctx context.Context) {
	changed, cancel := e.Feed.Subscribe()
	defer cancel()
	ticker := time.NewTicker(setsEvery)
	defer ticker.Stop()
	var last int64
	for {
		if err := e.setsChanged(ctx, &last); err != nil && ctx.Err() == nil {
			e.Log.ErrorContext(ctx, "round of release sets failed, will try again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-ticker.C:
			last = 0 // all sets, whatever was missed
		}
	}
}

// setsChanged looks at the active sets that events after last concern, or at
// all of them when last is 0. Mostly there is none.
func (e *Engine) setsChanged(ctx context.Context, last *int64) error {
	var due []int64
	err := e.Store.Read(ctx, func(tx slipway.Tx) error {
		active, err := tx.Sets().Active(ctx)
		if err != nil {
			return err
		}
		concerned := func(slipway.ReleaseSet) bool { return true }
		if *last == 0 || len(active) == 0 {
			id, err := tx.Events().LastID(ctx)
			if err != nil {
				return err
			}
			*last = max(id, 1) // 0 would be all of them, next time too
		} else if concerned, err = concernedBy(ctx, tx, last); err != nil {
			return err
		}
		for _, s := range active {
			if concerned(s) {
				due = append(due, s.ID)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range due {
		// One set that comes to nothing does not keep the others waiting.
		if err := e.lookAtSet(ctx, id); err != nil && ctx.Err() == nil {
			e.Log.ErrorContext(ctx, "look at a release set failed, will try again", "set", id, "error", err)
		}
	}
	return nil
}

// concernedBy reads all events after last and tells which sets they are about:
// orders of people, and deployments that moved in the stages of their items.
func concernedBy(ctx context.Context, tx slipway.Tx, last *int64) (func(slipway.ReleaseSet) bool, error) {
	type stage struct{ service, environment string }
	sets, stages := map[int64]bool{}, map[stage]bool{}
	for {
		events, err := tx.Events().After(ctx, *last, 1000)
		if err != nil {
			return nil, err
		}
		for _, ev := range events {
			*last = ev.ID
			switch {
			case ev.Kind == "deployment.log", ev.Kind == "deployment.progress", ev.Kind == "set.progress":
			case strings.HasPrefix(ev.Kind, "deployment."):
				stages[stage{ev.Service, ev.Environment}] = true
			case strings.HasPrefix(ev.Kind, "set."):
				sets[slipway.SetOf(ev)] = true
			}
		}
		if len(events) == 0 {
			break
		}
	}
	return func(s slipway.ReleaseSet) bool {
		return sets[s.ID] || slices.ContainsFunc(s.Items, func(i slipway.SetItem) bool { return stages[stage{i.Service, s.Environment}] })
	}, nil
}

// lookAtSet takes all steps of a set that are due. What could not be done is
// tried again at the next look, not in this one.
func (e *Engine) lookAtSet(ctx context.Context, id int64) error {
	var tried []slipway.SetAction
	for crossed := 0; crossed < maxCrossed; {
		done, err := e.stepSet(ctx, id, &tried)
		if err == nil && done || ctx.Err() != nil {
			return ctx.Err()
		}
		if slipway.CodeOf(err) == slipway.CodeConflict {
			crossed++ // somebody was quicker: look again at what is there now
		} else if err != nil {
			return err
		}
	}
	return nil
}

// maxCrossed is how often a look begins again because others changed the set.
const maxCrossed = 20

// setLook is what one look saw.
type setLook struct {
	was, is slipway.ReleaseSet
	facts   slipway.SetFacts
	actions []slipway.SetAction
}

// seeSet judges a set as it is now. After a first look, it has to be the same
// one still.
func (e *Engine) seeSet(ctx context.Context, tx slipway.Tx, id int64, first *setLook) (l setLook, err error) {
	if l.was, err = tx.Sets().Get(ctx, id); err != nil {
		return l, err
	}
	if first != nil && l.was.Epoch != first.was.Epoch {
		return l, errMoved
	}
	if l.facts, err = slipway.LoadSetFacts(ctx, tx, l.was); err != nil {
		return l, err
	}
	l.is, l.actions = slipway.StepSet(l.was, l.facts, e.now())
	return l, nil
}

// stepSet takes one step, and reports whether there is nothing more to do. The
// start of a deployment and the record that it is this set's are one
// transaction: killed at any line, nothing is started twice or forgotten.
func (e *Engine) stepSet(ctx context.Context, id int64, tried *[]slipway.SetAction) (done bool, err error) {
	var seen setLook
	err = e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		seen, err = e.seeSet(ctx, tx, id, nil)
		return err
	})
	if err != nil {
		return false, err
	}
	next := slices.IndexFunc(seen.actions, func(a slipway.SetAction) bool { return !slices.Contains(*tried, a) })
	if next < 0 {
		if reflect.DeepEqual(seen.was, seen.is) {
			return true, nil
		}
		return true, e.Store.Write(ctx, func(tx slipway.Tx) error {
			l, err := e.seeSet(ctx, tx, id, &seen)
			if err == nil {
				_, err = slipway.SaveSet(ctx, tx, l.was, l.is, e.now())
			}
			return err
		})
	}
	action := seen.actions[next]
	if err := e.actOnSet(ctx, seen, action); err != nil {
		return false, err
	}
	*tried = append(*tried, action)
	return false, nil
}

// actOnSet does what a set asks for, and keeps what came of it.
func (e *Engine) actOnSet(ctx context.Context, seen setLook, a slipway.SetAction) error {
	evidence, failed := e.setEvidence(ctx, seen, a)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	write := func(do func(slipway.Tx, *setLook) error) error {
		return e.Store.Write(ctx, func(tx slipway.Tx) error {
			l, err := e.seeSet(ctx, tx, seen.was.ID, &seen)
			if err != nil {
				return err
			}
			if !slices.Contains(l.actions, a) {
				return errMoved
			}
			if err := do(tx, &l); err != nil {
				return err
			}
			// Once more with what was done: the message tells of it.
			is, _ := slipway.StepSet(l.is, l.facts, e.now())
			_, err = slipway.SaveSet(ctx, tx, l.was, is, e.now())
			return err
		})
	}
	if failed == nil {
		failed = write(func(tx slipway.Tx, l *setLook) error { return e.perform(ctx, tx, l, a, evidence) })
	}
	moved := errors.Is(failed, errMoved) || a.Verb == slipway.SetCancel && isAny(failed, slipway.CodeConflict)
	if failed == nil || moved || !isAny(failed, refusals()...) {
		return failed
	}
	e.Log.InfoContext(ctx, "an item of a release set was refused", "set", seen.was.ID, "service", seen.was.Items[a.Item].Service, "what", a.Verb, "why", failed.Error())
	return write(func(_ slipway.Tx, l *setLook) error {
		refuse(&l.is.Items[a.Item], a, failed, e.now())
		return nil
	})
}

// refusals are the answers that say something of the item, not of us.
func refusals() []slipway.Code {
	return []slipway.Code{slipway.CodeBlocked, slipway.CodeConflict, slipway.CodeNotFound, slipway.CodeInvalid, slipway.CodeDenied, slipway.CodeUnavailable}
}
