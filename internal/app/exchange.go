package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Exchange is a token of a CI system that was verified: its signature, its
// issuer and its time. What it says is not judged yet.
type Exchange struct {
	Issuer     string
	Audiences  []string
	Claims     map[string]string // those that are texts, numbers or truth values
	Use        slipway.TrustUse
	Rule       int64 // that the caller asks for; 0: the one that takes it
	ID         string
	SecretHash string
	RequestID  string
	Address    string
}

// TrustedAudiences returns what tokens of an issuer may be for. Of an issuer
// that no rule names nothing is known, and nobody asks it anything.
func (a *App) TrustedAudiences(ctx context.Context, issuer string) (audiences []string, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		rules, err := tx.Trust().Of(ctx, issuer)
		if err != nil {
			return err
		}
		audiences = nil
		for _, r := range rules {
			if !slices.Contains(audiences, r.Audience) {
				audiences = append(audiences, r.Audience)
			}
		}
		if len(rules) == 0 {
			return &slipway.Error{Code: slipway.CodeDenied, Message: "No trust rule of this Slipway names the issuer of the token.", Affected: "Nobody was let in.",
				Do: "Ask whoever looks after the service to add one: slipway trust add, or Settings, CI."}
		}
		return nil
	})
	return audiences, err
}

// ExchangeToken gives a short-lived token of ours for one of a CI system, if
// exactly one rule takes it. The new one may what the rule says, and lives as
// long as the rule says.
func (a *App) ExchangeToken(ctx context.Context, c Exchange) (slipway.Token, error) {
	var t slipway.Token
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		rules, err := tx.Trust().Of(ctx, c.Issuer)
		if err != nil {
			return err
		}
		r, err := chosenRule(rules, c)
		if err != nil {
			return err
		}
		on, err := a.scopeResource(ctx, tx, r.Scope)
		if err != nil {
			return err
		}
		now := a.now()
		if err := tx.Trust().Use(ctx, c.Use, now); err != nil {
			return err
		}
		t = slipway.Token{ID: c.ID, Name: r.TrustName(c.Claims), OwnerKind: slipway.ActorServiceAccount, OwnerID: r.Account(), SecretHash: c.SecretHash,
			Scopes: r.Permissions, CreatedAt: now, ExpiresAt: now.Add(time.Duration(r.Lifetime))}
		if err := tx.Tokens().Add(ctx, t); err != nil {
			return err
		}
		job := slipway.Actor{Kind: t.OwnerKind, ID: t.OwnerID, Name: t.Name, TokenID: t.ID, Scopes: t.Scopes, Via: slipway.ViaREST, RequestID: c.RequestID, Address: c.Address}
		return a.record(ctx, tx, job, change{action: "trust.used", on: on, subject: "trust rule " + itoa(r.ID),
			summary: fmt.Sprintf("came in for %s by trust rule %d (%s), until %s", policy.DescribeScope(r.Scope), r.ID, r.Name, t.ExpiresAt.Format(time.RFC3339)),
			detail:  map[string]any{"claims": slipway.TrustEvidence(c.Claims), "permissions": r.Permissions, "environments": r.Environments}})
	})
	return t, err
}

// chosenRule finds the one rule that takes a token. What it says to those it
// refuses is about their own token, never about rules.
func chosenRule(rules []slipway.TrustRule, c Exchange) (slipway.TrustRule, error) {
	var taken []slipway.TrustRule
	var why []string
	for _, r := range rules {
		if !slices.Contains(c.Audiences, r.Audience) || (c.Rule != 0 && c.Rule != r.ID) {
			continue
		}
		reason := r.Refuses(c.Claims)
		if reason == "" {
			taken = append(taken, r)
		} else if !slices.Contains(why, reason) {
			why = append(why, reason)
		}
	}
	if len(taken) == 1 {
		return taken[0], nil
	}
	refusal := &slipway.Error{Code: slipway.CodeDenied, Message: "No trust rule takes this token.", Affected: "Nobody was let in.",
		Do: "Check the job against the rule with whoever looks after the service: slipway trust list, or Settings, CI."}
	if len(taken) > 1 {
		ids := make([]string, len(taken))
		for i, r := range taken {
			ids[i] = itoa(r.ID)
		}
		refusal.Message, refusal.Do = fmt.Sprintf("Trust rules %s all take this token.", strings.Join(ids, ", ")), "Say which is meant: slipway login --ci --rule "+ids[0]
		return slipway.TrustRule{}, refusal
	}
	if len(why) > 0 {
		refusal.Message = "No trust rule takes this token: " + strings.Join(why[:min(len(why), 3)], "; ") + "."
	}
	return slipway.TrustRule{}, refusal
}
