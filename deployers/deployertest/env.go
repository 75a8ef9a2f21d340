package deployertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

const (
	pollEvery = 20 * time.Millisecond
	promptly  = 3 * time.Second
)

// env is one check at work: a deployer, a target, and what it logged.
type env struct {
	T
	h      Harness
	s      Subject
	ctx    context.Context
	target deployers.Target
	log    *logBuffer
	caps   deployers.Capabilities
}

func newEnv(t T, h Harness) *env {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	log := &logBuffer{}
	handler := slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})
	s := h.New(t, slog.New(handler))
	return &env{
		T: t, h: h, s: s, ctx: ctx, log: log, caps: s.Deployer.Capabilities(),
		target: deployers.Target{Service: "svc-" + strings.ToLower(rand.Text()[:8]), Environment: "test"},
	}
}

// Eventually polls until done says true, and fails the check with what done
// said last when the time is over. It never sleeps for a fixed time.
func Eventually(t T, within time.Duration, what string, done func() (bool, string)) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		ok, last := done()
		if ok {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s; last seen: %s", within, what, last)
		}
	}
}

// replicas is n, or 1 for a deployer that cannot have more.
func (e *env) replicas(n int) int {
	if e.caps.Replicas {
		return n
	}
	return 1
}

func (e *env) track(kind Kind, version string, weight, replicas int) deployers.Track {
	e.Helper()
	track := e.h.Release(e, kind, version)
	track.Weight, track.Replicas = weight, replicas
	return track
}

func desired(generation int64, tracks ...deployers.Track) deployers.Desired {
	return deployers.Desired{Generation: generation, Tracks: tracks}
}

func (e *env) apply(d deployers.Desired) {
	e.Helper()
	if err := e.s.Deployer.Apply(e.ctx, e.target, d); err != nil {
		e.Fatalf("Apply of generation %d: %v", d.Generation, err)
	}
}

func (e *env) observe() deployers.Observed {
	e.Helper()
	o, err := e.s.Deployer.Observe(e.ctx, e.target)
	if err != nil {
		e.Fatalf("Observe: %v", err)
	}
	if o.At.IsZero() {
		e.Fatalf("an observation carries no time: %s", show(o))
	}
	return o
}

// until observes until the condition holds. An error of Observe on the way is
// allowed, as a deployer may say that it cannot see; a lasting one is not.
func (e *env) until(what string, holds func(deployers.Observed) bool) deployers.Observed {
	e.Helper()
	var o deployers.Observed
	Eventually(e, e.h.Wait, what, func() (bool, string) {
		var err error
		if o, err = e.s.Deployer.Observe(e.ctx, e.target); err != nil {
			return false, err.Error()
		}
		return holds(o), show(o)
	})
	return o
}

// converge applies, waits, and compares everything that a converged
// observation says with what was asked.
func (e *env) converge(d deployers.Desired) deployers.Observed {
	e.Helper()
	e.apply(d)
	o := e.until(fmt.Sprintf("generation %d converged", d.Generation), func(o deployers.Observed) bool {
		return o.Converged && o.Generation == d.Generation
	})
	if o.Failure != nil {
		e.Errorf("converged and failed at once: %s", show(o))
	}
	if len(working(o)) != len(d.Tracks) || len(d.Tracks) == 0 && len(o.Tracks) != 0 {
		e.Fatalf("%d tracks wanted, observed %s", len(d.Tracks), show(o))
	}
	for _, want := range d.Tracks {
		got, ok := trackByID(o, want.ID)
		if !ok || got.Version != want.Version || got.Wanted != want.Replicas || got.Ready != want.Replicas {
			e.Errorf("track %s: %d ready of %s wanted, observed %s", want.ID, want.Replicas, want.Version, show(o))
		}
		if e.caps.TrafficWeights && got.Weight != want.Weight {
			e.Errorf("track %s: weight %d wanted, observed %s", want.ID, want.Weight, show(o))
		}
	}
	return o
}

// answers asks until each of the versions has answered and, with only, fails
// if any other one does.
func (e *env) answers(o deployers.Observed, versions ...string) {
	e.Helper()
	if e.s.Ask == nil {
		return
	}
	missing := map[string]bool{}
	for _, v := range versions {
		missing[v] = true
	}
	// At a weight of a quarter, 64 smooth choices meet every version many times.
	for range 64 {
		a := e.ask(o.Address, nil)
		if _, expected := missing[a.Version]; !expected {
			e.Fatalf("version %q answered, expected only %v", a.Version, versions)
		}
		missing[a.Version] = false
	}
	for v, still := range missing {
		if still {
			e.Errorf("version %s never answered in 64 requests", v)
		}
	}
}

func (e *env) ask(address string, header http.Header) Answer {
	e.Helper()
	a, err := e.s.Ask(e.ctx, address, header)
	if err != nil {
		e.Fatalf("a request to %s failed: %v", address, err)
	}
	return a
}

// instances is nil if the harness cannot see them.
func (e *env) instances() []string {
	e.Helper()
	if e.s.Instances == nil {
		return nil
	}
	names, err := e.s.Instances(e.ctx, e.target)
	if err != nil {
		e.Fatalf("instances: %v", err)
	}
	return names
}

func (e *env) restart() {
	e.Helper()
	e.s.Deployer = e.s.Restart(e)
}

func trackByID(o deployers.Observed, id string) (deployers.ObservedTrack, bool) {
	for _, t := range o.Tracks {
		if t.ID == id {
			return t, true
		}
	}
	return deployers.ObservedTrack{}, false
}

// working leaves out the tracks that only finish what they have begun.
func working(o deployers.Observed) []deployers.ObservedTrack {
	var tracks []deployers.ObservedTrack
	for _, t := range o.Tracks {
		if t.Draining == 0 || t.Wanted > 0 || t.Ready > 0 || t.Weight > 0 {
			tracks = append(tracks, t)
		}
	}
	return tracks
}

func show(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// forms are the ways in which a value commonly leaks. In base64 there are three, by
// what stands before it; the letters at the ends belong to that as well.
func forms(value string) []string {
	quoted, raw := show(value), []byte(value)
	all := []string{
		value, strings.Trim(quoted, `"`), url.QueryEscape(value), url.PathEscape(value),
		hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
	}
	for cut := range 3 {
		whole := raw[cut : cut+(len(raw)-cut)/3*3]
		all = append(all, base64.StdEncoding.EncodeToString(whole), base64.URLEncoding.EncodeToString(whole))
	}
	return all
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
