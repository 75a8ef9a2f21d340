//go:build faults

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// This binary is for e2e/faults. Before and after each commit of the engine and
// of the use cases, and each call that the engine makes, it passes a failpoint:
// a place in the source that the tests have found and named (failsSites). What
// it does there, its environment says: SLIPWAY_TEST_FAILPOINT=NAME:ACTION.

const (
	failsSites   = "SLIPWAY_TEST_SITES"     // file: the places, as JSON
	failsAt      = "SLIPWAY_TEST_FAILPOINT" // NAME:ACTION, ... ; actions: kill, stop (once), panic
	failsHits    = "SLIPWAY_TEST_HITS"      // file: the places that were passed, one a line
	failsFar     = "SLIPWAY_TEST_FAR"       // address of the deployer "far"
	failsClock   = "SLIPWAY_TEST_CLOCK"     // file: how far this machine's clock is off, as a Go duration
	failsWithout = "SLIPWAY_TEST_WITHOUT"   // jobs, start (of jobs), checks, far, secrets: what this portal is to lack
)

// failsite is a call in the source.
type failsite struct {
	Name     string `json:"name"`
	File     string `json:"file"` // as it ends
	From, To int    // lines
}

type failpoints struct {
	sites   []failsite
	actions map[string]string

	stopping sync.Mutex // one at a time: a stop within another would end with it

	mu    sync.Mutex
	spent map[string]bool // actions that are taken once
	hits  *os.File
}

// breakable puts failpoints around everything that the engine calls, and adds
// the deployer at the far end of a line. A fault in its settings ends the
// process: a test that quietly broke nothing would prove nothing.
func breakable(backends map[string]deployers.Deployer, e *engine.Engine, a *app.App) {
	f, err := newFailpoints()
	if err != nil {
		panic(err)
	}
	without := os.Getenv(failsWithout)
	if url := os.Getenv(failsFar); url != "" && !strings.Contains(without, "far") {
		backends["far"], backends["far-once"] = newFar(url, false), newFar(url, true)
	}
	for name, d := range backends {
		w := watchedDeployer{d, f}
		if reader, ok := d.(deployers.LogReader); ok {
			backends[name] = watchedReader{w, reader}
		} else {
			backends[name] = w
		}
	}
	e.Store, a.Store = watchedStore{e.Store, f}, watchedStore{a.Store, f}
	e.Waker = watchedWaker{e.Waker, f}
	e.Checks, e.Prober, e.Jobs = watchedChecker{e.Checks, f}, watchedProber{e.Prober, f}, watchedJobs{e.Jobs, f, strings.Contains(without, "start")}
	a.Prober = watchedProber{a.Prober, f}
	if strings.Contains(without, "jobs") {
		e.Jobs = nil
	}
	if strings.Contains(without, "checks") {
		e.Checks = nil
	}
	if strings.Contains(without, "secrets") {
		e.Secrets = nil
	}
}

// wallClock is this machine's clock, which a test can set. It is read anew each
// time; where there is no file it is right.
func wallClock() time.Time {
	text, err := os.ReadFile(os.Getenv(failsClock))
	if err != nil {
		return time.Now()
	}
	off, err := time.ParseDuration(string(text))
	if err != nil {
		panic(err)
	}
	return time.Now().Add(off)
}

func newFailpoints() (*failpoints, error) {
	f := &failpoints{actions: map[string]string{}, spent: map[string]bool{}}
	if path := os.Getenv(failsSites); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &f.sites); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	for _, at := range strings.FieldsFunc(os.Getenv(failsAt), func(r rune) bool { return r == ',' }) {
		cut := strings.LastIndex(at, ":")
		if cut < 0 || len(f.sites) == 0 {
			return nil, fmt.Errorf("%s: %q names no failpoint and action", failsAt, at)
		}
		f.actions[at[:cut]] = at[cut+1:]
	}
	if path := os.Getenv(failsHits); path != "" {
		var err error
		if f.hits, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// pass is called where a failpoint is: when is "before" or "after". It reports
// whether the process was stopped there, and goes on.
func (f *failpoints) pass(when string) (stopped bool) {
	if len(f.sites) == 0 {
		return false
	}
	name := f.here()
	if name == "" {
		return false
	}
	name += " " + when
	f.note(name)
	action, known := f.actions[name]
	if !known {
		return false
	}
	switch action {
	case "kill":
		f.note("killed at " + name)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "stop":
		if !f.once(name) {
			return false
		}
		f.stop(name)
		return true
	case "panic":
		panic("failpoint " + name)
	default:
		panic("no failpoint does " + action)
	}
}

// stop stops the process until somebody lets it go on. The signal is for this very
// thread: one for the process is taken by any other, and until that gets its share
// of the machine this one would go on, with its call long made.
func (f *failpoints) stop(name string) {
	f.stopping.Lock()
	defer f.stopping.Unlock()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f.note("stopped at " + name)
	if err := syscall.Tgkill(os.Getpid(), syscall.Gettid(), syscall.SIGSTOP); err != nil {
		panic(err)
	}
	f.note("continued at " + name)
}

// here names the place furthest out that led here: helpers have many callers.
func (f *failpoints) here() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	name := ""
	for {
		frame, more := frames.Next()
		for _, s := range f.sites {
			if frame.Line >= s.From && frame.Line <= s.To && strings.HasSuffix(frame.File, s.File) {
				name = s.Name
			}
		}
		if !more {
			return name
		}
	}
}

func (f *failpoints) note(line string) {
	if f.hits != nil {
		_, _ = fmt.Fprintln(f.hits, line)
	}
}

func (f *failpoints) once(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.spent[name]
	f.spent[name] = true
	return !was
}

// watchedStore passes a failpoint within the transaction, when all is written
// and nothing committed, and after the commit.
type watchedStore struct {
	slipway.Store
	f *failpoints
}

func (s watchedStore) Write(ctx context.Context, do func(slipway.Tx) error) error {
	err := s.Store.Write(ctx, func(tx slipway.Tx) error {
		err := do(tx)
		if err == nil {
			s.f.pass("before")
		}
		return err
	})
	switch {
	case err == nil:
		s.f.pass("after")
	case slipway.CodeOf(err) == slipway.CodeConflict:
		s.f.note("rejected: " + err.Error())
	}
	return err
}

type watchedWaker struct {
	engine.Waker
	f *failpoints
}

func (w watchedWaker) Wake(ctx context.Context, ids []int64) error {
	w.f.pass("before")
	defer w.f.pass("after")
	return w.Waker.Wake(ctx, ids)
}
