package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// AddTrustRule lets the jobs of one repository in. ID, By and CreatedAt of the
// rule are not looked at.
type AddTrustRule struct {
	Once
	Rule slipway.TrustRule
}

// maxTrustRules bounds what each exchange looks through.
const maxTrustRules = 500

// AddTrustRule saves the rule. Nobody gives more than they have: whoever makes
// the rule needs every permission of it, on everything that it reaches.
func (a *App) AddTrustRule(ctx context.Context, actor slipway.Actor, c AddTrustRule) (slipway.TrustRule, error) {
	var r slipway.TrustRule
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		on, err := a.trustResource(ctx, tx, actor, c.Rule.Scope)
		if err != nil {
			return err
		}
		outcome, err := a.once(ctx, tx, actor, c.Once, c, func() (string, error) { return a.keepTrustRule(ctx, tx, actor, on, c.Rule) })
		if err != nil {
			return err
		}
		id, err := atoi("trust rule", outcome)
		if err != nil {
			return err
		}
		r, err = tx.Trust().Get(ctx, id)
		return err
	})
	return r, err
}

// trustResource is what a rule reaches, for an actor who may make rules there.
// A service that the actor may not see is none.
func (a *App) trustResource(ctx context.Context, tx slipway.Tx, actor slipway.Actor, scope slipway.Scope) (slipway.Resource, error) {
	if scope.Kind == slipway.ScopeService {
		s, err := a.service(ctx, tx, actor, scope.Name, "", slipway.TrustManage)
		return slipway.Resource{Team: s.Team, Service: s.Name}, err
	}
	on := slipway.Resource{Team: scope.Name}
	if scope.Kind != slipway.ScopeTeam {
		on = slipway.Resource{} // no such rule: but only those hear it who may make one
	}
	if err := a.authorize(ctx, tx, actor, slipway.TrustManage, on); err != nil || on.Team == "" {
		return on, err
	}
	_, err := tx.Teams().Get(ctx, scope.Name)
	return on, err
}

func (a *App) keepTrustRule(ctx context.Context, tx slipway.Tx, actor slipway.Actor, on slipway.Resource, r slipway.TrustRule) (string, error) {
	r.Name, r.By, r.CreatedAt = strings.TrimSpace(r.Name), actor.Name, a.now()
	if r.Lifetime == 0 {
		r.Lifetime = slipway.Duration(slipway.DefaultTrustLifetime)
	}
	if len(r.Permissions) > 0 && !slices.Contains(r.Permissions, slipway.ServiceRead) {
		r.Permissions = append([]slipway.Permission{slipway.ServiceRead}, r.Permissions...) // nothing can be done to what cannot be seen
	}
	faults := r.Faults()
	for _, environment := range r.Environments {
		if _, err := tx.Environments().Get(ctx, environment); slipway.IsNotFound(err) {
			faults = append(faults, slipway.FieldError{Field: "environments", Message: fmt.Sprintf("%q is none", environment)})
		} else if err != nil {
			return "", err
		}
	}
	if err := slipway.Invalid("The trust rule", faults); err != nil {
		return "", err
	}
	if err := a.givesOwn(ctx, tx, actor, on, r); err != nil {
		return "", err
	}
	kept, err := tx.Trust().List(ctx)
	if err != nil {
		return "", err
	}
	if len(kept) >= maxTrustRules {
		return "", slipway.Conflict(fmt.Sprintf("There are %d trust rules already.", len(kept)), "Remove those that nobody needs any more.")
	}
	if r, err = tx.Trust().Add(ctx, r); err != nil {
		return "", err
	}
	account := slipway.ServiceAccount{ID: r.Account(), Description: "trust rule " + itoa(r.ID) + ": " + r.Name, CreatedAt: r.CreatedAt}
	if err := tx.People().PutServiceAccount(ctx, account); err != nil {
		return "", err
	}
	return itoa(r.ID), a.record(ctx, tx, actor, change{action: "trust.added", on: on, subject: "trust rule " + itoa(r.ID),
		summary: fmt.Sprintf("lets jobs of %s in for %s by trust rule %d (%s)", r.Issuer, policy.DescribeScope(r.Scope), r.ID, r.Name), detail: r})
}

// givesOwn refuses a rule that gives what its maker may not do.
func (a *App) givesOwn(ctx context.Context, tx slipway.Tx, actor slipway.Actor, on slipway.Resource, r slipway.TrustRule) error {
	for _, p := range r.Permissions {
		places := []string{""}
		if p.OfStages() && len(r.Environments) > 0 {
			places = r.Environments
		}
		for _, environment := range places {
			on.Environment = environment
			if err := a.authorize(ctx, tx, actor, p, on); err != nil {
				return err
			}
		}
	}
	return nil
}

// RemoveTrustRule removes a trust rule.
type RemoveTrustRule struct {
	Once
	Rule int64
}

// RemoveTrustRule shuts the door again, and ends the tokens that it gave.
func (a *App) RemoveTrustRule(ctx context.Context, actor slipway.Actor, c RemoveTrustRule) error {
	return a.writeOnce(ctx, actor, c.Once, c, func(tx slipway.Tx) error {
		if err := a.outright(ctx, tx, actor, slipway.TrustManage, slipway.Resource{}); err != nil {
			return err
		}
		r, err := tx.Trust().Get(ctx, c.Rule)
		if err != nil {
			return err
		}
		on, err := a.scopeResource(ctx, tx, r.Scope)
		if err != nil {
			return err
		}
		if err := a.authorize(ctx, tx, actor, slipway.TrustManage, on); err != nil {
			if hidden := a.authorize(ctx, tx, actor, slipway.ServiceRead, on); slipway.CodeOf(hidden) == slipway.CodeDenied {
				return slipway.NotFound("trust rule", itoa(c.Rule))
			}
			return err
		}
		if err := tx.Trust().Remove(ctx, c.Rule, a.now()); err != nil {
			return err
		}
		return a.record(ctx, tx, actor, change{action: "trust.removed", on: on, subject: "trust rule " + itoa(c.Rule),
			summary: fmt.Sprintf("removed trust rule %d (%s); its tokens ended", c.Rule, r.Name), detail: r})
	})
}

// TrustRules lists the rules for what the actor may make rules for.
func (a *App) TrustRules(ctx context.Context, actor slipway.Actor) (out []slipway.TrustRule, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		out = []slipway.TrustRule{}
		may, err := a.visible(ctx, tx, actor, slipway.TrustManage)
		if err != nil {
			return err
		}
		if may.Nothing() {
			return a.authorize(ctx, tx, actor, slipway.TrustManage, slipway.Resource{})
		}
		all, err := tx.Trust().List(ctx)
		if err != nil {
			return err
		}
		for _, r := range all {
			on, err := a.scopeResource(ctx, tx, r.Scope)
			if err != nil && !slipway.IsNotFound(err) {
				return err
			}
			if err == nil && may.Admits(on) {
				out = append(out, r)
			}
		}
		return nil
	})
	return out, err
}
