package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func waitFlags(cmd *cobra.Command, wait *bool, timeout *time.Duration) {
	cmd.Flags().Bool("watch", false, "the same, and draw how it goes where there is a terminal")
	cmd.Flags().BoolVar(wait, "wait", false, "until it has ended, or waits for a person (exit code 3)")
	cmd.Flags().DurationVar(timeout, "timeout", time.Hour, "how long to wait at most")
}

// begun shows a deployment that has just been asked for.
func (c *cli) begun(ctx context.Context, d client.Answer[client.Deployment], err error, wait bool, timeout time.Duration) error {
	if err != nil {
		return err
	}
	v := d.Value
	c.say("Deployment %d: %s of %s %s to %s. %s", v.ID, v.Cause, v.Service, v.Version, v.Environment, c.Page("runs", strconv.FormatInt(v.ID, 10)))
	if wait || c.watch {
		return c.follow(ctx, v.ID, timeout)
	}
	if c.json {
		return c.show(d.Raw, nil)
	}
	return nil
}

func rollbackCommand() *cobra.Command {
	var to, reason string
	var wait, accept bool
	var timeout time.Duration
	cmd := command("rollback SERVICE ENVIRONMENT", "Go back to what served before, settings included", cobra.ExactArgs(2), func(ctx context.Context, c *cli, args []string) error {
		d, err := c.Rollback(ctx, args[0], args[1], to, reason, accept)
		return c.begun(ctx, d, err, wait, timeout)
	})
	cmd.Flags().StringVar(&to, "to", "", "version; the last good one if left out")
	cmd.Flags().StringVar(&reason, "reason", "", "what is wrong")
	cmd.Flags().BoolVar(&accept, "accept-irreversible", false, "go back although what is live is marked as not reversible")
	waitFlags(cmd, &wait, &timeout)
	return cmd
}

func approveCommand() *cobra.Command {
	var plan, comment string
	cmd := command("approve ID", "Approve the plan of a waiting deployment", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := deploymentID(args[0])
		if err != nil {
			return err
		}
		if plan == "" {
			if plan, err = c.review(ctx, id); err != nil {
				return err
			}
		}
		d, err := c.Approve(ctx, id, plan, comment)
		return c.deployment(d, err)
	})
	cmd.Flags().StringVar(&plan, "plan", "", "digest of the plan that you looked at; without it you are shown and asked")
	cmd.Flags().StringVar(&comment, "comment", "", "for the others")
	return cmd
}

// review shows what an approval would be for and asks. An approval is for a
// plan that somebody has looked at: without anybody there, there is none.
func (c *cli) review(ctx context.Context, id int64) (string, error) {
	if !c.person || c.json {
		return "", usageError("--plan DIGEST says what you approve; without it a terminal is needed, to show it and ask")
	}
	d, err := c.Deployment(ctx, id)
	if err != nil {
		return "", err
	}
	if err := c.deployment(d, nil); err != nil {
		return "", err
	}
	fmt.Fprintf(c.out, "Approve plan %s? [y/N] ", slipway.ShortDigest(d.Value.Plan))
	line, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil || !strings.EqualFold(strings.TrimSpace(line), "y") {
		return "", exitError{exitFailed, errors.New("not approved; nothing was changed")}
	}
	return d.Value.Plan, nil
}

func rejectCommand() *cobra.Command {
	var reason string
	cmd := command("reject ID --reason TEXT", "Reject a waiting deployment, which ends it", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := deploymentID(args[0])
		if err != nil {
			return err
		}
		if reason == "" {
			return usageError("--reason is needed, so that the requester knows what to change")
		}
		d, err := c.Reject(ctx, id, reason)
		return c.deployment(d, err)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "what to change")
	return cmd
}

func deploymentID(text string) (int64, error) {
	id, err := strconv.ParseInt(strings.TrimPrefix(text, "#"), 10, 64)
	if err != nil || id < 1 {
		return 0, usageError("%q is no number of a deployment", text)
	}
	return id, nil
}

func deploymentCommand() *cobra.Command {
	show := command("show ID", "Show a deployment", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := deploymentID(args[0])
		if err != nil {
			return err
		}
		if c.draws() {
			return c.drawn(ctx, id)
		}
		d, err := c.Deployment(ctx, id)
		if err := c.deployment(d, err); err != nil || !c.watch || !d.Value.Active {
			return err
		}
		return every(ctx, lookEvery, func() (bool, error) {
			next, err := c.Deployment(ctx, id)
			if err != nil || (next.Value.State == d.Value.State && next.Value.Message == d.Value.Message) {
				return false, err
			}
			d = next
			return !d.Value.Active, c.deployment(d, nil)
		})
	})
	show.Flags().Bool("watch", false, "show it again at each change, until it has ended")
	commands := []*cobra.Command{show, logsCommand()}
	for verb, what := range map[string]string{"cancel": "Cancel: one that waits ends, one at work goes back to what was live", "pause": "Hold before the next phase",
		"resume": "Let it go on", "retry": "Ask again for what an ended one asked for"} {
		var reason, as string
		cmd := command(verb+" ID", what, cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
			id, err := deploymentID(args[0])
			if err != nil {
				return err
			}
			d, err := c.Control(ctx, id, verb, reason, as)
			return c.deployment(d, err)
		})
		cmd.Flags().StringVar(&reason, "reason", "", "why")
		if verb == "resume" {
			cmd.Flags().StringVar(&as, "as", "", "where nobody knows whether a call took effect: done, or again")
		}
		commands = append(commands, cmd)
	}
	return group("deployment", "Look at deployments and steer them", commands...)
}

func logsCommand() *cobra.Command {
	var watch bool
	cmd := command("logs ID", "Show what the workloads printed", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := deploymentID(args[0])
		if err != nil {
			return err
		}
		after := int64(0)
		if !watch {
			return c.printLogs(ctx, id, &after)
		}
		return every(ctx, lookEvery, func() (ended bool, err error) {
			// In this order: what an ended deployment printed is all kept, and one
			// that ends after it was looked at is looked at once more.
			d, err := c.Deployment(ctx, id)
			if err != nil {
				return false, err
			}
			return !d.Value.Active, c.printLogs(ctx, id, &after)
		})
	})
	cmd.Flags().BoolVar(&watch, "watch", false, "go on until the deployment has ended")
	return cmd
}

// printLogs prints what is kept behind a line, and moves that line on.
func (c *cli) printLogs(ctx context.Context, id int64, after *int64) error {
	for {
		logs, err := c.Logs(ctx, id, *after)
		if err != nil || len(logs.Value.Lines) == 0 {
			return err
		}
		*after = logs.Value.After
		if c.json {
			if err := c.show(logs.Raw, nil); err != nil {
				return err
			}
		}
		for _, l := range logs.Value.Lines {
			c.say("%s  %s  %s", clock(l.At), tame(l.Source), tame(l.Text))
		}
	}
}

func (c *cli) deployment(d client.Answer[client.Deployment], err error) error {
	if err != nil {
		return err
	}
	return c.show(d.Raw, func(t *table) {
		v := d.Value
		t.row("Deployment", fmt.Sprintf("%d, %s of %s %s to %s", v.ID, v.Cause, v.Service, v.Version, v.Environment))
		t.row("State", v.State+": "+v.Message)
		t.row("Asked by", v.RequestedBy.Name+" at "+clock(v.CreatedAt))
		t.row("Plan", v.Plan)
		if v.Note != "" {
			t.row("Note", v.Note)
		}
		for _, g := range v.Gates {
			t.row("Gate", g.Result+"  "+verdictText(g))
		}
		for _, p := range v.Phases {
			t.row("Phase", strings.TrimSpace(p.Name+": "+p.State+" "+p.Message))
		}
		for _, change := range v.Changes {
			t.row("Change", differenceText(change))
		}
		for _, commit := range v.Commits {
			t.row("Commit", short(commit.Commit)+" "+commit.Subject)
		}
	})
}

func differenceText(d client.Difference) string {
	return fmt.Sprintf("%s %s %s: %s -> %s", d.Mark, d.Kind, d.Name, orNone(d.Before), orNone(d.After))
}

func orNone(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}
