package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/client"
)

// setBegun shows a set of which something has just been asked. Wanted is the
// state that it is to come to.
func (c *cli) setBegun(ctx context.Context, s client.Answer[client.Set], err error, wanted string, wait bool, timeout time.Duration) error {
	if err != nil {
		return err
	}
	v := s.Value
	c.say("Set %d: %s to %s. %s", v.ID, tame(v.Name), v.Environment, c.Page("sets", strconv.FormatInt(v.ID, 10)))
	if wait || c.watch {
		return c.followSet(ctx, v.ID, wanted, timeout)
	}
	if c.json {
		return c.show(s.Raw, nil)
	}
	return nil
}

// followSet tells how a set goes until it has ended or waits for a person. The
// exit code says which.
func (c *cli) followSet(ctx context.Context, id int64, wanted string, timeout time.Duration) error {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	told := setTold{items: map[string]string{}}
	var last client.Answer[client.Set]
	var waits error
	err := every(bounded, lookEvery, func() (bool, error) {
		s, err := c.Set(bounded, id)
		if err != nil {
			return false, err
		}
		last = s
		told.tell(c, s.Value)
		if !s.Value.Active {
			return true, nil
		}
		waits, err = c.setWaits(bounded, s.Value)
		return waits != nil, err
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return exitError{exitFailed, fmt.Errorf("set %d is still at it after %s; it goes on without you.\nWhat to do: slipway set show %d --watch", id, timeout, id)}
	}
	if err != nil {
		return err
	}
	if c.json {
		if err := c.show(last.Raw, nil); err != nil {
			return err
		}
	}
	if v := last.Value; waits == nil && v.State != wanted {
		return exitError{exitFailed, fmt.Errorf("set %d of %s to %s: %s. %s", v.ID, v.Name, v.Environment, v.State, v.Message)}
	}
	return waits
}

// setTold is what was said of a set so far.
type setTold struct {
	whole string
	items map[string]string
}

func (t *setTold) tell(c *cli, s client.Set) {
	now := time.Now().Format(time.TimeOnly)
	for _, i := range s.Items {
		if text := i.Version + " " + itemText(i); t.items[i.Service] != text {
			t.items[i.Service] = text
			c.say("%s  set %d  %s %s", now, s.ID, i.Service, tame(text))
		}
	}
	if text := s.State + ": " + s.Message; t.whole != text {
		t.whole = text
		c.say("%s  set %d  %s", now, s.ID, tame(text))
	}
}

// setWaits says for whom a set waits, if all that is under way waits for people.
func (c *cli) setWaits(ctx context.Context, s client.Set) (error, error) {
	var waits error
	for _, i := range s.Items {
		id := i.Deployment
		switch i.State {
		case "running":
		case "rollingBack":
			id = i.Back
		default:
			continue
		}
		d, err := c.Deployment(ctx, id)
		if err != nil {
			return nil, err
		}
		why := person(d.Value)
		cancels := s.State == "running" && s.Ending != "" && d.Value.State == "waiting" // the set itself ends it
		if why == "" || cancels {
			return nil, nil
		}
		if waits == nil {
			waits = exitError{exitWaits, fmt.Errorf("set %d waits for a person at %s, deployment %d. %s\nWhat to do: slipway approve %d, or slipway set show %d", s.ID, i.Service, id, why, id, s.ID)}
		}
	}
	return waits, nil
}
