//go:build linux

package jobs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	const roots = 20
	for range roots {
		root := t.TempDir()
		var all sync.WaitGroup
		ids, ready := make([]string, 8), make(chan struct{})
		for i := range ids {
			all.Go(func() {
				<-ready
				r, err := New(root, os.Args[0], nil)
				if err != nil {
					t.Errorf("New: %v", err)
					return
				}
				ids[i] = r.ID()
			})
		}
		close(ready)
		all.Wait()
		if slices.Sort(ids); ids[0] == "" || ids[0] != ids[len(ids)-1] || strings.ContainsAny(ids[0], "./ ") {
			t.Errorf("%q", ids)
		}
		if left, _ := os.ReadDir(root); len(left) != 1 {
			t.Errorf("left: %v", left)
		}
		seen[ids[0]] = true
	}
	if len(seen) != roots {
		t.Errorf("%d directories have %d IDs", roots, len(seen))
	}
}

func TestAtWork(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	for _, key := range []string{"lost", "runs/on"} {
		g.start(g.sh(key, "exec sleep 600"))
	}
	g.start(g.sh("ended", "true"))
	g.ended("ended")
	g.kill9(g.supervisor("lost"))
	eventually(t, "the supervisor is gone", func() (bool, string) { return g.status("lost").State != Running, "" })
	if keys, err := g.AtWork(t.Context()); err != nil || !slices.Equal(keys, []string{"runs/on"}) {
		t.Errorf("%q, %v", keys, err)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.start(g.sh("old", "true"))
	g.start(g.sh("runs", "echo ready; exec sleep 600"))
	g.start(g.sh("lost", "exec sleep 600"))
	limit := g.ended("old").EndedAt.Add(time.Nanosecond)
	g.until("lost", "it began", func(s Status) bool { return !s.StartedAt.IsZero() })
	g.start(g.sh("young", "true"))
	g.ended("young")
	if err := os.Mkdir(filepath.Join(g.root, tempPrefix+"1"), 0o700); err != nil {
		t.Fatal(err)
	}
	check := func(want ...string) {
		t.Helper()
		if all := g.all(); !slices.Equal(all, want) {
			t.Errorf("kept: %v", all)
		}
	}
	if err := g.Forget(t.Context(), limit); err != nil {
		t.Error(err)
	}
	check("lost", "runs", "young")
	if s := g.status("old"); s.State != Unknown || !s.StartedAt.IsZero() {
		t.Errorf("%+v", s)
	}
	g.kill9(g.supervisor("lost"))
	g.ended("lost")
	g.printed("runs", "ready")
	if err := g.Forget(t.Context(), time.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	check("runs")
	if left, _ := os.ReadDir(g.root); len(left) != 2 { // with the ID
		t.Errorf("left: %v", left)
	}
	if s := g.status("runs"); s.State != Running {
		t.Errorf("%+v", s)
	}
}
