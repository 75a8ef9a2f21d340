package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Board is a page of the grid of services and environments.
type Board struct {
	Environments []Environment `json:"environments"`
	Freezes      []Freeze      `json:"freezes"`
	Rows         []BoardRow    `json:"rows"`
	Next         string        `json:"next,omitempty" doc:"Cursor of the next page; left out on the last."`
}

// BoardRow is one service.
type BoardRow struct {
	Service string      `json:"service"`
	Team    string      `json:"team"`
	Title   string      `json:"title"`
	Cells   []BoardCell `json:"cells" doc:"One for each stage of its pipeline."`
}

// BoardCell is one service in one environment.
type BoardCell struct {
	Environment string    `json:"environment"`
	Version     string    `json:"version,omitempty" doc:"What is live."`
	Live        *CellLive `json:"live,omitempty"`
	Observed    *Observed `json:"observed,omitempty"`
	Active      *CellWork `json:"active,omitempty"`
	Hold        *Hold     `json:"hold,omitempty"`
	Failure     *Failure  `json:"failure,omitempty"`
}

// CellLive is what is live in a cell.
type CellLive struct {
	Deployment int64     `json:"deployment"`
	Version    string    `json:"version"`
	Since      time.Time `json:"since"`
}

// CellWork is what is under way in a cell.
type CellWork struct {
	Deployment int64  `json:"deployment"`
	Version    string `json:"version"`
	State      string `json:"state"`
	Message    string `json:"message"`
}

func boardRow(r app.BoardRow) BoardRow {
	out := BoardRow{Service: r.Service.Name, Team: r.Service.Team, Title: r.Service.Title, Cells: []BoardCell{}}
	for _, st := range r.Stages {
		state := r.States[st.Environment]
		cell := BoardCell{Environment: st.Environment, Observed: observed(state.Observed), Hold: hold(state.Hold), Failure: failure(state.Failure)}
		if l := state.Live; l != nil {
			cell.Version = l.Spec.Version
			cell.Live = &CellLive{Deployment: l.Deployment, Version: l.Spec.Version, Since: at(l.Since)}
		}
		if d, ok := r.Active[st.Environment]; ok {
			cell.Active = &CellWork{Deployment: d.ID, Version: d.Version, State: string(d.State), Message: d.Message}
		}
		out.Cells = append(out.Cells, cell)
	}
	return out
}

func (s *Surface) registerBoard() {
	add(s, operation{id: "get-board", method: http.MethodGet, path: "/board", access: server.Needs(slipway.ServiceRead), tag: "overview",
		summary: "Show which version runs where", about: "A page of services with all of their environments."}, s.getBoard)
	add(s, operation{id: "get-inbox", method: http.MethodGet, path: "/inbox", access: server.SignedIn(), tag: "overview",
		summary: "Show what waits for your decision, and what you asked for"}, s.getInbox)
}

// boardIn has pages of its own: a row says little, and whoever draws all of
// them wants them at once.
type boardIn struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" doc:"How many at most; 50 if left out."`
	Cursor string `query:"cursor" maxLength:"500" doc:"The next of the page before; empty for the first."`
	Team   string `query:"team" maxLength:"63" doc:"Only services of this team."`
	Q      string `query:"q" maxLength:"200" doc:"Part of the name or title."`
}

func (s *Surface) getBoard(ctx context.Context, actor slipway.Actor, in *boardIn) (*answer[Board], error) {
	b, err := s.App.Board(ctx, actor, app.BoardFilter{Team: in.Team, Query: in.Q}, slipway.Page{Cursor: in.Cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return &answer[Board]{Board{Environments: each(b.Environments, environment), Freezes: each(b.Freezes, freeze), Rows: each(b.Rows, boardRow),
		Next: b.Next}}, nil
}

// Inbox is what waits for you and what you asked for.
type Inbox struct {
	Decide  []InboxItem `json:"decide" doc:"Oldest first."`
	Asked   []InboxItem `json:"asked"`
	Decided []InboxItem `json:"decided"`
	Changes []KeyChange `json:"keyChanges" doc:"Changes of secrets that want you, oldest first."`
}

// InboxItem is a deployment with what changes.
type InboxItem struct {
	Deployment Deployment   `json:"deployment"`
	Changes    []Difference `json:"changes"`
}

func inboxItem(i app.InboxItem) InboxItem {
	return InboxItem{Deployment: deployment(i.Deployment), Changes: differences(i.Changes)}
}

func (s *Surface) getInbox(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[Inbox], error) {
	in, err := s.App.Inbox(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &answer[Inbox]{Inbox{Decide: each(in.Decide, inboxItem), Asked: each(in.Asked, inboxItem), Decided: each(in.Decided, inboxItem), Changes: each(in.Secrets, keyChange)}}, nil
}
