package server

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	pollEvery  = time.Second // finds what no signal told of
	hubBatch   = 500
	hubWindow  = 32 // ids that are read once more, see read
	maxStreams = 10_000
	maxPerUser = 24 // about as many tabs as anybody has open
)

// news is where events are read; *app.App is one.
type news interface {
	News(ctx context.Context, after int64, limit int) ([]slipway.DomainEvent, error)
	LastNews(ctx context.Context) (int64, error)
}

// hub reads events once for all streams and tells each what it follows. It
// waits for no reader: what a stream has not sent yet it keeps by topic, newest
// first to win, so a reader that stalls costs a few words and nobody's time.
type hub struct {
	source news
	feed   slipway.Feed
	heard  func(context.Context, []slipway.DomainEvent) // of this process itself; may be nil
	log    *slog.Logger
	ticker func(time.Duration) (<-chan time.Time, func())

	last    atomic.Int64
	mu      sync.Mutex
	running bool
	closed  bool
	streams map[*subscription]struct{}
	perUser map[string]int
}

// subscription is one stream in the hub.
type subscription struct {
	user   string
	token  string    // of the session
	watch  app.Watch // what the topics ask of the catalog
	topics []string
	wake   chan struct{} // holds one signal
	gone   chan struct{} // closed by the hub, when it stops or the right is lost

	mu      sync.Mutex
	admits  func(slipway.DomainEvent) bool
	pending map[string]int64 // newest event by topic
}

func newHub(source news, feed slipway.Feed, log *slog.Logger) *hub {
	return &hub{source: source, feed: feed, log: log, ticker: realTicker, streams: map[*subscription]struct{}{}, perUser: map[string]int{}}
}

func realTicker(every time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(every)
	return t.C, t.Stop
}

// run hands events on until ctx ends, and then lets all streams go.
func (h *hub) run(ctx context.Context) {
	defer h.stop()
	var signal <-chan struct{} // nil waits for ever
	if h.feed != nil {
		changed, cancel := h.feed.Subscribe()
		defer cancel()
		signal = changed
	}
	poll, stop := h.ticker(pollEvery)
	defer stop()
	seen := map[int64]bool{}
	for {
		h.catchUp(ctx, seen)
		select {
		case <-ctx.Done():
			return
		case <-signal:
		case <-poll:
		}
	}
}

// catchUp reads what is new.
func (h *hub) catchUp(ctx context.Context, seen map[int64]bool) {
	if !h.started() {
		if err := h.begin(ctx, seen); err != nil {
			h.complain(ctx, err)
			return
		}
	}
	for {
		more, err := h.read(ctx, seen)
		if err != nil {
			h.complain(ctx, err)
		}
		if err != nil || !more {
			return
		}
	}
}

// read takes the next events. A database may show a smaller id after a larger
// one, if their transactions ended in the other order, so the last few ids are
// always read again and those seen are left out.
func (h *hub) read(ctx context.Context, seen map[int64]bool) (more bool, err error) {
	last := h.last.Load()
	events, err := h.source.News(ctx, max(0, last-hubWindow), hubWindow+hubBatch)
	if err != nil {
		return false, err
	}
	fresh := events[:0:0]
	for _, e := range events {
		if !seen[e.ID] {
			seen[e.ID] = true
			fresh = append(fresh, e)
		}
	}
	if len(fresh) == 0 {
		return false, nil
	}
	for _, e := range fresh {
		last = max(last, e.ID)
	}
	if h.heard != nil {
		h.heard(ctx, fresh)
	}
	h.tell(fresh, last)
	for id := range seen {
		if id <= last-hubWindow {
			delete(seen, id)
		}
	}
	return len(events) >= hubWindow+hubBatch, nil
}

func (h *hub) complain(ctx context.Context, err error) {
	if ctx.Err() == nil {
		h.log.WarnContext(ctx, "events could not be read", "error", err.Error())
	}
}

func (h *hub) started() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running
}

// begin finds out what is old: nobody is told of that.
func (h *hub) begin(ctx context.Context, seen map[int64]bool) error {
	last, err := h.source.LastNews(ctx)
	if err != nil {
		return err
	}
	old, err := h.source.News(ctx, max(0, last-hubWindow), hubWindow+hubBatch)
	if err != nil {
		return err
	}
	for _, e := range old {
		seen[e.ID] = true
		last = max(last, e.ID)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last.Store(last)
	h.running = !h.closed
	return nil
}

// tell hands events to all streams. Streams join under the same lock, which
// leaves no event between a stream's past and its future. The last id moves
// when all have been told: who reads it has been offered what it stands for.
func (h *hub) tell(events []slipway.DomainEvent, last int64) {
	topics := make([][]string, len(events))
	for i, e := range events {
		topics[i] = topicsOf(e)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for sub := range h.streams {
		for i, e := range events {
			sub.offer(e, topics[i])
		}
	}
	h.last.Store(last)
}

// join adds a stream and returns the id up to which it has to look for itself.
func (h *hub) join(sub *subscription) (from int64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !h.running:
		return 0, &slipway.Error{Code: slipway.CodeUnavailable, Message: "Live updates are not available at the moment.", Do: "The page works without them; reload it to see what is new."}
	case len(h.streams) >= maxStreams || h.perUser[sub.user] >= maxPerUser:
		return 0, &slipway.Error{Code: CodeTooMany, Message: "There are too many open pages with live updates.", Do: "Close some, or reload this one to see what is new."}
	}
	h.streams[sub] = struct{}{}
	h.perUser[sub.user]++
	return h.last.Load(), nil
}

// leave takes a stream out. True means that it was still in.
func (h *hub) leave(sub *subscription) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.streams[sub]; !there {
		return false
	}
	delete(h.streams, sub)
	if h.perUser[sub.user]--; h.perUser[sub.user] <= 0 {
		delete(h.perUser, sub.user)
	}
	return true
}

func (h *hub) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running, h.closed = false, true
	for sub := range h.streams {
		close(sub.gone)
	}
	clear(h.streams)
	clear(h.perUser)
}

// drop ends a stream from this side.
func (h *hub) drop(sub *subscription) {
	if h.leave(sub) {
		close(sub.gone)
	}
}

func (h *hub) all() []*subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.streams))
}

func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.streams)
}

func (h *hub) lastID() int64 { return h.last.Load() }
