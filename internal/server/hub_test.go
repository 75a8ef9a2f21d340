package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// table is an events table that shows ids in the order a test likes.
type table struct {
	mu     sync.Mutex
	events []slipway.DomainEvent
	broken error
}

func (f *table) add(ids ...int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		f.events = append(f.events, slipway.DomainEvent{ID: id, Kind: "release.created", Service: "web"})
	}
	slices.SortFunc(f.events, func(a, b slipway.DomainEvent) int { return int(a.ID - b.ID) })
}

func (f *table) breaks(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = err
}

func (f *table) News(_ context.Context, after int64, limit int) ([]slipway.DomainEvent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []slipway.DomainEvent
	for _, e := range f.events {
		if e.ID > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, f.broken
}

func (f *table) LastNews(context.Context) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.events) == 0 {
		return 0, f.broken
	}
	return f.events[len(f.events)-1].ID, f.broken
}

// hears is a stream that notes every event it is offered.
func hears(t *testing.T, h *hub) func() []int64 {
	t.Helper()
	var mu sync.Mutex
	var got []int64
	sub := newSubscription("u", []string{"board"}, func(e slipway.DomainEvent) bool {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, e.ID)
		return true
	})
	if _, err := h.join(sub); err != nil {
		t.Fatal(err)
	}
	return func() []int64 {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

func newTestHub(t *testing.T, source *table) (*hub, *ticks) {
	t.Helper()
	h, f := newHub(source, nil, slog.New(slog.DiscardHandler)), &ticks{}
	h.ticker = f.ticker
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return h, f
}

func TestEventsThatAppearLateAreToldOnce(t *testing.T) {
	t.Parallel()
	source := &table{}
	source.add(1, 2, 5)
	h, f := newTestHub(t, source) // no feed: it polls
	eventually(t, "the hub to run", h.started)
	heard := hears(t, h)
	for _, step := range []struct {
		add  []int64
		want []int64
	}{
		{[]int64{7}, []int64{7}},
		{[]int64{4, 6}, []int64{7, 4, 6}}, // committed after 5 and 7
		{[]int64{8, 9}, []int64{7, 4, 6, 8, 9}},
	} {
		source.add(step.add...)
		eventually(t, "the news", func() bool {
			f.tick(pollEvery)
			return len(heard()) >= len(step.want)
		})
		if got := heard(); !slices.Equal(got, step.want) {
			t.Fatalf("heard %v, want %v", got, step.want)
		}
	}
	if h.lastID() != 9 {
		t.Errorf("last is %d", h.lastID())
	}
}

func TestManyEventsAtOnceAreAllTold(t *testing.T) {
	t.Parallel()
	source := &table{}
	h, f := newTestHub(t, source)
	eventually(t, "the hub to run", h.started)
	heard := hears(t, h)
	var ids []int64
	for id := int64(1); id <= 3*hubBatch+7; id++ {
		ids = append(ids, id)
	}
	source.add(ids...)
	eventually(t, "the news", func() bool {
		f.tick(pollEvery)
		return len(heard()) >= len(ids)
	})
	if !slices.Equal(heard(), ids) {
		t.Error("something was told twice or out of order")
	}
}

func TestTheHubOutlivesTheDatabase(t *testing.T) {
	t.Parallel()
	source := &table{}
	source.breaks(errors.New("down"))
	h, f := newTestHub(t, source)
	sub := newSubscription("u", []string{"board"}, func(slipway.DomainEvent) bool { return true })
	if _, err := h.join(sub); slipway.CodeOf(err) != slipway.CodeUnavailable {
		t.Errorf("a stream before there is anything to tell: %v", err)
	}
	source.add(1)
	source.breaks(nil)
	eventually(t, "the hub to run", func() bool { f.tick(pollEvery); return h.started() })
	heard := hears(t, h)
	source.breaks(errors.New("down"))
	source.add(2)
	f.tick(pollEvery)
	source.breaks(nil)
	eventually(t, "the news", func() bool { f.tick(pollEvery); return slices.Equal(heard(), []int64{2}) })
}
