//go:build !linux

package store

import (
	"syscall"
	"time"
)

// limitSilence does nothing where there is no such option: keep-alive remains.
func limitSilence(time.Duration) func(network, address string, c syscall.RawConn) error { return nil }
