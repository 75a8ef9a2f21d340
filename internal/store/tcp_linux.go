package store

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limitSilence gives up a connection whose peer has not acknowledged anything
// for so long. Keep-alive alone does not see that while data is under way.
func limitSilence(limit time.Duration) func(network, address string, c syscall.RawConn) error {
	return func(network, _ string, c syscall.RawConn) error {
		if network == "unix" {
			return nil
		}
		var optErr error
		err := c.Control(func(fd uintptr) {
			optErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
		})
		if err != nil {
			return err
		}
		return optErr
	}
}
