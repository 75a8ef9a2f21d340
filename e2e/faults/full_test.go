package faults_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestDiskIsFull (F5): the disk of an SQLite database fills up under load. What
// needs to write is refused with 503, what is there can be read, /readyz is red;
// as soon as there is room again everything goes on by itself, and the database
// is whole.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	said := reported(t, "F5", "the disk is full", "sqlite")
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=24m"); err != nil {
		t.Fatalf("a small disk of its own, which takes root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) })
	w := newWorldAt(t, "sqlite", "sqlite:"+filepath.Join(small, "slipway.db"), 1)
	w.startAll()
	c := w.gather(3)
	cases, filler := counts(3, 60), filepath.Join(small, "filler")
	var slowest time.Duration
	for n := range cases {
		c.all(1, time.Minute)
		fill(t, filler)
		w.refusesToWrite()
		w.ok(os.Remove(filler))
		began := time.Now()
		w.ok(w.replicas[0].ready(resumeWithin))
		slowest = max(slowest, time.Since(began))
		t.Logf("%d: ready again after %v", n+1, time.Since(began))
	}
	found := c.judged()
	for _, fault := range lookAt(t, filepath.Join(small, "slipway.db"), time.Now(), c.acks) {
		t.Error(fault)
	}
	said(cases, "ready again within %v at most, %d requests sent again; %s", slowest.Round(time.Millisecond), c.again.Load(), found)
}

// fill takes all room that is left.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
	}
}
