package process

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// load sends requests from a few clients, one after the other each, until it
// is stopped: quick ones, slow ones, and ones with a body.
type load struct {
	stop    context.CancelFunc
	group   sync.WaitGroup
	sent    atomic.Int64
	mu      sync.Mutex
	failed  []string
	version map[string]int
}

func startLoad(address string) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{stop: cancel, version: map[string]int{}}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	for i := range 6 {
		l.group.Go(func() {
			for ctx.Err() == nil {
				l.sent.Add(1)
				if err := l.one(client, address, i%3); err != nil {
					l.mu.Lock()
					l.failed = append(l.failed, err.Error())
					l.mu.Unlock()
				}
			}
		})
	}
	return l
}

// one request. It is not cut off by the end of the load: none may fail.
func (l *load) one(client *http.Client, address string, kind int) error {
	var response *http.Response
	var err error
	want := ""
	switch kind {
	case 0:
		a, err := ask(context.Background(), address)
		l.mu.Lock()
		l.version[a.Version]++
		l.mu.Unlock()
		return err
	case 1:
		response, err = client.Get(address + "/slow?ms=300")
	default:
		want = strings.Repeat("x", 100_000)
		response, err = client.Post(address+"/echo", "text/plain", strings.NewReader(want))
	}
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || string(body) != want {
		return fmt.Errorf("kind %d: status %d, %d bytes, %w", kind, response.StatusCode, len(body), err)
	}
	return nil
}

const (
	streamPause = 100 * time.Millisecond
	streamChunk = "chunk of a long answer\n"
)

// stream is one long answer, read to its end.
type stream struct {
	started, done chan struct{}
	err           error
}

func startStream(address string, lasts time.Duration) *stream {
	s := &stream{started: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.err = s.read(address, int(lasts/streamPause))
	}()
	return s
}

func (s *stream) read(address string, chunks int) error {
	response, err := http.Get(fmt.Sprintf("%s/stream?chunks=%d", address, chunks))
	if err != nil {
		return err
	}
	close(s.started)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if want := strings.Repeat(streamChunk, chunks); err != nil || string(body) != want {
		return fmt.Errorf("a stream broke off: status %d, %d of %d bytes, %w", response.StatusCode, len(body), len(want), err)
	}
	return nil
}

func (s *stream) begun() bool {
	select {
	case <-s.started:
		return true
	default:
		return false
	}
}

// whole waits for the end of the stream.
func (s *stream) whole() error {
	<-s.done
	return s.err
}

func (l *load) end(t *testing.T) {
	t.Helper()
	deployertest.Eventually(t, time.Minute, "enough requests to prove something", func() (bool, string) {
		n := l.sent.Load()
		return n >= 50, fmt.Sprint(n)
	})
	l.stop()
	l.group.Wait()
	if len(l.failed) > 0 {
		t.Errorf("%d of %d requests failed, the first: %s", len(l.failed), l.sent.Load(), l.failed[0])
	}
	t.Logf("%d requests, 0 may fail; versions %v", l.sent.Load(), l.version)
}

// TestNoRequestIsDropped walks a release from 0 to 25 to 100 percent, removes
// the old one, rolls back in one step, and restarts the deployer, all under
// load with requests in flight.
func TestNoRequestIsDropped(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	stable, next := release(t, f.dir, "1.0.0", ""), release(t, f.dir, "1.1.0", "")
	stable.Replicas, next.Replicas = 2, 2
	f.apply(t, 1, stable)
	l := startLoad(f.converged(t, 1).Address)

	generation := int64(1)
	step := func(tracks ...deployers.Track) {
		t.Helper()
		generation++
		f.apply(t, generation, tracks...)
		f.converged(t, generation)
	}
	for _, weight := range []int{0, 25, 100} {
		stable.Weight, next.Weight = 100-weight, weight
		step(stable, next)
	}
	step(next)
	f.restart(t)
	f.converged(t, generation)
	stable.Weight = 100
	step(stable)
	l.end(t)
	if l.version["1.0.0"] == 0 || l.version["1.1.0"] == 0 {
		t.Errorf("not both versions answered: %v", l.version)
	}
}

// TestACrashIsBridged kills a replica under load: requests that were not sent
// yet go to the other one, and the replica comes back.
func TestACrashIsBridged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	track := release(t, f.dir, "1.0.0", "")
	track.Replicas = 2
	f.apply(t, 1, track)
	address := f.converged(t, 1).Address
	before := f.instances(f.target)
	if _, err := http.Get(address + "/crash"); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := ask(t.Context(), address); err != nil {
			t.Fatalf("a request failed after the crash of one of two replicas: %v", err)
		}
	}
	f.until(t, "the crashed replica is replaced", func(o deployers.Observed) bool {
		now := f.instances(f.target)
		return o.Converged && len(now) == 2 && (now[0] != before[0] || now[1] != before[1])
	})
}

// TestNothingReadySaysSo: the address answers with a reason, not with silence.
func TestNothingReadySaysSo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	f.apply(t, 1, release(t, f.dir, "1.0.0", "never-ready"))
	o := f.until(t, "a failure", func(o deployers.Observed) bool { return o.Failure != nil })
	if want := "version 1.0.0: 0 of 1 ready: GET /healthz answered 500 (not ready within 3s)"; o.Failure.Reason != want || !o.Failure.Terminal {
		t.Errorf("failure %+v, want %q", o.Failure, want)
	}
	_, err := ask(t.Context(), o.Address)
	if err == nil || !strings.Contains(err.Error(), "status 503") || !strings.Contains(err.Error(), "nothing is deployed") {
		t.Errorf("the address says %v", err)
	}
	f.apply(t, 2)
	f.converged(t, 2)
}
