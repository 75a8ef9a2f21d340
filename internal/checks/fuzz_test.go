package checks_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/checks"
)

// FuzzExpressions throws texts at both languages: what is accepted has to come
// to an end, and nothing may panic or complain at length.
func FuzzExpressions(f *testing.F) {
	x := expressions(f)
	for _, text := range []string{"result < 0.01", "result[0] < stable[0] * 2", "isNaN(result)", "result.all(r, r < 1)", "size(result) == 2", "release.reversible",
		"release.changes.exists(c, c.subject.matches('a{10}'))", "now > timestamp('2026-01-01T00:00:00Z')", "{'a': 1}.a", "[[1], [2]][0][0] == result", "result in [1, 2.0]",
		"has(release.notes)", "dyn(result) == 'a'", "type(result) == double", "b'\\xff' == b''", "'\\", "result < 1 // words", "1 / 0 == 1 && result > 0", "result?[0]", "'a' + string(result) == 'a1'"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tryExpression(t, x, text)
		_, one := x.EvalCondition(t.Context(), text, []float64{1}, []float64{math.NaN()})
		_, many := x.EvalCondition(t.Context(), text, []float64{1, math.Inf(1)}, nil)
		_, gate := x.EvalGate(t.Context(), text, subject())
		for _, err := range []error{one, many, gate} {
			if err != nil && (strings.Contains(err.Error(), "internal error") || strings.Contains(err.Error(), "more than Slipway can read")) {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}

type complaining interface {
	Errorf(format string, args ...any)
}

func tryExpression(t complaining, x *checks.Expressions, text string) {
	for _, why := range []string{x.CheckCondition(text), x.CheckGate(text)} {
		if strings.ContainsAny(why, "\n\r\x00") || len(why) > 700 {
			t.Errorf("%q: %q", text, why)
		}
	}
}

// TestConditionsNeverPanic puts expressions together that are well formed more
// often than not, and evaluates what is accepted.
func TestConditionsNeverPanic(t *testing.T) {
	t.Parallel()
	x := expressions(t)
	operands := rapid.SampledFrom([]string{"result", "stable", "result[0]", "stable[1]", "size(result)", "result.size()", "int(result)", "double(stable[0])",
		"result.filter(r, r > 1)[0]", "0", "1", "-1", "0.5", "1e308", "9223372036854775807", "'a'", "true", "(result", "1)", "result[", ""})
	operators := rapid.SampledFrom([]string{" + ", " - ", " * ", " / ", " % "})
	comparisons := rapid.SampledFrom([]string{" < ", " <= ", " == ", " != ", " > ", " in "})
	joints := rapid.SampledFrom([]string{" && ", " || ", " && !", " ? true : "})
	condition := rapid.Custom(func(t *rapid.T) string {
		text := operands.Draw(t, "a")
		for range rapid.IntRange(0, 2).Draw(t, "more") {
			text += operators.Draw(t, "operator") + operands.Draw(t, "b")
		}
		text += comparisons.Draw(t, "comparison") + operands.Draw(t, "c")
		return rapid.SampledFrom([]string{text, text, "isNaN(result) || " + text, "result.all(r, r < 1 || " + text + ")"}).Draw(t, "within")
	})
	figures := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1, -1, 0.5, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64}), 1, 3)
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		text := condition.Draw(t, "condition")
		for range rapid.IntRange(0, 2).Draw(t, "joined") {
			text += joints.Draw(t, "joint") + condition.Draw(t, "other")
		}
		tryExpression(t, x, text)
		result, stable := figures.Draw(t, "result"), figures.Draw(t, "stable")
		_, err := x.EvalCondition(t.Context(), text, result, stable)
		if err == nil {
			accepted++
		} else if strings.Contains(err.Error(), "internal error") || strings.Contains(err.Error(), "more than Slipway can read") {
			t.Fatalf("%q over %v and %v: %v", text, result, stable, err)
		}
	})
	if accepted == 0 {
		t.Error("no condition was accepted, so nothing was tried")
	}
	t.Logf("%d conditions were worked out", accepted)
}
