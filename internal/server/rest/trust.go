package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TrustRule lets the jobs of one repository in without a key.
type TrustRule struct {
	ID           int64             `json:"id"`
	Name         string            `json:"name"`
	Kind         string            `json:"kind" doc:"github, gitlab or oidc"`
	Issuer       string            `json:"issuer"`
	Audience     string            `json:"audience"`
	Claims       map[string]string `json:"claims" doc:"What tokens have to say, each to the letter."`
	Immutable    string            `json:"immutable,omitempty" doc:"Of the kind oidc: the claim that names the same thing for ever; sub if left out."`
	Team         string            `json:"team,omitempty" doc:"Whose services its tokens are for; or:"`
	Service      string            `json:"service,omitempty"`
	Permissions  []string          `json:"permissions"`
	Environments []string          `json:"environments" doc:"Of what is done to stages; empty: all."`
	Lifetime     string            `json:"lifetime" doc:"Of its tokens."`
	By           string            `json:"by"`
	CreatedAt    time.Time         `json:"createdAt"`
}

// AddTrustRule asks for a rule.
type AddTrustRule struct {
	Name         string            `json:"name" maxLength:"100" doc:"What it is for."`
	Kind         string            `json:"kind" enum:"github,gitlab,oidc"`
	Issuer       string            `json:"issuer" maxLength:"300" example:"https://token.actions.githubusercontent.com"`
	Audience     string            `json:"audience" maxLength:"300" doc:"Your own: the address of this Slipway. Without one a token for somebody else would do."`
	Claims       map[string]string `json:"claims" doc:"Equal to the letter; no prefixes, no wildcards. github needs repository_id and repository_owner_id, gitlab project_id and namespace_id, oidc sub or the claim that immutable names."`
	Immutable    string            `json:"immutable,omitempty" maxLength:"100"`
	Team         string            `json:"team,omitempty" maxLength:"63" doc:"Either a team or a service."`
	Service      string            `json:"service,omitempty" maxLength:"63"`
	Permissions  []string          `json:"permissions" doc:"You need each of them yourself, on all that the rule reaches."`
	Environments []string          `json:"environments,omitempty" doc:"All if left out."`
	Lifetime     string            `json:"lifetime,omitempty" maxLength:"20" example:"15m" doc:"15m if left out, 1h at most."`
}

func trustRule(r slipway.TrustRule) TrustRule {
	out := TrustRule{ID: r.ID, Name: r.Name, Kind: string(r.Kind), Issuer: r.Issuer, Audience: r.Audience, Claims: r.Claims, Immutable: r.Immutable, Permissions: names(r.Permissions),
		Environments: append([]string{}, r.Environments...), Lifetime: r.Lifetime.String(), By: r.By, CreatedAt: at(r.CreatedAt)}
	if r.Scope.Kind == slipway.ScopeTeam {
		out.Team = r.Scope.Name
	} else {
		out.Service = r.Scope.Name
	}
	return out
}

type addTrustRuleIn struct {
	KeyIn
	Body AddTrustRule
}

func (s *Surface) registerTrust() {
	const path = "/trust-rules"
	manage := server.Needs(slipway.TrustManage)
	add(s, operation{id: "list-trust-rules", method: http.MethodGet, path: path, access: manage, tag: "access",
		summary: "List which CI jobs come in without a key"}, s.listTrustRules)
	add(s, operation{id: "add-trust-rule", method: http.MethodPost, path: path, access: manage, tag: "access",
		summary: "Let the jobs of a repository in without a key", status: http.StatusCreated,
		about: "A job exchanges the token that its CI system gives it at POST /auth/token (RFC 8693) for a short-lived one that may what the rule says. " +
			"Tokens are for your own audience, signed with RS256 or ES256, and good for one exchange. Jobs that run a change which is only proposed are never let in."}, s.addTrustRule)
	add(s, operation{id: "remove-trust-rule", method: http.MethodDelete, path: path + "/{id}", access: manage, tag: "access",
		summary: "Remove a trust rule; its tokens end at once"}, s.removeTrustRule)
}

func (s *Surface) listTrustRules(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[Page[TrustRule]], error) {
	all, err := s.App.TrustRules(ctx, actor)
	if err != nil {
		return nil, err
	}
	return pageOf(all, "", trustRule), nil
}

func (s *Surface) addTrustRule(ctx context.Context, actor slipway.Actor, in *addTrustRuleIn) (*answer[TrustRule], error) {
	b := in.Body
	rule := slipway.TrustRule{Name: b.Name, Kind: slipway.TrustKind(b.Kind), Issuer: b.Issuer, Audience: b.Audience, Claims: b.Claims, Immutable: b.Immutable, Environments: b.Environments}
	switch {
	case b.Service != "" && b.Team != "":
		return nil, slipway.Invalid("The trust rule", []slipway.FieldError{{Field: "team", Message: "is left out where there is a service"}})
	case b.Service != "":
		rule.Scope = slipway.Scope{Kind: slipway.ScopeService, Name: b.Service}
	case b.Team != "":
		rule.Scope = slipway.Scope{Kind: slipway.ScopeTeam, Name: b.Team}
	default:
		return nil, slipway.Invalid("The trust rule", []slipway.FieldError{{Field: "service", Message: "is needed, or a team"}})
	}
	for _, p := range b.Permissions {
		rule.Permissions = append(rule.Permissions, slipway.Permission(p))
	}
	if b.Lifetime != "" {
		d, err := time.ParseDuration(b.Lifetime)
		if err != nil {
			return nil, slipway.Invalid("The trust rule", []slipway.FieldError{{Field: "lifetime", Message: "is a duration such as 15m"}})
		}
		rule.Lifetime = slipway.Duration(d)
	}
	r, err := s.App.AddTrustRule(ctx, actor, app.AddTrustRule{Once: in.once(), Rule: rule})
	if err != nil {
		return nil, err
	}
	return &answer[TrustRule]{trustRule(r)}, nil
}

func (s *Surface) removeTrustRule(ctx context.Context, actor slipway.Actor, in *keyedIDIn) (*empty, error) {
	return nil, s.App.RemoveTrustRule(ctx, actor, app.RemoveTrustRule{Once: in.once(), Rule: in.ID})
}
