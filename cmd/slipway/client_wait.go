package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/internal/client"
)

// lookEvery is how often a deployment is looked at while somebody waits for it.
const lookEvery = time.Second

// every calls f at once and then at each tick, until it is done or fails.
func every(ctx context.Context, interval time.Duration, f func() (done bool, err error)) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if done, err := f(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// draws reports whether progress is drawn in place: somebody watches it, on a
// terminal that can. Else it is told in lines.
func (c *cli) draws() bool { return c.watch && c.screen && !c.json }

// follow tells how a deployment goes until it has ended or waits for a person.
// The exit code says which.
func (c *cli) follow(ctx context.Context, id int64, timeout time.Duration) error {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	said := ""
	var plan client.Plan
	drawing := newPicture(c.out)
	var last client.Answer[client.Deployment]
	err := every(bounded, lookEvery, func() (bool, error) {
		d, err := c.Deployment(bounded, id)
		if err != nil {
			return false, err
		}
		last = d
		ended := !d.Value.Active || person(d.Value) != ""
		if c.draws() {
			return ended, drawing.draw(c.look(bounded, d.Value, &plan).lines(time.Now()))
		}
		if now := d.Value.State + ": " + d.Value.Message; now != said {
			said = now
			c.say("%s  deployment %d  %s", time.Now().Format(time.TimeOnly), id, tame(now))
		}
		return ended, nil
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return exitError{exitFailed, fmt.Errorf("deployment %d is still at it after %s; it goes on without you.\nWhat to do: slipway deployment show %d --watch", id, timeout, id)}
	}
	if err != nil {
		return err
	}
	if c.json {
		if err := c.show(last.Raw, nil); err != nil {
			return err
		}
	}
	return outcome(last.Value)
}

// outcome is the exit code of where a deployment is.
func outcome(d client.Deployment) error {
	if d.State == "succeeded" {
		return nil
	}
	if why := person(d); why != "" {
		return exitError{exitWaits, fmt.Errorf("deployment %d waits for a person. %s\nWhat to do: slipway approve %d, or slipway deployment show %d", d.ID, why, d.ID, d.ID)}
	}
	if d.Active {
		return nil
	}
	return exitError{exitFailed, fmt.Errorf("deployment %d of %s to %s: %s. %s", d.ID, d.Version, d.Environment, d.State, d.Message)}
}

// person says for whom a deployment waits, if time alone does not move it on.
func person(d client.Deployment) string {
	if d.State == "paused" {
		return d.Message
	}
	if d.State != "waiting" {
		return ""
	}
	for _, g := range d.Gates {
		if (g.Gate == "approval" || g.Gate == "lock" || g.Gate == "block" || g.Gate == "stop-the-line") && g.Result != "pass" {
			return g.Reason
		}
	}
	return ""
}

// drawn draws a deployment until it has ended, however it waits meanwhile.
func (c *cli) drawn(ctx context.Context, id int64) error {
	var plan client.Plan
	drawing := newPicture(c.out)
	return every(ctx, lookEvery, func() (bool, error) {
		d, err := c.Deployment(ctx, id)
		if err != nil {
			return false, err
		}
		return !d.Value.Active, drawing.draw(c.look(ctx, d.Value, &plan).lines(time.Now()))
	})
}
