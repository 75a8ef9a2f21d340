package main

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

func lockCommand() *cobra.Command {
	var reason string
	cmd := command("lock ENVIRONMENT --reason TEXT", "Keep others from starting deployments in an environment", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		if reason == "" {
			return usageError("--reason is needed, so that others know why they wait")
		}
		e, err := c.Lock(ctx, args[0], reason)
		return c.environment(e, err)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why others wait")
	return cmd
}

func unlockCommand() *cobra.Command {
	return command("unlock ENVIRONMENT", "Let deployments start again", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		e, err := c.Unlock(ctx, args[0])
		return c.environment(e, err)
	})
}

func (c *cli) environment(e client.Answer[client.Environment], err error) error {
	if err != nil {
		return err
	}
	return c.show(e.Raw, func(t *table) {
		if lock := e.Value.Lock; lock != nil {
			t.row(e.Value.Name, "locked by "+lock.OwnerName+": "+lock.Reason)
			return
		}
		t.row(e.Value.Name, "not locked")
	})
}

func freezeCommand() *cobra.Command {
	var reason, until string
	cmd := command("freeze ENVIRONMENT --until TIME --reason TEXT", "Keep an environment from new deployments for a time", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		if reason == "" {
			return usageError("--reason is needed, so that others know why they wait")
		}
		end, err := timeOf("--until", until, time.Now())
		if err != nil {
			return err
		}
		f, err := c.Freeze(ctx, args[0], reason, end)
		if err != nil {
			return err
		}
		return c.show(f.Raw, func(t *table) {
			t.row("Freeze", strconv.FormatInt(f.Value.ID, 10))
			t.row("Environment", f.Value.Environment)
			t.row("From", clock(f.Value.From))
			t.row("Until", clock(f.Value.Until))
			t.row("Reason", f.Value.Reason)
		})
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why others wait")
	cmd.Flags().StringVar(&until, "until", "", "2026-12-27T08:00:00Z, 2026-12-27 (midnight here), or from now: 36h")
	cmd.AddCommand(calendarCommand())
	return cmd
}

// timeOf reads a time, a day or a length of time from now.
func timeOf(flag, text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	return time.Time{}, usageError("%s %q is no time; write 2026-12-27T08:00:00Z, 2026-12-27 or 36h", flag, text)
}

func unfreezeCommand() *cobra.Command {
	return command("unfreeze ID", "End a freeze before its time", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil || id < 1 {
			return usageError("%q is no number of a freeze", args[0])
		}
		if err := c.Unfreeze(ctx, id); err != nil {
			return err
		}
		return c.done("Freeze " + args[0] + " is ended.")
	})
}

// done is for what the server answers with nothing.
func (c *cli) done(text string) error {
	encoded, err := json.Marshal(map[string]string{"message": text})
	if err != nil {
		return err
	}
	return c.show(encoded, func(t *table) { t.row(text) })
}
