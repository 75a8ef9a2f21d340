package faults_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestInvariantsAreGuarded: each test that docs/invariants.md names exists, and
// each invariant and fault names one.
func TestInvariantsAreGuarded(t *testing.T) {
	t.Parallel()
	exists := existing(t)
	rows := 0
	for line := range strings.Lines(readText(t, "../../docs/invariants.md")) {
		row := regexp.MustCompile(`^\| ([IF]\d+) \|`).FindStringSubmatch(line)
		if row == nil {
			continue
		}
		rows++
		named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(line, -1)
		if len(named) == 0 {
			t.Errorf("%s names no test", row[1])
		}
		for _, name := range named {
			if !exists[name[1]] {
				t.Errorf("%s names %s, which does not exist", row[1], name[1])
			}
		}
	}
	if rows < 16 {
		t.Errorf("docs/invariants.md has only %d rows", rows)
	}
}

// existing are the tests that there are.
func existing(t *testing.T) map[string]bool {
	t.Helper()
	out, err := exec.Command("grep", "-rhoE", "--include=*_test.go", `^func Test[A-Za-z0-9]+`, "../..").Output()
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		exists[strings.TrimPrefix(strings.TrimSpace(line), "func ")] = true
	}
	return exists
}
