package app_test

import (
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

var hook = slipway.Destination{Channel: slipway.ToWebhook, Address: "https://hooks.example.com/web"}

// tell makes what the walk finds: a route of the team, and a delivery that arrived.
func (r *rig) tell() {
	must(r.route(app.AddNotificationRoute{Name: "Web", Team: "web", To: hook}))(r.t)
	d := must(r.TestNotificationRoute(r.ctx, boss, app.TestNotificationRoute{Route: 1}))(r.t)
	ok(r.t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
		d.State = slipway.DeliverySent
		return tx.Deliveries().Save(r.ctx, d)
	}))
}

// route adds one, and leaves its secret out.
func (r *rig) route(c app.AddNotificationRoute) (slipway.NotificationRoute, error) {
	added, _, err := r.AddNotificationRoute(r.ctx, boss, c)
	return added, err
}

func notificationCases() map[string]useCase {
	manage := func(action string, on slipway.Resource, call func(*rig, slipway.Actor) error) useCase {
		return useCase{asks: slipway.NotificationManage, stranger: hidden, foreign: hidden, viewer: denied, by: boss, action: action, on: on, call: call}
	}
	list := func(call func(*rig, slipway.Actor) error) useCase {
		return useCase{asks: slipway.NotificationManage, stranger: denied, viewer: denied, by: boss, call: call}
	}
	return map[string]useCase{
		"AddNotificationRoute": manage("notification.added", at(webTeam, "shop", "prod"), func(r *rig, a slipway.Actor) error {
			_, _, err := r.AddNotificationRoute(r.ctx, a, app.AddNotificationRoute{Name: "Shop", Service: "shop", Environment: "prod", To: hook})
			return err
		}),
		"RemoveNotificationRoute": manage("notification.removed", webTeam, func(r *rig, a slipway.Actor) error {
			return r.RemoveNotificationRoute(r.ctx, a, app.RemoveNotificationRoute{Route: 1})
		}),
		"TestNotificationRoute": manage("notification.tested", webTeam, func(r *rig, a slipway.Actor) error {
			return of(r.TestNotificationRoute(r.ctx, a, app.TestNotificationRoute{Route: 1}))
		}),
		"Redeliver": manage("notification.redelivered", webTeam, func(r *rig, a slipway.Actor) error {
			return of(r.Redeliver(r.ctx, a, app.Redeliver{Delivery: 1}))
		}),
		"Delivery": manage("", slipway.Resource{}, func(r *rig, a slipway.Actor) error { return of(r.Delivery(r.ctx, a, 1)) }),
		"NotificationRoutes": list(func(r *rig, a slipway.Actor) error {
			return of(r.NotificationRoutes(r.ctx, a))
		}),
		"Deliveries": list(func(r *rig, a slipway.Actor) error {
			_, _, err := r.Deliveries(r.ctx, a, app.ListDeliveries{})
			return err
		}),
		"Preferences": {by: viewer, call: func(r *rig, a slipway.Actor) error { return of(r.Preferences(r.ctx, a)) }},
		"SetPreferences": {stranger: slipway.CodeInternal, by: viewer, call: func(r *rig, a slipway.Actor) error {
			if a.ID == stranger.ID { // everybody may: the code only marks that it is no news
				return &slipway.Error{Code: slipway.CodeInternal}
			}
			p := slipway.DefaultPreferences()
			p.Services, p.Kinds = []string{"shop"}, []string{"deployment.failed"}
			if a.ID == foreigner.ID {
				p.Services = nil
			}
			return r.SetPreferences(r.ctx, a, p)
		}},
	}
}
