package chatops

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

// intakeRig is an intake over a database of its own. Work on a request waits
// until the gate is open, and says then which one it was.
type intakeRig struct {
	t    *testing.T
	rows app.ChatIntake
	in   *intake
	gate chan struct{}
	did  chan string
}

func newIntakeRig(t *testing.T) *intakeRig {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "slipway-intake-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(dir, "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := &intakeRig{t: t, rows: app.ChatIntake{Store: s, Clock: time.Now}, gate: make(chan struct{}), did: make(chan string, 5000)}
	r.in = newIntake(r.rows, slog.New(slog.DiscardHandler), func(ctx context.Context, q request) (chat.Message, func(context.Context) error) {
		select {
		case <-r.gate:
		case <-ctx.Done():
		}
		r.did <- q.RequestID
		return chat.Message{}, func(context.Context) error { return nil }
	})
	return r
}

// run has the intake work until the test ends.
func (r *intakeRig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.in.run(ctx) })
	r.t.Cleanup(func() { cancel(); running.Wait() })
}

// all waits until n requests were worked on, and counts each.
func (r *intakeRig) all(n int) map[string]int {
	r.t.Helper()
	done, late := map[string]int{}, time.After(30*time.Second)
	for i := range n {
		select {
		case id := <-r.did:
			done[id]++
		case <-late:
			r.t.Fatalf("%d of %d were worked on", i, n)
		}
	}
	return done
}

func asked(n int) request {
	id := fmt.Sprint(n)
	return request{Kind: typed, Text: "status", RequestID: id, digest: id, At: time.Now().UTC()}
}

// TestMoreThanThereIsRoomFor: thousands of requests are acknowledged while nobody
// has time to work on any. As soon as somebody has, all of them are, each once.
func TestMoreThanThereIsRoomFor(t *testing.T) {
	t.Parallel()
	r := newIntakeRig(t)
	r.run()
	const n, senders = 4500, 50
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			for i := s; i < n; i += senders {
				if fresh, err := r.in.take(t.Context(), asked(i)); err != nil || !fresh {
					t.Errorf("request %d: new is %v, %v", i, fresh, err)
				}
			}
		})
	}
	sending.Wait()
	close(r.gate)
	if done := r.all(n); len(done) != n {
		t.Errorf("%d requests were worked on, and some twice", len(done))
	}
}

// TestWhatIsLaidAsideIsForAnybody: a process that never came to what it had
// acknowledged has left it to the next one, which does not wait until it is
// abandoned. What cannot be read takes nobody's place.
func TestWhatIsLaidAsideIsForAnybody(t *testing.T) {
	t.Parallel()
	r := newIntakeRig(t)
	const unreadable, n = 2 * places, 3 * places
	var left []slipway.ChatRequest
	for i := range unreadable + n {
		row, err := asked(i).kept()
		if err != nil {
			t.Fatal(err)
		}
		row.Aside = true
		if i < unreadable {
			row.Body = []byte("{")
		}
		left = append(left, row)
	}
	if _, err := r.rows.Take(t.Context(), left, nil); err != nil {
		t.Fatal(err)
	}
	close(r.gate)
	r.run()
	if done := r.all(n); len(done) != n {
		t.Errorf("%d requests were worked on, and some twice", len(done))
	}
}
