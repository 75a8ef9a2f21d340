package fake_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
	"github.com/slipway-dev/slipway/deployers/fake"
)

// TestMain doubles as a second Slipway process on the same directory.
func TestMain(m *testing.M) {
	if dir := os.Getenv("FAKE_HELPER_DIR"); dir != "" {
		os.Exit(applyMany(dir))
	}
	os.Exit(m.Run())
}

func harness(t *testing.T, durable bool) deployertest.Harness {
	return deployertest.Harness{
		Volatile: !durable,
		New: func(_ deployertest.T, log *slog.Logger) deployertest.Subject {
			o := fake.Options{Log: log}
			if durable {
				o.Dir, o.Ledger, o.Forgetful = t.TempDir(), filepath.Join(t.TempDir(), "ledger"), true
			}
			current := fake.New(o)
			s := deployertest.Subject{Deployer: current}
			s.Instances = func(ctx context.Context, target deployers.Target) ([]string, error) {
				return current.Instances(ctx, target)
			}
			if durable {
				s.Restart = func(deployertest.T) deployers.Deployer {
					current = fake.New(o)
					return current
				}
			}
			return s
		},
		Release: func(_ deployertest.T, kind deployertest.Kind, version string) deployers.Track {
			c := map[string]string{version: `{}`}
			switch kind {
			case deployertest.NeverReady:
				c[version] = `{"neverReady":true}`
			case deployertest.Exits:
				c[version] = `{"fail":"exited with code 1 three times"}`
			case deployertest.Lingers:
				c[version] = `{"drainFor":30}`
			case deployertest.Good:
				c[version] = `{"readyAfter":2}`
			}
			return deployers.Track{
				ID: version + strconv.Itoa(int(kind)), Version: version,
				Config: json.RawMessage(`{"replicas":2,"scripts":{"` + version + `":` + c[version] + `}}`),
			}
		},
		Lingers:   true,
		Forgets:   durable,
		BadConfig: json.RawMessage(`{"replicas":0,"scripts":{"1":{"readyAfter":-1}}}`),
		BadPaths:  []string{"replicas", "scripts.1.readyAfter"},
		Wait:      10 * time.Second,
	}
}

func TestConformanceInMemory(t *testing.T) {
	t.Parallel()
	deployertest.Run(t, harness(t, false))
}

func TestConformanceInDirectory(t *testing.T) {
	t.Parallel()
	deployertest.Run(t, harness(t, true))
}

// TestConformAsAProgram also proves that the suite can fail.
func TestConformAsAProgram(t *testing.T) {
	t.Parallel()
	passed := deployertest.Conform(harness(t, true), func(r deployertest.Result) {
		if r.Outcome == deployertest.Fail {
			t.Errorf("%s: %v", r.Name, r.Log)
		}
	})
	if !passed {
		t.Error("the fake does not conform")
	}
	liar := harness(t, true)
	liar.Wait = 200 * time.Millisecond
	liar.Release = func(_ deployertest.T, _ deployertest.Kind, version string) deployers.Track {
		return deployers.Track{ID: version, Version: version, Config: json.RawMessage(`{"scripts":{"*":{"lie":true}}}`)}
	}
	failed := 0
	deployertest.Conform(liar, func(r deployertest.Result) {
		if r.Outcome == deployertest.Fail {
			failed++
		}
	})
	if failed < 10 {
		t.Errorf("a lying deployer failed only %d checks", failed)
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	target := deployers.Target{Service: "web", Environment: "staging"}
	state := func(version string) deployers.Desired {
		return deployers.Desired{Generation: 1, Tracks: []deployers.Track{{ID: version, Version: version, Weight: 100, Replicas: 2}}}
	}
	ledger := filepath.Join(t.TempDir(), "ledger")
	f := fake.New(fake.Options{Ledger: ledger})
	set := func(version string, s fake.Script) {
		if err := f.SetScript(t.Context(), target, version, s); err != nil {
			t.Fatal(err)
		}
	}
	set("retry", fake.Script{ApplyErrors: 2})
	for i := range 3 {
		err := f.Apply(t.Context(), target, state("retry"))
		if (err != nil) != (i < 2) || deployers.IsTerminal(err) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	set("terminal", fake.Script{ApplyTerminal: "no such workload"})
	if err := f.Apply(t.Context(), target, state("terminal")); !deployers.IsTerminal(err) {
		t.Errorf("terminal: %v", err)
	}
	set("hang", fake.Script{Hang: true})
	set("late", fake.Script{LateReply: true, Fail: "broken"})
	for _, version := range []string{"hang", "late"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if err := f.Apply(ctx, target, state(version)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", version, err)
		}
		cancel()
	}
	if o, err := f.Observe(t.Context(), target); err != nil || o.Failure == nil || !o.Failure.Terminal {
		t.Errorf("the late reply took no effect: %+v, %v", o, err)
	}
	set("lie", fake.Script{Lie: true})
	if err := f.Apply(t.Context(), target, state("lie")); err != nil {
		t.Error(err)
	}
	if o, err := f.Observe(t.Context(), target); err != nil || !o.Converged || o.Tracks[0].Ready != 0 {
		t.Errorf("no lie: %+v, %v", o, err)
	}
	set("", fake.Script{Forget: true})
	forgotten := state("anything")
	forgotten.Generation = 9
	if err := f.Apply(t.Context(), target, forgotten); err != nil {
		t.Error(err)
	}
	if o, err := f.Observe(t.Context(), target); err != nil || o.Generation != 1 {
		t.Errorf("not forgotten: %+v, %v", o, err)
	}
	if got := whats(t, ledger); got != "failed failed applied failed hung applied applied forgotten" {
		t.Errorf("ledger: %s", got)
	}
}

func whats(t *testing.T, ledger string) string {
	t.Helper()
	entries, err := fake.ReadLedger(ledger)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, string(e.What))
	}
	return strings.Join(all, " ")
}

const helperApplies = 40

// applyMany applies generations 1..n, ignoring refusals.
func applyMany(dir string) int {
	f := fake.New(fake.Options{Dir: dir, Ledger: filepath.Join(dir, "ledger")})
	target := deployers.Target{Service: "web", Environment: "production"}
	for g := int64(1); g <= helperApplies; g++ {
		err := f.Apply(context.Background(), target, deployers.Desired{Generation: g})
		if err != nil && !errors.Is(err, deployers.ErrStaleGeneration) {
			return 1
		}
	}
	return 0
}

// TestProcessesShareOneFence races four processes through the same generations:
// each may take effect once, and never after a newer one.
func TestProcessesShareOneFence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "FAKE_HELPER_DIR="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("helper: %v: %s", err, out)
			}
		})
	}
	group.Wait()
	entries, err := fake.ReadLedger(filepath.Join(dir, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	newest, applied, processes := 0, 0, map[int]bool{}
	for _, e := range entries {
		processes[e.PID] = true
		if e.What != fake.Applied {
			continue
		}
		g, err := strconv.Atoi(e.Key[strings.LastIndex(e.Key, "/")+1:])
		if err != nil || g <= newest {
			t.Errorf("generation %d took effect after %d", g, newest)
		}
		newest, applied = g, applied+1
	}
	if newest != helperApplies || applied > helperApplies || len(processes) != 4 {
		t.Errorf("newest %d, %d effects, %d processes", newest, applied, len(processes))
	}
}
