package faults_test

import (
	"testing"
	"time"
)

// startAll starts the portals of a world.
func (w *world) startAll(more ...string) {
	w.t.Helper()
	for _, r := range w.replicas {
		w.ok(r.start(more...))
	}
}

// TestKillAtRandomTimes (F2): portals are killed whenever it pleases, under
// load, alone on SQLite and one of two on PostgreSQL. They are ready again in
// ten seconds; in the end every deployment has ended well, and nothing was done
// twice.
func TestKillAtRandomTimes(t *testing.T) {
	t.Parallel()
	for i, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			said := reported(t, "F2", "kill -9 at random times", kind)
			w := newWorld(t, kind, i+1)
			w.startAll()
			c, random := w.gather(4), seeded(t)
			kills := counts(12, 1500)
			var slowest time.Duration
			for n := range kills {
				<-time.After(time.Duration(random.Int64N(int64(700 * time.Millisecond))))
				r := w.replicas[random.IntN(len(w.replicas))]
				r.kill()
				began := time.Now()
				if err := r.start(); err != nil {
					t.Fatalf("after kill %d: %v", n+1, err)
				}
				slowest = max(slowest, time.Since(began))
			}
			if slowest > resumeWithin {
				t.Errorf("once it took %v until the portal was ready again", slowest)
			}
			found := c.judged()
			said(kills, "ready again within %v at most; %d requests sent again; %s", slowest.Round(time.Millisecond), c.again.Load(), found)
		})
	}
}
