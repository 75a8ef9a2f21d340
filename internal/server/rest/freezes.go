package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Freeze keeps an environment from new deployments for a known time. One that a
// calendar makes has no number of its own.
type Freeze struct {
	ID          int64     `json:"id"`
	Calendar    int64     `json:"calendar,omitempty" doc:"Number of the calendar that makes it; the freeze itself has none."`
	Environment string    `json:"environment"`
	Reason      string    `json:"reason"`
	From        time.Time `json:"from"`
	Until       time.Time `json:"until"`
	By          string    `json:"by"`
}

// AddFreeze asks for a freeze.
type AddFreeze struct {
	Environment string     `json:"environment"`
	Reason      string     `json:"reason" maxLength:"2000"`
	From        *time.Time `json:"from,omitempty" doc:"Now if left out."`
	Until       time.Time  `json:"until"`
}

func freeze(f slipway.Freeze) Freeze {
	return Freeze{ID: f.ID, Calendar: f.Calendar, Environment: f.Environment, Reason: f.Reason, From: at(f.From), Until: at(f.Until), By: f.By}
}

type addFreezeIn struct {
	KeyIn
	Body AddFreeze
}

func (s *Surface) registerFreezes() {
	add(s, operation{id: "list-freezes", method: http.MethodGet, path: "/freezes", access: server.SignedIn(), tag: "environments",
		summary: "List current and coming freezes, those of calendars included"}, s.listFreezes)
	add(s, operation{id: "add-freeze", method: http.MethodPost, path: "/freezes", access: server.Needs(slipway.FreezeManage), tag: "environments",
		summary: "Keep an environment from new deployments for a known time", status: http.StatusCreated}, s.addFreeze)
	add(s, operation{id: "remove-freeze", method: http.MethodDelete, path: "/freezes/{id}", access: server.Needs(slipway.FreezeManage), tag: "environments",
		summary: "End a freeze before its time"}, s.removeFreeze)
}

func (s *Surface) listFreezes(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[Page[Freeze]], error) {
	all, err := s.App.Freezes(ctx, actor)
	if err != nil {
		return nil, err
	}
	return pageOf(all, "", freeze), nil
}

func (s *Surface) addFreeze(ctx context.Context, actor slipway.Actor, in *addFreezeIn) (*answer[Freeze], error) {
	c := app.AddFreeze{Once: in.once(), Environment: in.Body.Environment, Reason: in.Body.Reason, Until: in.Body.Until}
	if in.Body.From != nil {
		c.From = *in.Body.From
	}
	f, err := s.App.AddFreeze(ctx, actor, c)
	if err != nil {
		return nil, err
	}
	return &answer[Freeze]{freeze(f)}, nil
}

func (s *Surface) removeFreeze(ctx context.Context, actor slipway.Actor, in *keyedIDIn) (*empty, error) {
	return nil, s.App.RemoveFreeze(ctx, actor, app.RemoveFreeze{Once: in.once(), Freeze: in.ID})
}
