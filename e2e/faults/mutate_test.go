package faults_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMutantsApply: the text of each mutant is where it should be, once, so that
// the list does not rot while nobody runs it.
func TestMutantsApply(t *testing.T) {
	t.Parallel()
	for _, m := range mutants() {
		if n := strings.Count(readText(t, filepath.Join("../..", m.file)), m.old); n != 1 || m.new == m.old {
			t.Errorf("%q: its text is in %s %d times", m.name, m.file, n)
		}
	}
}

// tried is how many mutants are run: none in `make test`, some in `make faults`,
// all in `make mutants`.
func tried() []mutant {
	var some []mutant
	for i, m := range mutants() {
		if os.Getenv("SLIPWAY_MUTANTS") == "full" || full() && !m.slow && i%4 == 0 {
			some = append(some, m)
		}
	}
	return some
}

// TestMutants: each change for the worse is noticed by the test that is named
// for it. One after the other: each builds what it changed.
func TestMutants(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range tried() {
		t.Run(m.name, func(t *testing.T) {
			said := reported(t, "M", "mutant: "+m.name, "")
			out, failed := m.run(t, root)
			tail := out[max(0, len(out)-6000):]
			switch {
			case !failed:
				t.Errorf("%s of %s notices nothing:\n%s", m.by, m.in, tail)
			case !strings.Contains(out, "--- FAIL") && !strings.Contains(out, "panic:"):
				t.Errorf("the mutant could not be run:\n%s", tail)
			}
			said(1, "noticed by %s of %s", strings.Trim(strings.ReplaceAll(m.by, "|", " or "), "^$"), m.in)
		})
	}
}

// run runs the tests over a tree of which one file is another.
func (m mutant) run(t *testing.T, root string) (out string, failed bool) {
	t.Helper()
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, filepath.Base(m.file)), filepath.Join(dir, "overlay.json")
	text := strings.Replace(readText(t, filepath.Join(root, m.file)), m.old, m.new, 1)
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, m.file): changed}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{changed: text, overlay: string(replace)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	test := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout", "10m", "-run", m.by, m.in) // #nosec G204 -- our own tests
	test.Dir = root
	// By the environment, so that binaries which the tests build are mutants, too.
	test.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+overlay, "SLIPWAY_TEST_BINARY=", "SLIPWAY_FAULTS=", "SLIPWAY_MUTANTS=", "FAULTS_REPORT=", "FAULTS_ROWS=")
	said, err := test.CombinedOutput()
	return string(said), err != nil
}
