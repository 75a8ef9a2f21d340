package client

import (
	"context"
	"net/http"
)

// Routes lists the notification routes that you manage.
func (c *Client) Routes(ctx context.Context) (Answer[List[Route]], error) {
	return get[List[Route]](ctx, c, nil, "notification-routes")
}

// AddRoute adds a notification route.
func (c *Client) AddRoute(ctx context.Context, n NewRoute) (Answer[Route], error) {
	return post[Route](ctx, c, n, "notification-routes")
}

// RemoveRoute removes a notification route.
func (c *Client) RemoveRoute(ctx context.Context, id int64) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: []string{"notification-routes", number(id)}})
	return err
}

// TestRoute sends a test to a notification route.
func (c *Client) TestRoute(ctx context.Context, id int64) (Answer[Delivery], error) {
	return post[Delivery](ctx, c, nil, "notification-routes", number(id), "test")
}

// Deliveries returns a page of deliveries, newest first; route 0: of all routes.
func (c *Client) Deliveries(ctx context.Context, route int64, state, cursor string) (Answer[List[Delivery]], error) {
	query := values("state", state, "cursor", cursor)
	if route > 0 {
		query.Set("route", number(route))
	}
	return get[List[Delivery]](ctx, c, query, "deliveries")
}

// Delivery returns one delivery.
func (c *Client) Delivery(ctx context.Context, id int64) (Answer[Delivery], error) {
	return get[Delivery](ctx, c, nil, "deliveries", number(id))
}

// Redeliver sends a delivery once more.
func (c *Client) Redeliver(ctx context.Context, id int64) (Answer[Delivery], error) {
	return post[Delivery](ctx, c, nil, "deliveries", number(id), "redeliver")
}

// Mine returns what you yourself are told.
func (c *Client) Mine(ctx context.Context) (Answer[NotificationPreferences], error) {
	return get[NotificationPreferences](ctx, c, nil, "me", "notifications")
}

// PutMine says all that you yourself want to be told.
func (c *Client) PutMine(ctx context.Context, p NotificationPreferences) (Answer[NotificationPreferences], error) {
	return call[NotificationPreferences](ctx, c, request{method: http.MethodPut, path: []string{"me", "notifications"}, body: p})
}
