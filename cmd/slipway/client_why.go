package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

func whyCommand() *cobra.Command {
	return command("why ID | SERVICE ENVIRONMENT", "Say why a deployment does not go on, or why nothing new starts", cobra.RangeArgs(1, 2), func(ctx context.Context, c *cli, args []string) error {
		if len(args) == 2 {
			w, err := c.WhyStage(ctx, args[0], args[1])
			return c.why(w, err)
		}
		id, err := deploymentID(args[0])
		if err != nil {
			return err
		}
		w, err := c.Why(ctx, id)
		return c.why(w, err)
	})
}

func (c *cli) why(w client.Answer[client.Why], err error) error {
	if err != nil {
		return err
	}
	return c.show(w.Raw, func(t *table) {
		t.row(w.Value.Summary)
		for _, v := range w.Value.BlockedBy {
			t.row("  " + verdictText(v))
		}
	})
}

// dryRun shows what would happen. The exit code is that of the promotion, as far
// as it can be told beforehand.
func (c *cli) dryRun(ctx context.Context, service string, p client.Promotion) error {
	if len(p.Match) > 0 {
		return usageError("--dry-run knows --share and no --match")
	}
	d, err := c.DryRun(ctx, service, p)
	if err != nil {
		return err
	}
	v := d.Value
	err = c.show(d.Raw, func(t *table) {
		for _, phase := range v.Plan.Phases {
			t.row("Phase", strings.TrimSpace(phase.Name+" "+phase.Bake))
		}
		for _, change := range v.Changes {
			t.row("Change", differenceText(change))
		}
		for line := range strings.SplitSeq(strings.TrimSpace(v.Plan.Preview), "\n") {
			t.row("Deployer", line)
		}
		if v.Takes != nil {
			t.row("Takes the place of", fmt.Sprintf("deployment %d, %s", v.Takes.ID, v.Takes.Version))
		}
		for _, g := range v.Gates {
			t.row("Gate", g.Result+"  "+verdictText(g))
		}
		for _, g := range v.Refusals {
			t.row("Refused", verdictText(g))
		}
	})
	if err != nil {
		return err
	}
	switch {
	case v.WhyNot != "":
		return exitError{exitDenied, errors.New(v.WhyNot)}
	case v.NoPreview != "":
		return exitError{exitFailed, errors.New("the deployer could not say what would change: " + v.NoPreview)}
	case len(v.Refusals) > 0:
		return exitError{exitFailed, fmt.Errorf("%s would not go to %s", p.Version, p.Environment)}
	case !v.Starts:
		return exitError{exitWaits, fmt.Errorf("%s would wait for its gates in %s", p.Version, p.Environment)}
	default:
		c.say("%s would start at once.", p.Version)
		return nil
	}
}
