package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

// mineCommand is what somebody wants to be told themselves.
func mineCommand() *cobra.Command {
	show := command("show", "Show what you yourself are told", cobra.NoArgs, func(ctx context.Context, c *cli, _ []string) error {
		p, err := c.Mine(ctx)
		if err != nil {
			return err
		}
		return c.showMine(p)
	})
	return group("mine", "What you yourself are told, how, and when not", show, mineSetCommand())
}

func (c *cli) showMine(p client.Answer[client.NotificationPreferences]) error {
	return c.show(p.Raw, func(t *table) {
		v := p.Value
		t.row("Told by", v.Channel)
		t.row("Asked for decisions", yesNo(v.Approvals))
		t.row("Follows teams", orDash(strings.Join(v.Teams, " ")))
		t.row("Follows services", orDash(strings.Join(v.Services, " ")))
		t.row("Of them, kinds", orDash(strings.Join(v.Kinds, " ")))
		quiet := "none"
		if q := v.Quiet; q != nil {
			quiet = q.From + "-" + q.Until + " " + q.Zone
		}
		t.row("Quiet hours", quiet)
		t.row("Urgent at any hour", yesNo(v.Urgent))
	})
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// mineFlags are what somebody may change of what they are told.
type mineFlags struct {
	channel, quiet         string
	teams, services, kinds []string
	approvals, urgent      bool
}

func mineSetCommand() *cobra.Command {
	var m mineFlags
	var changed func(flag string) bool
	cmd := command("set", "Say what you yourself want to be told; what you do not name stays", cobra.NoArgs, func(ctx context.Context, c *cli, _ []string) error {
		if !slices.ContainsFunc(mineNames(), changed) {
			return usageError("say what is to change: --%s", strings.Join(mineNames(), ", --"))
		}
		now, err := c.Mine(ctx)
		if err != nil {
			return err
		}
		if err := m.change(&now.Value, changed); err != nil {
			return err
		}
		kept, err := c.PutMine(ctx, now.Value)
		if err != nil {
			return err
		}
		return c.showMine(kept)
	})
	f := cmd.Flags()
	changed = f.Changed
	f.StringVar(&m.channel, "channel", "", "how you are told: email, slack or mattermost")
	f.BoolVar(&m.approvals, "approvals", true, "asked when a decision of yours is waited for; --approvals=false: not")
	f.StringSliceVar(&m.teams, "team", nil, `all teams that you follow; "" for none`)
	f.StringSliceVar(&m.services, "service", nil, `all services that you follow beside them; "" for none`)
	f.StringSliceVar(&m.kinds, "kind", nil, `kinds of their events, such as deployment.failed or deployment.*; "" for none`)
	f.StringVar(&m.quiet, "quiet", "", `hours in which you are left alone, such as "22:00-07:00 Europe/Stockholm"; "" for none`)
	f.BoolVar(&m.urgent, "urgent", true, "told of what is urgent in quiet hours, too; --urgent=false: not")
	return cmd
}

func mineNames() []string {
	return []string{"channel", "approvals", "team", "service", "kind", "quiet", "urgent"}
}

// change puts in what was named.
func (m mineFlags) change(p *client.NotificationPreferences, named func(flag string) bool) error {
	for flag, put := range map[string]func(){
		"channel": func() { p.Channel = m.channel }, "approvals": func() { p.Approvals = m.approvals }, "urgent": func() { p.Urgent = m.urgent },
		"team": func() { p.Teams = m.teams }, "service": func() { p.Services = m.services }, "kind": func() { p.Kinds = m.kinds },
	} {
		if named(flag) {
			put()
		}
	}
	if !named("quiet") {
		return nil
	}
	if p.Quiet = nil; m.quiet == "" {
		return nil
	}
	hours, zone, zoned := strings.Cut(m.quiet, " ")
	from, until, ranged := strings.Cut(hours, "-")
	if !zoned || !ranged {
		return usageError("--quiet %q is no time of each day; write \"22:00-07:00 Europe/Stockholm\"", m.quiet)
	}
	p.Quiet = &client.QuietHours{From: from, Until: until, Zone: zone}
	return nil
}
