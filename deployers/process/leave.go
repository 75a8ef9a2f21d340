package process

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

const (
	idlePoll     = 25 * time.Millisecond // how often the proxy is asked at first, and at last
	idlePollMost = 250 * time.Millisecond
	killWait     = 10 * time.Second
)

// leaving reports whether the replica was given up. That is for good: when its
// track is wanted again others are started. Locked.
func (c *child) leaving() bool { return !c.givenUp.IsZero() }

// leftAt is when the last of its time is over. Locked.
func (c *child) leftAt() time.Time {
	config := c.rec.Track.Config
	if !c.told.IsZero() {
		return c.told.Add(time.Duration(config.StopTimeout))
	}
	return c.givenUp.Add(time.Duration(config.Drain + config.StopTimeout))
}

// giveUp marks the replicas that are not needed any more. They get no new
// requests from the next route on.
func (t *target) giveUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	needed, now := t.needed(), time.Now()
	for _, c := range t.children {
		if _, ok := findSpec(needed, c.rec.Track.ID); !ok && !c.leaving() {
			c.givenUp = now
		}
	}
	for _, spec := range needed {
		if list := t.of(spec.ID); len(list) > spec.Replicas {
			for _, c := range list[spec.Replicas:] {
				c.givenUp = now
			}
		}
	}
}

// seeOut attends to each replica that was given up, once the proxy no longer
// sends requests to it.
func (t *target) seeOut(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.children {
		if c.leaving() && !c.attended {
			c.attended = true
			t.group.Go(func() { t.attend(ctx, c) })
		}
	}
}

// attend waits until the replica has no request in flight, at most for the
// drain time of its config, and then stops it, which gives it time for work
// that is not a request. Desired states that come meanwhile change nothing
// about that. If ctx ends, the next Deployer goes on.
func (t *target) attend(ctx context.Context, c *child) {
	if c.told.IsZero() {
		t.awaitIdle(ctx, c)
	}
	if ctx.Err() != nil {
		return
	}
	if err := t.stop(ctx, c, time.Duration(c.rec.Track.Config.StopTimeout)); err != nil {
		if ctx.Err() == nil {
			t.d.log.Error("replica not stopped", "target", t.name.String(), "version", c.rec.Track.Version, "pid", c.rec.PID, "error", err)
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		c.attended = false // the next look tries again
		return
	}
	t.mu.Lock()
	delete(t.children, c.rec.Token)
	t.mu.Unlock()
	t.d.ports.giveBack(c.rec.Port)
	t.d.log.Info("replica stopped", "target", t.name.String(), "version", c.rec.Track.Version, "pid", c.rec.PID)
	t.wakeUp()
}

func (t *target) awaitIdle(ctx context.Context, c *child) {
	ctx, cancel := context.WithDeadline(ctx, c.givenUp.Add(time.Duration(c.rec.Track.Config.Drain)))
	defer cancel()
	wait := idlePoll
	for {
		status, err := proxyClient{t.dir}.status(ctx)
		if err == nil && status.InFlight[c.rec.Token] == 0 {
			return
		}
		t.mu.Lock()
		noProxy := t.proxy == nil || t.proxy.ended()
		t.mu.Unlock()
		if noProxy {
			return
		}
		timer := time.NewTimer(wait)
		wait = min(2*wait, idlePollMost)
		select {
		case <-timer.C:
		case <-c.gone:
		case <-ctx.Done():
		}
		timer.Stop()
		if c.ended() || ctx.Err() != nil {
			return
		}
	}
}

// stop ends a process and everything that it started: SIGTERM to its group,
// SIGKILL at the limit, and at last a search for whatever still carries its
// token. Nil: nothing of it is left.
func (t *target) stop(ctx context.Context, c *child, limit time.Duration) error {
	if err := t.tell(c); err != nil {
		return err
	}
	if err := waitGone(ctx, c, time.Until(c.told.Add(limit))); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.d.log.Warn("a process is killed: its time is over", "target", t.name.String(), "pid", c.rec.PID, "after", limit)
		c.rec.signalGroup(syscall.SIGKILL)
		if err := waitGone(ctx, c, killWait); err != nil {
			return err
		}
	}
	killAll(c.rec.Token)
	return removeFile(c.file)
}

// tell sends SIGTERM, once: many programs take a second one as the order to
// drop everything. It is on record before it is sent, so that the next Deployer
// neither repeats it nor begins to count anew. Were we killed between the two,
// the process would not hear of its end and keep all of its time.
func (t *target) tell(c *child) error {
	if !c.told.IsZero() || c.ended() {
		return nil
	}
	rec := c.rec
	rec.Told = time.Now()
	if err := writeJSON(c.file, rec); err != nil {
		return err
	}
	t.mu.Lock()
	c.told = rec.Told
	t.mu.Unlock()
	c.rec.signalGroup(syscall.SIGTERM)
	return nil
}

func waitGone(ctx context.Context, c *child, limit time.Duration) error {
	if c.ended() {
		return nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.gone:
		return nil
	case <-timer.C:
		return fmt.Errorf("process %d still runs after %v", c.rec.PID, limit)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leavers counts the replicas of a track that finish what they have begun, and
// all others, and says when the time of the last leaver is over. Locked.
func (t *target) leavers(id string) (n, others int, last time.Time) {
	for _, c := range t.children {
		if c.rec.Track.ID != id {
			continue
		}
		if !c.leaving() {
			others++
			continue
		}
		n++
		if at := c.leftAt(); at.After(last) {
			last = at
		}
	}
	return n, others, last
}

// addLeaving adds what people read: "1 finishes its work, at most 9m30s more".
// The time is rounded up, so that a report does not change with every look.
func addLeaving(seen *deployers.ObservedTrack, left time.Duration) {
	step := 5 * time.Second
	if left > time.Minute {
		step = 30 * time.Second
	}
	words := fmt.Sprintf("%s, at most %v more", finishes(seen.Draining, ""), max(0, left+step-1)/step*step)
	if seen.Wanted > 0 || seen.Ready > 0 {
		words = seen.Message + "; " + words
	}
	seen.Message = words
}

func finishes(n int, of string) string {
	if n == 1 {
		return "1" + of + " finishes its work"
	}
	return fmt.Sprintf("%d%s finish their work", n, of)
}
