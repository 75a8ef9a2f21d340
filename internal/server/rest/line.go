package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Line is the line of the whole organisation.
type Line struct {
	Stopped   bool       `json:"stopped"`
	Owner     string     `json:"owner,omitempty"`
	OwnerName string     `json:"ownerName,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	Since     *time.Time `json:"since,omitempty"`
}

func lineAnswer(l *slipway.StoppedLine, err error) (*answer[Line], error) {
	if err != nil {
		return nil, err
	}
	if l == nil {
		return &answer[Line]{}, nil
	}
	return &answer[Line]{Line{Stopped: true, Owner: l.Owner, OwnerName: l.OwnerName, Reason: l.Reason, Since: utc(&l.Since)}}, nil
}

type stopIn struct{ Body Reason }

func (s *Surface) registerLine() {
	const path = "/stop-the-line"
	add(s, operation{id: "get-line", method: http.MethodGet, path: path, access: server.SignedIn(), tag: "environments",
		summary: "Show whether the line is stopped"},
		func(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[Line], error) {
			return lineAnswer(s.App.Line(ctx, actor))
		})
	add(s, operation{id: "stop-the-line", method: http.MethodPut, path: path, access: server.Needs(slipway.LineStop), tag: "environments",
		summary: "Stop everything everywhere", about: "Nothing but rollbacks starts. What is at work stands still before its next phase, and goes on by itself when the line goes again."},
		func(ctx context.Context, actor slipway.Actor, in *stopIn) (*answer[Line], error) {
			return lineAnswer(s.App.StopTheLine(ctx, actor, app.StopTheLine{Reason: in.Body.Reason}))
		})
	add(s, operation{id: "let-the-line-go", method: http.MethodDelete, path: path, access: server.Needs(slipway.LineStop), tag: "environments",
		summary: "Let the line go again"},
		func(ctx context.Context, actor slipway.Actor, in *KeyIn) (*answer[Line], error) {
			return lineAnswer(s.App.LetTheLineGo(ctx, actor, app.LetTheLineGo{Once: in.once()}))
		})
}
