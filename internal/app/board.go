package app

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Board is the grid of services and environments.
type Board struct {
	Teams        []slipway.Team
	Environments []slipway.Environment
	Freezes      []slipway.Freeze
	Rows         []BoardRow
	Next         string // cursor of the next page
	Mine         bool   // only services of the actor's teams are among the rows
	OwnTeams     []string
}

// BoardRow is one service, with what is known of it by environment.
type BoardRow struct {
	Service slipway.Service
	Stages  []slipway.Stage // latest pipeline; empty if there is none
	States  map[string]slipway.StageState
	Active  map[string]slipway.Deployment
}

// BoardFilter narrows the board; empty fields do not.
type BoardFilter struct {
	Team  string
	Mine  bool // of the teams that the actor belongs to; all services where there are none
	Query string
}

// Board reads a page of the board with a fixed number of queries, however many
// services there are.
func (a *App) Board(ctx context.Context, actor slipway.Actor, filter BoardFilter, page slipway.Page) (b Board, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		b, err = a.board(ctx, tx, actor, filter, page)
		return err
	})
	return b, err
}

// BoardPage is the board and what every page shows around it, of one moment: it
// is asked for more than any other, and by everybody.
func (a *App) BoardPage(ctx context.Context, actor slipway.Actor, filter BoardFilter, page slipway.Page) (s Surroundings, b Board, err error) {
	if err := a.signedIn(actor); err != nil {
		return s, b, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if s, err = a.around(ctx, tx); err != nil {
			return err
		}
		asked, err := a.mayBeAsked(ctx, tx, actor)
		if err != nil {
			return err
		}
		var waiting []slipway.Deployment
		if b, waiting, err = a.boardAnd(ctx, tx, actor, filter, page, asked.voter()); err != nil {
			return err
		}
		s.Waiting, err = a.count(ctx, tx, actor, asked.of(waiting))
		return err
	})
	return s, b, err
}

func (a *App) board(ctx context.Context, tx slipway.Tx, actor slipway.Actor, filter BoardFilter, page slipway.Page) (b Board, err error) {
	b, _, err = a.boardAnd(ctx, tx, actor, filter, page, "")
	return b, err
}

// boardAnd also returns what a voter has not decided on, which is read with the
// rows.
func (a *App) boardAnd(ctx context.Context, tx slipway.Tx, actor slipway.Actor, filter BoardFilter, page slipway.Page, voter string) (b Board, undecided []slipway.Deployment, err error) {
	services, err := a.boardServices(ctx, tx, actor, filter, atMost(maxBoard, page), &b)
	if err != nil {
		return b, nil, err
	}
	if b.Teams, err = tx.Teams().List(ctx); err != nil {
		return b, nil, err
	}
	if b.Environments, err = tx.Environments().List(ctx); err != nil {
		return b, nil, err
	}
	names := make([]string, len(b.Environments))
	for i, e := range b.Environments {
		names[i] = e.Name
	}
	if b.Freezes, err = a.freezes(ctx, tx, names...); err != nil {
		return b, nil, err
	}
	b.Rows, undecided, err = boardRows(ctx, tx, services, voter)
	return b, undecided, err
}

// boardServices are the rows of a page. Who asks for their own and has none gets
// to see all: an empty board helps nobody.
func (a *App) boardServices(ctx context.Context, tx slipway.Tx, actor slipway.Actor, filter BoardFilter, page slipway.Page, b *Board) (services []slipway.Service, err error) {
	wanted := slipway.ServiceFilter{Team: filter.Team, Query: filter.Query}
	if filter.Mine {
		bindings, err := a.bindings(ctx, tx, actor)
		if err != nil {
			return nil, err
		}
		if b.OwnTeams = teamsOf(bindings); len(b.OwnTeams) > 0 {
			own := wanted
			own.Teams = b.OwnTeams
			if services, b.Next, err = a.services(ctx, tx, actor, own, page); err != nil || len(services) > 0 {
				b.Mine = true
				return services, err
			}
		}
	}
	services, b.Next, err = a.services(ctx, tx, actor, wanted, page)
	return services, err
}

// teamsOf are the teams that somebody has a role in. A role for everything or for
// one service makes nobody a member, nor does one that everybody has.
func teamsOf(bindings []slipway.Binding) (teams []string) {
	for _, b := range bindings {
		if b.Scope.Kind == slipway.ScopeTeam && b.Subject.Kind != slipway.SubjectEveryone && !slices.Contains(teams, b.Scope.Name) {
			teams = append(teams, b.Scope.Name)
		}
	}
	slices.Sort(teams)
	return teams
}

func boardRows(ctx context.Context, tx slipway.Tx, services []slipway.Service, voter string) ([]BoardRow, []slipway.Deployment, error) {
	names := make([]string, len(services))
	rows := make([]BoardRow, len(services))
	index := map[string]int{}
	for i, s := range services {
		names[i], index[s.Name] = s.Name, i
		rows[i] = BoardRow{Service: s, States: map[string]slipway.StageState{}, Active: map[string]slipway.Deployment{}}
	}
	pipelines, err := tx.Pipelines().LatestOf(ctx, names)
	if err != nil {
		return nil, nil, err
	}
	for name, p := range pipelines {
		rows[index[name]].Stages = p.Stages
	}
	glance, err := tx.Stages().Glance(ctx, slipway.Glancing{Services: names, Voter: voter, Limit: maxLimit})
	if err != nil {
		return nil, nil, err
	}
	for _, s := range glance.Stages {
		rows[index[s.Service]].States[s.Environment] = s
	}
	for _, d := range glance.Active {
		rows[index[d.Service]].Active[d.Environment] = d
	}
	return rows, glance.Undecided, nil
}

// decidable says why the actor's approval of a deployment would not count now;
// empty if it would. votes may be nil where they have not been loaded.
func decidable(d slipway.Deployment, actor slipway.Actor, bindings []slipway.Binding, votes []slipway.Vote) string {
	if d.State != slipway.Waiting {
		return "it no longer waits"
	}
	decision := policy.Decide(policy.Input{Actor: actor, Bindings: bindings, Permission: slipway.DeploymentApprove, Resource: d.Resource()})
	if !decision.Allowed {
		return decision.Reason
	}
	for _, v := range votes {
		if v.By == actor.ID && v.PlanDigest == d.PlanDigest {
			return "you have decided on this plan already"
		}
	}
	vote := slipway.Vote{Decision: slipway.Approve, PlanDigest: d.PlanDigest, By: actor.ID, Groups: actor.Groups}
	why := "no gate of it asks for approval"
	for _, g := range d.Plan.Gates {
		if g.Approval == nil || approvalPasses(d) {
			continue
		}
		if why = slipway.CountsFor(vote, d, *g.Approval); why == "" {
			return ""
		}
	}
	return why
}

// approvalPasses reports whether the last judgement already counted enough
// approvals for all approval gates.
func approvalPasses(d slipway.Deployment) bool {
	asked := false
	for _, v := range d.Verdicts {
		if v.Gate == "approval" {
			asked = true
			if v.Result != slipway.Pass {
				return false
			}
		}
	}
	return asked
}
