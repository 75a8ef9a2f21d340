package process

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// load sends requests from a few clients, one after the other each, until it
// is stopped: quick ones, slow ones, and ones with a body. Long answers are
// asked for one by one.
type load struct {
	address string
	stop    context.CancelFunc
	group   sync.WaitGroup
	sent    atomic.Int64
	mu      sync.Mutex
	failed  []string
	version map[string]int
	streams []*stream
}

func startLoad(address string) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{address: address, stop: cancel, version: map[string]int{}}
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

// stream returns once the answer is on its way.
func (l *load) stream(t *testing.T, lasts time.Duration) {
	t.Helper()
	s := startStream(l.address, lasts)
	l.streams = append(l.streams, s)
	select {
	case <-s.started:
	case <-s.done:
		t.Errorf("a stream did not begin: %v", s.err)
	}
}

// failures are those since the last call.
func (l *load) failures() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	failed := l.failed
	l.failed = nil
	return failed
}

func (l *load) end(t *testing.T) {
	t.Helper()
	deployertest.Eventually(t, time.Minute, "enough requests to prove something", func() (bool, string) {
		n := l.sent.Load()
		return n >= 50, fmt.Sprint(n)
	})
	for _, s := range l.streams {
		if err := s.whole(); err != nil {
			t.Error(err)
		}
	}
	l.stop()
	l.group.Wait()
	if failed := l.failures(); len(failed) > 0 {
		t.Errorf("%d of %d requests failed, the first: %s", len(failed), l.sent.Load(), failed[0])
	}
	t.Logf("%d requests and %d long answers, 0 may fail; versions %v", l.sent.Load(), len(l.streams), l.version)
}
