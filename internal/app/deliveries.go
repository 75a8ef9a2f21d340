package app

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestNotificationRoute sends something harmless.
type TestNotificationRoute struct {
	Once
	Route int64
}

// TestNotificationRoute plans a delivery that says it is a test, and returns it:
// what comes of it is kept with it.
func (a *App) TestNotificationRoute(ctx context.Context, actor slipway.Actor, c TestNotificationRoute) (slipway.Delivery, error) {
	return a.deliver(ctx, actor, c.Route, c.Once, c, func(tx slipway.Tx, r slipway.NotificationRoute, on slipway.Resource) (string, error) {
		last, err := tx.Events().LastID(ctx)
		if err != nil {
			return "", err
		}
		d := slipway.Delivery{Route: r.ID, Channel: r.To.Channel, Key: fmt.Sprintf("test/%d", last+1), State: slipway.DeliveryPending, NextAt: a.now(), CreatedAt: a.now(),
			Notice: slipway.Notice{Event: slipway.DomainEvent{At: a.now(), Kind: "test", Team: on.Team, Service: on.Service, Environment: on.Environment, Actor: actor.Name,
				Message: "This is a test of the route " + r.Name + ". Nothing happened."}}}
		if _, err := tx.Deliveries().Add(ctx, d); err != nil {
			return "", err
		}
		newest, _, err := tx.Deliveries().List(ctx, slipway.DeliveryFilter{Routes: []int64{r.ID}}, slipway.Page{Limit: 1})
		if err != nil || len(newest) == 0 {
			return "", err
		}
		return itoa(newest[0].ID), a.recordRoute(ctx, tx, actor, on, "notification.tested", r, "tested the notification route "+r.Name)
	})
}

// Redeliver sends something once more that was delivered, or given up.
type Redeliver struct {
	Once
	Delivery int64
}

// Redeliver makes a delivery pending again. Its content and its number stay, so
// that the other side can tell that it has had it.
func (a *App) Redeliver(ctx context.Context, actor slipway.Actor, c Redeliver) (slipway.Delivery, error) {
	was, err := a.Delivery(ctx, actor, c.Delivery)
	if err != nil {
		return was, err
	}
	return a.deliver(ctx, actor, was.Route, c.Once, c, func(tx slipway.Tx, r slipway.NotificationRoute, on slipway.Resource) (string, error) {
		d, err := tx.Deliveries().Get(ctx, c.Delivery)
		if err != nil {
			return "", err
		}
		if d.State == slipway.DeliveryPending {
			return "", slipway.Conflict(fmt.Sprintf("Delivery %d is on its way already.", d.ID), "Wait for what comes of it.")
		}
		d.State, d.Attempts, d.NextAt, d.SentAt = slipway.DeliveryPending, 0, a.now(), nil
		if err := tx.Deliveries().Save(ctx, d); err != nil {
			return "", err
		}
		return itoa(d.ID), a.recordRoute(ctx, tx, actor, on, "notification.redelivered", r, fmt.Sprintf("sent delivery %d of the route %s once more", d.ID, r.Name))
	})
}

// deliver loads the route, authorizes and plans in one transaction.
func (a *App) deliver(ctx context.Context, actor slipway.Actor, route int64, once Once, command any, plan func(slipway.Tx, slipway.NotificationRoute, slipway.Resource) (string, error)) (d slipway.Delivery, err error) {
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		r, on, err := a.route(ctx, tx, actor, route)
		if err != nil {
			return err
		}
		outcome, err := a.once(ctx, tx, actor, once, command, func() (string, error) { return plan(tx, r, on) })
		if err != nil {
			return err
		}
		id, err := atoi("delivery", outcome)
		if err != nil {
			return err
		}
		d, err = tx.Deliveries().Get(ctx, id)
		return err
	})
	return d, err
}

// Delivery loads one delivery of a route that the actor manages.
func (a *App) Delivery(ctx context.Context, actor slipway.Actor, id int64) (d slipway.Delivery, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if err := a.outright(ctx, tx, actor, slipway.NotificationManage, slipway.Resource{}); err != nil {
			return err
		}
		if d, err = tx.Deliveries().Get(ctx, id); err != nil {
			return err
		}
		if d.Route == 0 { // a person's own is nobody else's business
			return slipway.NotFound("delivery", itoa(id))
		}
		_, _, err = a.route(ctx, tx, actor, d.Route)
		if slipway.IsNotFound(err) {
			return slipway.NotFound("delivery", itoa(id))
		}
		return err
	})
	if err != nil {
		return slipway.Delivery{}, err
	}
	return d, nil
}

// ListDeliveries asks for the log of one route, or of all that the actor manages.
type ListDeliveries struct {
	Route int64
	State slipway.DeliveryState
	Page  slipway.Page
}

// Deliveries lists deliveries, newest first.
func (a *App) Deliveries(ctx context.Context, actor slipway.Actor, c ListDeliveries) (out []slipway.Delivery, next string, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		filter := slipway.DeliveryFilter{State: c.State}
		if c.Route != 0 {
			if _, _, err := a.route(ctx, tx, actor, c.Route); err != nil {
				return err
			}
			filter.Routes = []int64{c.Route}
		} else {
			managed, err := a.managedRoutes(ctx, tx, actor)
			if err != nil {
				return err
			}
			for _, r := range managed {
				filter.Routes = append(filter.Routes, r.ID)
			}
		}
		if len(filter.Routes) == 0 {
			out = []slipway.Delivery{}
			return nil
		}
		out, next, err = tx.Deliveries().List(ctx, filter, bounded(c.Page))
		return err
	})
	return out, next, err
}
