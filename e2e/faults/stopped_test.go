package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Where an owner is stopped (F3): with a call of the deployer about to be made,
// with its answer in hand, and in the middle of a transaction, whose locks
// PostgreSQL takes from it after ten seconds.
var stops = []string{
	"engine.apply/Apply before", "engine.apply/Apply after", "engine.observe/ask after", "engine.save/takeAll before", "engine.judge/Store.Write before",
}

// TestPausedOwner (F3): one of two portals is stopped in the middle of a step,
// for longer than anybody waits for it. The other one goes on. When the first
// wakes up, what it still wants to write is rejected, and what it still tells
// the deployer is refused.
func TestPausedOwner(t *testing.T) {
	t.Parallel()
	said := reported(t, "F3", "SIGSTOP of an owner, SIGCONT after others have taken over", "postgres")
	w := newWorld(t, "postgres", 2)
	places, err := findSites("../..")
	w.ok(err)
	for _, stop := range stops {
		if name, _, _ := strings.Cut(stop, " "); !slices.ContainsFunc(places, func(s site) bool { return s.Name == name }) {
			t.Fatalf("the source has no failpoint %s", name)
		}
	}
	sites, hits := writeSites(t, w.dir, places), filepath.Join(w.dir, "hits")
	armed := []string{"SLIPWAY_TEST_SITES=" + sites, "SLIPWAY_TEST_HITS=" + hits, "SLIPWAY_TEST_FAILPOINT=" + strings.Join(stops, ":stop,") + ":stop"}
	owner := w.replicas[0]
	w.ok(owner.spawn(armed...)) // which may be stopped before it is ready
	w.ok(w.replicas[1].start())
	w.front = w.replicas[1].url() // people are sent to the one that answers
	c := w.gather(3)
	cases := counts(len(stops), 300)
	var longest time.Duration
	for n := range cases {
		if n > 0 && n%len(stops) == 0 { // each place stops a process once
			owner.kill()
			w.ok(owner.spawn(armed...))
		}
		w.until(time.Minute, fmt.Sprintf("the owner was stopped for the %d. time", n+1), func() bool { return linesWith(t, hits, "stopped at ") > n })
		stopped := time.Now()
		c.all(2, time.Minute) // so that a newer generation than the owner's has been there
		longest = max(longest, time.Since(stopped))
		owner.signal(syscall.SIGCONT)
		w.until(20*time.Second, "the owner woke up", func() bool { return linesWith(t, hits, "continued at ") > n })
	}
	found := c.judged()
	rejected := stale(t, hits)
	if rejected == 0 {
		t.Error("nothing that a stopped owner wrote was rejected: that proves nothing")
	}
	if found.Refused == 0 {
		t.Error("nothing that a stopped owner told the deployer was refused: that proves nothing")
	}
	said(cases, "%d stale writes rejected, all were going on within %v; %s", rejected, longest.Round(time.Millisecond), found)
}

// linesWith counts the lines of a file that begin so; none if there is no file.
func linesWith(t *testing.T, path, prefix string) int {
	t.Helper()
	return strings.Count("\n"+readText(t, path), "\n"+prefix)
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// stale counts the awakenings after which the first write was rejected.
func stale(t *testing.T, hits string) (n int) {
	t.Helper()
	awake := false
	for line := range strings.SplitSeq(readText(t, hits), "\n") {
		switch {
		case strings.HasPrefix(line, "continued at "):
			awake = true
		case awake && strings.HasPrefix(line, "rejected: "):
			n++
			awake = false
		}
	}
	return n
}
