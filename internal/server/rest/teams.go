package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Team owns services.
type Team struct {
	Name      string    `json:"name"`
	Title     string    `json:"title"`
	OnCall    string    `json:"onCall,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
}

// PutTeam is what is said of a team.
type PutTeam struct {
	Title  string `json:"title,omitempty" doc:"The name if left out." maxLength:"120"`
	OnCall string `json:"onCall,omitempty" doc:"How to reach whoever is on call." maxLength:"500"`
}

func team(t slipway.Team) Team {
	return Team{Name: t.Name, Title: t.Title, OnCall: t.OnCall, CreatedAt: at(t.CreatedAt)}
}

// TeamIn names a team.
type TeamIn struct {
	Team string `path:"team" maxLength:"63" doc:"Name of the team." example:"payments"`
}

type putTeamIn struct {
	TeamIn
	Body PutTeam
}

func (s *Surface) registerTeams() {
	add(s, operation{id: "list-teams", method: http.MethodGet, path: "/teams", access: server.SignedIn(), tag: "teams",
		summary: "List teams"}, s.listTeams)
	add(s, operation{id: "get-team", method: http.MethodGet, path: "/teams/{team}", access: server.SignedIn(), tag: "teams",
		summary: "Show a team"}, s.getTeam)
	add(s, operation{id: "put-team", method: http.MethodPut, path: "/teams/{team}", access: server.Needs(slipway.TeamManage), tag: "teams",
		summary: "Create a team, or change its title"}, s.putTeam)
}

func (s *Surface) listTeams(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[Page[Team]], error) {
	all, err := s.App.Teams(ctx, actor)
	if err != nil {
		return nil, err
	}
	return pageOf(all, "", team), nil
}

func (s *Surface) getTeam(ctx context.Context, actor slipway.Actor, in *TeamIn) (*answer[Team], error) {
	all, err := s.App.Teams(ctx, actor)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.Name == in.Team {
			return &answer[Team]{team(t)}, nil
		}
	}
	return nil, slipway.NotFound("team", in.Team)
}

func (s *Surface) putTeam(ctx context.Context, actor slipway.Actor, in *putTeamIn) (*answer[Team], error) {
	t, err := s.App.PutTeam(ctx, actor, app.PutTeam{Team: slipway.Team{Name: in.Team, Title: in.Body.Title, OnCall: in.Body.OnCall}})
	if err != nil {
		return nil, err
	}
	return &answer[Team]{team(t)}, nil
}
