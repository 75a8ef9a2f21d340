package app_test

import (
	"slices"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestBoardOfOwnTeams: a role in a team makes its services one's own; who has
// none, or whose teams have none, sees all and learns so.
func TestBoardOfOwnTeams(t *testing.T) {
	t.Parallel()
	r := bare(t)
	for _, team := range []string{"payments", "web", "idle"} {
		must(r.PutTeam(r.ctx, root, app.PutTeam{Team: slipway.Team{Name: team, Title: team}}))(t)
	}
	for service, team := range map[string]string{"till": "payments", "front": "web"} {
		must(r.RegisterService(r.ctx, root, app.RegisterService{Service: slipway.Service{Name: service, Team: team}}))(t)
	}
	bind := func(subject slipway.Subject, kind slipway.ScopeKind, name string) {
		t.Helper()
		must(r.AddBinding(r.ctx, root, app.AddBinding{Binding: slipway.Binding{Subject: subject, Role: slipway.RoleViewer, Scope: slipway.Scope{Kind: kind, Name: name}}}))(t)
	}
	group := func(name string) slipway.Subject {
		return slipway.Subject{Kind: slipway.SubjectGroup, Name: name}
	}
	bind(slipway.Subject{Kind: slipway.SubjectEveryone}, slipway.ScopeOrganisation, "")
	bind(slipway.Subject{Kind: slipway.SubjectEveryone}, slipway.ScopeTeam, "web")
	bind(group("till-people"), slipway.ScopeTeam, "payments")
	bind(group("idlers"), slipway.ScopeTeam, "idle")
	bind(group("one-service"), slipway.ScopeService, "till")
	for groups, want := range map[string]struct {
		mine     bool
		services []string
		teams    []string
	}{
		"till-people": {true, []string{"till"}, []string{"payments"}},
		"idlers":      {false, []string{"front", "till"}, []string{"idle"}},
		"one-service": {false, []string{"front", "till"}, nil},
	} {
		actor := stranger
		actor.Groups = []string{groups}
		b := must(r.Board(r.ctx, actor, app.BoardFilter{Mine: true}, page))(t)
		var names []string
		for _, row := range b.Rows {
			names = append(names, row.Service.Name)
		}
		slices.Sort(names)
		if b.Mine != want.mine || !slices.Equal(b.OwnTeams, want.teams) || !slices.Equal(names, want.services) {
			t.Errorf("%s: %v %v %v", groups, b.Mine, b.OwnTeams, names)
		}
	}
}
