package faults_test

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The report is docs/faults.md, or docs/mutants.md. It grows row by row, over
// many runs: each row says of which version it is, and when and how often its
// fault was tried. The file is all there is, so it is read back.

// line is one row of the report.
type line struct {
	row, fault, database, cases, found, took string
	version, counts, when, verdict           string
}

const (
	reportHead = "| Row | Fault | Database | Cases | Seen | Took | Of | Counts | When (UTC) | |\n|---|---|---|---|---|---|---|---|---|---|\n"
	rowOK      = "ok"
	rowFailed  = "**FAILED**"
)

// cells are the fields of a row as they stand beside each other.
func (l *line) cells() []*string {
	return []*string{&l.row, &l.fault, &l.database, &l.cases, &l.found, &l.took, &l.version, &l.counts, &l.when, &l.verdict}
}

// same reports whether one row takes the place of the other.
func (l *line) same(other line) bool {
	return l.row == other.row && l.fault == other.fault && l.database == other.database
}

// reported puts a row into the report once the test is over.
func reported(t *testing.T, row, fault, database string) func(cases int, format string, args ...any) {
	t.Helper()
	if root, _, _ := strings.Cut(t.Name(), "/"); !slices.Contains(testsOf()[row], root) {
		t.Fatalf("testsOf does not know that %s is of row %s", root, row)
	}
	began := time.Now()
	l := line{row: row, fault: fault, database: database, version: os.Getenv("FAULTS_VERSION"), counts: countsName()}
	t.Cleanup(func() {
		l.took, l.when, l.verdict = time.Since(began).Round(time.Second).String(), time.Now().UTC().Format("2006-01-02 15:04"), rowOK
		if t.Failed() {
			l.verdict = rowFailed
		}
		if err := keepRow(os.Getenv("FAULTS_REPORT"), l); err != nil {
			t.Error(err)
		}
	})
	return func(cases int, format string, args ...any) {
		l.cases, l.found = fmt.Sprint(cases), fmt.Sprintf(format, args...)
		t.Logf("%s, %s, %d cases: %s", row, database, cases, l.found)
	}
}

// keeping is held by whoever changes the report.
var keeping sync.Mutex

// keepRow puts a row into the report at path, at once: who ends a run early
// keeps what it had. Without a path there is no report.
func keepRow(path string, l line) error {
	if path == "" {
		return nil
	}
	keeping.Lock()
	defer keeping.Unlock()
	lines, err := readReport(path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", []byte(reportText(withRow(lines, l))), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// withRow is the report with a row in the place of the older one of its name.
func withRow(lines []line, l line) []line {
	lines = slices.Clone(lines)
	if i := slices.IndexFunc(lines, l.same); i >= 0 {
		lines[i] = l
	} else {
		lines = append(lines, l)
	}
	// By kind and number, not as they happened to end: F2, F10, I1, M, S.
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.row[:1], b.row[:1]), cmp.Compare(len(a.row), len(b.row)), cmp.Compare(a.row, b.row))
	})
	return lines
}

func reportText(lines []line) string {
	var b strings.Builder
	b.WriteString(reportIntro())
	b.WriteString(reportHead)
	for _, l := range lines {
		for _, cell := range l.cells() {
			b.WriteString("| " + strings.Join(strings.Fields(strings.ReplaceAll(*cell, "|", "/")), " ") + " ")
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// readReport reads what reportText wrote; nothing where there is no report. One
// that it cannot read whole is an error: a row that is overlooked would be lost.
func readReport(path string) ([]line, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	const help = "mend the file by hand, or remove it and run all rows again"
	intro, rows, found := strings.Cut(string(text), reportHead)
	if !found {
		return nil, fmt.Errorf("%s has not the head of a report, %q: %s", path, strings.TrimSpace(reportHead), help)
	}
	n := strings.Count(intro+reportHead, "\n")
	var lines []line
	for text := range strings.Lines(rows) {
		n++
		l, err := parseRow(strings.TrimSuffix(text, "\n"))
		if err == nil && slices.ContainsFunc(lines, l.same) {
			err = errors.New("the row is there already")
		}
		if err != nil {
			return nil, fmt.Errorf("%s, line %d, %q: %w: %s", path, n, strings.TrimSpace(text), err, help)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func parseRow(text string) (l line, err error) {
	cells := strings.Split(text, "|")
	into := l.cells()
	if len(cells) != len(into)+2 || cells[0]+strings.TrimSpace(cells[len(cells)-1]) != "" {
		return l, fmt.Errorf("it is no row of %d cells", len(into))
	}
	for i := range into {
		*into[i] = strings.TrimSpace(cells[i+1])
	}
	if len(testsOf()[l.row]) == 0 {
		return l, fmt.Errorf("there is no row %q", l.row)
	}
	if l.verdict != rowOK && l.verdict != rowFailed {
		return l, fmt.Errorf("it ended neither %q nor %q", rowOK, rowFailed)
	}
	return l, nil
}
