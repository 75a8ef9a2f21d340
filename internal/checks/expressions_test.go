package checks_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/checks"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func expressions(t testing.TB) *checks.Expressions {
	t.Helper()
	x, err := checks.NewExpressions()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestConditions(t *testing.T) {
	t.Parallel()
	x := expressions(t)
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		text           string
		result, stable []float64
		want           bool
	}{
		{"result < 0.01", []float64{0.009}, nil, true},
		{"result < 0.01", []float64{0.01}, nil, false},
		{"result < 5", []float64{4.5}, nil, true},
		{"5 > result", []float64{4.5}, nil, true},
		{"result == 0", []float64{0}, nil, true},
		{"result != 0 && result >= 1", []float64{1}, nil, true},
		{"result in [1, 2, 3]", []float64{2}, nil, true},
		{"result * 100 < 5", []float64{0.04}, nil, true},
		{"-1 < result", []float64{0}, nil, true},
		{"result <= stable * 2", []float64{0.2}, []float64{0.1}, true},
		{"result <= stable * 1.5 + 1", []float64{2.6}, []float64{1}, false},
		{"result - stable < 10", []float64{15}, []float64{10}, true},
		{"(result > 1 ? 1 : 0) == 1", []float64{2}, nil, true},
		{"isNaN(result) || result < 0.5", []float64{nan}, nil, true},
		{"!isNaN(result) && result < 0.5", []float64{nan}, nil, false},
		{"result < 1", []float64{nan}, nil, false},
		{"result > 1000000", []float64{inf}, nil, true},
		{"result[0] < 0.01", []float64{0.001, 7}, nil, true},
		{"result[1] == 7", []float64{0.001, 7}, nil, true},
		{"result[0] < stable[0]", []float64{1}, []float64{2}, true},
		{"result[0] < stable", []float64{1, 9}, []float64{2}, true},
		{"result < stable[1]", []float64{1}, []float64{0, 2}, true},
		{"size(result) == 2", []float64{1, 2}, nil, true},
		{"result.size() > 1", []float64{1, 2}, nil, true},
		{"size(result) % 2 == 0", []float64{1, 2}, nil, true},
		{"result.all(r, r < 1)", []float64{0.1, 0.2}, nil, true},
		{"result.exists(r, r > 1)", []float64{0.1, 0.2}, nil, false},
		{"result.exists_one(r, r > 1)", []float64{0.1, 2}, nil, true},
		{"result.filter(r, r > 1).size() == 0", []float64{0.1, 2}, nil, false},
		{"stable < 1", []float64{9}, []float64{0.5}, true},
		{"result[0] < 0.01", []float64{0.001}, nil, true}, // one number as a list of one
	} {
		got, err := x.EvalCondition(t.Context(), c.text, c.result, c.stable)
		if err != nil || got != c.want {
			t.Errorf("%s with %v and %v: %t, %v", c.text, c.result, c.stable, got, err)
		}
		if why := x.CheckCondition(c.text); why != "" {
			t.Errorf("%s is refused: %s", c.text, why)
		}
	}
}

func TestConditionsThatAreRefused(t *testing.T) {
	t.Parallel()
	x := expressions(t)
	for text, want := range map[string]string{
		"":                            "is empty",
		" \n":                         "is empty",
		"result <":                    `"result <": mismatched input its end (at character 9)`,
		"result < 0.01 and":           "(at character",
		"rsult < 1":                   `"rsult < 1": undeclared reference to 'rsult' (at character 1)`,
		"result < 'a'":                `"result < 'a'": < does not go with a number and a text (at character 8)`,
		"result[0] < 'a'":             "< does not go with a number and a text",
		"result[0] < result":          "does not go with a number and a list of numbers",
		"result + 1":                  `"result + 1" is a number, not true or false`,
		"result":                      "not true or false",
		"1 < 2":                       "looks neither at result nor at stable",
		"true":                        "looks neither at result nor at stable",
		"result < 1; drop":            "(at character",
		"result.matches('(')":         "matches",
		"string(result).matches('(')": "(at character",
		"size(result) == 1 && result": "&&",
		"result < now":                "undeclared reference to 'now'",
		strings.Repeat("(", 200) + "result" + strings.Repeat(")", 200) + " < 1": "recursion",
		"result < 1" + strings.Repeat(" ", checks.MaxExpression):                "is longer than",
		"result.all(a, result.all(b, result.all(c, a < b + c)))":                "nesting",
		"string(result).matches('" + strings.Repeat("a{300}", 5) + "')":         "is too large",
		"'a'.matches(string(result))":                                           "has to be written out",
		"matches('a', string(result))":                                          "has to be written out",
	} {
		why := x.CheckCondition(text)
		if why == "" || !strings.Contains(why, want) {
			t.Errorf("%s: want %q, got %q", text, want, why)
		}
		if strings.Contains(why, "\n") || len(why) > 400 {
			t.Errorf("%s: not one short line: %q", text, why)
		}
	}
}

func TestConditionsThatCannotBeWorkedOut(t *testing.T) {
	t.Parallel()
	x := expressions(t)
	for _, c := range []struct {
		text           string
		result, stable []float64
		want           string
	}{
		{"result[3] < 1", []float64{1, 2}, nil, `"result[3] < 1" cannot be worked out: there are not so many figures`},
		{"result < 1", []float64{1, 2}, nil, `takes result for one number, and the query gives 2`},
		{"result < stable", []float64{1}, nil, `speaks of stable, and there is none`},
		{"result < stable", []float64{1}, []float64{1, 2, 3}, `takes stable for one number, and the query gives 3`},
		{"int(result) % 0 == 0", []float64{1}, nil, "cannot be worked out"},
	} {
		_, err := x.EvalCondition(t.Context(), c.text, c.result, c.stable)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v", c.text, c.want, err)
		}
	}
}

func TestAnExpressionIsBounded(t *testing.T) {
	t.Parallel()
	x := expressions(t)
	many := make([]float64, 1000)
	_, err := x.EvalCondition(t.Context(), "result.all(a, result.all(b, a + b >= 0))", many, nil)
	if err == nil || !strings.Contains(err.Error(), "too many steps") {
		t.Errorf("a million steps: %v", err)
	}
	if ok, err := x.EvalCondition(t.Context(), "result.all(a, a >= 0)", many, nil); err != nil || !ok {
		t.Errorf("a thousand steps: %t, %v", ok, err)
	}
	for i := range checks.MaxPrograms + 10 {
		if why := x.CheckCondition(fmt.Sprintf("result < %d", i)); why != "" {
			t.Fatal(why)
		}
	}
	if n := x.Kept(); n > checks.MaxPrograms || n < 10 {
		t.Errorf("%d programs are kept", n)
	}
}

func subject() slipway.ProbeSubject {
	now := time.Date(2026, 11, 20, 15, 30, 0, 0, time.UTC) // a Friday
	return slipway.ProbeSubject{
		Now: now,
		Deployment: slipway.Deployment{ID: 42, Team: "payments", Service: "billing-api", Environment: "production", Version: "1.42.0",
			Cause: slipway.CausePromote, PlanDigest: "sha256:plan", Note: "fixes the invoice", RequestedBy: slipway.Person{Kind: slipway.ActorUser, ID: "u1", Name: "Ana Nordin"},
			Plan: slipway.Plan{From: &slipway.Spec{Version: "1.41.2"}}},
		Release: slipway.Release{Service: "billing-api", Version: "1.42.0", Content: slipway.ReleaseContent{
			Commit: "4f1c", Notes: "Faster", Reversible: true, Config: map[string]string{"LOG_LEVEL": "info"},
			Artifacts: []slipway.Artifact{{Name: "app", Reference: "registry.example.com/billing:1.42.0", Digest: "sha256:" + strings.Repeat("a", 64)}},
			Changes:   []slipway.Change{{Commit: "4f1c", Subject: "Fix the invoice", Author: "Jonas"}, {Commit: "99aa", Subject: "Tidy"}}}},
		Service:     slipway.Service{Name: "billing-api", Team: "payments", Tags: []string{"pci", "http"}},
		Environment: slipway.Environment{Name: "production", Tier: slipway.TierProduction},
	}
}

func TestGateExpressions(t *testing.T) {
	t.Parallel()
	x := expressions(t)
	for text, want := range map[string]bool{
		"release.reversible": true,
		"release.version.startsWith('1.') && release.commit == '4f1c'":                                true,
		"size(release.changes) <= 20":                                                                 true,
		"release.changes.exists(c, c.subject.contains('invoice'))":                                    true,
		"release.changes.all(c, c.author != '')":                                                      false,
		"release.artifacts.all(a, a.reference.startsWith('registry.example.com/') && a.digest != '')": true,
		"release.config['LOG_LEVEL'] == 'info'":                                                       true,
		"'DEBUG' in release.config":                                                                   false,
		"release.notes != ''":                                                                         true,
		"'pci' in service.tags && service.team == 'payments'":                                         true,
		"service.name == 'billing-api'":                                                               true,
		"environment.name == 'production' && environment.tier == 'production'":                        true,
		"deployment.cause == 'promote' && deployment.note != ''":                                      true,
		"deployment.requestedBy.kind == 'user'":                                                       true,
		"deployment.requestedBy.name == 'Ana Nordin'":                                                 true,
		"now.getDayOfWeek() != 5":                                                                     false,
		"now.getHours('Europe/Stockholm') < 17":                                                       true,
		"now < timestamp('2026-12-20T00:00:00Z')":                                                     true,
		"release.version.matches('^[0-9]+[.][0-9]+[.][0-9]+$')":                                       true,
		"release.config.all(k, k == k.upperAscii())":                                                  false,
		"now - timestamp('2026-11-20T15:00:00Z') > duration('20m')":                                   true,
		"release.version == '1.42.0' ? environment.tier != 'development' : false":                     true,
		"!(environment.tier == 'production' && release.notes.contains('do not ship'))":                true,
	} {
		why := x.CheckGate(text)
		if strings.Contains(text, "upperAscii") {
			if !strings.Contains(why, "undeclared reference to 'upperAscii'") {
				t.Errorf("%s: %q", text, why)
			}
			continue
		}
		got, err := x.EvalGate(t.Context(), text, subject())
		if err != nil || got != want || why != "" {
			t.Errorf("%s: %t, %v, %q", text, got, err, why)
		}
	}
	for text, want := range map[string]string{
		"":                                       "is empty",
		"release.verison == '1'":                 `undefined field 'verison'`,
		"release.version":                        `"release.version" is a text, not true or false`,
		"release.version == 1":                   "== does not go with a text and a whole number",
		"result < 1":                             "undeclared reference to 'result'",
		"service.tags == 'pci'":                  "== does not go with a list of texts and a text",
		"release.changes[0].subject":             "is a text, not",
		"now.getDayOfWeeks() == 1":               "undeclared reference to 'getDayOfWeeks'",
		"now > timestamp('yesterday')":           "timestamp",
		"environment.tier == tier":               "undeclared reference to 'tier'",
		"release":                                "not true or false",
		"release.notes.matches('(')":             "(at character",
		"release.version.matches(release.notes)": "the pattern of matches has to be written out",
	} {
		if why := x.CheckGate(text); !strings.Contains(why, want) || strings.Contains(why, "\n") {
			t.Errorf("%s: want %q, got %q", text, want, why)
		}
	}
	if _, err := x.EvalGate(t.Context(), "release.config['NO'] == 'x'", subject()); err == nil || !strings.Contains(err.Error(), "cannot be worked out: no such key: NO") {
		t.Error(err)
	}
	if _, err := x.EvalGate(t.Context(), "release.changes[7].subject == 'x'", subject()); err == nil {
		t.Error("there is an eighth change")
	}
}
