package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Approve says yes to exactly one plan of a waiting deployment.
type Approve struct {
	Once
	Deployment int64
	PlanDigest string
	Comment    string
}

// Reject says no, with a reason, and ends the deployment.
type Reject struct {
	Once
	Deployment int64
	PlanDigest string
	Reason     string
}

// Approve records the vote and wakes the engine, which judges the gates anew.
func (a *App) Approve(ctx context.Context, actor slipway.Actor, c Approve) (slipway.Deployment, error) {
	return a.decide(ctx, actor, slipway.DeploymentApprove, c.Deployment, c.Once, c, func(tx slipway.Tx, d slipway.Deployment) error {
		if err := a.samePlan(ctx, tx, d, c.PlanDigest); err != nil {
			return err
		}
		vote, err := a.newVote(ctx, tx, d, actor, slipway.Approve, c.Comment)
		if err != nil {
			return err
		}
		if err := countsSomewhere(vote, d); err != nil {
			return err
		}
		if _, err := tx.Votes().Add(ctx, vote); err != nil {
			return err
		}
		if err := slipway.WakeAt(ctx, tx, d, a.now()); err != nil {
			return err
		}
		return a.record(ctx, tx, actor, change{
			action: "deployment.approve", on: d.Resource(), subject: fmt.Sprintf("deployment %d", d.ID), deployment: d.ID,
			summary: fmt.Sprintf("%s approved %s to %s", actor.Name, d.Version, d.Environment),
			detail:  map[string]any{"plan": d.PlanDigest, "comment": c.Comment},
		})
	})
}

// Reject records the vote and ends the deployment at once.
func (a *App) Reject(ctx context.Context, actor slipway.Actor, c Reject) (slipway.Deployment, error) {
	reason := strings.TrimSpace(c.Reason)
	if reason == "" || len(reason) > maxText {
		return slipway.Deployment{}, slipway.Invalid("The rejection", []slipway.FieldError{{Field: "reason", Message: "is needed, so that the requester knows what to change"}})
	}
	return a.decide(ctx, actor, slipway.DeploymentApprove, c.Deployment, c.Once, c, func(tx slipway.Tx, d slipway.Deployment) error {
		if c.PlanDigest != "" && c.PlanDigest != d.PlanDigest {
			return planChanged(d)
		}
		vote, err := a.newVote(ctx, tx, d, actor, slipway.Reject, reason)
		if err != nil {
			return err
		}
		if _, err := tx.Votes().Add(ctx, vote); err != nil {
			return err
		}
		_, err = slipway.Advance(ctx, tx, d, slipway.RejectedBy{By: actor.Person(), Reason: reason}, actor, a.now())
		return err
	})
}

// maxText bounds every note, comment and reason.
const maxText = 2000

// decide loads the waiting deployment, authorizes and decides in one
// transaction.
func (a *App) decide(ctx context.Context, actor slipway.Actor, p slipway.Permission, id int64, once Once, command any, decide func(slipway.Tx, slipway.Deployment) error) (slipway.Deployment, error) {
	var d slipway.Deployment
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		found, err := a.deployment(ctx, tx, actor, id, p)
		if err != nil {
			return err
		}
		outcome, err := a.once(ctx, tx, actor, once, command, func() (string, error) {
			if actor.Kind != slipway.ActorUser {
				return "", &slipway.Error{Code: slipway.CodeDenied, Message: onlyPeople(p), Affected: "Nothing was changed."}
			}
			if found.State != slipway.Waiting {
				return "", slipway.Conflict(fmt.Sprintf("Deployment %d no longer waits: it is %s. %s", id, found.State, found.Message), "Look at it again.")
			}
			return itoa(id), decide(tx, found)
		})
		if err != nil {
			return err
		}
		d, err = deploymentOf(ctx, tx, outcome)
		return err
	})
	return d, err
}

func onlyPeople(p slipway.Permission) string {
	if p == slipway.GateBypass {
		return "Only people bypass a gate."
	}
	return "Only people approve or reject."
}

// samePlan makes sure that what was shown, what is kept and what today's facts
// say are one plan.
func (a *App) samePlan(ctx context.Context, tx slipway.Tx, d slipway.Deployment, shown string) error {
	if shown == "" {
		return slipway.Invalid("The approval", []slipway.FieldError{{Field: "plan", Message: "is the digest of the plan that you saw; an approval is for exactly one"}})
	}
	if shown != d.PlanDigest {
		return planChanged(d)
	}
	today, err := slipway.Redraft(ctx, tx, a.Deployers, d)
	if err != nil {
		return err
	}
	if today.Plan.Intent() != d.Plan.Intent() {
		return planChanged(d)
	}
	return nil
}

func planChanged(d slipway.Deployment) error {
	return slipway.Conflict(fmt.Sprintf("The plan of deployment %d changed since you saw it.", d.ID),
		"Look at what changed, then decide on plan "+slipway.ShortDigest(d.PlanDigest)+".")
}

func (a *App) newVote(ctx context.Context, tx slipway.Tx, d slipway.Deployment, actor slipway.Actor, decision slipway.Decision, comment string) (slipway.Vote, error) {
	if len(comment) > maxText {
		return slipway.Vote{}, slipway.Invalid("The comment", []slipway.FieldError{{Field: "comment", Message: fmt.Sprintf("is at most %d characters long", maxText)}})
	}
	votes, err := tx.Votes().Of(ctx, d.ID)
	if err != nil {
		return slipway.Vote{}, err
	}
	for _, v := range votes {
		if v.By == actor.ID && v.PlanDigest == d.PlanDigest && v.Decision == decision {
			return slipway.Vote{}, slipway.Conflict("You have approved this plan already.", "Nothing more is asked of you.")
		}
	}
	return slipway.Vote{Deployment: d.ID, PlanDigest: d.PlanDigest, Decision: decision, By: actor.ID, ByName: actor.Name,
		Groups: actor.Groups, Comment: comment, Via: actor.Via, At: a.now()}, nil
}

// countsSomewhere refuses an approval that no gate would count, with the
// reason: a click that changes nothing must not look like one that does.
func countsSomewhere(vote slipway.Vote, d slipway.Deployment) error {
	why := "no gate of it asks for approval"
	for _, g := range d.Plan.Gates {
		if g.Approval == nil {
			continue
		}
		if why = slipway.CountsFor(vote, d, *g.Approval); why == "" {
			return nil
		}
	}
	return &slipway.Error{Code: slipway.CodeDenied, Message: "Your approval would not count: " + why + ".", Affected: "Nothing was changed.",
		BlockedBy: []slipway.Verdict{{Gate: "approval", Result: slipway.Fail, Reason: why + "."}}}
}
