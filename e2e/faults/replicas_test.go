package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestSixtyFourStartsAtOnce: sixty-four people ask three portals for the same
// stage at the same moment. One of them gets it (I1).
func TestSixtyFourStartsAtOnce(t *testing.T) {
	t.Parallel()
	for i, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			said := reported(t, "I1", "64 starts of one stage at once", kind)
			w := newWorld(t, kind, 1+2*i)
			w.startAll()
			w.organise()
			w.service("rush", stage("prod", "far", canary))
			rounds := counts(3, 100)
			for n := range rounds {
				version := fmt.Sprintf("1.%d", n)
				w.release("rush", version)
				var group sync.WaitGroup
				statuses := make([]int, 64)
				for j := range statuses {
					group.Go(func() {
						a, err := w.call(context.Background(), w.replicas[j%len(w.replicas)].url(), "root", http.MethodPost, "services/rush/deployments",
							map[string]any{"environment": "prod", "version": version, "note": fmt.Sprint(j)}, "")
						if err != nil {
							t.Error(err)
						}
						statuses[j] = a.status
					})
				}
				group.Wait()
				slices.Sort(statuses)
				if statuses[0]/100 != 2 || statuses[1] != http.StatusConflict || statuses[63] != http.StatusConflict {
					t.Errorf("64 who ask at once are answered %v", statuses)
				}
				w.ended(w.newest("rush", "prod").ID, time.Minute)
			}
			found := audit(t, source{url: w.url, ledger: w.far.ledger, moving: true})
			for _, v := range found.Violations {
				t.Error(v)
			}
			if found.Deployments != rounds {
				t.Errorf("%d rounds made %d deployments", rounds, found.Deployments)
			}
			said(rounds*64, "%s", found)
		})
	}
}

// TestEditedBetweenApproveAndStart: somebody approves a plan through one portal
// while somebody else changes it through another, and a third one is about to
// start it. What starts was approved as it is (I2), whoever was first.
func TestEditedBetweenApproveAndStart(t *testing.T) {
	t.Parallel()
	said := reported(t, "I2", "the plan is edited while it is approved and started", "postgres")
	w := newWorld(t, "postgres", 3)
	w.startAll()
	w.organise()
	random := seeded(t)
	gated := func(bake int) string {
		return stage("prod", "far", fmt.Sprintf("strategy: {type: canary, steps: [{weight: 30, bake: %dms}, {weight: 100}]}", bake), "gates: [{approval: {count: 1}}]")
	}
	w.service("edited", gated(50))
	cases, voided := counts(12, 300), 0
	for n := range cases {
		version := fmt.Sprintf("1.%d", n)
		w.release("edited", version)
		id := w.promote("edited", version, "prod")
		digest := w.get(id).PlanDigest
		pause := time.Duration(random.Int64N(int64(30 * time.Millisecond)))
		var group sync.WaitGroup
		group.Go(func() {
			a, err := w.call(context.Background(), w.replicas[0].url(), "lead", http.MethodPost, fmt.Sprintf("deployments/%d/approve", id), map[string]any{"plan": digest}, "")
			if err != nil || a.status != http.StatusOK && a.status != http.StatusConflict {
				t.Errorf("an approval was answered %d %s %v", a.status, a.body, err)
			}
		})
		group.Go(func() {
			<-time.After(pause)
			a, err := w.call(context.Background(), w.replicas[1].url(), "root", http.MethodPut, "services/edited/pipeline", "apiVersion: slipway/v1\nservice: edited\nteam: web\nstages:\n"+gated(50+1+n), "")
			if err != nil || a.status/100 != 2 {
				t.Errorf("an edit was answered %d %s %v", a.status, a.body, err)
			}
		})
		group.Wait()
		w.until(20*time.Second, "it has started, or has another plan", func() bool { d := w.get(id); return d.State != slipway.Waiting || d.PlanDigest != digest })
		if w.get(id).PlanDigest != digest {
			voided++
			w.approve(id)
		}
		w.ended(id, time.Minute)
	}
	found := audit(t, source{url: w.url, ledger: w.far.ledger, moving: true})
	for _, v := range found.Violations {
		t.Error(v)
	}
	if voided == 0 {
		t.Error("the edit never came in between: that proves nothing")
	}
	said(cases, "%d approvals voided by the edit; %s", voided, found)
}

// TestSentThreeTimes (F8): each click arrives three times, at any portal, in any
// order, much later than it was made. It is done once, and each of the three
// gets the same answer.
func TestSentThreeTimes(t *testing.T) {
	t.Parallel()
	said := reported(t, "F8", "clicks sent three times, late and out of order", "postgres")
	w := newWorld(t, "postgres", 3)
	w.startAll()
	w.organise()
	const services = 6
	c := &clicks{world: w, kept: map[string]answer{}}
	for i := range services {
		w.service(fmt.Sprintf("thrice-%d", i), stage("prod", "far", canary, "gates: [{approval: {count: 1}}]"))
	}
	rounds := counts(3, 180)
	var group sync.WaitGroup
	for i := range services {
		group.Go(func() {
			name := fmt.Sprintf("thrice-%d", i)
			for n := range rounds {
				c.send("root", "services/"+name+"/releases", releaseBody(fmt.Sprintf("1.%d", n)))
				c.send("root", "services/"+name+"/deployments", map[string]any{"environment": "prod", "version": fmt.Sprintf("1.%d", n)})
				d := w.newest(name, "prod")
				c.send("lead", fmt.Sprintf("deployments/%d/approve", d.ID), map[string]any{"plan": d.PlanDigest})
				w.ended(d.ID, time.Minute)
				if n%3 == 2 {
					c.send("root", "services/"+name+"/environments/prod/rollback", map[string]any{"reason": "a test"})
					back := w.newest(name, "prod")
					c.send("root", fmt.Sprintf("deployments/%d/cancel", back.ID), map[string]any{"reason": "a test"})
					w.ended(back.ID, time.Minute)
				}
			}
		})
	}
	group.Wait()
	c.late.Wait()
	found := audit(t, source{url: w.url, ledger: w.far.ledger, moving: true})
	for _, v := range found.Violations {
		t.Error(v)
	}
	if want := services * (rounds + rounds/3); found.Deployments != want || found.Votes != services*rounds {
		t.Errorf("%d deployments and %d votes, want %d and %d", found.Deployments, found.Votes, want, services*rounds)
	}
	said(c.sent, "%s", found)
}

// clicks sends requests three times each.
type clicks struct {
	*world
	late sync.WaitGroup
	mu   sync.Mutex
	sent int
	kept map[string]answer // by key
}

// send returns after the first answer; the other two may come much later.
func (c *clicks) send(person, path string, body any) {
	key := fmt.Sprintf("click-%d", rand.Uint64())
	first := make(chan struct{}, 3)
	for i := range 3 {
		c.late.Go(func() {
			if i > 0 {
				<-time.After(time.Duration(rand.Int64N(int64(1500 * time.Millisecond))))
			}
			a, err := c.call(context.Background(), c.replicas[rand.IntN(len(c.replicas))].url(), person, http.MethodPost, path, body, key)
			if err != nil {
				c.t.Error(err)
			}
			c.mu.Lock()
			c.sent++
			before, known := c.kept[key]
			if c.kept[key] = a; known && before.status/100 != a.status/100 {
				c.t.Errorf("POST %s was answered %d %s and then %d %s", path, before.status, before.body, a.status, a.body)
			}
			c.mu.Unlock()
			first <- struct{}{}
		})
	}
	<-first
}
