package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

const (
	// Until it is ready for the first time a replica is asked more often.
	startInterval = 50 * time.Millisecond

	minCheckTime = time.Second
	maxCheckTime = 5 * time.Second
	drainPoll    = 25 * time.Millisecond
	killWait     = 10 * time.Second
	// A replica that was ready may miss one check before it loses its traffic.
	allowedMisses = 1
)

// monitor checks the readiness of a replica until it ends.
func (t *target) monitor(ctx context.Context, c *child) {
	r := c.rec.Track.Config.Readiness
	every := time.Duration(r.Interval)
	ticker := time.NewTicker(min(every, startInterval))
	defer ticker.Stop()
	hasty := true
	for {
		ok, said := check(ctx, c.rec.Port, r)
		if ctx.Err() != nil {
			return
		}
		t.noteCheck(c, ok, said)
		if ok && hasty {
			hasty = false
			ticker.Reset(every)
		}
		select {
		case <-ticker.C:
		case <-c.gone:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (t *target) noteCheck(c *child, ok bool, said string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := c.ready
	c.said = said
	if ok {
		c.ready, c.everReady, c.misses = true, true, 0
	} else if c.misses++; c.misses > allowedMisses {
		c.ready = false
	}
	if c.ready != before {
		t.wakeUp()
	}
}

// check asks a replica once whether it is ready.
func check(ctx context.Context, port int, r readiness) (ready bool, said string) {
	limit := min(max(time.Duration(r.Interval), minCheckTime), maxCheckTime)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	address := "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) + r.Path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, fmt.Sprintf("GET %s is not a request", r.Path)
	}
	// A transport follows no redirect, and knows no proxy of the environment.
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return false, "nothing listens on its port yet"
	case errors.Is(err, context.DeadlineExceeded):
		return false, fmt.Sprintf("GET %s did not answer within %v", r.Path, limit)
	case err != nil:
		return false, fmt.Sprintf("GET %s failed: the connection broke", r.Path)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxControl))
	_ = response.Body.Close()
	return response.StatusCode == r.Expect, fmt.Sprintf("GET %s answered %d", r.Path, response.StatusCode)
}

// drainRetired begins to stop what the proxy no longer sends requests to.
func (t *target) drainRetired(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.children {
		if c.stopping && !c.draining {
			c.draining = true
			t.group.Go(func() { t.drain(ctx, c) })
		}
	}
}

// drain waits until the replica has no request in flight, at most for the time
// of its config, then stops it. If ctx ends, the next Deployer begins again.
func (t *target) drain(ctx context.Context, c *child) {
	t.awaitIdle(ctx, c)
	if ctx.Err() != nil || t.stop(ctx, c) != nil {
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
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.rec.Track.Config.Drain))
	defer cancel()
	ticker := time.NewTicker(drainPoll)
	defer ticker.Stop()
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
		select {
		case <-ticker.C:
		case <-c.gone:
			return
		case <-ctx.Done():
			return
		}
	}
}

// stop ends a process and everything that it started: SIGTERM to its group,
// SIGKILL after the time of its config, and at last a search for whatever still
// carries its token. Nil: nothing of it is left.
func (t *target) stop(ctx context.Context, c *child) error {
	c.rec.signalGroup(syscall.SIGTERM)
	if err := waitGone(ctx, c, time.Duration(c.rec.Track.Config.StopTimeout)); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.rec.signalGroup(syscall.SIGKILL)
		if err := waitGone(ctx, c, killWait); err != nil {
			t.d.log.Error("a process cannot be killed", "target", t.name.String(), "pid", c.rec.PID)
			return err
		}
	}
	killAll(c.rec.Token)
	return removeFile(c.file)
}

func waitGone(ctx context.Context, c *child, limit time.Duration) error {
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
