package faults_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway/internal/store"
)

// TestSimulation: hundreds of short runs of the simulation, each with a seed of
// its own; SLIPWAY_SIM_SEED repeats one of them.
func TestSimulation(t *testing.T) {
	t.Parallel()
	said := reported(t, "S", "simulated replicas: kills, pauses, lost calls and commits, wrong clocks", "sqlite")
	empty := emptyDatabase(t)
	const steps = 5000
	runs := counts(10, 600)
	first := rand.Uint64() >> 1
	if text := os.Getenv("SLIPWAY_SIM_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &first); err != nil {
			t.Fatal(err)
		}
		runs = 1
	}
	t.Logf("seeds from %d", first)
	var next atomic.Int64
	var mu sync.Mutex
	total := map[string]int{}
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for n := int(next.Add(1)) - 1; n < runs && !t.Failed(); n = int(next.Add(1)) - 1 {
				s := simulate(t, empty, first+uint64(n), steps) // #nosec G115 -- counts up from 0
				mu.Lock()
				for what, n := range s.stats {
					total[what] += n
				}
				mu.Unlock()
				if s.faulty != "" {
					t.Errorf("SLIPWAY_SIM_SEED=%d: %s\n%s", s.seed, s.faulty, strings.Join(s.trace[max(0, len(s.trace)-120):], "\n"))
				}
			}
		})
	}
	group.Wait()
	for _, what := range []string{"succeeded", "rolledBack", "killed", "approved", "stale writes refused", "effects", "ways back", "stale calls refused"} {
		if total[what] == 0 && runs > 1 && (full() || what != "stale calls refused") {
			t.Errorf("there never was: %s; that proves nothing", what)
		}
	}
	said(runs*steps, "%v", total)
}

// emptyDatabase is one that is migrated, made once and copied.
func emptyDatabase(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "empty.db")
	s, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + path})
	if err == nil {
		err = errors.Join(s.Migrate(t.Context()), s.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
