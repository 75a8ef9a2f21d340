package kubernetes

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// load sends requests from a few clients, one after the other each, until it is
// stopped: quick ones over new connections, quick ones over kept ones, and slow
// ones. None may fail, and none is cut off by the end of the load.
type load struct {
	stop    context.CancelFunc
	group   sync.WaitGroup
	sent    atomic.Int64
	mu      sync.Mutex
	failed  []string
	version map[string]int
}

// loadEvery leaves some of the machine to the cluster, whose proxies have to hear
// of every change.
const loadEvery = 10 * time.Millisecond

func startLoad(w *world, address string) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{stop: cancel, version: map[string]int{}}
	kept := &http.Client{Transport: w.transport(true)}
	for i := range 6 {
		l.group.Go(func() {
			ticker := time.NewTicker(loadEvery)
			defer ticker.Stop()
			for ctx.Err() == nil {
				<-ticker.C
				l.sent.Add(1)
				if err := l.one(w, kept, address, i%3); err != nil {
					l.mu.Lock()
					l.failed = append(l.failed, time.Now().Format("05.000 ")+err.Error())
					l.mu.Unlock()
				}
			}
		})
	}
	return l
}

func (l *load) one(w *world, kept *http.Client, address string, kind int) error {
	path := "/version"
	switch kind {
	case 0:
		a, err := w.ask(context.Background(), address, nil)
		l.mu.Lock()
		l.version[a["version"]]++
		l.mu.Unlock()
		return err
	case 1:
		path = "/slow?ms=1000"
	}
	response, err := kept.Get(address + path)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("kind %d: status %d, %w", kind, response.StatusCode, err)
	}
	return nil
}

func (l *load) end(t *testing.T) {
	t.Helper()
	deployertest.Eventually(t, time.Minute, "enough requests to prove something", func() (bool, string) {
		n := l.sent.Load()
		return n >= 100, fmt.Sprint(n)
	})
	l.stop()
	l.group.Wait()
	if len(l.failed) > 0 {
		t.Errorf("%d of %d requests failed, the first: %s", len(l.failed), l.sent.Load(), l.failed[0])
	}
	t.Logf("%d requests, 0 may fail; versions %v", l.sent.Load(), l.version)
}

// share is a track with so much of the traffic and so many replicas.
func share(track deployers.Track, weight, replicas int) deployers.Track {
	track.Weight, track.Replicas = weight, replicas
	return track
}

func shown(track deployers.Track) deployers.Track {
	track.Preview = true
	return track
}

// TestNoRequestFails plays what the strategies play, under load.
func TestNoRequestFails(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	front := map[string]any{"gateway": map[string]any{"name": "front", "hostname": "${name}.test"}}
	for name, more := range map[string]map[string]any{"rolling": nil, "blue-green": nil, "canary": front} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, w)
			f.target.Service = "load-" + name
			old, next := w.track(t, "good", "1.0.0", more), w.track(t, "good", "1.1.0", more)
			phases := map[string][][]deployers.Track{
				"rolling":    {{share(old, 50, 1), share(next, 50, 1)}},
				"blue-green": {{share(old, 100, 2), shown(share(next, 0, 2))}, {share(old, 0, 2), share(next, 100, 2)}},
				"canary":     {{share(old, 95, 2), share(next, 5, 1)}, {share(old, 50, 2), share(next, 50, 1)}},
			}[name]
			o := f.converged(t, 1, share(old, 100, 2))
			l := startLoad(w, o.Address)
			for i, tracks := range append(phases, []deployers.Track{share(next, 100, 2)}) {
				o = f.converged(t, int64(i+2), tracks...)
			}
			// What is left of the old release ends under load as well.
			f.until(t, "the old release ended", func(o deployers.Observed) bool { return len(o.Tracks) == 1 })
			l.end(t)
			if l.version["1.0.0"] == 0 || l.version["1.1.0"] == 0 {
				t.Errorf("both releases answer, one after the other: %v", l.version)
			}
		})
	}
}
