package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// seeded is a source of random numbers whose seed is in the log.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

// crowd is people and machines at work while something goes wrong: each service
// gets one release after the other, which goes to dev by itself and to prod when
// somebody has approved it. What fails is asked again, under the same key, as a
// client should; what was acknowledged is noted for the auditor.
type crowd struct {
	*world
	group sync.WaitGroup
	over  atomic.Bool
	done  atomic.Int64 // deployments that ended well
	asked atomic.Int64
	again atomic.Int64 // requests that had to be sent again

	rounds []atomic.Int64 // by service

	mu     sync.Mutex
	acks   []ack
	failed []string // requests: what came back instead of an answer
}

// tryFor bounds one try of a request: a portal that stands still is left alone.
const tryFor = 4 * time.Second

// gather sets everything up through portals that run, and lets the crowd begin.
func (w *world) gather(size int, more ...string) *crowd {
	w.t.Helper()
	w.organise()
	c := &crowd{world: w, rounds: make([]atomic.Int64, size)}
	w.t.Cleanup(func() {
		if lines := c.complaints(); w.t.Failed() {
			w.t.Logf("%d requests went wrong, at last:\n%s", len(lines), strings.Join(lines[max(0, len(lines)-12):], "\n"))
		}
	})
	for i := range size {
		w.service(fmt.Sprintf("crowd-%d", i), plain(append([]string{"gates: [{approval: {count: 1}}]"}, more...)...))
	}
	for i := range size {
		c.group.Go(func() {
			name := fmt.Sprintf("crowd-%d", i)
			for n := 1; !c.over.Load(); n++ {
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
				err := c.round(ctx, name, fmt.Sprintf("1.%d", n))
				cancel()
				if err != nil {
					c.t.Errorf("%s, round %d: %v", name, n, err)
					return
				}
				c.rounds[i].Add(1)
			}
		})
	}
	return c
}

// all waits until each service has come to the end of so many more rounds.
func (c *crowd) all(more int64, within time.Duration) {
	c.t.Helper()
	want := make([]int64, len(c.rounds))
	for i := range want {
		want[i] = c.rounds[i].Load() + more
	}
	c.until(within, "every service went on", func() bool {
		for i := range want {
			if c.rounds[i].Load() < want[i] {
				return false
			}
		}
		return true
	})
}

// disperse lets the rounds that are under way come to their end.
func (c *crowd) disperse() {
	c.t.Helper()
	c.over.Store(true)
	c.group.Wait()
}

// judged is disperse, and the auditor's visit.
func (c *crowd) judged() *finding {
	c.t.Helper()
	c.disperse()
	found := audit(c.t, source{url: c.url, ledger: c.far.ledger, acks: c.acks, moving: true})
	for _, v := range found.Violations {
		c.t.Error(v)
	}
	if c.done.Load() == 0 {
		c.t.Error("no deployment came to its end: that proves nothing")
	}
	return found
}

func (c *crowd) round(ctx context.Context, service, version string) error {
	if err := c.ask(ctx, "root", http.MethodPost, "services/"+service+"/releases", releaseBody(version), nil); err != nil {
		return err
	}
	var running struct {
		Live *struct{ Spec struct{ Version string } }
	}
	err := c.poll(ctx, "services/"+service+"/environments/dev", &running, func() bool { return running.Live != nil && running.Live.Spec.Version == version })
	if err != nil {
		return err
	}
	var d told
	if err := c.ask(ctx, "root", http.MethodPost, "services/"+service+"/deployments", map[string]any{"environment": "prod", "version": version}, &d); err != nil {
		return err
	}
	c.acknowledged(ack{Deployment: d.ID, Acknowledged: time.Now()})
	if err := c.agree(ctx, d.ID); err != nil {
		return err
	}
	if err := c.poll(ctx, fmt.Sprintf("deployments/%d", d.ID), &d, func() bool { return !d.Active }); err != nil {
		return err
	}
	if d.State != "succeeded" {
		return fmt.Errorf("deployment %d ended %s: %s", d.ID, d.State, d.Message)
	}
	c.done.Add(1)
	return nil
}

// told is a deployment as the REST surface shows it.
type told struct {
	ID                   int64
	State, Message, Plan string
	Active               bool
}

// agree approves the plan as it is, and notes that it was acknowledged.
func (c *crowd) agree(ctx context.Context, id int64) error {
	for {
		var d told
		if err := c.ask(ctx, "lead", http.MethodGet, fmt.Sprintf("deployments/%d", id), nil, &d); err != nil {
			return err
		}
		if d.State != "waiting" {
			return nil
		}
		err := c.ask(ctx, "lead", http.MethodPost, fmt.Sprintf("deployments/%d/approve", id), map[string]any{"plan": d.Plan}, nil)
		if err == nil {
			c.acknowledged(ack{Deployment: id, Voter: "lead", Plan: d.Plan, Acknowledged: time.Now()})
			return nil
		}
		if !errors.Is(err, errSaidNo) {
			return err
		}
	}
}

func (c *crowd) acknowledged(a ack) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acks = append(c.acks, a)
}

func (c *crowd) poll(ctx context.Context, path string, into any, enough func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := c.ask(ctx, "root", http.MethodGet, path, nil, into); err != nil {
			return err
		}
		if enough() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: it was %+v", path, ctx.Err(), into)
		case <-tick.C:
		}
	}
}

// errSaidNo is the answer of a portal that will be the same next time.
var errSaidNo = errors.New("refused")

// ask sends a request, and again under the same key to any portal, until one
// has answered.
func (c *crowd) ask(ctx context.Context, person, method, path string, body, into any) error {
	key := ""
	if method == http.MethodPost {
		key = fmt.Sprintf("crowd-%d-%d", c.asked.Load(), rand.Uint64())
	}
	c.asked.Add(1)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		try, cancel := context.WithTimeout(ctx, tryFor)
		a, err := c.call(try, c.base(), person, method, path, body, key)
		cancel()
		switch {
		case err == nil && a.status/100 == 2:
			if into == nil {
				return nil
			}
			return json.Unmarshal(a.body, into)
		case err == nil && a.status < 500 && a.status != http.StatusTooManyRequests:
			return fmt.Errorf("%s %s: %w with %d %s", method, path, errSaidNo, a.status, a.body)
		}
		c.again.Add(1)
		c.mu.Lock()
		c.failed = append(c.failed, strings.TrimSpace(fmt.Sprintf("%s %s %s: %d %s %v", time.Now().Format("15:04:05.000"), method, path, a.status, a.body, err)))
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s %s: %w; last %d %s %w", method, path, ctx.Err(), a.status, a.body, err)
		case <-tick.C:
		}
	}
}

func (c *crowd) base() string {
	if c.front != "" {
		return c.front
	}
	return c.replicas[rand.IntN(len(c.replicas))].url()
}

// complaints are the requests that got no answer, without those that were
// refused for a reason that the portal gave.
func (c *crowd) complaints() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.failed)
}
