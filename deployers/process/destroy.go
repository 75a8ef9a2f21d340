package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// destroy stops everything of the target and removes its directory.
func (t *target) destroy(ctx context.Context) error {
	t.mu.Lock()
	t.destroyed = true
	// Should we die on the way, the next Deployer must not start it all again.
	next := t.state
	next.Desired, next.InEffect, next.Content = nil, nil, contentOf(nil)
	err := writeJSON(t.path(stateName), next)
	t.mu.Unlock()
	if err != nil {
		return fmt.Errorf("destroy %s: %w", t.name, err)
	}
	// The loop must not start anything any more; from here on this is the only
	// goroutine that touches the children, but for those that watch for their end.
	t.cancel()
	t.group.Wait()
	doomed := make([]*child, 0, len(t.children)+1)
	for _, c := range t.children {
		doomed = append(doomed, c)
	}
	if t.proxy != nil {
		doomed = append(doomed, t.proxy)
	}
	if err := t.stopAll(ctx, doomed); err != nil {
		return fmt.Errorf("destroy %s: %w", t.name, err)
	}
	// A record that no child stands for: a start that was interrupted.
	if err := t.sweepRecords(); err != nil {
		return fmt.Errorf("destroy %s: %w", t.name, err)
	}
	if err := os.RemoveAll(t.files); err != nil {
		return fmt.Errorf("destroy %s: %w", t.name, err)
	}
	for _, c := range doomed {
		t.d.ports.giveBack(c.rec.Port)
	}
	t.d.ports.giveBack(t.state.Port, t.state.PreviewPort)
	return os.RemoveAll(t.dir)
}

func (t *target) stopAll(ctx context.Context, doomed []*child) error {
	errs := make([]error, len(doomed))
	var group sync.WaitGroup
	for i, c := range doomed {
		group.Go(func() {
			// Those who watched for the end of adopted processes left with the loop.
			watch, cancel := context.WithCancel(ctx)
			defer cancel()
			if c.adopted && !c.ended() {
				go t.watchAdopted(watch, c)
			}
			limit := time.Duration(c.rec.Track.Config.StopTimeout)
			if c == t.proxy {
				limit = proxyStop
			}
			errs[i] = t.stop(ctx, c, limit)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// sweepRecords stops what the remaining records name.
func (t *target) sweepRecords() error {
	files, err := filepath.Glob(t.path(childrenDir, "*.json"))
	if err != nil {
		return err
	}
	for _, file := range append(files, t.path(proxyName)) {
		var rec record
		if err := readJSON(file, &rec); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		rec.signalGroup(syscall.SIGKILL)
		killAll(rec.Token)
		if err := removeFile(file); err != nil {
			return err
		}
	}
	return nil
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
