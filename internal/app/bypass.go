package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Bypass lets a deployment start without one of its gates. It is no approval:
// it needs a permission of its own, and the audit says what it is.
type Bypass struct {
	Once
	Deployment int64
	PlanDigest string // of the plan that was looked at; empty: whichever it is
	Gate       string // the key of a verdict, or its kind or title if no other has it
	Reason     string
}

// Bypass records who goes around which gate and why, for exactly this plan, and
// wakes the engine, which judges the gates anew.
func (a *App) Bypass(ctx context.Context, actor slipway.Actor, c Bypass) (slipway.Deployment, error) {
	reason := strings.TrimSpace(c.Reason)
	if reason == "" || len(reason) > maxText {
		return slipway.Deployment{}, slipway.Invalid("The bypass", []slipway.FieldError{{Field: "reason", Message: "is needed: others will ask why the gate was left out"}})
	}
	return a.decide(ctx, actor, slipway.GateBypass, c.Deployment, c.Once, c, func(tx slipway.Tx, d slipway.Deployment) error {
		shown := c.PlanDigest
		if shown == "" {
			shown = d.PlanDigest
		}
		if err := a.samePlan(ctx, tx, d, shown); err != nil {
			return err
		}
		facts, err := slipway.LoadGateFacts(ctx, tx, a.aids(), d, a.now())
		if err != nil {
			return err
		}
		v, err := shutGate(slipway.Verdicts(facts), c.Gate)
		if err != nil {
			return err
		}
		b, err := tx.Bypasses().Add(ctx, slipway.Bypass{Deployment: d.ID, PlanDigest: d.PlanDigest, Gate: v.Key, Reason: reason,
			By: actor.ID, ByName: actor.Name, Via: actor.Via, At: a.now()})
		if err != nil {
			return err
		}
		if err := slipway.WakeAt(ctx, tx, d, a.now()); err != nil {
			return err
		}
		return a.record(ctx, tx, actor, change{
			action: "gate.bypassed", on: d.Resource(), subject: fmt.Sprintf("deployment %d", d.ID), deployment: d.ID,
			summary: fmt.Sprintf("%s bypassed the gate %s for %s to %s: %s", actor.Name, v.Key, d.Version, d.Environment, reason),
			detail:  map[string]any{"plan": d.PlanDigest, "gate": v.Key, "reason": reason, "said": v.Reason, "bypass": b.ID},
		})
	})
}

// shutGate finds the gate that is meant, if it is one that a bypass opens.
func shutGate(verdicts []slipway.Verdict, name string) (slipway.Verdict, error) {
	at := slices.IndexFunc(verdicts, func(v slipway.Verdict) bool { return v.Key == name })
	var shut []string
	for i, v := range verdicts {
		if v.Result != slipway.Pass && slipway.Bypassable(v.Gate) {
			shut = append(shut, v.Key)
		}
		if others := slices.IndexFunc(verdicts[i+1:], func(o slipway.Verdict) bool { return o.Gate == name || o.Title == name }); at < 0 && others < 0 && (v.Gate == name || v.Title == name) {
			at = i
		}
	}
	switch {
	case at < 0 && len(shut) == 0:
		return slipway.Verdict{}, slipway.Conflict("No gate of this deployment is shut that could be bypassed.", "Look at what it waits for.")
	case at < 0:
		return slipway.Verdict{}, slipway.Invalid("The bypass", []slipway.FieldError{{Field: "gate", Message: "is one of " + strings.Join(shut, ", ")}})
	case verdicts[at].Result == slipway.Pass:
		return slipway.Verdict{}, slipway.Conflict("The gate "+verdicts[at].Key+" is open: "+verdicts[at].Reason, "There is nothing to bypass.")
	case !slipway.Bypassable(verdicts[at].Gate):
		return slipway.Verdict{}, slipway.Refuse("The gate "+verdicts[at].Key+" cannot be bypassed.", verdicts[at:at+1])
	default:
		return verdicts[at], nil
	}
}
