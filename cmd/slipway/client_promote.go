package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

func promoteCommand() *cobra.Command {
	var at string
	var matches []string
	var wait, dryRun bool
	var timeout time.Duration
	p := client.Promotion{}
	cmd := command("promote SERVICE VERSION --to ENVIRONMENT", "Ask for a release to go to an environment", cobra.ExactArgs(2), func(ctx context.Context, c *cli, args []string) error {
		if p.Environment == "" {
			return usageError("--to says where it goes")
		}
		p.Version = args[1]
		if err := promotionOf(&p, at, matches, time.Now()); err != nil {
			return err
		}
		if dryRun {
			return c.dryRun(ctx, args[0], p)
		}
		d, err := c.Promote(ctx, args[0], p)
		if err != nil && (wait || c.watch) {
			return c.anyway(ctx, args[0], p, err, timeout)
		}
		return c.begun(ctx, d, err, wait, timeout)
	})
	f := cmd.Flags()
	f.StringVar(&p.Environment, "to", "", "environment")
	f.StringVar(&p.Note, "note", "", "for those who decide on it")
	f.StringVar(&at, "at", "", "not before: 2026-12-27T08:00:00Z, 2026-12-27 (midnight here), or from now: 36h")
	f.IntVar(&p.Share, "share", 0, "percent of the traffic, where the stage gives parts; 100 is all of it")
	f.StringArrayVar(&matches, "match", nil, "header:NAME=VALUE or cookie:NAME=VALUE of requests that get it, where the stage gives parts; may be given again")
	f.BoolVar(&dryRun, "dry-run", false, "say what would happen, and start nothing; the exit code is 0 if it would start at once, 3 if it would wait")
	waitFlags(cmd, &wait, &timeout)
	return cmd
}

// anyway is for who waits until a release is live somewhere and was refused because
// it is, or is on its way there: a job that is run again, or one that the pipeline was
// quicker than. What they wait for comes about, or has.
func (c *cli) anyway(ctx context.Context, service string, p client.Promotion, refused error, timeout time.Duration) error {
	var problem *client.Problem
	if !errors.As(refused, &problem) || problem.Status != http.StatusConflict || p.At != nil || p.Share != 0 || len(p.Match) > 0 {
		return refused
	}
	running, err := c.Running(ctx, service, p.Environment)
	if err != nil {
		return refused
	}
	switch r := running.Value; {
	case r.Active != nil && r.Active.Version == p.Version:
		d, err := c.Deployment(ctx, r.Active.ID)
		return c.begun(ctx, d, err, true, timeout)
	case r.Active == nil && r.Partial == nil && r.Live != nil && r.Live.Spec.Version == p.Version:
		c.say("Deployment %d: %s %s is live in %s already.", r.Live.Deployment, service, p.Version, p.Environment)
		d, err := c.Deployment(ctx, r.Live.Deployment)
		if err == nil && c.json {
			err = c.show(d.Raw, nil)
		}
		return err
	}
	return refused
}

// promotionOf reads when and with how much of the traffic.
func promotionOf(p *client.Promotion, at string, matches []string, now time.Time) error {
	if at != "" {
		t, err := timeOf("--at", at, now)
		if err != nil {
			return err
		}
		t = t.UTC()
		p.At = &t
	}
	if p.Share < 0 || p.Share > 100 {
		return usageError("--share %d is no share; it is 1 to 100 percent", p.Share)
	}
	for _, text := range matches {
		kind, rest, _ := strings.Cut(text, ":")
		name, value, ok := strings.Cut(rest, "=")
		m := client.Match{Header: name, Value: value}
		if kind == "cookie" {
			m = client.Match{Cookie: name, Value: value}
		}
		if (kind != "header" && kind != "cookie") || !ok || name == "" || value == "" {
			return usageError("--match %q is not of the form header:NAME=VALUE or cookie:NAME=VALUE", text)
		}
		p.Match = append(p.Match, m)
	}
	return nil
}
