package rest

import (
	"context"
	"net/http"

	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Me is who a token stands for.
type Me struct {
	Kind    string   `json:"kind" doc:"user or serviceaccount"`
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Groups  []string `json:"groups"`
	TokenID string   `json:"tokenId"`
	Scopes  []string `json:"scopes" doc:"What the token is narrowed to; empty if it is not."`
	Waiting int      `json:"waiting" doc:"Deployments that wait for your decision."`
}

func (s *Surface) registerMe() {
	add(s, operation{id: "get-me", method: http.MethodGet, path: "/me", access: server.SignedIn(), tag: "access",
		summary: "Show who the token stands for"}, s.getMe)
}

func (s *Surface) getMe(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[Me], error) {
	waiting, err := s.App.InboxCount(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &answer[Me]{Me{Kind: string(actor.Kind), ID: actor.ID, Name: actor.Name, Groups: listed(actor.Groups), TokenID: actor.TokenID,
		Scopes: names(actor.Scopes), Waiting: waiting}}, nil
}
