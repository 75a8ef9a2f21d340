package faults_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// cell is a way for a deployer to misbehave in one of its verbs.
type cell struct {
	verb, how string
	line      string      // what the line does with the verb
	script    fake.Script // what the deployer does
}

func cells() []cell {
	out := []cell{
		{verb: "preview", how: "lies", line: "panic"},
		{verb: "preview", how: "replies late", line: "hang"},
		{verb: "apply", how: "lies", script: fake.Script{Forget: true}},
		{verb: "apply", how: "replies late", script: fake.Script{LateReply: true}},
		{verb: "observe", how: "lies", script: fake.Script{Lie: true}},
		{verb: "observe", how: "replies late", script: fake.Script{ObserveHang: true}},
	}
	for _, verb := range []string{"preview", "apply", "observe"} {
		out = append(out, cell{verb: verb, how: "hangs", line: "hang"}, cell{verb: verb, how: "answers nothing", line: "refuse"})
	}
	return out
}

// TestDeployerMisbehaves (F9): in each verb the deployer hangs, does not answer,
// lies, or answers too late. Nothing succeeds that did not; the deployment says
// what is wrong; who cancels is heard within five seconds even while a call
// hangs; and once the deployer is mended everything comes to its end.
func TestDeployerMisbehaves(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			said := reported(t, "F9", "the deployer hangs, is silent, lies, is late", kind)
			w := newWorld(t, kind, 1)
			w.startAll()
			w.organise()
			broken := map[string]string{} // verb and service → what the line does
			var mu sync.Mutex
			w.far.set(func() {
				w.far.line = func(verb string, c farCall) string {
					mu.Lock()
					defer mu.Unlock()
					return broken[verb+" "+c.Target.Service]
				}
			})
			var group sync.WaitGroup
			for i, c := range cells() {
				name, version := fmt.Sprintf("cell-%d", i), fmt.Sprintf("odd-%d", i)
				w.service(name, stage("prod", "far", canary, "deadline: 20s"))
				w.far.script(t, version, c.script)
				mu.Lock()
				broken[c.verb+" "+name] = c.line
				mu.Unlock()
				w.release(name, version)
				group.Go(func() {
					w.misbehaves(c, name, version)
					mu.Lock()
					delete(broken, c.verb+" "+name)
					mu.Unlock()
					if err := w.far.SetScript(t.Context(), targetOf(name), version, fake.Script{}); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			w.settle()
			found := audit(t, source{url: w.url, ledger: w.far.ledger, moving: true})
			for _, v := range found.Violations {
				t.Error(v)
			}
			said(len(cells()), "%s", found)
		})
	}
}

// misbehaves sees one deployment through a cell.
func (w *world) misbehaves(c cell, name, version string) {
	a, err := w.call(w.t.Context(), w.replicas[0].url(), "root", http.MethodPost, "services/"+name+"/deployments", map[string]any{"environment": "prod", "version": version}, "")
	if c.verb == "preview" {
		if err != nil || a.status != http.StatusServiceUnavailable {
			w.t.Errorf("preview %s: the promotion was answered %d %s %v", c.how, a.status, a.body, err)
		}
		return
	}
	if err != nil || a.status/100 != 2 {
		w.t.Errorf("%s %s: the promotion was answered %d %s %v", c.verb, c.how, a.status, a.body, err)
		return
	}
	// The deadline of the phase and of a call, and then some for a busy machine.
	deadline := time.After(45 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-deadline:
			over = true
		case <-tick.C:
			d := w.newest(name, "prod")
			over = !d.State.Active()
		}
	}
	d := w.newest(name, "prod")
	if d.State == slipway.Succeeded && c.how != "replies late" {
		w.t.Errorf("%s %s: it is %s: %s", c.verb, c.how, d.State, d.Message)
	}
	if d.Message == "" {
		w.t.Errorf("%s %s: it is %s and says nothing", c.verb, c.how, d.State)
	}
	w.t.Logf("%s %s: %s: %s", c.verb, c.how, d.State, d.Message)
	if !d.State.Active() || d.State == slipway.Reverting {
		return
	}
	began := time.Now()
	if a := w.act(d.ID, "cancel"); a.status != http.StatusOK || time.Since(began) > 5*time.Second {
		w.t.Errorf("%s %s: cancel was answered after %v with %d %s", c.verb, c.how, time.Since(began), a.status, a.body)
	}
}

func targetOf(service string) deployers.Target {
	return deployers.Target{Service: service, Environment: "prod"}
}
