package checks_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
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
	f.Fuzz(func(t *testing.T, text string) { tryExpression(t, x, text) })
}

type evaluator interface {
	CheckCondition(text string) string
	CheckGate(text string) string
}

func tryExpression(t interface {
	Errorf(format string, args ...any)
}, x evaluator, text string,
) {
	for _, why := range []string{x.CheckCondition(text), x.CheckGate(text)} {
		if strings.ContainsAny(why, "\n\r\x00") || len(why) > 700 {
			t.Errorf("%q: %q", text, why)
		}
	}
}

// TestConditionsNeverPanic puts expressions together from pieces that go with
// each other more often than not, and evaluates what is accepted.
func TestConditionsNeverPanic(t *testing.T) {
	t.Parallel()
	x := expressions(t)
	pieces := []string{"result", "stable", "result[0]", "stable[1]", "size(result)", "isNaN(", "(", ")", " < ", " <= ", " == ", " && ", " || ", "!", "-", " * ", " / ", " % ",
		"0", "1", "0.5", "-1.0", "1e308", "9223372036854775807", "'a'", "true", " ? ", " : ", "[", "]", ", ", "result.all(r, r ", "result.map(r, r * 2)", ".size()", "int(", "double(", "string(", " in "}
	figures := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1, -1, 0.5, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64}), 0, 3)
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 8).Draw(t, "pieces"), "")
		if rapid.Bool().Draw(t, "compared") {
			text += " < " + rapid.SampledFrom([]string{"1", "stable", "stable[0]", "0.5"}).Draw(t, "with")
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
}
