package policy_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func ana() slipway.Actor {
	return slipway.Actor{Kind: slipway.ActorUser, ID: "ana", Name: "Ana", Groups: []string{"developers"}}
}

func ben() slipway.Actor {
	return slipway.Actor{Kind: slipway.ActorUser, ID: "ben", Name: "Ben", Groups: []string{"payments-leads"}}
}

func robot() slipway.Actor {
	return slipway.Actor{Kind: slipway.ActorServiceAccount, ID: "ci", Name: "CI", Groups: []string{"payments-leads"}}
}

func bind(kind slipway.SubjectKind, name string, role slipway.Role, scope slipway.ScopeKind, where string) slipway.Binding {
	return slipway.Binding{
		Subject: slipway.Subject{Kind: kind, Name: name}, Role: role,
		Scope: slipway.Scope{Kind: scope, Name: where},
	}
}

func organisation() []slipway.Binding {
	return []slipway.Binding{
		bind(slipway.SubjectEveryone, "", slipway.RoleViewer, slipway.ScopeTeam, "payments"),
		bind(slipway.SubjectGroup, "developers", slipway.RoleDeveloper, slipway.ScopeTeam, "payments"),
		bind(slipway.SubjectGroup, "payments-leads", slipway.RoleApprover, slipway.ScopeTeam, "payments"),
		bind(slipway.SubjectUser, "cleo", slipway.RoleMaintainer, slipway.ScopeEnvironment, "production"),
		bind(slipway.SubjectServiceAccount, "ci", slipway.RoleDeveloper, slipway.ScopeService, "billing-api"),
		bind(slipway.SubjectUser, "root", slipway.RoleAdmin, slipway.ScopeOrganisation, ""),
	}
}

func billing() slipway.Resource {
	return slipway.Resource{Team: "payments", Service: "billing-api", Environment: "production"}
}

func TestDecisionsAndTheirSentences(t *testing.T) {
	t.Parallel()
	narrow := ben()
	narrow.TokenID, narrow.Scopes = "t1", []slipway.Permission{slipway.ServiceRead, slipway.AuditRead}
	wide := ben()
	wide.TokenID = "t2"
	forged := slipway.System("automation")
	forged.Via = slipway.ViaREST
	stranger := slipway.Actor{Kind: slipway.ActorUser, ID: "eve", Name: "Eve"}
	mail := slipway.Resource{Team: "growth", Service: "mail"}

	tests := []struct {
		name       string
		actor      slipway.Actor
		permission slipway.Permission
		resource   slipway.Resource
		allowed    bool
		reason     string
		who        string
	}{
		{"by group", ben(), slipway.DeploymentApprove, billing(), true,
			"Ben may approve billing-api in production: group payments-leads has role approver on team payments.", ""},
		{"role lacks it", ana(), slipway.DeploymentApprove, billing(), false,
			"Ana may not approve billing-api in production: it needs deployment.approve; Ana has viewer on team payments, developer on team payments, which does not include it.",
			"group payments-leads, user cleo, user root"},
		{"scope does not reach", ana(), slipway.DeploymentPromote, mail, false,
			"Ana may not promote mail: it needs deployment.promote; Ana has viewer on team payments, developer on team payments, which does not reach mail.",
			"user root"},
		{"no role anywhere", robotNamed("cron"), slipway.ServiceRead, billing(), false,
			"cron may not see billing-api in production: it needs service.read; cron has no role anywhere.",
			"everyone, group developers, group payments-leads, user cleo and 2 more"},
		{"token narrows", narrow, slipway.DeploymentApprove, billing(), false,
			"Ben may not approve billing-api in production: it needs deployment.approve, and the token in use is limited to service.read, audit.read.",
			"a token with the scope deployment.approve"},
		{"token without scopes narrows nothing", wide, slipway.DeploymentApprove, billing(), true,
			"Ben may approve billing-api in production: group payments-leads has role approver on team payments.", ""},
		{"machine by its own name", robot(), slipway.ReleaseCreate, billing(), true,
			"CI may create releases of billing-api in production: CI has role developer on service billing-api.", ""},
		{"machine in no group", robot(), slipway.DeploymentApprove, billing(), false,
			"CI may not approve billing-api in production: it needs deployment.approve; CI has developer on service billing-api, which does not include it.",
			"group payments-leads, user cleo, user root"},
		{"system promotes", slipway.System("automation"), slipway.DeploymentPromote, billing(), true,
			"Slipway may promote billing-api to production by itself.", ""},
		{"system approves nothing", slipway.System("automation"), slipway.DeploymentApprove, billing(), false,
			"Slipway may not approve billing-api in production: Slipway does that only when a person asks for it.",
			"group payments-leads, user cleo, user root"},
		{"nobody sends requests as the system", forged, slipway.DeploymentPromote, billing(), false,
			"Slipway may not promote billing-api to production: nobody is signed in.", ""},
		{"everyone may see", stranger, slipway.ServiceRead, billing(), true,
			"Eve may see billing-api in production: everyone has role viewer on team payments.", ""},
		{"one's own tokens, with a role anywhere", stranger, slipway.TokenManage, slipway.Resource{}, true,
			"Eve may manage API tokens: everyone has role viewer on team payments.", ""},
		{"anonymous", slipway.Actor{}, slipway.ServiceRead, billing(), false,
			"Somebody unknown may not see billing-api in production: nobody is signed in.", ""},
		{"unknown permission", slipway.Actor{Kind: slipway.ActorUser, ID: "root"}, "secret.steal", billing(), false,
			"root may not \"secret.steal\" billing-api in production: it needs secret.steal; root has viewer on team payments, admin on the organisation, which does not include it.", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := policy.Decide(policy.Input{
				Actor: test.actor, Bindings: organisation(), Permission: test.permission, Resource: test.resource,
			})
			if got.Allowed != test.allowed || got.Reason != test.reason {
				t.Errorf("allowed %v: %s\nwant    %v: %s", got.Allowed, got.Reason, test.allowed, test.reason)
			}
			if (got.Denied == nil) != test.allowed {
				t.Fatalf("denied = %+v with allowed = %v", got.Denied, test.allowed)
			}
			if got.Denied != nil && got.Denied.Who != test.who {
				t.Errorf("who can = %q, want %q", got.Denied.Who, test.who)
			}
		})
	}
}

func robotNamed(id string) slipway.Actor {
	return slipway.Actor{Kind: slipway.ActorServiceAccount, ID: id}
}

func TestRefusalAsAnError(t *testing.T) {
	t.Parallel()
	ask := func(a slipway.Actor) error {
		return policy.Decide(policy.Input{
			Actor: a, Bindings: organisation(), Permission: slipway.DeploymentApprove, Resource: billing(),
		}).Err()
	}
	if err := ask(ben()); err != nil {
		t.Errorf("an allowed decision is the error %v", err)
	}
	if got := slipway.CodeOf(ask(slipway.Actor{})); got != slipway.CodeUnauthenticated {
		t.Errorf("anonymous: code %s", got)
	}
	const want = "You may not approve billing-api in production. It needs deployment.approve; you have viewer on team payments, " +
		"developer on team payments, which does not include it. Nothing was changed. Who can: group payments-leads, user cleo, user root."
	err := ask(ana())
	if slipway.CodeOf(err) != slipway.CodeDenied || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	var e *slipway.Error
	if !errors.As(err, &e) || len(e.BlockedBy) != 1 || e.BlockedBy[0].Gate != "permission" {
		t.Errorf("blockedBy = %+v, want the permission verdict", e.BlockedBy)
	}
}

func TestVisible(t *testing.T) {
	t.Parallel()
	bindings := append(organisation(),
		bind(slipway.SubjectUser, "ana", slipway.RoleViewer, slipway.ScopeService, "mail"),
		bind(slipway.SubjectUser, "ana", slipway.RoleViewer, slipway.ScopeEnvironment, "staging"),
		bind(slipway.SubjectUser, "ana", slipway.RoleViewer, slipway.ScopeTeam, ""))
	f := policy.Visible(bindings, ana(), slipway.ServiceRead)
	if f.All || !slices.Equal(f.Teams, []string{"payments"}) || !slices.Equal(f.Services, []string{"mail"}) ||
		!slices.Equal(f.Environments, []string{"staging"}) {
		t.Errorf("filter = %+v", f)
	}
	if f.Admits(slipway.Resource{}) || f.Admits(slipway.Resource{Team: "growth", Service: "web"}) {
		t.Error("the filter admits what nobody gave")
	}
	if root := policy.Visible(bindings, slipway.Actor{Kind: slipway.ActorUser, ID: "root"}, slipway.ServiceRead); !root.All {
		t.Errorf("the administrator sees %+v", root)
	}
	if none := policy.Visible(bindings, slipway.Actor{}, slipway.ServiceRead); !none.Nothing() {
		t.Errorf("nobody sees %+v", none)
	}
	if own := policy.Visible(bindings, ana(), slipway.TokenManage); !own.All {
		t.Errorf("own tokens: %+v", own)
	}
}

// A scope that lost its name must not reach everything that has no such part.
func TestANamelessScopeReachesNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []slipway.ScopeKind{slipway.ScopeTeam, slipway.ScopeService, slipway.ScopeEnvironment, ""} {
		for _, r := range resources() {
			bindings := []slipway.Binding{bind(slipway.SubjectUser, "ana", slipway.RoleAdmin, kind, "")}
			if decide(ana(), bindings, slipway.ServiceRead, r.resource) {
				t.Errorf("admin on %q without a name reaches %+v", kind, r.resource)
			}
		}
	}
}

func TestNobodyGivesAwayMoreThanTheyRuleOver(t *testing.T) {
	t.Parallel()
	chief := slipway.Actor{Kind: slipway.ActorUser, ID: "chief"}
	bindings := []slipway.Binding{bind(slipway.SubjectUser, "chief", slipway.RoleAdmin, slipway.ScopeTeam, "payments")}
	tests := []struct {
		scope slipway.Scope
		want  bool
	}{
		{slipway.Scope{Kind: slipway.ScopeTeam, Name: "payments"}, true},
		{slipway.Scope{Kind: slipway.ScopeService, Name: "billing-api"}, true},
		{slipway.Scope{Kind: slipway.ScopeTeam, Name: "growth"}, false},
		{slipway.Scope{Kind: slipway.ScopeEnvironment, Name: "production"}, false},
		{slipway.Scope{Kind: slipway.ScopeOrganisation}, false},
		{slipway.Scope{Kind: "galaxy", Name: "payments"}, false},
	}
	for _, test := range tests {
		d := policy.Decide(policy.Input{
			Actor: chief, Bindings: bindings, Permission: slipway.AccessManage,
			Resource: policy.ScopeResource(test.scope, "payments"),
		})
		if d.Allowed != test.want {
			t.Errorf("binding on %v: allowed = %v, want %v", test.scope, d.Allowed, test.want)
		}
	}
}
