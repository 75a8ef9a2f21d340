package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// setActor acts in the name of who gave an order. The audit tells that it was
// not by their own hand.
func setActor(s slipway.ReleaseSet, order slipway.SetOrder) slipway.Actor {
	return slipway.Actor{Kind: order.By.Kind, ID: order.By.ID, Name: order.By.Name, TokenID: order.TokenID, Via: slipway.ViaEngine, RequestID: s.Subject()}
}

// orderFor is whose order an action carries out. What goes back by the set's own
// rule was ordered together with the set.
func orderFor(s slipway.ReleaseSet) slipway.SetOrder {
	if s.Stop != nil && s.Stop.By.Kind != slipway.ActorSystem {
		return *s.Stop
	}
	return s.Asked
}

// setRequest is the request that an action stands for.
func setRequest(l setLook, a slipway.SetAction) slipway.Request {
	item, order := l.is.Items[a.Item], orderFor(l.is)
	r := slipway.Request{Service: item.Service, Environment: l.is.Environment, Version: item.Version, Cause: slipway.CausePromote,
		By: setActor(l.is, order), Note: fmt.Sprintf("Set %d: %s.", l.is.ID, l.is.Name), AcceptIrreversible: order.AcceptIrreversible}
	if l.is.Note != "" {
		r.Note += " " + l.is.Note
	}
	if a.Verb == slipway.SetBack {
		from := l.facts.Deployments[item.Deployment].Plan.From
		r.Cause, r.Restore, r.Version = slipway.CauseRollback, from, from.Version
		r.Note = fmt.Sprintf("Set %d goes back: %s. %s", l.is.ID, l.is.Name, l.is.Stop.Reason)
	}
	return r
}

// setEvidence asks the deployer what a start would change, outside of any
// transaction.
func (e *Engine) setEvidence(ctx context.Context, seen setLook, a slipway.SetAction) (slipway.Plan, error) {
	if a.Verb == slipway.SetCancel {
		return slipway.Plan{}, nil
	}
	var draft slipway.Draft
	err := e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		draft, err = slipway.MakeDraft(ctx, tx, e.Deployers, setRequest(seen, a))
		return err
	})
	if err != nil {
		return slipway.Plan{}, err
	}
	evidence := draft.Plan
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if evidence.Preview, evidence.Prepared, err = e.Deployers.Preview(call, draft.Plan); err != nil {
		return evidence, &slipway.Error{Code: slipway.CodeUnavailable, Message: "The deployer could not say what would change: " + err.Error()}
	}
	return evidence, nil
}

// perform carries out an action in the transaction that saves the set. It asks
// first whether who ordered it still may: a set gives nobody a right.
func (e *Engine) perform(ctx context.Context, tx slipway.Tx, l *setLook, a slipway.SetAction, evidence slipway.Plan) error {
	item := &l.is.Items[a.Item]
	if a.Verb == slipway.SetCancel {
		return e.cancelItem(ctx, tx, l, *item)
	}
	order := orderFor(l.is)
	permission := slipway.DeploymentPromote
	if a.Verb == slipway.SetBack {
		permission = slipway.DeploymentRollback
	}
	whyNot, err := e.Rights.MayStill(ctx, tx, order, permission, item.Service, l.is.Environment)
	if err != nil {
		return err
	}
	if whyNot != "" {
		return &slipway.Error{Code: slipway.CodeDenied, Message: whyNot}
	}
	live, ok := l.facts.Live[item.Service]
	if a.Verb == slipway.SetStart && ok && live.Spec.ID() == evidence.To.ID() {
		item.WasLive()
		return nil
	}
	if evidence.LeavesPart() {
		return slipway.Conflict(item.Service+" would get a part of the traffic only, and a set needs all of it.", "")
	}
	d, err := slipway.Start(ctx, tx, e.Deployers, setRequest(*l, a), evidence, e.now())
	if err != nil {
		return err
	}
	l.facts.Deployments[d.ID], l.facts.Active[item.Service] = d, d
	if a.Verb == slipway.SetBack {
		item.GoesBack(d.ID)
	} else {
		item.Started(d)
	}
	return nil
}

// cancelItem ends what has no use any more. A person's order is carried out as
// far as they still may; what is cancelled after a failure is Slipway's own.
func (e *Engine) cancelItem(ctx context.Context, tx slipway.Tx, l *setLook, item slipway.SetItem) error {
	d, by := l.facts.Deployments[item.Deployment], slipway.System(l.is.Subject())
	if order := *l.is.Stop; order.By.Kind != slipway.ActorSystem {
		by = setActor(l.is, order)
		permission := slipway.DeploymentControl
		if l.is.Ending == slipway.SetRolledBack {
			permission = slipway.DeploymentRollback
		}
		whyNot, err := e.Rights.MayStill(ctx, tx, order, permission, item.Service, l.is.Environment)
		if err != nil {
			return err
		}
		if whyNot != "" {
			return &slipway.Error{Code: slipway.CodeDenied, Message: whyNot}
		}
	}
	is, err := slipway.Advance(ctx, tx, d, slipway.CancelledBy{By: by.Person(), Reason: fmt.Sprintf("set %d goes no further", l.is.ID)}, by, e.now())
	if l.facts.Deployments[d.ID] = is; !is.State.Active() {
		delete(l.facts.Active, d.Service)
	}
	return err
}

// refuse keeps why an item could not be asked for. What may pass by itself is
// tried again for a while.
func refuse(item *slipway.SetItem, a slipway.SetAction, why error, now time.Time) {
	text := why.Error()
	var e *slipway.Error
	if errors.As(why, &e) && len(e.BlockedBy) > 0 {
		text = e.BlockedBy[0].Reason
	}
	passes := isAny(why, slipway.CodeConflict, slipway.CodeUnavailable) || isAny(why, slipway.CodeBlocked) && onlyWaits(e.BlockedBy)
	switch {
	case a.Verb == slipway.SetCancel: // it ends in its own way, and is told of there
		item.Message = text
	case passes:
		item.Waits(text, now)
	case a.Verb == slipway.SetBack:
		item.Stays(a.HasNew, text)
	default:
		item.Refused(text)
	}
}

func onlyWaits(verdicts []slipway.Verdict) bool {
	for _, v := range verdicts {
		if v.Result != slipway.Wait {
			return false
		}
	}
	return len(verdicts) > 0
}
