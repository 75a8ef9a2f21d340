package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tableVariable names the directory in which a run gathers its results. They
// are in files because a benchmark has nothing to hand them back with.
const tableVariable = "BENCH_TABLE"

// result is a line of the table that a run ends with.
type result struct {
	what, ours, beside string
	goals              []string // see goal
	verdict            string   // see validity; empty where there is but one figure
}

// tell says a result at once, and once more in the table.
func tell(b *testing.B, r result) {
	b.Helper()
	parts := []string{r.ours}
	if r.beside != "" {
		parts[0] += " beside " + r.beside
	}
	parts = append(parts, r.goals...)
	if r.verdict != "" {
		parts = append(parts, r.verdict)
	}
	say(b, "%s: %s", r.what, strings.Join(parts, "; "))
	gather(b, "rows", fmt.Sprintf("| %s | %s | %s | %s | %s |", r.what, r.ours, r.beside, strings.Join(r.goals, "; "), r.verdict))
}

func gather(b *testing.B, name, line string) {
	b.Helper()
	file, err := os.OpenFile(filepath.Join(os.Getenv(tableVariable), name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	_, err = fmt.Fprintln(file, line)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		b.Fatal(err)
	}
}

// runAll runs the benchmarks, and prints what they found as Markdown.
func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "slipway-bench-")
	if err == nil {
		err = os.Setenv(tableVariable, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	code := m.Run()
	if rows, err := os.ReadFile(filepath.Join(dir, "rows")); err == nil {
		machine, _ := os.ReadFile(filepath.Join(dir, "machine"))
		conditions, _ := os.ReadFile(filepath.Join(dir, "conditions"))
		said := strings.Join(slices.Compact(slices.Collect(strings.Lines(string(machine)))), "")
		fmt.Printf("\n%s\n%s\n| | Ours | Beside it | Goal | |\n|---|---|---|---|---|\n%s", said, conditions, rows)
	}
	return code
}
