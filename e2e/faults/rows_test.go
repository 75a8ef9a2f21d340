package faults_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// testsOf are the tests that make each row of the report.
func testsOf() map[string][]string {
	return map[string][]string{
		"F1":  {"TestKillAtEveryFailpoint"},
		"F2":  {"TestKillAtRandomTimes"},
		"F3":  {"TestPausedOwner"},
		"F4":  {"TestDatabaseGoesAway"},
		"F5":  {"TestDiskIsFull", "TestDiskReportsErrors"},
		"F6":  {"TestPowerCut"},
		"F7":  {"TestClocksAreSet"},
		"F8":  {"TestSentThreeTimes"},
		"F9":  {"TestDeployerMisbehaves"},
		"F10": {"TestVaultGoes"},
		"F11": {"TestPartition"},
		"F12": {"TestNotifyIsLost"},
		"F13": {"TestRollingRestart", "TestHandsOver"},
		"F14": {"TestOldAndNewTogether", "TestMigrationIsInterrupted"},
		"F15": {"TestPoison"},
		"F16": {"TestNothingGrows"},
		"I1":  {"TestSixtyFourStartsAtOnce"},
		"I2":  {"TestEditedBetweenApproveAndStart"},
		"M":   {"TestMutants"},
		"S":   {"TestSimulation"},
	}
}

// testsLike is the pattern of the tests of which the name or that of their row
// is like rows, a regular expression for the whole of it.
func testsLike(rows string) (string, error) {
	like, err := regexp.Compile("^(?:" + rows + ")$")
	if err != nil {
		return "", fmt.Errorf("ROWS: %w", err)
	}
	var some []string
	for row, tests := range testsOf() {
		for _, test := range tests {
			if like.MatchString(row) || like.MatchString(test) {
				some = append(some, test)
			}
		}
	}
	if len(some) == 0 {
		return "", fmt.Errorf("ROWS: no row and no test is named like %q; rows are F1 to F16, I1, I2, M and S", rows)
	}
	slices.Sort(some)
	return "^(" + strings.Join(some, "|") + ")$", nil
}

// countsName says which counts are tried.
func countsName() string {
	switch {
	case os.Getenv("SLIPWAY_SOAK") != "":
		return os.Getenv("SLIPWAY_SOAK")
	case os.Getenv("SLIPWAY_MUTANTS") == "full", full() && !tenth():
		return "full"
	case tenth():
		return "a tenth"
	default:
		return "short"
	}
}

// reportIntro is what stands above the rows.
func reportIntro() string {
	if os.Getenv("SLIPWAY_MUTANTS") == "full" {
		return `# Mutants

Written by ` + "`make mutants`" + `. Each row is a change that makes Slipway worse, and the
test that noticed it. *Of* is the version that was changed.

`
	}
	return `# Faults

Written by ` + "`make faults`" + `, which runs all rows, or by ` + "`make faults ROWS='F2|F3'`" + `,
which runs these and leaves the others as they were. So each row says for itself
of which version it is, and when it ended. *Counts* says how often the fault was
made: in full, or a tenth of that (` + "`FAULTS=tenth`" + `); what tries a fixed list, as
F1, F9, F10, F14 and F15 do, tries all of it either way; of F16 it says for how
long. What a fault is, and what must hold meanwhile: [invariants.md](invariants.md).

`
}
