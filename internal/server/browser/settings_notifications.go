package browser

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

const notificationsPath = "/settings/notifications"

func (s *Surface) notifications(c echo.Context) error {
	return s.showNotifications(c, http.StatusOK, nil, func(*page.NotificationsView) {})
}

// shownDeliveries is how many lines of the log a page has.
const shownDeliveries = 25

// showNotifications renders routes and their log; change puts in a new secret.
func (s *Surface) showNotifications(c echo.Context, status int, refused *slipway.Error, change func(*page.NotificationsView)) error {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	sh, err := s.shell(c, "settings", "Notifications")
	if err != nil {
		return err
	}
	staysAt(c, &sh, notificationsPath)
	var v page.NotificationsView
	routes, err := s.App.NotificationRoutes(ctx, actor)
	if e, _, ok := refusal(err); ok { // who manages none is told why, and finds what is theirs
		if v.WhyNot = blocks(e.BlockedBy); len(v.WhyNot) == 0 {
			v.WhyNot = why("Permission", sentence(e))
		}
		return s.render(c, status, page.Notifications(sh, v))
	}
	if err != nil {
		return err
	}
	if v, err = s.routeForm(c, refused); err != nil {
		return err
	}
	v.Key, v.CanAdd = sh.Key, true
	names := map[int64]string{}
	for _, r := range routes {
		v.Routes, names[r.ID] = append(v.Routes, routeRow(r)), r.Name
	}
	if err := s.showDeliveries(c, &v, names); err != nil {
		return err
	}
	change(&v)
	noStore(c)
	return s.render(c, status, page.Notifications(sh, v))
}

func routeRow(r slipway.NotificationRoute) page.RouteRow {
	row := page.RouteRow{ID: id(r.ID), Name: r.Name, Of: "everything", Kinds: r.Kinds, Channel: string(r.To.Channel), Address: r.To.Shown(), Owner: r.Owner.Name,
		State: component.None, Word: "nothing sent yet"}
	if r.To.Format == slipway.FormatCDEvents {
		row.Channel += ", CDEvents"
	}
	of := r.Service
	if of == "" && r.Team != "" {
		of = "team " + r.Team
	}
	if r.Environment != "" {
		of = strings.TrimPrefix(of+" in "+r.Environment, " in ")
	}
	if of != "" {
		row.Of = of
	}
	switch h := r.Health; {
	case h.FailingSince != nil:
		row.State, row.Word, row.At, row.Problem = component.Failed, "failing for", *h.FailingSince, h.Error
	case h.SentAt != nil:
		row.State, row.Word, row.At = component.Live, "sent", *h.SentAt
	}
	return row
}

// showDeliveries puts the log on the page, of one route if the address names it.
func (s *Surface) showDeliveries(c echo.Context, v *page.NotificationsView, names map[int64]string) error {
	ask := app.ListDeliveries{Page: slipway.Page{Limit: shownDeliveries}}
	if isRead(c) {
		ask.Page.Cursor = c.QueryParam("before")
		if n, err := strconv.ParseInt(c.QueryParam("route"), 10, 64); err == nil && names[n] != "" {
			ask.Route, v.Only = n, names[n]
		}
	}
	list, next, err := s.App.Deliveries(c.Request().Context(), server.ActorOf(c), ask)
	if err != nil {
		return err
	}
	for _, d := range list {
		v.Deliveries = append(v.Deliveries, deliveryRow(d, names[d.Route]))
	}
	if next != "" {
		v.More = notificationsPath + "?before=" + next
		if ask.Route != 0 {
			v.More += "&route=" + id(ask.Route)
		}
	}
	return nil
}

func deliveryRow(d slipway.Delivery, route string) page.DeliveryRow {
	row := page.DeliveryRow{ID: id(d.ID), At: d.CreatedAt, Route: route, What: d.Notice.Event.Kind, Message: d.Notice.Event.Message, Attempts: d.Attempts, Problem: d.Error,
		CanAgain: d.State != slipway.DeliveryPending}
	if d.Notice.Form != "" {
		row.What = d.Notice.Form
	}
	switch d.State {
	case slipway.DeliverySent:
		row.State, row.Word = component.Live, "arrived"
	case slipway.DeliveryFailed:
		row.State, row.Word = component.Failed, "given up"
	default:
		row.State, row.Word = component.Rolling, "on its way"
		if d.Attempts > 0 {
			row.Word, row.Next = "tried", d.NextAt
		}
	}
	return row
}

// routeForm is the form with what was typed.
func (s *Surface) routeForm(c echo.Context, refused *slipway.Error) (v page.NotificationsView, err error) {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	field := func(name, label, hint string) component.Field {
		return component.Field{Name: name, Label: label, Hint: hint, Value: formOnly(c, name), Error: fieldError(refused, name)}
	}
	v.Name, v.Address, v.Service = field("name", "Name", ""), field("address", "Where", "An address of the web, a channel of the chat, or an address of mail."), field("service", "Service", "Of one service only.")
	v.Name.Required, v.Name.MaxLength, v.Address.Required, v.Address.Mono, v.Service.Mono = true, 100, true, true, true
	v.ChannelError = fieldError(refused, "channel", "format")
	v.Channels = options(c, "channel", "webhook", "Webhook", "slack", "Slack channel", "mattermost", "Mattermost channel", "email", "E-mail")
	v.Formats = options(c, "format", "slipway", "Slipway's own JSON", "cdevents", "CDEvents")
	teams, err := s.App.Teams(ctx, actor)
	if err != nil {
		return v, err
	}
	environments, err := s.App.Environments(ctx, actor)
	if err != nil {
		return v, err
	}
	ofTeams, inEnvironments := []string{"", "All"}, []string{"", "All"}
	for _, t := range teams {
		ofTeams = append(ofTeams, t.Name, t.Name)
	}
	for _, e := range environments {
		inEnvironments = append(inEnvironments, e.Name, e.Name)
	}
	v.Teams, v.Environments, v.Kinds = options(c, "team", ofTeams...), options(c, "environment", inEnvironments...), kindOptions(c.Request().PostForm["kind"])
	if refused != nil {
		v.Problems = formProblems(refused)
	}
	return v, nil
}

// options makes options of values and labels in turn.
func options(c echo.Context, name string, pairs ...string) (out []component.Option) {
	for pair := range slices.Chunk(pairs, 2) {
		out = append(out, component.Option{Value: pair[0], Label: pair[len(pair)-1], Selected: formOnly(c, name) == pair[0]})
	}
	return out
}

func kindOptions(chosen []string) (out []component.Option) {
	for _, k := range slipway.ToldKinds() {
		out = append(out, component.Option{Value: k.Kind, Label: k.Words, Selected: slices.Contains(chosen, k.Kind)})
	}
	return out
}

// formProblems leads from the top of a refused form to each field.
func formProblems(refused *slipway.Error) []component.Link {
	if len(refused.Fields) == 0 {
		return []component.Link{{Text: sentence(refused)}}
	}
	links := make([]component.Link, len(refused.Fields))
	for i, f := range refused.Fields {
		at, _, _ := strings.Cut(strings.ReplaceAll(f.Field, "quiet.", ""), "[")
		links[i] = component.Link{Text: f.String(), Href: "#" + at}
	}
	return links
}

// addRoute answers with the page itself where there is a secret: it is kept nowhere
// that another request could fetch it from.
func (s *Surface) addRoute(c echo.Context) error {
	r, secret, err := s.App.AddNotificationRoute(c.Request().Context(), server.ActorOf(c), app.AddNotificationRoute{Once: once(c), Name: text(c, "name"), Team: text(c, "team"),
		Service: text(c, "service"), Environment: text(c, "environment"), Kinds: c.Request().PostForm["kind"],
		To: slipway.Destination{Channel: slipway.DeliveryChannel(text(c, "channel")), Address: text(c, "address"), Format: slipway.DeliveryFormat(text(c, "format"))}})
	if slipway.IsNotFound(err) {
		err = slipway.Invalid("The route", []slipway.FieldError{{Field: "service", Message: "is none that you may see"}})
	}
	if e, status, ok := refusal(err); ok {
		return s.showNotifications(c, status, e, func(*page.NotificationsView) {})
	}
	if err != nil {
		return err
	}
	if secret == (slipway.Secret{}) {
		return s.done(c, notificationsPath, r.Name+" is told of what happens from now on.", component.Link{})
	}
	return s.showNotifications(c, http.StatusCreated, nil, func(v *page.NotificationsView) {
		v.Reveal, v.RevealName = secret.Reveal(), r.Name
		v.Name.Value, v.Address.Value, v.Service.Value = "", "", ""
	})
}

func (s *Surface) testRoute(c echo.Context) error {
	n, err := number(c, "notification route")
	if err != nil {
		return err
	}
	d, err := s.App.TestNotificationRoute(c.Request().Context(), server.ActorOf(c), app.TestNotificationRoute{Once: once(c), Route: n})
	return s.routeDone(c, err, notificationsPath+"?route="+id(n)+"#deliveries", s.cameOf(c, d, err, "The test"))
}

// lookFor is how long a form waits for what comes of a delivery: mostly that is
// known within a moment, and then the next page says it.
const (
	lookFor   = 1500 * time.Millisecond
	lookEvery = 50 * time.Millisecond
)

// cameOf says what came of a delivery, or that it is on its way.
func (s *Surface) cameOf(c echo.Context, d slipway.Delivery, failed error, what string) string {
	if failed != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), lookFor)
	defer cancel()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		is, err := s.App.Delivery(ctx, server.ActorOf(c), d.ID)
		switch {
		case err != nil:
			return what + " is on its way. The log says what comes of it."
		case is.State == slipway.DeliverySent:
			return what + " arrived."
		case is.State == slipway.DeliveryFailed, is.Attempts > 0:
			return what + " did not arrive: " + is.Error
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

func (s *Surface) removeRoute(c echo.Context) error {
	n, err := number(c, "notification route")
	if err != nil {
		return err
	}
	err = s.App.RemoveNotificationRoute(c.Request().Context(), server.ActorOf(c), app.RemoveNotificationRoute{Once: once(c), Route: n})
	if slipway.IsNotFound(err) {
		err = nil // the second click finds it gone, which is what was wanted
	}
	return s.routeDone(c, err, notificationsPath, "The route is removed, with its log.")
}

func (s *Surface) redeliver(c echo.Context) error {
	n, err := number(c, "delivery")
	if err != nil {
		return err
	}
	d, err := s.App.Redeliver(c.Request().Context(), server.ActorOf(c), app.Redeliver{Once: once(c), Delivery: n})
	return s.routeDone(c, err, notificationsPath+"?route="+id(d.Route)+"#deliveries", s.cameOf(c, d, err, "The delivery"))
}

func (s *Surface) routeDone(c echo.Context, err error, to, said string) error {
	if e, status, ok := refusal(err); ok {
		return s.showNotifications(c, status, e, func(*page.NotificationsView) {})
	}
	if err != nil {
		return err
	}
	return s.done(c, to, said, component.Link{})
}
