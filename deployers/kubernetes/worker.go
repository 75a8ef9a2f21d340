package kubernetes

import (
	"context"
	"errors"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/deployers"
)

const (
	pollEvery = 250 * time.Millisecond
	restEvery = 2 * time.Second // while only leftovers of what drains are waited for
	stepTime  = time.Minute
	// freshFor bounds how often a target is read, however many ask.
	freshFor = 150 * time.Millisecond
)

// target is what this process remembers of one: nothing that another process
// would need.
type target struct {
	name deployers.Target
	kick chan struct{}

	mu      sync.Mutex
	working bool
	said    string // the last trouble of the worker
	print   string
	since   time.Time

	looking sync.Mutex // one look at a time
	last    *snapshot
	epoch   int // of what is wanted
	seen    int // the epoch that last belongs to
}

func (d *Deployer) target(name deployers.Target) *target {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.targets[name]
	if t == nil {
		t = &target{name: name, kick: make(chan struct{}, 1)}
		d.targets[name] = t
	}
	return t
}

func (d *Deployer) forget(name deployers.Target) {
	t := d.target(name)
	t.mu.Lock()
	t.epoch++
	t.mu.Unlock()
}

// unchangedFor says for how long the traffic has been divided like this. It is
// measured by this process, so no clock of the cluster is believed.
func (t *target) unchangedFor(print string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.print != print {
		t.print, t.since = print, time.Now()
	}
	return time.Since(t.since)
}

// wake has somebody look after the target until what is wanted is true.
func (d *Deployer) wake(name deployers.Target) {
	t := d.target(name)
	t.mu.Lock()
	t.epoch++
	t.mu.Unlock()
	d.attend(t)
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// attend starts the worker of a target unless it is at work.
func (d *Deployer) attend(t *target) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.working || d.closed {
		return
	}
	t.working = true
	d.group.Go(func() { d.work(t) })
}

// work takes steps until there is nothing left to do. An end that crosses a new
// wish is mended by the next Observe, which attends again.
func (d *Deployer) work(t *target) {
	defer func() {
		t.mu.Lock()
		t.working = false
		t.mu.Unlock()
	}()
	for {
		ctx, cancel := context.WithTimeout(d.ctx, stepTime)
		next, err := d.step(ctx, t)
		cancel()
		if d.ctx.Err() != nil {
			return
		}
		t.note(err)
		if errors.Is(err, errOvertaken) || apierrors.IsConflict(err) {
			next, err = pollEvery, nil
		}
		if err != nil {
			d.log.Warn("a target of Kubernetes waits", "target", t.name.String(), "error", err)
			next = restEvery
		}
		if next == 0 {
			return
		}
		timer := time.NewTimer(next)
		select {
		case <-timer.C:
		case <-t.kick:
			timer.Stop()
		case <-d.ctx.Done():
			timer.Stop()
			return
		}
	}
}

func (t *target) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.said = ""
	if err != nil && !errors.Is(err, errOvertaken) && !apierrors.IsConflict(err) {
		t.said = err.Error()
	}
}

// fresh is a look that is a moment old at most, and never older than the last
// wish that was accepted here.
func (d *Deployer) fresh(ctx context.Context, t *target) (*snapshot, error) {
	t.looking.Lock()
	defer t.looking.Unlock()
	t.mu.Lock()
	epoch := t.epoch
	t.mu.Unlock()
	if t.last != nil && t.seen == epoch && time.Since(t.last.at) < freshFor {
		return t.last, nil
	}
	t.last = nil
	r, err := d.readRecord(ctx, t.name)
	if err != nil || r == nil {
		return nil, err
	}
	s, err := d.look(ctx, r)
	if err != nil {
		return nil, err
	}
	t.last, t.seen = s, epoch
	return s, nil
}

func pause(ctx context.Context, long time.Duration) error {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
