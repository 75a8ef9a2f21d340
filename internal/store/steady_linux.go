package store

import (
	"time"

	"golang.org/x/sys/unix"
)

// newSteady makes a clock that nobody can set. It counts the time that the
// machine sleeps, which the runtime's own monotonic clock does not.
func newSteady() func() time.Duration {
	started := time.Now()
	return func() time.Duration {
		var ts unix.Timespec
		if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil { // a sandbox may forbid it
			return time.Since(started)
		}
		return time.Duration(ts.Nano())
	}
}
