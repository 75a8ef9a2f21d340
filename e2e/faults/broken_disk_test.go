package faults_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDiskReportsErrors (F5): the disk of an SQLite database reports errors: one
// write or sync of each thread fails, or all of them do until the disk is mended.
// Then what needs to write is refused with 503 and /readyz is red; nothing that
// was acknowledged is lost, and the portal goes on by itself.
func TestDiskReportsErrors(t *testing.T) {
	t.Parallel()
	said := reported(t, "F5", "the disk reports errors of writes and syncs", "sqlite")
	w := newWorld(t, "sqlite", 1)
	w.startAll()
	c := w.gather(3)
	cases, calls := counts(6, 400), []string{"fsync,fdatasync", "pwrite64"}
	errors, slowest := 0, time.Duration(0)
	for n := range cases {
		call, when := calls[n%2], strconv.Itoa(n/2+1)
		if n%3 == 2 {
			when = "1+"
		}
		b := w.replicas[0].breakDisk(n, call, when)
		w.until(time.Minute, "the disk reported an error", func() bool { return b.errors() > 0 })
		if when == "1+" {
			w.refusesToWrite()
		}
		errors += b.errors()
		b.mend()
		began := time.Now()
		w.ok(w.replicas[0].ready(resumeWithin))
		slowest = max(slowest, time.Since(began))
		c.all(1, time.Minute)
	}
	found := c.judged()
	for _, fault := range lookAt(t, strings.TrimPrefix(w.url, "sqlite:"), time.Now(), c.acks) {
		t.Error(fault)
	}
	said(cases, "%d errors, ready again within %v at most, %d requests sent again; %s", errors, slowest.Round(time.Millisecond), c.again.Load(), found)
}

// refusesToWrite waits until the portal says that it cannot write, and sees that
// it says so to whoever wants it to, and that it can still be read.
func (w *world) refusesToWrite() {
	w.t.Helper()
	r := w.replicas[0]
	w.until(30*time.Second, "/readyz is red", func() bool { return r.readyz() == http.StatusServiceUnavailable })
	a, err := w.call(w.t.Context(), r.url(), "root", http.MethodPut, "environments/dev/lock", map[string]any{"reason": "a test"}, "")
	w.ok(err)
	if a.status != http.StatusServiceUnavailable {
		w.t.Errorf("a write was answered %d %s", a.status, a.body)
	}
	if a, err = w.call(w.t.Context(), r.url(), "root", http.MethodGet, "services", nil, ""); err != nil || a.status != http.StatusOK {
		w.t.Errorf("a list was answered %d %s %v", a.status, a.body, err)
	}
}

// brokenDisk is a portal whose writes fail for as long as strace is at it.
type brokenDisk struct {
	r      *replica
	strace *exec.Cmd
	log    string
}

// breakDisk has calls on the files of the database fail: of each thread the one
// of that number, or all ("1+").
func (r *replica) breakDisk(n int, calls, when string) *brokenDisk {
	r.w.t.Helper()
	r.mu.Lock()
	pid := r.command.Process.Pid
	r.mu.Unlock()
	path := strings.TrimPrefix(r.w.url, "sqlite:")
	b := &brokenDisk{r: r, log: filepath.Join(r.w.dir, fmt.Sprintf("strace-%d", n))}
	b.strace = exec.Command("strace", "-f", "-y", "-qq", "-e", "signal=none", "-o", b.log, "-P", path, "-P", path+"-wal", // #nosec G204 -- Debian's program
		"-e", "trace="+calls, "-e", "inject="+calls+":error=EIO:when="+when, "-p", strconv.Itoa(pid))
	b.strace.Stdout, b.strace.Stderr = os.Stderr, os.Stderr
	r.w.ok(b.strace.Start())
	return b
}

// errors is how many calls have failed so far.
func (b *brokenDisk) errors() int { return strings.Count(readText(b.r.w.t, b.log), "(INJECTED)") }

// mend lets go of the portal, which runs on.
func (b *brokenDisk) mend() {
	b.r.w.t.Helper()
	b.r.w.ok(b.strace.Process.Signal(syscall.SIGINT))
	_ = b.strace.Wait() // it ends as if by the signal
}
