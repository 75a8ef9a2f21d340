//go:build !linux

package store

import "time"

// newSteady makes a clock that nobody can set.
func newSteady() func() time.Duration {
	started := time.Now()
	return func() time.Duration { return time.Since(started) }
}
