package faults_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/chat/chattest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestKillAtEveryFailpoint (F1): the portal is killed before and after each
// commit and each call that it makes, the places being found in its source. It
// is started again, goes on within ten seconds, and in the end the auditor finds
// that nobody would have noticed. A place that nothing comes by fails the test.
func TestKillAtEveryFailpoint(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			g := newGauntlet(t, kind)
			for _, c := range g.chapters() {
				g.play(c)
			}
			g.end()
		})
	}
}

// gauntlet is a portal that dies at each failpoint once, while a story goes on
// that comes by all of them.
type gauntlet struct {
	*world
	portal  *replica
	sites   string
	hits    string
	slack   *chattest.Slack
	pending []string // failpoints that have not killed it yet
	kills   int
	slowest time.Duration
	said    func(int, string, ...any)
}

// chapter is a part of the story, with what is special about its portal.
type chapter struct {
	name  string
	env   []string
	first func(*gauntlet) // while no portal runs
	tell  func(*gauntlet)
}

func newGauntlet(t *testing.T, kind string) *gauntlet {
	g := &gauntlet{said: reported(t, "F1", "kill -9 at every failpoint", kind)}
	g.world = newWorld(t, kind, 1)
	g.portal, g.slack = g.replicas[0], chattest.NewSlack(t, time.Now)
	sites, err := findSites("../..")
	g.ok(err)
	if len(sites) < 40 {
		t.Fatalf("only %d failpoints were found in the source", len(sites))
	}
	g.sites, g.hits = writeSites(t, g.dir, sites), filepath.Join(g.dir, "hits")
	for i, s := range sites {
		for j, when := range []string{"before", "after"} {
			// The short run kills at each place of the engine once, on one
			// database before it and on the other after it.
			other := (i+j)%2 == 0 == (kind == "sqlite") || strings.HasPrefix(s.Name, "app.")
			if !full() && other {
				continue
			}
			g.pending = append(g.pending, s.Name+" "+when)
		}
	}
	return g
}

// play tells a chapter while the portal dies and rises.
func (g *gauntlet) play(c chapter) {
	g.t.Helper()
	if c.first != nil {
		c.first(g)
	}
	told := make(chan struct{})
	over := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { over <- g.rise(ctx, c) }()
	go func() {
		defer close(told)
		c.tell(g)
	}()
	select {
	case <-told:
	case err := <-over:
		g.t.Fatalf("%s: %v", c.name, err)
	case <-time.After(4 * time.Minute):
		g.t.Fatalf("%s is not told within four minutes; pending %q\n%s", c.name, g.pending, g.stuck())
	}
	cancel()
	if err := <-over; err != nil {
		g.t.Fatalf("%s: %v", c.name, err)
	}
	if g.t.Failed() {
		g.t.FailNow()
	}
}

// rise starts the portal again whenever a failpoint has killed it.
func (g *gauntlet) rise(ctx context.Context, c chapter) error {
	for {
		armed := make([]string, len(g.pending))
		for i, p := range g.pending {
			armed[i] = p + ":kill"
		}
		before := g.active()
		err := g.portal.start(append([]string{"SLIPWAY_TEST_SITES=" + g.sites, "SLIPWAY_TEST_HITS=" + g.hits, sealingKey,
			"SLIPWAY_TEST_FAILPOINT=" + strings.Join(armed, ",")}, c.env...)...)
		if err != nil && !errors.Is(err, errEnded) {
			return err
		}
		if err == nil && c.env == nil {
			if err := g.goesOn(before, time.Now()); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			g.portal.kill()
			return g.struck(false)
		case <-g.portal.running():
			if err := g.struck(true); err != nil {
				return err
			}
		}
	}
}

// struck notes at which failpoint the portal died.
func (g *gauntlet) struck(must bool) error {
	text, err := os.ReadFile(g.hits)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	at, killed := "", false
	for _, l := range slices.Backward(lines) {
		if at, killed = strings.CutPrefix(l, "killed at "); killed {
			break
		}
	}
	i := slices.Index(g.pending, at)
	if !killed || i < 0 {
		if !must {
			return nil
		}
		return fmt.Errorf("the portal ended by itself:\n%s", g.portal.said())
	}
	g.pending = slices.Delete(g.pending, i, i+1)
	g.kills++
	g.t.Logf("killed at %s, %d to go", at, len(g.pending))
	return nil
}

// active are the deployments that a portal has work with right now.
func (g *gauntlet) active() map[int64]int64 {
	out := map[int64]int64{}
	ctx := context.Background()
	err := g.store.Read(ctx, func(tx slipway.Tx) error {
		list, _, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{States: []slipway.State{slipway.Running, slipway.Reverting}}, slipway.Page{Limit: 50})
		for _, d := range list {
			if run := d.Current(); run != nil && run.State != slipway.Held {
				out[d.ID] = d.Epoch
			}
		}
		return err
	})
	if err != nil {
		g.t.Error(err)
	}
	return out
}

// goesOn waits until each deployment that was at work has been looked at, or
// the portal has died again.
func (g *gauntlet) goesOn(before map[int64]int64, ready time.Time) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for len(before) > 0 {
		select {
		case <-g.portal.running():
			return nil
		case <-tick.C:
		}
		for id, epoch := range before {
			if d := g.get(id); d.Epoch > epoch || !d.State.Active() {
				delete(before, id)
			}
		}
		took := time.Since(ready)
		g.slowest = max(g.slowest, took)
		if took > resumeWithin {
			return fmt.Errorf("%v after the portal was ready again nobody had looked at %v\n%s", took, before, g.stuck())
		}
	}
	return nil
}

// end lets everything come to its end with a portal that nobody kills, and
// calls the auditor.
func (g *gauntlet) end() {
	g.t.Helper()
	if len(g.pending) > 0 {
		g.t.Errorf("nothing came by %d failpoints: %s", len(g.pending), strings.Join(g.pending, ", "))
	}
	g.ok(g.portal.start(sealingKey))
	g.settle()
	found := audit(g.t, source{url: g.url, ledger: g.far.ledger, jobs: filepath.Join(g.dir, "jobs"), moving: true})
	for _, v := range found.Violations {
		g.t.Error(v)
	}
	if found.Sets < 3 { // forward, back by a person, back by itself
		g.t.Errorf("only %d sets were judged", found.Sets)
	}
	g.said(g.kills, "resumed within %v at most; %s", g.slowest.Round(time.Millisecond), found)
}

// settle cancels what is still active and waits for its end.
func (w *world) settle() {
	w.t.Helper()
	w.until(time.Minute, "everything had ended", func() bool {
		busy := false
		ctx := context.Background()
		w.ok(w.store.Read(ctx, func(tx slipway.Tx) error {
			list, _, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{States: slipway.States()[:4]}, slipway.Page{Limit: 100})
			busy = len(list) > 0
			for _, d := range list {
				if d.State == slipway.Waiting || d.State == slipway.Paused {
					defer w.act(d.ID, "cancel")
				}
			}
			return err
		}))
		return !busy
	})
}
