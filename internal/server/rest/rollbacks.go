package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Rollback asks for what served before.
type Rollback struct {
	To                 string `json:"to,omitempty" doc:"Version; the last good one if left out." maxLength:"64"`
	Reason             string `json:"reason,omitempty" maxLength:"2000"`
	AcceptIrreversible bool   `json:"acceptIrreversible,omitempty" doc:"Go back although what is live is marked as not reversible."`
}

// RollbackTarget is something that ran well before.
type RollbackTarget struct {
	Version    string    `json:"version"`
	Spec       Spec      `json:"spec" doc:"Exactly what would run again, settings included."`
	Deployment int64     `json:"deployment"`
	From       time.Time `json:"from" doc:"When it went live."`
	Served     string    `json:"served" doc:"For how long it was live."`
	Current    bool      `json:"current,omitempty" doc:"Live now, while something newer is under way or has a part of the traffic."`
	WhyNot     string    `json:"whyNot,omitempty"`
}

// RollbackPreview is what going back would and would not undo.
type RollbackPreview struct {
	Targets      []RollbackTarget `json:"targets" doc:"Newest first."`
	Chosen       *RollbackTarget  `json:"chosen,omitempty" doc:"What POST would go back to."`
	Changes      []Difference     `json:"changes" doc:"From what is live, to the chosen."`
	Irreversible bool             `json:"irreversible" doc:"What is live is marked as not reversible."`
	Active       *Deployment      `json:"active,omitempty" doc:"Whose place it would take."`
	WhyNot       string           `json:"whyNot,omitempty" doc:"Why you may not."`
}

func target(t app.RollbackTarget) RollbackTarget {
	return RollbackTarget{Version: t.Spec.Version, Spec: spec(t.Spec), Deployment: t.Deployment, From: at(t.From), Served: t.Served.Round(time.Second).String(),
		Current: t.Current, WhyNot: t.WhyNot}
}

type previewIn struct {
	StageIn
	To string `query:"to" maxLength:"64" doc:"Version; the last good one if left out."`
}

type rollbackIn struct {
	StageIn
	KeyIn
	Body *Rollback
}

func (s *Surface) registerRollbacks() {
	const path = "/services/{service}/environments/{environment}/rollback"
	add(s, operation{id: "preview-rollback", method: http.MethodGet, path: path, access: server.Needs(slipway.ServiceRead), tag: "environments of a service",
		summary: "Show what going back would and would not undo"}, s.previewRollback)
	add(s, operation{id: "rollback", method: http.MethodPost, path: path, access: server.Needs(slipway.DeploymentRollback), tag: "environments of a service",
		summary: "Go back to what served before", status: http.StatusAccepted,
		about: "Restores exactly what ran then, takes the place of whatever is under way, and holds automation."}, s.rollback)
}

func (s *Surface) previewRollback(ctx context.Context, actor slipway.Actor, in *previewIn) (*answer[RollbackPreview], error) {
	p, err := s.App.RollbackPreview(ctx, actor, in.Service, in.Environment, in.To)
	if err != nil {
		return nil, err
	}
	out := RollbackPreview{Targets: each(p.Targets, target), Changes: differences(p.Changes), Irreversible: p.Irreversible, WhyNot: p.WhyNot}
	if p.Chosen != nil {
		chosen := target(*p.Chosen)
		out.Chosen = &chosen
	}
	if p.Active != nil {
		active := deployment(*p.Active)
		out.Active = &active
	}
	return &answer[RollbackPreview]{out}, nil
}

func (s *Surface) rollback(ctx context.Context, actor slipway.Actor, in *rollbackIn) (*deploymentOut, error) {
	c := app.Rollback{Once: in.once(), Service: in.Service, Environment: in.Environment}
	if b := in.Body; b != nil {
		c.To, c.Reason, c.AcceptIrreversible = b.To, b.Reason, b.AcceptIrreversible
	}
	return accepted(s.App.Rollback(ctx, actor, c))
}
