package faults_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

// The simulation: several engines and some people over one store and one
// deployer, in one process, where one of them moves at a time and a source of
// random numbers says which. Whoever moves may be set aside before and after
// each commit and each call, for as long as it pleases, or be gone for good;
// commits and calls get lost, or their answers do; every clock is wrong in its
// own way. The same seed does the same again.

// sim is one run of it.
type sim struct {
	t       testing.TB
	seed    uint64
	random  *rand.Rand
	now     time.Time
	store   *store.Store
	far     *simFar
	engines []*simEngine
	people  *app.App
	workers []*worker // who is set aside
	calm    bool      // nothing goes wrong any more
	steps   int
	trace   []string
	seen    map[int64]slipway.Deployment
	acks    []ack
	faulty  string
	stats   map[string]int

	versions []string
}

// simEngine is a replica with a clock of its own.
type simEngine struct {
	*engine.Engine
	name  string
	wrong time.Duration // how far its clock is off
}

// worker is something that moves in small steps: a look of an engine, a request.
type worker struct {
	s      *sim
	by     string
	engine *simEngine // nil: a person
	at     string
	going  chan bool // true: go on; false: you are dead
	aside  chan struct{}
	over   bool
}

type workerKey struct{}

var errCut = errors.New("the connection broke")

// begin sets a worker up; it does not move before its first turn.
func (s *sim) begin(by string, e *simEngine, do func(ctx context.Context)) {
	w := &worker{s: s, by: by, engine: e, at: "begins", going: make(chan bool), aside: make(chan struct{})}
	go func() {
		defer func() { w.over = true; w.aside <- struct{}{} }()
		if <-w.going {
			do(context.WithValue(context.Background(), workerKey{}, w))
		}
	}()
	s.workers = append(s.workers, w)
}

// move gives a worker its turn, or ends it.
func (s *sim) move(w *worker, lives bool) {
	if !lives {
		s.note("%s is killed where it %s", w.by, w.at)
	}
	w.going <- lives
	<-w.aside
	if w.over {
		s.workers = slices.DeleteFunc(s.workers, func(o *worker) bool { return o == w })
	}
}

// pause is called by whoever moves where it may be set aside.
func pause(ctx context.Context, at string) {
	w, ok := ctx.Value(workerKey{}).(*worker)
	if !ok || w.s.calm {
		return
	}
	w.at = at
	w.s.note("%s %s", w.by, at)
	w.aside <- struct{}{}
	if !<-w.going {
		runtime.Goexit() // as kill -9: nothing of it goes on
	}
}

// lot is true once in so many times, while things go wrong.
func (s *sim) lot(ctx context.Context, times int) bool {
	_, ours := ctx.Value(workerKey{}).(*worker)
	return ours && !s.calm && s.random.IntN(times) == 0
}

func (s *sim) note(format string, args ...any) {
	if len(s.trace) > 400 {
		s.trace = slices.Clone(s.trace[200:])
	}
	s.trace = append(s.trace, fmt.Sprintf("%7d %s ", s.steps, s.now.Format("15:04:05.0"))+fmt.Sprintf(format, args...))
}

// bad keeps the first violation: what follows may be its consequence.
func (s *sim) bad(format string, args ...any) {
	if s.faulty == "" {
		s.faulty = fmt.Sprintf(format, args...)
		s.note("VIOLATION: %s", s.faulty)
	}
}

// simStore is the store as somebody far away sees it.
type simStore struct {
	slipway.Store
	s *sim
}

func (w simStore) Read(ctx context.Context, f func(slipway.Tx) error) error {
	err := w.Store.Read(ctx, f)
	pause(ctx, "has read")
	return err
}

func (w simStore) Write(ctx context.Context, f func(slipway.Tx) error) error {
	pause(ctx, "is about to commit")
	if w.s.lot(ctx, 40) {
		w.s.note("its connection breaks before the commit")
		return w.Store.Write(ctx, func(tx slipway.Tx) error { return errors.Join(f(tx), errCut) })
	}
	err := w.Store.Write(ctx, f)
	if err != nil {
		if slipway.CodeOf(err) == slipway.CodeConflict && strings.Contains(err.Error(), "moved on") {
			w.s.stats["stale writes refused"]++
		}
		return err
	}
	w.s.stats["commits"]++
	w.s.look()
	pause(ctx, "has committed")
	if w.s.lot(ctx, 40) {
		w.s.note("its connection breaks after the commit")
		return errCut
	}
	return nil
}

// simFar is the deployer at the far end of a bad line. It keeps its own books.
type simFar struct {
	*fake.Deployer
	s       *sim
	newest  map[deployers.Target]int64
	effects map[int64]int
}

func (f *simFar) Preview(ctx context.Context, t deployers.Target, d deployers.Desired) (deployers.Preview, error) {
	pause(ctx, "is about to ask for a preview")
	if f.s.lot(ctx, 30) {
		return deployers.Preview{}, errCut
	}
	return f.Deployer.Preview(ctx, t, d)
}

func (f *simFar) Apply(ctx context.Context, t deployers.Target, d deployers.Desired) error {
	pause(ctx, fmt.Sprintf("is about to call %s with %d", t, d.Generation))
	if f.s.lot(ctx, 20) {
		f.s.note("the call is lost")
		return errCut
	}
	err := f.Deployer.Apply(ctx, t, d)
	f.book(t, d.Generation, err)
	pause(ctx, fmt.Sprintf("was answered %v", err))
	if f.s.lot(ctx, 20) {
		f.s.note("the answer is lost")
		return errCut
	}
	return err
}

func (f *simFar) Observe(ctx context.Context, t deployers.Target) (deployers.Observed, error) {
	pause(ctx, "is about to ask what runs")
	o, err := f.Deployer.Observe(ctx, t)
	pause(ctx, "was told what runs")
	if f.s.lot(ctx, 30) {
		return deployers.Observed{}, errCut
	}
	return o, err
}

// simulate plays one run and says what it found.
func simulate(t testing.TB, empty []byte, seed uint64, steps int) *sim {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "slipway-sim-")
	if err != nil {
		dir = t.TempDir()
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "sim.db")
	s := &sim{t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
		seen: map[int64]slipway.Deployment{}, stats: map[string]int{}}
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.store, err = store.Open(context.Background(), store.Config{URL: "sqlite:" + path, Clock: s.clock(nil)}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.store.Close() }()
	s.far = &simFar{Deployer: fake.New(fake.Options{Now: s.clock(nil)}), s: s, newest: map[deployers.Target]int64{}, effects: map[int64]int{}}
	registry := engine.NewRegistry(map[string]deployers.Deployer{"far": s.far})
	for i := range 3 {
		e := &simEngine{name: fmt.Sprintf("engine %d", i)}
		e.Engine = &engine.Engine{Store: simStore{s.store, s}, Wakes: s.store, Feed: s.store, Deployers: registry, Clock: s.clock(e), Log: slog.New(slog.DiscardHandler)}
		s.engines = append(s.engines, e)
	}
	s.people = &app.App{Store: simStore{s.store, s}, Deployers: registry, Clock: s.clock(nil), AdminGroup: "admins"}
	s.settleIn()
	for s.steps = 1; s.steps <= steps && s.faulty == ""; s.steps++ {
		s.tick()
	}
	s.comeToRest()
	return s
}

// clock is that of an engine, or the right one.
func (s *sim) clock(e *simEngine) slipway.Clock {
	return func() time.Time {
		if e == nil {
			return s.now
		}
		return s.now.Add(e.wrong)
	}
}
