package browser_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// notificationPosts adds a route, tests it, sends the test again and removes it.
func (w *world) notificationPosts() {
	const routes, mine = "/settings/notifications", "/settings/me/notifications"
	made := w.fill("Ana", routes, routes, "name", "Pager", "channel", "webhook", "address", "https://pager.example.com/hook?key=k3y", "service", "billing-api", "environment", "production", "kind", "deployment.failed").
		status(http.StatusCreated).says("Take the secret of Pager with you now", "slw_", "https://pager.example.com/hook?***", "billing-api in production", "nothing sent yet")
	checkPage(made)
	if strings.Contains(made.Body.String(), "k3y") {
		w.t.Error("the key in the address is shown")
	}
	w.fill("Ana", routes, routes+"/1/test").leadsTo(routes + "?route=1#deliveries")
	checkPage(w.get("Ana", routes).status(http.StatusOK).says("This is a test of the route Pager", "on its way"))
	w.outcome(slipway.DeliveryFailed, "pager.example.com answered 410 Gone.")
	checkPage(w.get("Ana", routes+"?route=1").status(http.StatusOK).says("failing for", "pager.example.com answered 410 Gone.", "given up", "of Pager"))
	w.fill("Ana", routes, routes+"/deliveries/1/redeliver").leadsTo(routes + "?route=1#deliveries")
	w.fill("Ana", routes, routes+"/1/remove").leadsTo(routes)
	w.fill("Ana", mine, mine, "channel", "email", "approvals", "1", "kind", "deployment.failed", "services", "billing-api", "quiet", "1", "from", "22:00", "until", "07:00", "zone", "Europe/Stockholm").leadsTo(mine)
	checkPage(w.get("Ana", mine).status(http.StatusOK).says("billing-api", "this portal is not connected"))
}

// outcome writes down what came of the newest delivery, as the notifier does.
func (w *world) outcome(state slipway.DeliveryState, problem string) {
	ctx, now := w.t.Context(), w.clock()
	must(w.t, w.store.Write(ctx, func(tx slipway.Tx) error {
		list, _, err := tx.Deliveries().List(ctx, slipway.DeliveryFilter{}, slipway.Page{Limit: 1})
		if err != nil {
			return err
		}
		d := list[0]
		d.State, d.Attempts, d.Error, d.NextAt = state, 1, problem, now.Add(time.Minute)
		if err := tx.Deliveries().Save(ctx, d); err != nil {
			return err
		}
		return tx.Routes().PutHealth(ctx, d.Route, slipway.RouteHealth{FailingSince: &now, Error: problem})
	}))
}

// TestRoutesThatAreRefused: what is wrong is said beside the field, who may not is
// told why, and nothing is changed.
func TestRoutesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	const routes, mine = "/settings/notifications", "/settings/me/notifications"
	checkPage(w.fill("Ana", routes, routes, "name", "Pager", "channel", "webhook", "address", "javascript:alert(1)").status(http.StatusUnprocessableEntity).says("Nothing was added.", "Must be an http or https address"))
	w.fill("Ana", routes, routes, "name", "Mail", "channel", "email", "address", "team@example.com").status(http.StatusConflict).says("This portal sends no mail", "SLIPWAY_SMTP_URL")
	w.fill("Ana", routes, routes, "name", "Pager", "channel", "webhook", "address", "https://x.example.com", "service", "nothing").status(http.StatusUnprocessableEntity).says("Is none that you may see")
	checkPage(w.get("Jonas", routes).status(http.StatusOK).says("Why you manage no routes", "notification.manage"))
	w.send("Jonas", http.MethodPost, routes, url.Values{"name": {"Mine"}, "channel": {"webhook"}, "address": {"https://x.example.com"}}).status(http.StatusForbidden)
	checkPage(w.fill("Jonas", mine, mine, "channel", "email", "quiet", "1", "from", "25:00", "until", "07:00", "zone", "Mars").status(http.StatusUnprocessableEntity).says("Nothing was changed.", "Is a time of day", "Is a time zone"))
	w.get("Ana", routes).status(http.StatusOK).says("No route yet")
}
