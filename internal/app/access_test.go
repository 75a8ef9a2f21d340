package app_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func binding(kind slipway.SubjectKind, name string, role slipway.Role, scope slipway.ScopeKind, scoped string) app.AddBinding {
	return app.AddBinding{Binding: slipway.Binding{Subject: slipway.Subject{Kind: kind, Name: name}, Role: role, Scope: slipway.Scope{Kind: scope, Name: scoped}}}
}

// TestNobodyGivesMoreThanTheyHave: an admin of a team gives roles in the team
// and its services, and nowhere else; nor do they take any.
func TestNobodyGivesMoreThanTheyHave(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	give := func(c app.AddBinding) (slipway.Binding, error) { return r.AddBinding(r.ctx, foreigner, c) }
	group := slipway.SubjectGroup
	must(give(binding(group, "g", slipway.RoleAdmin, slipway.ScopeTeam, "ops")))(t)
	must(give(binding(group, "g", slipway.RoleViewer, slipway.ScopeService, "vault")))(t)
	before := r.all()
	for _, c := range []app.AddBinding{
		binding(group, "g", slipway.RoleViewer, slipway.ScopeOrganisation, ""), binding(group, "g", slipway.RoleViewer, slipway.ScopeTeam, "web"),
		binding(group, "g", slipway.RoleViewer, slipway.ScopeService, "shop"), binding(group, "g", slipway.RoleViewer, slipway.ScopeEnvironment, "prod"),
	} {
		refused(t, of(give(c)), slipway.CodeDenied, "Who can: admins")
	}
	refused(t, r.RemoveBinding(r.ctx, foreigner, app.RemoveBinding{Binding: 1}), slipway.CodeDenied) // one of web
	refused(t, of(give(binding(group, "g", slipway.RoleAdmin, slipway.ScopeTeam, "ops"))), slipway.CodeConflict, "given already")
	refused(t, of(give(binding(group, "g", slipway.RoleAdmin, slipway.ScopeTeam, "moon"))), hidden)
	refused(t, of(give(binding(group, "", "king", slipway.ScopeTeam, "ops"))), slipway.CodeInvalid, "role", "subject.name")
	refused(t, of(give(binding(slipway.SubjectUser, "ghost", slipway.RoleViewer, slipway.ScopeTeam, "ops"))), slipway.CodeInvalid, "signed in yet")
	refused(t, of(give(binding(slipway.SubjectEveryone, "x", slipway.RoleViewer, slipway.ScopeTeam, "ops"))), slipway.CodeInvalid, "stays empty")
	refused(t, of(give(binding(group, "g", slipway.RoleViewer, "galaxy", "x"))), slipway.CodeInvalid, "scope.kind")
	if r.all() != before {
		t.Error("something was given")
	}
}

// TestRemovingTakesEffectAtOnce: the next request is refused already.
func TestRemovingTakesEffectAtOnce(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	b := must(r.AddBinding(r.ctx, root, binding(slipway.SubjectGroup, "leads", slipway.RoleViewer, slipway.ScopeTeam, "ops")))(t)
	must(r.Service(r.ctx, lead, "vault"))(t)
	ok(t, r.RemoveBinding(r.ctx, root, app.RemoveBinding{Binding: b.ID}))
	refused(t, of(r.Service(r.ctx, lead, "vault")), hidden)
	refused(t, r.RemoveBinding(r.ctx, root, app.RemoveBinding{Binding: b.ID}), hidden)
}

// TestAdminsByConfiguration: people of the group are admins whatever the
// bindings say; a machine that claims to be in it is not.
func TestAdminsByConfiguration(t *testing.T) {
	t.Parallel()
	r := bare(t)
	must(r.PutTeam(r.ctx, root, app.PutTeam{Team: slipway.Team{Name: "web"}}))(t)
	machine := slipway.Actor{Kind: slipway.ActorServiceAccount, ID: "ci", Groups: []string{adminGroup}}
	refused(t, of(r.PutTeam(r.ctx, machine, app.PutTeam{Team: slipway.Team{Name: "ops"}})), slipway.CodeDenied)
	seen := must(r.Access(r.ctx, root))(t)
	if len(seen.Bindings) != 1 || seen.Bindings[0].Source != "configuration" || seen.MayManage != "" {
		t.Errorf("what configuration gives is shown as %+v", seen.Bindings)
	}
	r.AdminGroup = ""
	refused(t, of(r.PutTeam(r.ctx, root, app.PutTeam{Team: slipway.Team{Name: "ops"}})), slipway.CodeDenied)
}

// TestExplain: of oneself everybody may ask; of others, who sees their access.
func TestExplain(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	ask := func(by slipway.Actor, subject string, p slipway.Permission) (app.Explained, error) {
		return r.Explain(r.ctx, by, app.Explain{Subject: subject, Permission: p, Resource: slipway.Resource{Team: "ops", Service: "shop", Environment: "prod"}})
	}
	mine := must(ask(dev, "", slipway.DeploymentApprove))(t)
	if mine.Decision.Allowed || mine.Who != "Lead, Second, Boss, admins" {
		t.Errorf("of themselves dev hears %+v, who: %s", mine.Decision, mine.Who)
	}
	theirs := must(ask(viewer, lead.ID, slipway.DeploymentApprove))(t)
	if !theirs.Decision.Allowed || theirs.Subject != "Lead" {
		t.Errorf("of lead viewer hears %+v", theirs)
	}
	if both := must(ask(root, root.ID, slipway.HoldLift))(t); !both.Decision.Allowed {
		t.Error("root may not")
	}
	refused(t, of(ask(viewer, "ghost", slipway.HoldLift)), hidden)
	refused(t, of(ask(foreigner, lead.ID, slipway.HoldLift)), hidden) // the team is that of the service, not what the request says
	open := must(r.WhyNot(r.ctx, dev, app.Ask{Permission: slipway.DeploymentPromote, On: inProd}, app.Ask{Permission: slipway.HoldLift, On: inProd}))(t)
	if open[0] != "" || open[1] == "" {
		t.Errorf("the buttons of dev: %q", open)
	}
}
