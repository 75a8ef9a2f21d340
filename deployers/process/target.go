package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// tick bounds how long the loop sleeps when nobody wakes it.
const tick = time.Second

// target is one place where a service runs. A single goroutine, run, starts
// and retires children; others only wake it, and look under mu.
type target struct {
	d     *Deployer
	name  deployers.Target
	dir   string
	files string // where its replicas find their secrets
	lock  *os.File
	wake  chan struct{}

	cancel context.CancelFunc
	group  sync.WaitGroup // run, the readiness checks, those who see replicas out
	once   sync.Once

	mu        sync.Mutex
	known     bool // state.json exists
	destroyed bool
	state     state
	secrets   map[string]values // by track ID
	wrote     map[string]values // by log: what its writer was given
	hider     *deployers.Hider  // of all of these; nil: to be made
	children  map[string]*child // by token
	proxy     *child
	routes    *routes             // what the proxy acknowledged last; nil: unknown
	attempts  map[string]*attempt // by track ID; proxyAttempt for the proxy

	// Only for run.
	verified map[string]string // digest → path of our copy, hashed since we look after the target
	unrouted []int             // ports of dead replicas, to give back once the proxy knows
	speaks   int               // what the proxy understands, see proxySpeaks
}

// proxyAttempt is the key of the proxy among the attempts. No track has it.
const proxyAttempt = ""

// attempt remembers what went wrong with the starts of a track.
type attempt struct {
	exits    int // quick exits in a row
	reason   string
	terminal bool
	last     time.Time
	next     time.Time // not before
}

// newTarget adopts what the directory says and begins to look after it.
func newTarget(d *Deployer, name deployers.Target, dir string, lock *os.File) (*target, error) {
	ctx, cancel := context.WithCancel(context.Background())
	t := &target{
		d: d, name: name, dir: dir, files: filesDir(d.memory, dir), lock: lock, cancel: cancel, wake: make(chan struct{}, 1),
		secrets: map[string]values{}, wrote: map[string]values{}, children: map[string]*child{},
		attempts: map[string]*attempt{}, verified: map[string]string{},
	}
	var err error
	if t.state, t.known, err = readState(dir); err != nil {
		cancel()
		return nil, err
	}
	if t.known && t.state.Target != name {
		cancel()
		return nil, fmt.Errorf("%s is the place of %s", dir, t.state.Target)
	}
	d.ports.keep(t.state.Port, t.state.PreviewPort)
	if err := t.adopt(ctx); err != nil {
		cancel()
		return nil, err
	}
	t.group.Go(func() { t.run(ctx) })
	return t, nil
}

// close ends the goroutines and gives the target up; processes go on.
func (t *target) close() {
	t.once.Do(func() {
		t.cancel()
		t.group.Wait()
		_ = unlock(t.lock)
	})
}

func (t *target) wakeUp() {
	select {
	case t.wake <- struct{}{}:
	default: // it is awake already
	}
}

func (t *target) run(ctx context.Context) {
	for {
		wait := t.reconcile(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-t.wake:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// adopt takes over what the records name. A replica that the proxy sends
// requests to counts as ready until its checks say otherwise: a restart of ours
// must not take a running service off the air.
func (t *target) adopt(ctx context.Context) error {
	if proxy, err := t.adoptRecord(t.path(proxyName)); err != nil {
		return err
	} else if proxy != nil {
		t.adoptProxy(ctx, proxy)
	}
	routed := map[string]bool{}
	if t.routes != nil {
		for _, track := range t.routes.Tracks {
			for _, r := range track.Replicas {
				routed[r.ID] = true
			}
		}
	}
	files, err := filepath.Glob(t.path(childrenDir, "*.json"))
	if err != nil {
		return err
	}
	for _, file := range files {
		c, err := t.adoptRecord(file)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		c.ready, c.everReady = routed[c.rec.Token], routed[c.rec.Token]
		c.givenUp, c.told = c.rec.Told, c.rec.Told
		t.d.ports.keep(c.rec.Port)
		t.children[c.rec.Token] = c
		t.group.Go(func() { t.watchAdopted(ctx, c) })
		t.group.Go(func() { t.monitor(ctx, c) })
		t.d.log.Info("replica adopted", "target", t.name.String(), "version", c.rec.Track.Version, "pid", c.rec.PID)
	}
	return nil
}

func (t *target) adoptProxy(ctx context.Context, proxy *child) {
	status, err := proxyClient{t.dir}.status(ctx)
	if err != nil || status.Token != proxy.rec.Token {
		// It runs but cannot be spoken to: worse than none.
		killAll(proxy.rec.Token)
		_ = os.Remove(proxy.file)
		t.d.log.Warn("a proxy that did not answer was stopped", "target", t.name.String())
		return
	}
	t.proxy, t.routes, t.speaks = proxy, &status.Routes, status.Speaks
	t.group.Go(func() { t.watchAdopted(ctx, proxy) })
}

// adoptRecord reads a record and finds its process. Nil: it does not run any
// more, and neither does anything that it started.
func (t *target) adoptRecord(file string) (*child, error) {
	var rec record
	err := readJSON(file, &rec)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing to adopt is an answer
	}
	if err != nil {
		return nil, err
	}
	if rec.runs() {
		return &child{rec: rec, file: file, gone: make(chan struct{}), adopted: true}, nil
	}
	passes := 1
	if rec.PID == 0 {
		passes = strayPasses
	}
	pause := time.NewTicker(strayPause)
	defer pause.Stop()
	for range passes {
		if n := killByToken(rec.Token); n > 0 {
			killAll(rec.Token)
			t.d.log.Warn("stray processes stopped", "target", t.name.String(), "count", n)
			break
		}
		if passes > 1 {
			<-pause.C
		}
	}
	return nil, os.Remove(file)
}

// artifact is the path of our verified copy.
func (t *target) artifact(ctx context.Context, a deployers.Artifact) (string, error) {
	key := a.Digest + " " + a.Reference
	if path, ok := t.verified[key]; ok {
		return path, nil
	}
	path, err := storeArtifact(ctx, t.dir, a)
	if err == nil {
		t.verified[key] = path
	}
	return path, err
}
