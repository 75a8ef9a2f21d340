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
	// A replica that was ready may miss one check before it loses its traffic.
	allowedMisses = 1
)

// monitor checks the readiness of a replica until it ends or is given up: from
// then on it gets nothing new, checks included.
func (t *target) monitor(ctx context.Context, c *child) {
	r := c.rec.Track.Config.Readiness
	every := time.Duration(r.Interval)
	ticker := time.NewTicker(min(every, startInterval))
	defer ticker.Stop()
	hasty := true
	for {
		began := time.Now()
		ok, said := check(ctx, c.rec.Port, r)
		if ctx.Err() != nil {
			return
		}
		if !t.noteCheck(c, began, ok, said) {
			return
		}
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

// noteCheck says whether another check is of use.
func (t *target) noteCheck(c *child, began time.Time, ok bool, said string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.leaving() {
		return false
	}
	before := c.ready
	c.said, c.asked = said, began
	if ok {
		c.ready, c.everReady, c.misses = true, true, 0
	} else if c.misses++; c.misses > allowedMisses {
		c.ready = false
	}
	if c.ready != before {
		t.wakeUp()
	}
	return true
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
