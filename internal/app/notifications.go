package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// AddNotificationRoute says who is to be told of what.
type AddNotificationRoute struct {
	Once
	Name        string
	Team        string // empty: all; so are the next two
	Service     string
	Environment string
	Kinds       []string
	To          slipway.Destination
}

// maxRoutes bounds what every event is compared with.
const maxRoutes = 200

// AddNotificationRoute adds a route. The secret that signs what goes to a webhook is
// in this answer and nowhere else. It cannot be given twice, so a webhook that is
// asked for again with the same key is a conflict, and makes no second route.
func (a *App) AddNotificationRoute(ctx context.Context, actor slipway.Actor, c AddNotificationRoute) (r slipway.NotificationRoute, secret slipway.Secret, err error) {
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		secret = slipway.Secret{}
		on, err := a.routeResource(ctx, tx, actor, slipway.Resource{Team: c.Team, Service: c.Service, Environment: c.Environment})
		if err != nil {
			return err
		}
		outcome, err := a.once(ctx, tx, actor, c.Once, c, func() (string, error) {
			added, made, err := a.keepRoute(ctx, tx, actor, on, c)
			secret = made
			return itoa(added.ID), err
		})
		if err != nil {
			return err
		}
		id, err := atoi("notification route", outcome)
		if err != nil {
			return err
		}
		if r, err = tx.Routes().Get(ctx, id); err == nil && r.To.Channel == slipway.ToWebhook && secret == (slipway.Secret{}) {
			err = slipway.Conflict("The same request has added this route before. Its secret was shown then and cannot be shown again.",
				"If nobody has it, remove the route and add it again.")
		}
		return err
	})
	return r, secret, err
}

// routeResource is what managing a route is asked for, of things that exist, and
// the answer to whether the actor may.
func (a *App) routeResource(ctx context.Context, tx slipway.Tx, actor slipway.Actor, on slipway.Resource) (slipway.Resource, error) {
	if on.Service != "" {
		s, err := a.service(ctx, tx, actor, on.Service, on.Environment, slipway.NotificationManage)
		if err != nil {
			return on, err
		}
		if on.Team != "" && on.Team != s.Team {
			return on, slipway.Invalid("The route", []slipway.FieldError{{Field: "team", Message: "is not the team of " + s.Name + "; leave it out"}})
		}
		on.Team = s.Team
	}
	if err := a.authorize(ctx, tx, actor, slipway.NotificationManage, on); err != nil {
		return on, err
	}
	if on.Team != "" {
		if _, err := tx.Teams().Get(ctx, on.Team); err != nil {
			return on, err
		}
	}
	if on.Environment != "" {
		if _, err := tx.Environments().Get(ctx, on.Environment); err != nil {
			return on, err
		}
	}
	return on, nil
}

func (a *App) keepRoute(ctx context.Context, tx slipway.Tx, actor slipway.Actor, on slipway.Resource, c AddNotificationRoute) (r slipway.NotificationRoute, secret slipway.Secret, err error) {
	if c.To.Format == "" {
		c.To.Format = slipway.FormatSlipway
	}
	r = slipway.NotificationRoute{Name: strings.TrimSpace(c.Name), Team: c.Team, Service: c.Service, Environment: c.Environment, Kinds: c.Kinds,
		To: c.To, Owner: actor.Person(), CreatedAt: a.now()}
	if c.Service != "" {
		r.Team = on.Team
	}
	if err := slipway.Invalid("The route", r.Validate()); err != nil {
		return r, secret, err
	}
	if err := a.reaches(c.To.Channel); err != nil {
		return r, secret, err
	}
	others, err := tx.Routes().List(ctx)
	if err != nil {
		return r, secret, err
	}
	if len(others) >= maxRoutes {
		return r, secret, slipway.Conflict(fmt.Sprintf("There are %d routes already.", len(others)), "Remove those that nobody needs.")
	}
	if r.AfterEvent, err = tx.Events().LastID(ctx); err != nil {
		return r, secret, err
	}
	if r, err = tx.Routes().Add(ctx, r); err != nil {
		return r, secret, err
	}
	if c.To.Channel == slipway.ToWebhook {
		secret = slipway.NewSecret("slw_" + rand.Text() + rand.Text())
		sealed, err := a.Sealer.Seal(r.SealedAt(), secret)
		if err != nil {
			return r, secret, err
		}
		if err := tx.Routes().PutSealed(ctx, r.ID, sealed); err != nil {
			return r, secret, err
		}
	}
	return r, secret, a.recordRoute(ctx, tx, actor, on, "notification.added", r, "added the notification route "+r.Name+" to "+r.To.Shown())
}

// reaches says what is missing for a channel; nil if nothing is.
func (a *App) reaches(to slipway.DeliveryChannel) error {
	refuse := func(what, do string) error {
		return &slipway.Error{Code: slipway.CodeConflict, Message: what, Affected: "Nothing was added.", Do: do}
	}
	switch {
	case to == slipway.ToWebhook && a.Sealer == nil:
		return refuse("This portal has no key to keep the secret of a webhook under.", "Set SLIPWAY_SECRET_KEY (head -c 32 /dev/urandom | base64) and start it again.")
	case slices.Contains(a.Tells, to):
		return nil
	case to == slipway.ToEmail:
		return refuse("This portal sends no mail.", "Set SLIPWAY_SMTP_URL and SLIPWAY_SMTP_FROM and start it again.")
	case to == slipway.ToSlack:
		return refuse("This portal is not connected to Slack.", "Set SLIPWAY_SLACK_BOT_TOKEN and start it again.")
	case to == slipway.ToMattermost:
		return refuse("This portal is not connected to Mattermost.", "Set the address and the bot's token of Mattermost and start it again; see docs/notifications.md.")
	default:
		return nil
	}
}

func (a *App) recordRoute(ctx context.Context, tx slipway.Tx, actor slipway.Actor, on slipway.Resource, action string, r slipway.NotificationRoute, summary string) error {
	return a.record(ctx, tx, actor, change{action: action, on: on, subject: "notification route " + itoa(r.ID), summary: summary, detail: map[string]any{
		"name": r.Name, "team": r.Team, "service": r.Service, "environment": r.Environment, "kinds": r.Kinds,
		"channel": r.To.Channel, "address": r.To.Shown(), "format": r.To.Format}})
}

// route loads a route that the actor manages. One that they do not is answered
// like one that does not exist to those who may not know what it is about.
func (a *App) route(ctx context.Context, tx slipway.Tx, actor slipway.Actor, id int64) (r slipway.NotificationRoute, on slipway.Resource, err error) {
	if err := a.outright(ctx, tx, actor, slipway.NotificationManage, slipway.Resource{}); err != nil {
		return r, on, err
	}
	if r, err = tx.Routes().Get(ctx, id); err != nil {
		return r, on, err
	}
	on = r.Resource()
	if r.Service != "" {
		s, err := tx.Services().Get(ctx, r.Service)
		if err != nil {
			return r, on, err
		}
		on.Team = s.Team // the one that owns it today
	}
	err = a.authorize(ctx, tx, actor, slipway.NotificationManage, on)
	if slipway.CodeOf(err) == slipway.CodeDenied && on.Team != "" {
		if hidden := a.authorize(ctx, tx, actor, slipway.ServiceRead, on); slipway.CodeOf(hidden) == slipway.CodeDenied {
			return r, on, slipway.NotFound("notification route", itoa(id))
		}
	}
	return r, on, err
}

// RemoveNotificationRoute removes a notification route.
type RemoveNotificationRoute struct {
	Once
	Route int64
}

// RemoveNotificationRoute removes a route with the log of its deliveries.
func (a *App) RemoveNotificationRoute(ctx context.Context, actor slipway.Actor, c RemoveNotificationRoute) error {
	return a.writeOnce(ctx, actor, c.Once, c, func(tx slipway.Tx) error {
		r, on, err := a.route(ctx, tx, actor, c.Route)
		if err != nil {
			return err
		}
		if err := tx.Routes().Remove(ctx, c.Route); err != nil {
			return err
		}
		return a.recordRoute(ctx, tx, actor, on, "notification.removed", r, "removed the notification route "+r.Name)
	})
}

// NotificationRoutes lists the routes that the actor manages, oldest first.
func (a *App) NotificationRoutes(ctx context.Context, actor slipway.Actor) (out []slipway.NotificationRoute, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		out, err = a.managedRoutes(ctx, tx, actor)
		return err
	})
	return out, err
}

func (a *App) managedRoutes(ctx context.Context, tx slipway.Tx, actor slipway.Actor) ([]slipway.NotificationRoute, error) {
	may, err := a.visible(ctx, tx, actor, slipway.NotificationManage)
	if err != nil {
		return nil, err
	}
	if may.Nothing() {
		return nil, a.authorize(ctx, tx, actor, slipway.NotificationManage, slipway.Resource{})
	}
	all, err := tx.Routes().List(ctx)
	return slices.DeleteFunc(all, func(r slipway.NotificationRoute) bool { return !may.Admits(r.Resource()) }), err
}
