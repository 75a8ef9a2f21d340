package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReportGrows: a row takes the place of its older one, and every other stays
// as it was, to the letter.
func TestReportGrows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "docs", "faults.md")
	one := line{row: "F2", fault: "kill -9", database: "sqlite", cases: "2", found: "a|b\nmap[c:1]", took: "9s", version: "v1", counts: "full", when: "2026-11-28 08:45", verdict: rowOK}
	twin, sibling, other, ended := one, one, one, one
	twin.database, sibling.fault = "postgres", "kill -15"
	other.row, other.database, other.cases, other.version = "F10", "", "", "v2" // a test that ended before it said anything
	ended.row, ended.verdict = "S", rowFailed
	for _, l := range []line{ended, one, other, twin, sibling} {
		keep(t, path, l)
	}
	before := strings.Split(readText(t, path), "\n")
	again := one
	again.version, again.verdict, again.found = "v3", rowFailed, ""
	keep(t, path, again)
	after := strings.Split(readText(t, path), "\n")
	var changed []string
	for i := range min(len(before), len(after)) {
		if after[i] != before[i] {
			changed = append(changed, after[i])
		}
	}
	if want := []string{"| F2 | kill -9 | sqlite | 2 |  | 9s | v3 | full | 2026-11-28 08:45 | **FAILED** |"}; len(after) != len(before) || !slices.Equal(changed, want) {
		t.Errorf("of %d rows %d are left, and changed are %q", len(before), len(after), changed)
	}
	keep(t, path, one)
	if got := strings.Split(readText(t, path), "\n"); !slices.Equal(got, before) {
		t.Errorf("it was not put back:\n%s", strings.Join(got, "\n"))
	}
	lines, err := readReport(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []line{one, twin, sibling, other, ended}
	for i := range want {
		want[i].found = "a/b map[c:1]"
	}
	if !slices.Equal(lines, want) {
		t.Errorf("it reads back as\n%q, not\n%q", lines, want)
	}
}

// TestDamagedReport: what cannot be read whole is not written over.
func TestDamagedReport(t *testing.T) {
	t.Parallel()
	whole := line{row: "F2", fault: "kills", database: "sqlite", cases: "2", found: "x", took: "9s", version: "v1", counts: "full", when: "2026-11-28 08:45", verdict: rowOK}
	row := strings.TrimPrefix(reportText([]line{whole}), reportText(nil))
	for name, c := range map[string]struct{ text, says string }{
		"nothing":           {"", "has not the head of a report"},
		"an older report":   {"# Faults\n\n| Row | Fault | |\n|---|---|---|\n" + row, "has not the head of a report"},
		"half a row":        {reportText(nil) + row + row[:20] + "\n", fmt.Sprintf("line %d, \"| F2 | kills | sqlit\": it is no row of 10 cells", strings.Count(reportText(nil), "\n")+2)},
		"text below":        {reportText(nil) + row + "\nSee above.\n", "it is no row of 10 cells"},
		"twice":             {reportText(nil) + row + row, "the row is there already"},
		"an unknown row":    {reportText(nil) + strings.Replace(row, "F2", "F99", 1), "there is no row \"F99\""},
		"an unknown ending": {reportText(nil) + strings.Replace(row, "| ok |", "| fine |", 1), "it ended neither"},
	} {
		path := filepath.Join(t.TempDir(), "faults.md")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := keepRow(path, whole)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "mend the file") {
			t.Errorf("%s: %v", name, err)
		}
		if readText(t, path) != c.text {
			t.Errorf("%s: it was written over", name)
		}
	}
}

// TestRowsAreChosen: by their names or those of their tests, and never by a part.
func TestRowsAreChosen(t *testing.T) {
	t.Parallel()
	for rows, want := range map[string]string{
		"F1":              "^(TestKillAtEveryFailpoint)$",
		"F2|F13":          "^(TestHandsOver|TestKillAtRandomTimes|TestRollingRestart)$",
		"TestDisk.*Full":  "^(TestDiskIsFull)$",
		"I.":              "^(TestEditedBetweenApproveAndStart|TestSixtyFourStartsAtOnce)$",
		"F99|":            "no row and no test",
		"F":               "no row and no test",
		"(":               "ROWS: ",
		"S|TestPartition": "^(TestPartition|TestSimulation)$",
	} {
		got, err := testsLike(rows)
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%s: %s", rows, got)
		}
	}
	exists := existing(t)
	for row, tests := range testsOf() {
		for _, test := range tests {
			if !exists[test] {
				t.Errorf("%s is made by %s, which does not exist", row, test)
			}
		}
	}
}

func keep(t *testing.T, path string, l line) {
	t.Helper()
	if err := keepRow(path, l); err != nil {
		t.Fatal(err)
	}
}
