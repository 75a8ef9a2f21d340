package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

func bypassCommand() *cobra.Command {
	var gate, reason, plan string
	cmd := command("bypass ID --gate GATE --reason TEXT", "Let a waiting deployment start without one of its gates; this is no approval", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := deploymentID(args[0])
		switch {
		case err != nil:
			return err
		case gate == "":
			return usageError("--gate says which: the first word behind Gate in slipway deployment show %d", id)
		case reason == "":
			return usageError("--reason is needed: others will ask why the gate was left out")
		}
		d, err := c.Bypass(ctx, id, gate, reason, plan)
		return c.deployment(d, err)
	})
	cmd.Flags().StringVar(&gate, "gate", "", "as deployment show names it: window, approval#2, external:ticket")
	cmd.Flags().StringVar(&reason, "reason", "", "why; the audit tells it")
	cmd.Flags().StringVar(&plan, "plan", "", "digest of the plan that you looked at; whichever it is if left out")
	return cmd
}

func stopTheLineCommand() *cobra.Command {
	var lift bool
	cmd := command("stop-the-line [REASON | --lift]", "Stop everything everywhere but rollbacks, let it go again, or say how it is", cobra.MaximumNArgs(1), func(ctx context.Context, c *cli, args []string) error {
		switch {
		case lift && len(args) > 0:
			return usageError("either a reason, which stops the line, or --lift, which lets it go")
		case lift:
			l, err := c.LetTheLineGo(ctx)
			return c.line(l, err)
		case len(args) > 0:
			l, err := c.StopTheLine(ctx, args[0])
			return c.line(l, err)
		default:
			l, err := c.Line(ctx)
			return c.line(l, err)
		}
	})
	cmd.Flags().BoolVar(&lift, "lift", false, "let the line go again")
	return cmd
}

func (c *cli) line(l client.Answer[client.Line], err error) error {
	if err != nil {
		return err
	}
	return c.show(l.Raw, func(t *table) {
		if !l.Value.Stopped {
			t.row("The line goes.")
			return
		}
		since := ""
		if l.Value.Since != nil {
			since = " since " + clock(*l.Value.Since)
		}
		t.row("The line is stopped by " + l.Value.OwnerName + since + ": " + l.Value.Reason)
	})
}
