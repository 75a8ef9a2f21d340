package app_test

import (
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// doorCases are those of trust rules and of command lines that sign in.
func doorCases() map[string]useCase {
	return map[string]useCase{
		"AddTrustRule": {asks: slipway.TrustManage, stranger: hidden, foreign: hidden, viewer: denied, by: boss, action: "trust.added", on: at(webTeam, "shop", ""), call: func(r *rig, a slipway.Actor) error {
			return of(r.AddTrustRule(r.ctx, a, trustRule()))
		}},
		"RemoveTrustRule": {asks: slipway.TrustManage, stranger: hidden, foreign: hidden, viewer: denied, by: boss, action: "trust.removed", on: at(webTeam, "shop", ""), call: func(r *rig, a slipway.Actor) error {
			return r.RemoveTrustRule(r.ctx, a, app.RemoveTrustRule{Rule: 1})
		}},
		"TrustRules": {asks: slipway.TrustManage, stranger: denied, viewer: denied, by: boss, call: func(r *rig, a slipway.Actor) error {
			return of(r.TrustRules(r.ctx, a))
		}},
		"Device": {asks: slipway.TokenManage, stranger: denied, by: viewer, call: func(r *rig, a slipway.Actor) error {
			return of(r.Device(r.ctx, a, "BCDFGHJK"))
		}},
		"DecideDevice": {asks: slipway.TokenManage, stranger: denied, by: viewer, action: "device.approved", on: all, call: func(r *rig, a slipway.Actor) error {
			return of(r.DecideDevice(r.ctx, a, app.DecideDevice{Code: "BCDFGHJK", Approve: true}))
		}},
	}
}
