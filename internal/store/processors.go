package store

import (
	"runtime"
	"strings"
)

// MakeRoom gives a program that writes to SQLite a second processor of Go's,
// where it has one alone. A goroutine that waits for the disk keeps the one it
// runs on, for up to 20 ms at a time, and nothing else would run meanwhile. A
// program calls it once, as it starts, unless whoever runs it has said how many
// it is to have.
func MakeRoom(url string) {
	if strings.HasPrefix(url, "sqlite:") && runtime.GOMAXPROCS(0) < 2 {
		runtime.GOMAXPROCS(2)
	}
}
