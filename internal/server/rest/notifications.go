package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// NotificationRoute says who is told of what.
type NotificationRoute struct {
	ID           int64      `json:"id"`
	Name         string     `json:"name"`
	Team         string     `json:"team,omitempty" doc:"Left out: all teams."`
	Service      string     `json:"service,omitempty"`
	Environment  string     `json:"environment,omitempty"`
	Kinds        []string   `json:"kinds" doc:"Of events. Empty: all that can be told."`
	Channel      string     `json:"channel" doc:"webhook, slack, mattermost or email"`
	Address      string     `json:"address" doc:"What the query of an address holds is not shown."`
	Format       string     `json:"format" doc:"slipway or cdevents, of webhooks."`
	Owner        Person     `json:"owner" doc:"Who added it. It tells nothing that they may not read."`
	CreatedAt    time.Time  `json:"createdAt"`
	FailingSince *time.Time `json:"failingSince,omitempty" doc:"Left out while deliveries arrive."`
	Error        string     `json:"error,omitempty" doc:"Why the last one did not."`
	SentAt       *time.Time `json:"sentAt,omitempty" doc:"When one arrived last."`
}

// AddedNotificationRoute is a new route with what signs its deliveries.
type AddedNotificationRoute struct {
	NotificationRoute
	Secret string `json:"secret,omitempty" doc:"Of a webhook, shown this once: its deliveries are signed with it."`
}

// AddNotificationRoute asks for a route.
type AddNotificationRoute struct {
	Name        string   `json:"name" maxLength:"100"`
	Team        string   `json:"team,omitempty" maxLength:"63" doc:"All if left out."`
	Service     string   `json:"service,omitempty" maxLength:"63" doc:"All if left out."`
	Environment string   `json:"environment,omitempty" maxLength:"63" doc:"All if left out."`
	Kinds       []string `json:"kinds,omitempty" maxItems:"50" doc:"Kinds of events, or groups of them; all if left out." example:"[\"deployment.*\"]"`
	Channel     string   `json:"channel" enum:"webhook,slack,mattermost,email"`
	Address     string   `json:"address" maxLength:"500" doc:"An address of the web, a channel of the chat, or an address of mail."`
	Format      string   `json:"format,omitempty" enum:"slipway,cdevents" doc:"Of a webhook; slipway if left out. cdevents: CDEvents in CloudEvents 1.0, binary mode."`
}

// Delivery is one thing that was told, or is to be.
type Delivery struct {
	ID        int64      `json:"id"`
	Route     int64      `json:"route"`
	Kind      string     `json:"kind" doc:"Of the event; test for a test."`
	Form      string     `json:"form,omitempty" doc:"Of the CDEvent, such as service.deployed."`
	Message   string     `json:"message"`
	State     string     `json:"state" doc:"pending, sent or failed"`
	Attempts  int        `json:"attempts"`
	NextAt    *time.Time `json:"nextAt,omitempty" doc:"Of the next attempt, while it is pending."`
	Status    int        `json:"status,omitempty" doc:"Of the last answer, of HTTP."`
	Error     string     `json:"error,omitempty" doc:"Why the last attempt failed."`
	CreatedAt time.Time  `json:"createdAt"`
	SentAt    *time.Time `json:"sentAt,omitempty"`
}

func notificationRoute(r slipway.NotificationRoute) NotificationRoute {
	kinds := r.Kinds
	if kinds == nil {
		kinds = []string{}
	}
	return NotificationRoute{ID: r.ID, Name: r.Name, Team: r.Team, Service: r.Service, Environment: r.Environment, Kinds: kinds, Channel: string(r.To.Channel),
		Address: r.To.Shown(), Format: string(r.To.Format), Owner: person(r.Owner), CreatedAt: at(r.CreatedAt),
		FailingSince: utc(r.Health.FailingSince), Error: r.Health.Error, SentAt: utc(r.Health.SentAt)}
}

func delivery(d slipway.Delivery) Delivery {
	out := Delivery{ID: d.ID, Route: d.Route, Kind: d.Notice.Event.Kind, Form: d.Notice.Form, Message: d.Notice.Event.Message, State: string(d.State), Attempts: d.Attempts,
		Status: d.Status, Error: d.Error, CreatedAt: at(d.CreatedAt), SentAt: utc(d.SentAt)}
	if d.State == slipway.DeliveryPending {
		out.NextAt = utc(&d.NextAt)
	}
	return out
}

type addNotificationRouteIn struct {
	KeyIn
	Body AddNotificationRoute
}

type listDeliveriesIn struct {
	PageIn
	Route int64  `query:"route" minimum:"0" doc:"Of one route; of all that you manage if left out."`
	State string `query:"state" enum:"pending,sent,failed"`
}

func (s *Surface) registerNotifications() {
	const routes, deliveries = "/notification-routes", "/deliveries"
	manage := server.Needs(slipway.NotificationManage)
	add(s, operation{id: "list-notification-routes", method: http.MethodGet, path: routes, access: manage, tag: "notifications",
		summary: "List the notification routes that you manage, with how they fare"}, s.listNotificationRoutes)
	add(s, operation{id: "add-notification-route", method: http.MethodPost, path: routes, access: manage, tag: "notifications",
		summary: "Add a notification route", status: http.StatusCreated,
		about: "It tells of events from now on. The secret of a webhook is in this answer and nowhere else; it cannot be given twice, so the same request with the same Idempotency-Key is a conflict and adds no second one."}, s.addNotificationRoute)
	add(s, operation{id: "remove-notification-route", method: http.MethodDelete, path: routes + "/{id}", access: manage, tag: "notifications",
		summary: "Remove a notification route with the log of its deliveries"}, s.removeNotificationRoute)
	add(s, operation{id: "test-notification-route", method: http.MethodPost, path: routes + "/{id}/test", access: manage, tag: "notifications",
		summary: "Send a test to a notification route", status: http.StatusAccepted, about: "Ask for the delivery to learn what came of it."}, s.testNotificationRoute)
	add(s, operation{id: "list-deliveries", method: http.MethodGet, path: deliveries, access: manage, tag: "notifications",
		summary: "List deliveries, newest first"}, s.listDeliveries)
	add(s, operation{id: "get-delivery", method: http.MethodGet, path: deliveries + "/{id}", access: manage, tag: "notifications",
		summary: "Get a delivery"}, s.getDelivery)
	add(s, operation{id: "redeliver", method: http.MethodPost, path: deliveries + "/{id}/redeliver", access: manage, tag: "notifications",
		summary: "Send a delivery once more", status: http.StatusAccepted, about: "Its content and its number stay the same."}, s.redeliver)
}

func (s *Surface) listNotificationRoutes(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[Page[NotificationRoute]], error) {
	all, err := s.App.NotificationRoutes(ctx, actor)
	if err != nil {
		return nil, err
	}
	return pageOf(all, "", notificationRoute), nil
}

func (s *Surface) addNotificationRoute(ctx context.Context, actor slipway.Actor, in *addNotificationRouteIn) (*answer[AddedNotificationRoute], error) {
	b := in.Body
	r, secret, err := s.App.AddNotificationRoute(ctx, actor, app.AddNotificationRoute{Once: in.once(), Name: b.Name, Team: b.Team, Service: b.Service, Environment: b.Environment,
		Kinds: b.Kinds, To: slipway.Destination{Channel: slipway.DeliveryChannel(b.Channel), Address: b.Address, Format: slipway.DeliveryFormat(b.Format)}})
	if err != nil {
		return nil, err
	}
	return &answer[AddedNotificationRoute]{AddedNotificationRoute{NotificationRoute: notificationRoute(r), Secret: secret.Reveal()}}, nil
}

func (s *Surface) removeNotificationRoute(ctx context.Context, actor slipway.Actor, in *keyedIDIn) (*empty, error) {
	return nil, s.App.RemoveNotificationRoute(ctx, actor, app.RemoveNotificationRoute{Once: in.once(), Route: in.ID})
}

func (s *Surface) testNotificationRoute(ctx context.Context, actor slipway.Actor, in *keyedIDIn) (*answer[Delivery], error) {
	d, err := s.App.TestNotificationRoute(ctx, actor, app.TestNotificationRoute{Once: in.once(), Route: in.ID})
	if err != nil {
		return nil, err
	}
	return &answer[Delivery]{delivery(d)}, nil
}

func (s *Surface) listDeliveries(ctx context.Context, actor slipway.Actor, in *listDeliveriesIn) (*answer[Page[Delivery]], error) {
	all, next, err := s.App.Deliveries(ctx, actor, app.ListDeliveries{Route: in.Route, State: slipway.DeliveryState(in.State), Page: in.page()})
	if err != nil {
		return nil, err
	}
	return pageOf(all, next, delivery), nil
}

func (s *Surface) getDelivery(ctx context.Context, actor slipway.Actor, in *idIn) (*answer[Delivery], error) {
	d, err := s.App.Delivery(ctx, actor, in.ID)
	if err != nil {
		return nil, err
	}
	return &answer[Delivery]{delivery(d)}, nil
}

func (s *Surface) redeliver(ctx context.Context, actor slipway.Actor, in *keyedIDIn) (*answer[Delivery], error) {
	d, err := s.App.Redeliver(ctx, actor, app.Redeliver{Once: in.once(), Delivery: in.ID})
	if err != nil {
		return nil, err
	}
	return &answer[Delivery]{delivery(d)}, nil
}
