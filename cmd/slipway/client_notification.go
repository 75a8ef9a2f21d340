package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

func notificationCommand() *cobra.Command {
	list := command("list", "List the routes that you manage, with how they fare", cobra.NoArgs, func(ctx context.Context, c *cli, _ []string) error {
		return paged(c, func(string) (client.Answer[client.List[client.Route]], error) { return c.Routes(ctx) }, routeRow)
	})
	remove := command("remove ID", "Remove a route with the log of its deliveries", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := numberOf("route", args[0])
		if err != nil {
			return err
		}
		if err := c.RemoveRoute(ctx, id); err != nil {
			return err
		}
		return c.done("Route " + args[0] + " is removed.")
	})
	test := command("test ID", "Send a test, and say what came of it", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := numberOf("route", args[0])
		if err != nil {
			return err
		}
		d, err := c.TestRoute(ctx, id)
		if err != nil {
			return err
		}
		return c.followDelivery(ctx, d.Value.ID)
	})
	return group("notification", "Who is told of what, and how that went",
		group("route", "Where events are told: webhooks, chat, mail", list, routeAddCommand(), remove, test), deliveryCommand(), mineCommand())
}

func numberOf(what, text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, usageError("%q is no number of a %s", text, what)
	}
	return id, nil
}

func routeRow(t *table, first bool, r client.Route) {
	if first {
		t.row("ID", "NAME", "OF", "KINDS", "TO", "HEALTH")
	}
	of := "everything"
	if parts := join(" in ", r.Service, r.Environment); parts != "" {
		of = parts
	}
	if r.Service == "" && r.Team != "" {
		of = strings.TrimSpace("team " + r.Team + " " + r.Environment)
	}
	health := "nothing sent yet"
	switch {
	case r.FailingSince != nil:
		health = "failing since " + clock(*r.FailingSince) + ": " + r.Error
	case r.SentAt != nil:
		health = "sent " + clock(*r.SentAt)
	}
	to := r.Channel + " " + r.Address
	if r.Format == "cdevents" {
		to += " (cdevents)"
	}
	t.row(r.ID, r.Name, of, orDash(strings.Join(r.Kinds, " ")), to, health)
}

func join(between string, words ...string) string {
	var kept []string
	for _, w := range words {
		if w != "" {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, between)
}

func routeAddCommand() *cobra.Command {
	var n client.NewRoute
	to := map[string]*string{"webhook": new(string), "slack": new(string), "mattermost": new(string), "email": new(string)}
	cmd := command("add NAME (--webhook URL | --slack CHANNEL | --mattermost CHANNEL | --email ADDRESS)", "Add a route; the secret of a webhook is shown this once", cobra.ExactArgs(1),
		func(ctx context.Context, c *cli, args []string) error {
			n.Name = args[0]
			for channel, address := range to {
				if *address == "" {
					continue
				}
				if n.Channel != "" {
					return usageError("a route leads to one place: give one of --webhook, --slack, --mattermost and --email")
				}
				n.Channel, n.Address = channel, *address
			}
			if n.Channel == "" {
				return usageError("say where it leads: --webhook, --slack, --mattermost or --email")
			}
			r, err := c.AddRoute(ctx, n)
			if err != nil {
				return err
			}
			return c.show(r.Raw, func(t *table) {
				routeRow(t, true, r.Value)
				if r.Value.Secret != "" {
					t.row("Secret", r.Value.Secret)
				}
			})
		})
	f := cmd.Flags()
	f.StringVar(to["webhook"], "webhook", "", "address that is posted to, signed")
	f.StringVar(to["slack"], "slack", "", "channel of Slack")
	f.StringVar(to["mattermost"], "mattermost", "", "channel of Mattermost, by its number")
	f.StringVar(to["email"], "email", "", "address of mail")
	f.StringVar(&n.Team, "team", "", "events of one team; of all if left out")
	f.StringVar(&n.Service, "service", "", "events of one service")
	f.StringVar(&n.Environment, "environment", "", "events in one environment")
	f.StringSliceVar(&n.Kinds, "kind", nil, "kinds of events, such as deployment.failed or deployment.*; all if left out")
	f.StringVar(&n.Format, "format", "", "of a webhook: slipway or cdevents")
	return cmd
}

func deliveryCommand() *cobra.Command {
	var route int64
	var state string
	list := command("list", "List deliveries, newest first", cobra.NoArgs, func(ctx context.Context, c *cli, _ []string) error {
		return paged(c, func(cursor string) (client.Answer[client.List[client.Delivery]], error) {
			return c.Deliveries(ctx, route, state, cursor)
		}, deliveryRow)
	})
	list.Flags().Int64Var(&route, "route", 0, "of one route; of all that you manage if left out")
	list.Flags().StringVar(&state, "state", "", "pending, sent or failed")
	again := command("redeliver ID", "Send a delivery once more, and say what came of it", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := numberOf("delivery", args[0])
		if err != nil {
			return err
		}
		if _, err := c.Redeliver(ctx, id); err != nil {
			return err
		}
		return c.followDelivery(ctx, id)
	})
	return group("delivery", "What was told, and what could not be", list, again)
}

func deliveryRow(t *table, first bool, d client.Delivery) {
	if first {
		t.row("ID", "ROUTE", "AT", "KIND", "STATE", "ATTEMPTS", "MESSAGE")
	}
	kind, message := d.Kind, d.Message
	if d.Form != "" {
		kind += " (" + d.Form + ")"
	}
	if d.Error != "" {
		message += " | " + d.Error
	}
	t.row(d.ID, d.Route, clock(d.CreatedAt), kind, d.State, d.Attempts, message)
}

const (
	deliverEvery  = 200 * time.Millisecond
	deliverWithin = 20 * time.Second
)

// followDelivery waits for the first attempt, and ends with what came of it.
func (c *cli) followDelivery(ctx context.Context, id int64) error {
	bounded, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	var d client.Answer[client.Delivery]
	err := every(bounded, deliverEvery, func() (bool, error) {
		var err error
		d, err = c.Delivery(bounded, id)
		return d.Value.State != "pending" || d.Value.Attempts > 0, err
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return exitError{exitFailed, fmt.Errorf("delivery %d is still on its way; it goes on without you.\nWhat to do: slipway notification delivery list", id)}
	}
	if err != nil {
		return err
	}
	if d.Value.State == "sent" {
		return c.show(d.Raw, func(t *table) { t.row(fmt.Sprintf("Delivery %d arrived.", id)) })
	}
	if c.json {
		if err := c.show(d.Raw, nil); err != nil {
			return err
		}
	}
	next := "It is given up.\nWhat to do: put that right, then slipway notification delivery redeliver " + strconv.FormatInt(id, 10)
	if d.Value.NextAt != nil {
		next = "The next attempt is at " + clock(*d.Value.NextAt) + "."
	}
	return exitError{exitFailed, fmt.Errorf("delivery %d did not arrive: %s %s", id, d.Value.Error, next)}
}
