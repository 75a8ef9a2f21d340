package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

func calendarCommand() *cobra.Command {
	list := command("list", "List the calendars that make freezes", cobra.NoArgs, func(ctx context.Context, c *cli, _ []string) error {
		return paged(c, func(string) (client.Answer[client.List[client.Calendar]], error) { return c.Calendars(ctx) }, calendarRow)
	})
	remove := command("remove ID", "Remove a calendar with all the freezes that it makes", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil || id < 1 {
			return usageError("%q is no number of a calendar", args[0])
		}
		if err := c.RemoveCalendar(ctx, id); err != nil {
			return err
		}
		return c.done("Calendar " + args[0] + " is removed.")
	})
	return group("calendar", "Freezes that come again, and the times at which deployments may start at all", calendarAddCommand(), list, remove, calendarImportCommand())
}

func calendarRow(t *table, first bool, k client.Calendar) {
	if first {
		t.row("ID", "NAME", "ENVIRONMENT", "KIND", "LASTS", "ZONE", "RULE", "REASON")
	}
	environment := k.Environment
	if environment == "" {
		environment = "(all)"
	}
	t.row(k.ID, k.Name, environment, k.Kind, k.Duration, k.Zone, k.Rule, k.Reason)
}

func calendarAddCommand() *cobra.Command {
	var n client.NewCalendar
	var start, repeat string
	var except []string
	var allow bool
	cmd := command("add NAME --start TIME --for DURATION --zone ZONE --reason TEXT", "Add a freeze that comes again", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		n.Name, n.Kind = args[0], kindOf(allow)
		var err error
		if n.Rule, err = ruleOf(start, repeat, except); err != nil {
			return err
		}
		if n.Reason == "" {
			return usageError("--reason is needed, so that others know why they wait")
		}
		k, err := c.AddCalendar(ctx, n)
		if err != nil {
			return err
		}
		return c.show(k.Raw, func(t *table) { calendarRow(t, true, k.Value) })
	})
	f := cmd.Flags()
	f.StringVar(&n.Environment, "environment", "", "all if left out")
	f.StringVar(&start, "start", "", "of the first occurrence, as the clock of the zone shows it: 2026-12-18T17:00, or a whole day: 2026-12-24")
	f.StringVar(&n.Duration, "for", "", "how long each occurrence is by that clock, such as 63h")
	f.StringVar(&n.Zone, "zone", "", "time zone, such as Europe/Stockholm")
	f.StringVar(&repeat, "repeat", "", "rule of iCalendar: FREQ=WEEKLY;BYDAY=FR; once if left out")
	f.StringArrayVar(&except, "except", nil, "beginning of an occurrence that is left out; may be given again")
	f.BoolVar(&allow, "allow", false, "deployments start within its occurrences only")
	f.StringVar(&n.Reason, "reason", "", "why others wait")
	return cmd
}

func kindOf(allow bool) string {
	if allow {
		return "allow"
	}
	return "deny"
}

// ruleOf writes a rule as iCalendar has it.
func ruleOf(start, repeat string, except []string) (string, error) {
	wall := func(flag, text string) (string, error) {
		for _, form := range []string{"2006-01-02T15:04", time.DateOnly} {
			if at, err := time.Parse(form, text); err == nil {
				return at.Format("20060102T150405"), nil
			}
		}
		return "", usageError("%s %q is no time; write 2026-12-18T17:00 or 2026-12-24", flag, text)
	}
	begins, err := wall("--start", start)
	if err != nil {
		return "", err
	}
	lines := []string{"DTSTART:" + begins}
	if repeat != "" {
		lines = append(lines, "RRULE:"+strings.TrimPrefix(repeat, "RRULE:"))
	}
	for _, text := range except {
		left, err := wall("--except", text)
		if err != nil {
			return "", err
		}
		lines = append(lines, "EXDATE:"+left)
	}
	return strings.Join(lines, "\n"), nil
}

func calendarImportCommand() *cobra.Command {
	var environment, zone, reason string
	var allow bool
	cmd := command("import FILE --reason TEXT", "Make a calendar of each event of an iCalendar file; - is standard input", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		if reason == "" {
			return usageError("--reason is needed, so that others know why they wait")
		}
		file, err := readFile(args[0], c.in)
		if err != nil {
			return err
		}
		added, err := c.ImportCalendars(ctx, file, environment, kindOf(allow), zone, reason)
		if err != nil {
			return err
		}
		return c.show(added.Raw, func(t *table) {
			for i, k := range added.Value.Items {
				calendarRow(t, i == 0, k)
			}
		})
	})
	cmd.Flags().StringVar(&environment, "environment", "", "all if left out")
	cmd.Flags().StringVar(&zone, "zone", "", "time zone of events that name none")
	cmd.Flags().BoolVar(&allow, "allow", false, "deployments start within their occurrences only")
	cmd.Flags().StringVar(&reason, "reason", "", "why others wait")
	return cmd
}
