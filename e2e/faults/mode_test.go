package faults_test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// full reports whether this is `make faults`, which tries every place and all
// there is. `make test` runs a short version of each.
func full() bool { return os.Getenv("SLIPWAY_FAULTS") != "" }

// counts is how often a fault is tried: in `make test`, and in `make faults`, of
// which a tenth can be asked for.
func counts(short, long int) int {
	switch {
	case !full():
		return short
	case tenth():
		return max(short, long/10)
	default:
		return long
	}
}

func tenth() bool { return os.Getenv("SLIPWAY_FAULTS") == "tenth" }

// breakableBinary is the portal with failpoints: built once, with a tag that no
// other build has.
func breakableBinary(t *testing.T) string {
	t.Helper()
	path, err := buildBreakable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildBreakable = sync.OnceValues(func() (string, error) {
	return buildIn("", filepath.Join(scratch, "slipway-breakable"))
})

// buildIn builds the portal with failpoints from the sources in dir.
func buildIn(dir, path string) (string, error) {
	build := exec.Command("go", "build", "-tags", "faults,timetzdata", "-o", path, "github.com/slipway-dev/slipway/cmd/slipway") // #nosec G204 -- our own program
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build slipway with failpoints: %w\n%s", err, out)
	}
	return path, nil
}

// line is one row of the report.
type line struct {
	row, fault, database, cases, found string
	passed                             bool
	took                               time.Duration
}

var report struct {
	sync.Mutex
	lines []line
}

// reported adds a row to the report once the test is over.
func reported(t *testing.T, row, fault, database string) func(cases int, format string, args ...any) {
	began := time.Now()
	l := line{row: row, fault: fault, database: database}
	t.Cleanup(func() {
		l.passed, l.took = !t.Failed(), time.Since(began)
		report.Lock()
		defer report.Unlock()
		report.lines = append(report.lines, l)
	})
	return func(cases int, format string, args ...any) {
		l.cases, l.found = fmt.Sprint(cases), fmt.Sprintf(format, args...)
		t.Logf("%s, %s, %d cases: %s", row, database, cases, l.found)
	}
}

// writeReport keeps the rows where FAULTS_REPORT says; nowhere if it says
// nothing.
func writeReport(version string) error {
	path := os.Getenv("FAULTS_REPORT")
	if path == "" {
		return nil
	}
	report.Lock()
	defer report.Unlock()
	var b strings.Builder
	title, mode := "Faults", "short counts"
	switch {
	case os.Getenv("SLIPWAY_MUTANTS") == "full":
		title, mode = "Mutants", "the whole list"
	case tenth():
		mode = "a tenth of the counts"
	case full():
		mode = "full counts"
	}
	fmt.Fprintf(&b, "# %s\n\nSlipway %s, %s, %s.\n\n", title, version, mode, time.Now().UTC().Format("2006-01-02 15:04 MST"))
	b.WriteString("| Row | Fault | Database | Cases | Seen | Took | |\n|---|---|---|---|---|---|---|\n")
	// By kind and number, not as they happened to end: F2, F10, I1, M, S.
	slices.SortStableFunc(report.lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.row[:1], b.row[:1]), cmp.Compare(len(a.row), len(b.row)), cmp.Compare(a.row, b.row))
	})
	for _, l := range report.lines {
		verdict := "ok"
		if !l.passed {
			verdict = "**FAILED**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", l.row, l.fault, l.database, l.cases, l.found, l.took.Round(time.Second), verdict)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	fmt.Print(b.String())
	return os.WriteFile(path, []byte(b.String()), 0o644)
}
