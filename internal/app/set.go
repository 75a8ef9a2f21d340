package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// PromoteSet asks for releases of several services to go to an environment
// together, each after those it depends on.
type PromoteSet struct {
	Once
	Name        string
	Environment string
	Items       []SetItem
	Note        string
	// OnFailure empty is rollback, which asks for the right to roll back.
	OnFailure slipway.FailureRule
}

// SetItem is one release of a set.
type SetItem struct {
	Service string
	Version string
	After   []string // services of the set that go first
}

// PromoteSet keeps the set, for the engine to take through. Whoever asks for it
// may do by hand all that it does: promote each item, and roll each back if
// that is its rule. Nothing is kept unless every item could start.
func (a *App) PromoteSet(ctx context.Context, actor slipway.Actor, c PromoteSet) (slipway.ReleaseSet, error) {
	var s slipway.ReleaseSet
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		if err := a.outright(ctx, tx, actor, slipway.DeploymentPromote, slipway.Resource{}); err != nil {
			return err
		}
		s = c.set(actor)
		if err := a.mayGo(ctx, tx, actor, &s); err != nil {
			return err
		}
		outcome, err := a.once(ctx, tx, actor, c.Once, c, func() (string, error) {
			if err := a.checkSet(ctx, tx, actor, &s); err != nil {
				return "", err
			}
			s.CreatedAt, s.Asked.At = a.now(), a.now()
			kept, err := tx.Sets().Insert(ctx, s)
			if err != nil {
				return "", err
			}
			return itoa(kept.ID), a.recordSet(ctx, tx, actor, kept, "set.promote", fmt.Sprintf("asked for set %s to go to %s", kept.Name, kept.Environment))
		})
		if err != nil {
			return err
		}
		s, err = setOf(ctx, tx, outcome)
		return err
	})
	return s, err
}

func (c PromoteSet) set(actor slipway.Actor) slipway.ReleaseSet {
	s := slipway.ReleaseSet{Name: strings.TrimSpace(c.Name), Environment: c.Environment, State: slipway.SetRunning, OnFailure: c.OnFailure,
		Asked: slipway.SetOrder{By: actor.Person(), TokenID: actor.TokenID}, Note: strings.TrimSpace(c.Note)}
	if s.OnFailure == "" {
		s.OnFailure = slipway.OnFailureRollback
	}
	for _, i := range c.Items {
		s.Items = append(s.Items, slipway.SetItem{Service: i.Service, Version: i.Version, After: i.After, State: slipway.ItemPending})
	}
	s.Message = fmt.Sprintf("0 of %d live.", len(s.Items))
	return s
}

// mayGo asks for each item by itself, before anything is told of any. What does
// not exist is answered like what may not be seen.
func (a *App) mayGo(ctx context.Context, tx slipway.Tx, actor slipway.Actor, s *slipway.ReleaseSet) error {
	for i := range s.Items {
		item := &s.Items[i]
		if item.Service == "" {
			continue // the check says so
		}
		found, err := a.service(ctx, tx, actor, item.Service, s.Environment, slipway.DeploymentPromote)
		if err != nil {
			return err
		}
		item.Team = found.Team
		if s.OnFailure != slipway.OnFailureRollback {
			continue
		}
		if _, err := a.service(ctx, tx, actor, item.Service, s.Environment, slipway.DeploymentRollback); err != nil {
			var e *slipway.Error
			if errors.As(err, &e) && e.Code == slipway.CodeDenied {
				e.Message = "A set that goes back by itself is for who may roll back: " + e.Message
				e.Do = strings.TrimSpace(e.Do + " Or say onFailure: stop.")
			}
			return err
		}
	}
	return nil
}

// checkSet refuses what could not go, item by item, and all of it at once.
func (a *App) checkSet(ctx context.Context, tx slipway.Tx, actor slipway.Actor, s *slipway.ReleaseSet) error {
	faults := s.Check()
	if len(s.Note) > maxText {
		faults = append(faults, slipway.FieldError{Field: "note", Message: fmt.Sprintf("is at most %d characters long", maxText)})
	}
	if err := slipway.Invalid("The set", faults); err != nil {
		return err
	}
	if err := a.notInAnother(ctx, tx, *s); err != nil {
		return err
	}
	var blocking []slipway.Verdict
	for i := range s.Items {
		item := &s.Items[i]
		r := slipway.Request{Service: item.Service, Environment: s.Environment, Version: item.Version, Cause: slipway.CausePromote, By: actor}
		draft, err := slipway.MakeDraft(ctx, tx, a.Deployers, r)
		var e *slipway.Error
		switch {
		case errors.As(err, &e) && e.Code != slipway.CodeInternal:
			faults = append(faults, slipway.FieldError{Field: fmt.Sprintf("items[%d]", i), Message: strings.TrimSuffix(e.Error(), ".")})
			continue
		case err != nil:
			return err
		case draft.Plan.LeavesPart():
			faults = append(faults, slipway.FieldError{Field: fmt.Sprintf("items[%d]", i),
				Message: fmt.Sprintf("%s of %s gives a release a part of the traffic only, and a set needs all of it", s.Environment, item.Service)})
			continue
		}
		item.Seq = draft.Release.Seq
		refusals, err := slipway.Admit(ctx, tx, draft, r)
		if err != nil {
			return err
		}
		for _, v := range refusals {
			v.Reason = item.Service + ": " + v.Reason
			blocking = append(blocking, v)
		}
	}
	if err := slipway.Invalid("The set", faults); err != nil {
		return err
	}
	return slipway.Refuse("The set does not go to "+s.Environment+".", blocking)
}

// notInAnother keeps two sets from pushing one another aside.
func (a *App) notInAnother(ctx context.Context, tx slipway.Tx, s slipway.ReleaseSet) error {
	active, err := tx.Sets().Active(ctx)
	if err != nil {
		return err
	}
	for _, other := range active {
		for _, item := range s.Items {
			if other.Environment == s.Environment && other.Item(item.Service) >= 0 {
				return slipway.Conflict(fmt.Sprintf("%s is in set %d already, which is still under way in %s.", item.Service, other.ID, s.Environment),
					"Wait for that one to end, or cancel it.")
			}
		}
	}
	return nil
}

func setOf(ctx context.Context, tx slipway.Tx, outcome string) (slipway.ReleaseSet, error) {
	id, err := atoi("set", outcome)
	if err != nil {
		return slipway.ReleaseSet{}, err
	}
	return tx.Sets().Get(ctx, id)
}

// recordSet writes the audit entry and the event of what somebody did to a set.
func (a *App) recordSet(ctx context.Context, tx slipway.Tx, actor slipway.Actor, s slipway.ReleaseSet, action, summary string) error {
	entry := actor.Entry(action, s.Whole(), s.Subject(), summary, a.now())
	detail, err := json.Marshal(map[string]any{"items": s.Items, "onFailure": s.OnFailure, "stop": s.Stop})
	if err != nil {
		return fmt.Errorf("audit detail of %s: %w", action, err)
	}
	entry.Detail = detail
	if err := tx.Audit().Append(ctx, entry); err != nil {
		return err
	}
	event := s.Event(action, actor, entry.At)
	event.Message = summary
	return tx.Events().Add(ctx, event)
}
