package storetest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

func testSweeper(t *testing.T, f fixture) {
	f.seed(t, "api")
	later := time.Now().Add(time.Hour)
	d := deployment("api", "staging")
	d.NextWakeAt = &later
	d = f.insert(t, d)
	begun, goOn := make(chan int64, 10), make(chan struct{})
	var many atomic.Int32
	wake := f.StartQueue(t, func(ctx context.Context, id int64) error {
		many.Add(1)
		begun <- id
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		return nil
	})
	if err := wake(f.ctx, []int64{d.ID, d.ID}); err != nil {
		t.Fatal(err)
	}
	if n := f.count(t, `SELECT count(*) FROM river_job`); n != 1 {
		t.Errorf("%d jobs for one deployment named twice", n)
	}
	looked(t, begun, d.ID, time.Second)
	// A look at work may have read the row before somebody changed it.
	if err := wake(f.ctx, []int64{d.ID}); err != nil {
		t.Fatal(err)
	}
	f.heard(t)
	close(goOn)
	looked(t, begun, d.ID, time.Second)
	if many.Load() != 2 {
		t.Errorf("%d looks, want 2", many.Load())
	}
	if err := wake(f.ctx, nil); err != nil {
		t.Errorf("waking nobody: %v", err)
	}
}

// testClockSetBack: a look that was queued before the clock was set back lies in
// the future; the sweeper does not wait for it.
func testClockSetBack(t *testing.T, f fixture) {
	f.seed(t, "api")
	begun := make(chan int64, 10)
	now := time.Now()
	d := deployment("api", "staging")
	d.NextWakeAt = &now
	d = f.insert(t, d)
	ahead := `UPDATE river_job SET scheduled_at = datetime('now', '+1 hour')`
	if f.count(t, `SELECT count(*) FROM river_job`) != 1 {
		t.Fatal("a deployment that is due wakes nobody")
	}
	if _, err := f.SQL.ExecContext(f.ctx, ahead); err != nil { // PostgreSQL says it in its own words
		if _, err := f.SQL.ExecContext(f.ctx, `UPDATE river_job SET scheduled_at = now() + interval '1 hour'`); err != nil {
			t.Fatal(err)
		}
	}
	wake := f.StartQueue(t, func(_ context.Context, id int64) error { begun <- id; return nil })
	if err := wake(f.ctx, []int64{d.ID}); err != nil {
		t.Fatal(err)
	}
	looked(t, begun, d.ID, time.Second)
}
