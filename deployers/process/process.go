// Package process is the embedded deployer: it runs releases as child processes
// of one Linux host, behind a reverse proxy with a stable port per target, and
// shifts traffic by weight without dropping a request.
//
// Everything it starts lives on when Slipway ends: children and proxies are
// processes of their own, recorded in the data directory and adopted by the
// next Deployer over the same directory. One Deployer at a time looks after a
// target; the kernel's lock on the target's directory sees to that, also when
// its holder is killed.
//
// A replica that is given up gets no new request and finishes those in flight
// (config: drain). Then it gets SIGTERM, once, and stopTimeout for work that is
// no request; SIGKILL comes only after that. When its first process ends, what
// that one started is ended as well.
package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"github.com/slipway-dev/slipway/deployers"
)

// Deployer runs processes. It implements deployers.Deployer, LogReader and
// Destroyer.
type Deployer struct {
	root   string
	self   string
	log    *slog.Logger
	ports  *portKeeper
	memory string // where files are in memory

	mu      sync.Mutex
	targets map[deployers.Target]*target
	closed  bool
}

var errClosed = errors.New("the process deployer is closed")

// New makes a deployer over the data directory and adopts what it finds there:
// replicas and proxies that run are left as they are, crashed ones are started
// again, strays are stopped. self is the executable that calls ProxyMain for
// its subcommand ProxyCommand. A target that another process looks after is
// taken over once that process has ended, with the next call for it.
func New(dir, self string, log *slog.Logger) (*Deployer, error) {
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("the process deployer needs Linux, this is %s", runtime.GOOS)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("process deployer: %w", err)
	}
	if self, err = filepath.Abs(self); err != nil {
		return nil, fmt.Errorf("process deployer: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(root, "targets"), 0o700); err != nil {
		return nil, fmt.Errorf("process deployer: %w", err)
	}
	d := &Deployer{root: root, self: self, log: log, ports: newPortKeeper(), memory: memoryDir, targets: map[deployers.Target]*target{}}
	found, err := filepath.Glob(filepath.Join(root, "targets", "*", stateName))
	if err != nil {
		return nil, fmt.Errorf("process deployer: %w", err)
	}
	for _, path := range found {
		s, _, err := readState(filepath.Dir(path))
		if err == nil {
			_, err = d.open(s.Target, false)
		}
		if err != nil {
			log.Error("a target was not adopted", "file", path, "error", err)
		}
	}
	return d, nil
}

// Capabilities implements deployers.Deployer.
func (d *Deployer) Capabilities() deployers.Capabilities {
	return deployers.Capabilities{
		Summary:  "Runs processes on this host behind a reverse proxy",
		Replicas: true, ParallelTracks: true, TrafficWeights: true, TrafficMatch: true, PreviewAddress: true, Secrets: true,
	}
}

// Close stops looking after the targets and leaves everything running.
func (d *Deployer) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	targets := d.targets
	d.targets = map[deployers.Target]*target{}
	d.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, t := range targets {
			t.cancel()
		}
		for _, t := range targets {
			t.close()
		}
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// open returns the target, adopting it first if need be; nil if it does not
// exist and is not to be created.
func (d *Deployer) open(name deployers.Target, create bool) (*target, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errClosed
	}
	if t := d.targets[name]; t != nil {
		return t, nil
	}
	dir := targetDir(d.root, name)
	if !create {
		if _, err := os.Stat(filepath.Join(dir, stateName)); errors.Is(err, fs.ErrNotExist) {
			return nil, nil //nolint:nilnil // no target is an answer here
		}
	}
	for _, sub := range []string{childrenDir, logsDir, artifactDir, workName} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	lock, err := lockTarget(dir, name)
	if err != nil {
		return nil, err
	}
	t, err := newTarget(d, name, dir, lock)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("adopt %s: %w", name, err), unlock(lock))
	}
	d.targets[name] = t
	return t, nil
}

// lockTarget takes the lock that makes this process the only one that looks
// after the target. It is released by the kernel when the process ends.
func lockTarget(dir string, name deployers.Target) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("another Slipway process looks after %s on this host", name)
	}
	if err == nil {
		// Destroy removes the file: a lock on a removed one protects nothing.
		held, errHeld := lock.Stat()
		named, errNamed := os.Stat(path)
		if errHeld != nil || errNamed != nil || !os.SameFile(held, named) {
			err = fmt.Errorf("%s is being destroyed", name)
		}
	}
	if err != nil {
		return nil, errors.Join(err, unlock(lock))
	}
	return lock, nil
}

// unlock gives the lock up at once. Closing the file alone would leave it held
// by a child that is just being started, until that has become its program.
func unlock(lock *os.File) error {
	return errors.Join(syscall.Flock(int(lock.Fd()), syscall.LOCK_UN), lock.Close())
}

// Apply implements deployers.Deployer. The desired state is on disk, fsynced,
// when it returns. Secret values stay in memory: after a restart of Slipway
// they have to be applied again before a replica that uses them can be started.
func (d *Deployer) Apply(ctx context.Context, name deployers.Target, desired deployers.Desired) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	specs, err := newSpecs(desired)
	if err == nil {
		err = d.checkFiles(specs)
	}
	if err != nil {
		// The fence comes before the content: who was overtaken shall learn it.
		if s, known, _ := readState(targetDir(d.root, name)); known && desired.Generation < s.Generation {
			return deployers.StaleGeneration(desired.Generation, s.Generation)
		}
		return deployers.Terminal(fmt.Errorf("%s: %w", name, err))
	}
	t, err := d.open(name, true)
	if err != nil {
		return err
	}
	return t.accept(desired, specs)
}

func (t *target) accept(desired deployers.Desired, specs []trackSpec) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.destroyed {
		return fmt.Errorf("%s is being destroyed", t.name)
	}
	if desired.Generation < t.state.Generation {
		return deployers.StaleGeneration(desired.Generation, t.state.Generation)
	}
	next := t.state
	next.Target, next.Generation, next.Desired, next.Content = t.name, desired.Generation, specs, contentOf(specs)
	newer := next.Generation != t.state.Generation || !t.known
	if newer || next.Content != t.state.Content {
		if err := writeJSON(t.path(stateName), next); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		t.state, t.known = next, true
	}
	for _, track := range desired.Tracks {
		if _, had := t.secrets[track.ID]; !had {
			delete(t.attempts, track.ID) // it may have waited for just these
		}
		t.learn(track.ID, track.Secrets)
	}
	if newer {
		t.attempts = map[string]*attempt{}
	}
	t.wakeUp()
	return nil
}

// Destroy implements deployers.Destroyer: children and the proxy are stopped
// without a drain, but with all of stopTimeout, then the directory goes, and
// with it the memory of generations. If ctx ends before that, the target is
// left with nothing desired, and Destroy has to be called again.
func (d *Deployer) Destroy(ctx context.Context, name deployers.Target) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, err := d.open(name, false)
	if err != nil || t == nil {
		return err
	}
	err = t.destroy(ctx)
	t.close()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.targets[name] == t {
		delete(d.targets, name)
	}
	return err
}

// Preview implements deployers.Deployer. It reads the state as it is on disk,
// so that it needs no lock.
func (d *Deployer) Preview(ctx context.Context, name deployers.Target, desired deployers.Desired) (deployers.Preview, error) {
	if err := ctx.Err(); err != nil {
		return deployers.Preview{}, err
	}
	specs, err := newSpecs(desired)
	if err == nil {
		err = d.checkFiles(specs)
	}
	if err != nil {
		return deployers.Preview{}, deployers.Terminal(fmt.Errorf("%s: %w", name, err))
	}
	s, _, err := readState(targetDir(d.root, name))
	if err != nil {
		return deployers.Preview{}, err
	}
	port, preview := wantedPorts(specs)
	text := previewText(name, s.InEffect, specs, cmp.Or(port, s.Port), cmp.Or(preview, s.PreviewPort))
	return deployers.Preview{Text: text}, nil
}
