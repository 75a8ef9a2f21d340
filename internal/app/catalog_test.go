package app_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestRegistrationIsAllOrNothing: one fault, and none of several is registered.
func TestRegistrationIsAllOrNothing(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	several := []app.RegisterService{
		{Service: slipway.Service{Name: "one", Team: "web"}}, {Service: slipway.Service{Name: "Two", Team: "web"}},
	}
	before := r.all()
	e := refused(t, of(r.RegisterServices(r.ctx, boss, app.Once{}, several)), slipway.CodeInvalid)
	if len(e.Fields) != 1 || e.Fields[0].Field != "services[1].name" {
		t.Errorf("the fault is %+v", e.Fields)
	}
	several[1].Service = slipway.Service{Name: "two", Team: "ops"}
	refused(t, of(r.RegisterServices(r.ctx, boss, app.Once{}, several)), slipway.CodeDenied, "Who can: Foreigner, admins")
	refused(t, of(r.RegisterService(r.ctx, root, app.RegisterService{Service: slipway.Service{Name: "two", Team: "nope"}})), slipway.CodeInvalid, `no team "nope"`)
	if r.all() != before {
		t.Error("something was registered")
	}
	looks := must(r.PreviewServices(r.ctx, boss, append(several, app.RegisterService{Service: slipway.Service{Name: "shop", Team: "web", Links: []slipway.Link{}}})))(t)
	if looks[0].What != "new" || looks[1].Fault == "" || looks[2].What != "same" {
		t.Errorf("the outlook is %+v", looks)
	}
	several[1].Service.Team = "web"
	if got := must(r.RegisterServices(r.ctx, boss, app.Once{}, several))(t); len(got) != 2 || got[1].Title != "two" {
		t.Errorf("registered %+v", got)
	}
}

// TestChangingAService: the same again is no change, an old form is a conflict,
// and a new service never overwrites one.
func TestChangingAService(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	put := func(c app.RegisterService) (slipway.Service, error) { return r.RegisterService(r.ctx, boss, c) }
	s := must(r.Service(r.ctx, viewer, "shop"))(t)
	before := r.all()
	again := s
	again.Links, again.Tags = []slipway.Link{}, []string{}
	must(put(app.RegisterService{Service: again}))(t)
	refused(t, of(put(app.RegisterService{Service: s, MustCreate: true})), slipway.CodeInvalid, "taken by a service of team web")
	changed := s
	changed.Description = "sells"
	refused(t, of(put(app.RegisterService{Service: changed, Version: s.Version + 1})), slipway.CodeConflict, "changed since you opened it")
	if r.all() != before {
		t.Error("something changed")
	}
	got := must(put(app.RegisterService{Service: changed, Version: s.Version}))(t)
	if got.Description != "sells" || got.Version != s.Version+1 || !got.CreatedAt.Equal(s.CreatedAt) {
		t.Errorf("changed: %+v", got)
	}
	refused(t, of(put(app.RegisterService{Service: changed, Version: s.Version})), slipway.CodeConflict)
}

// TestMovingNeedsBothTeams: whoever rules over one of them, or over the service
// alone, cannot move it.
func TestMovingNeedsBothTeams(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	keeper := second
	must(r.AddBinding(r.ctx, root, app.AddBinding{Binding: slipway.Binding{Subject: slipway.Subject{Kind: slipway.SubjectUser, Name: keeper.ID},
		Role: slipway.RoleAdmin, Scope: slipway.Scope{Kind: slipway.ScopeService, Name: "shop"}}}))(t)
	moved := app.RegisterService{Service: slipway.Service{Name: "shop", Team: "ops"}}
	for _, a := range []slipway.Actor{boss, foreigner, keeper} {
		refused(t, of(r.RegisterService(r.ctx, a, moved)), slipway.CodeDenied)
		if look := must(r.PreviewServices(r.ctx, a, []app.RegisterService{moved}))(t); look[0].Fault == "" {
			t.Errorf("%s is promised the move", a.Name)
		}
	}
	r.bind(boss, slipway.RoleMaintainer, "ops")
	must(r.RegisterService(r.ctx, boss, moved))(t)
	refused(t, of(r.Service(r.ctx, viewer, "shop")), hidden) // of web
	must(r.Service(r.ctx, foreigner, "shop"))(t)
}

func TestTeamsAndEnvironments(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	refused(t, of(r.PutTeam(r.ctx, root, app.PutTeam{Team: slipway.Team{Name: "organisation"}})), slipway.CodeInvalid, "word of Slipway's own")
	refused(t, of(r.PutTeam(r.ctx, root, app.PutTeam{Team: slipway.Team{Name: "No"}})), slipway.CodeInvalid, "name")
	refused(t, of(r.PutEnvironment(r.ctx, root, app.PutEnvironment{Environment: slipway.Environment{Name: "-", Tier: "moon"}})), slipway.CodeInvalid, "name", "tier")
	must(r.LockEnvironment(r.ctx, root, app.LockEnvironment{Environment: "prod", Reason: "audit"}))(t)
	e := must(r.PutEnvironment(r.ctx, root, app.PutEnvironment{Environment: slipway.Environment{Name: "prod", Title: "Live", Rank: 7, Tier: slipway.TierProduction}}))(t)
	if e.Lock == nil || e.Title != "Live" {
		t.Errorf("saving lost the lock: %+v", e)
	}
	team := must(r.PutTeam(r.ctx, root, app.PutTeam{Team: slipway.Team{Name: "web", Title: "Web", OnCall: "Ana"}}))(t)
	before := r.all()
	must(r.PutTeam(r.ctx, root, app.PutTeam{Team: slipway.Team{Name: "web", Title: "Web", OnCall: "Ana"}}))(t)
	must(r.PutEnvironment(r.ctx, root, app.PutEnvironment{Environment: slipway.Environment{Name: "prod", Title: "Live", Rank: 7, Tier: slipway.TierProduction}}))(t)
	if r.all() != before {
		t.Error("saving the same again left a trace")
	}
	if !team.CreatedAt.Equal(t0) {
		t.Errorf("a change moved the beginning to %s", team.CreatedAt)
	}
}
