package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Bypass goes around one gate.
type Bypass struct {
	Gate   string `json:"gate" maxLength:"300" doc:"The key of the gate; its kind or title will do if no other has it."`
	Reason string `json:"reason" maxLength:"2000" doc:"The audit tells it."`
	Plan   string `json:"plan,omitempty" doc:"Digest of the plan that you looked at; whichever it is if left out."`
}

// Bypassed is a gate that somebody went around, for exactly one plan.
type Bypassed struct {
	Gate   string    `json:"gate"`
	Plan   string    `json:"plan"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	ByName string    `json:"byName"`
	Via    string    `json:"via"`
	At     time.Time `json:"at"`
}

func bypassed(b slipway.Bypass) Bypassed {
	return Bypassed{Gate: b.Gate, Plan: b.PlanDigest, Reason: b.Reason, By: b.By, ByName: b.ByName, Via: string(b.Via), At: at(b.At)}
}

type bypassIn struct {
	DeploymentIn
	KeyIn
	Body Bypass
}

func (s *Surface) registerBypass() {
	add(s, operation{id: "bypass-gate", method: http.MethodPost, path: "/deployments/{id}/bypass", access: server.Needs(slipway.GateBypass), tag: "deployments",
		summary: "Let a waiting deployment start without one of its gates",
		about: "Only people do, with a reason, for exactly the plan of now: another plan has the gate again. It is no approval and is never counted as one. " +
			"A blocked release, a plan that no longer holds and a time that has not come cannot be bypassed."}, s.bypass)
}

func (s *Surface) bypass(ctx context.Context, actor slipway.Actor, in *bypassIn) (*answer[Deployment], error) {
	return decided(s.App.Bypass(ctx, actor, app.Bypass{Once: in.once(), Deployment: in.ID, PlanDigest: in.Body.Plan, Gate: in.Body.Gate, Reason: in.Body.Reason}))
}
