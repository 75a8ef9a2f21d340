package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

const (
	quickExit     = 10 * time.Second // a replica that ends sooner did not really run
	terminalExits = 3
	firstBackOff  = 200 * time.Millisecond
	longBackOff   = 30 * time.Second
)

// reconcile takes one step towards the desired state, in the order that never
// takes away what serves: start what is missing, put the desired state into
// effect once all of it is ready, tell the proxy, and only then drain and stop
// what is left over. It returns when to look again.
func (t *target) reconcile(ctx context.Context) time.Duration {
	t.bury(ctx)
	t.startMissing(ctx)
	t.settle()
	t.giveUp()
	if err := t.route(ctx); err != nil {
		if ctx.Err() == nil && !errors.Is(err, errEarly) {
			t.failed(proxyAttempt, err)
		}
		// Who knows what the proxy does now: nothing is taken away from it.
		if t.proxy != nil {
			return firstBackOff
		}
	}
	t.seeOut(ctx)
	t.tidy()
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := tick
	for _, a := range t.attempts {
		if left := time.Until(a.next); left > 0 {
			wait = min(wait, left)
		}
	}
	return wait
}

// bury removes replicas that ended without being asked to.
func (t *target) bury(ctx context.Context) {
	t.mu.Lock()
	var dead []*child
	for _, c := range t.children {
		if c.ended() && !c.attended {
			dead = append(dead, c)
		}
	}
	t.mu.Unlock()
	for _, c := range dead {
		killAll(c.rec.Token)
		line := t.lastLine(c)
		t.mu.Lock()
		delete(t.children, c.rec.Token)
		t.unrouted = append(t.unrouted, c.rec.Port)
		if !c.leaving() {
			t.countExit(c, line)
		}
		t.mu.Unlock()
		_ = os.Remove(c.file)
		t.d.log.Warn("replica ended", "target", t.name.String(), "version", c.rec.Track.Version, "how", c.exit)
	}
	if p := t.proxy; p != nil && p.ended() {
		if ctx.Err() == nil {
			t.failed(proxyAttempt, errors.New("its proxy ended: "+p.exit))
		}
		_ = os.Remove(p.file)
		t.mu.Lock()
		t.proxy, t.routes = nil, nil
		t.mu.Unlock()
	}
}

// countExit decides how long to wait before the next start. Locked.
func (t *target) countExit(c *child, line string) {
	a := t.attempt(c.rec.Track.ID)
	now := time.Now()
	a.last = now
	if c.everReady && now.Sub(c.rec.Created) >= quickExit {
		a.exits, a.next, a.terminal = 1, now, false
	} else {
		a.exits++
		a.next = now.Add(min(firstBackOff<<min(a.exits, 10), longBackOff))
		a.terminal = a.exits >= terminalExits
	}
	a.reason = fmt.Sprintf("version %s %s %s", c.rec.Track.Version, c.exit, howOften(a.exits))
	if line != "" {
		a.reason += ": " + line
	}
}

func howOften(n int) string {
	words := []string{"", "once", "twice", "three times"}
	if n < len(words) {
		return words[n]
	}
	return fmt.Sprintf("%d times", n)
}

func (t *target) attempt(key string) *attempt {
	if t.attempts[key] == nil {
		t.attempts[key] = &attempt{}
	}
	return t.attempts[key]
}

// failed notes that something could not be started at all.
func (t *target) failed(key string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.attempt(key)
	a.exits++
	a.reason, a.terminal, a.last = t.redact(err.Error()), deployers.IsTerminal(err), time.Now()
	a.next = a.last.Add(min(firstBackOff<<min(a.exits, 10), longBackOff))
	t.d.log.Warn("not started", "target", t.name.String(), "reason", a.reason)
}

// needed is what has to run now: the desired tracks, and as long as they are
// not in effect also those that are. Locked.
func (t *target) needed() []trackSpec {
	need := slices.Clone(t.state.Desired)
	if t.inEffect() {
		return need
	}
	for _, old := range t.state.InEffect {
		i := slices.IndexFunc(need, func(s trackSpec) bool { return s.ID == old.ID })
		if i < 0 {
			need = append(need, old)
		} else {
			need[i].Replicas = max(need[i].Replicas, old.Replicas)
		}
	}
	return need
}

func (t *target) inEffect() bool { return contentOf(t.state.InEffect) == t.state.Content || !t.known }

// of lists the wanted replicas of a track: ready ones first, then by index, so
// that those at the end are the ones to give up. Locked.
func (t *target) of(id string) []*child {
	var list []*child
	for _, c := range t.children {
		if c.rec.Track.ID == id && !c.leaving() && !c.ended() {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *child) int {
		if a.ready != b.ready {
			if a.ready {
				return -1
			}
			return 1
		}
		return cmp.Or(a.rec.Index-b.rec.Index, strings.Compare(a.rec.Token, b.rec.Token))
	})
	return list
}

func (t *target) startMissing(ctx context.Context) {
	type start struct {
		spec  trackSpec
		index int
	}
	var starts []start
	t.mu.Lock()
	for _, spec := range t.needed() {
		if a := t.attempts[spec.ID]; a != nil && time.Now().Before(a.next) {
			continue
		}
		used, have := map[int]bool{}, t.of(spec.ID)
		for _, c := range have {
			used[c.rec.Index] = true
		}
		for index, missing := 0, spec.Replicas-len(have); missing > 0; index++ {
			if !used[index] {
				starts = append(starts, start{spec, index})
				missing--
			}
		}
	}
	t.mu.Unlock()
	failed := map[string]bool{}
	for _, s := range starts {
		if failed[s.spec.ID] || ctx.Err() != nil {
			continue
		}
		c, err := t.startReplica(ctx, s.spec, s.index)
		if err != nil {
			failed[s.spec.ID] = true
			if ctx.Err() == nil {
				prefix := fmt.Errorf("version %s: %w", s.spec.Version, err)
				t.failed(s.spec.ID, prefix)
			}
			continue
		}
		t.mu.Lock()
		t.children[c.rec.Token] = c
		t.mu.Unlock()
		t.group.Go(func() { t.monitor(ctx, c) })
	}
}

// settle puts the desired state into effect once every replica of it is ready.
func (t *target) settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	ready := true
	for _, spec := range t.state.Desired {
		n := 0
		for _, c := range t.of(spec.ID) {
			if c.ready {
				n++
			}
		}
		if n < spec.Replicas {
			ready = false
			continue
		}
		// Long enough without an exit: what went wrong before is history.
		if a := t.attempts[spec.ID]; a != nil && time.Since(a.last) > quickExit {
			delete(t.attempts, spec.ID)
		}
	}
	if !ready || t.inEffect() {
		return
	}
	next := t.state
	next.InEffect = next.Desired
	if err := writeJSON(t.path(stateName), next); err != nil {
		t.d.log.Error("state not saved", "target", t.name.String(), "error", err)
		return
	}
	t.state = next
	t.d.log.Info("desired state in effect", "target", t.name.String(), "generation", next.Generation)
}
