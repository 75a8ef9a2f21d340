package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	forgetEvery = time.Hour
	// forgetPause is between two pieces, for others that want to write.
	forgetPause = 50 * time.Millisecond
)

// forgetOld removes what is older than it is to be kept. What could not be
// removed is tried again in the next round.
func (e *Engine) forgetOld(ctx context.Context) error {
	var failed error
	for _, old := range []struct {
		what   string
		keep   time.Duration
		forget func(ctx context.Context, before time.Time, after int64) (int64, error)
	}{
		{"logs", e.Keep.Logs, e.Archive.ForgetLogs},
		{"events", e.Keep.Events, e.Archive.ForgetEvents},
		{"deliveries", e.Keep.Events, e.Archive.ForgetDeliveries}, // they tell of events
		{"idempotency keys", e.Keep.Keys, e.Archive.ForgetKeys},
	} {
		if old.keep == 0 {
			continue
		}
		before := e.now().Add(-old.keep)
		for next, more := int64(0), true; more; more = next != 0 && pause(ctx, forgetPause) {
			var err error
			if next, err = old.forget(ctx, before, next); err != nil {
				failed = errors.Join(failed, fmt.Errorf("forget old %s: %w", old.what, err))
				break
			}
		}
	}
	return failed
}

// pause reports whether it was not cut short.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
