package bench

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// pairs is how often each arm is measured, in turns: A B A B …
func pairs() int { return count(7, 2) }

// voidBeyond is the spread within one arm, max/min, from which on a run says
// more about its neighbours on the machine than about what was measured.
const voidBeyond = 1.5

// spread is the middle of some figures and their ends.
type spread struct{ median, min, max float64 }

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	return spread{median: sorted[len(sorted)/2], min: sorted[0], max: sorted[len(sorted)-1]}
}

func (s spread) void() bool { return s.max > voidBeyond*s.min }

func (s spread) format(digits int) string {
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, s.median, digits, s.min, digits, s.max)
}

// beside measures ours and the limit in turns and returns both and the ratio
// ours/limit of each pair.
func beside(ours, limit func() float64) (a, b, ratio spread) {
	var as, bs, ratios []float64
	for range pairs() {
		as, bs = append(as, ours()), append(bs, limit())
		ratios = append(ratios, as[len(as)-1]/bs[len(bs)-1])
	}
	return spreadOf(as), spreadOf(bs), spreadOf(ratios)
}

// validity says "VOID" where an arm's spread is too wide. The figures stand all
// the same, for whoever wants to see why.
func validity(b *testing.B, arms ...spread) string {
	void := 0.0
	verdict := "valid"
	for _, s := range arms {
		if s.void() {
			void, verdict = 1, fmt.Sprintf("VOID: max/min %.2f within one arm, more than %.1f", s.max/s.min, voidBeyond)
		}
	}
	b.ReportMetric(void, "void")
	return verdict
}

// count is how much of something is measured: whole, or little of it, where
// only the benchmark itself is to be tried.
func count(whole, little int) int {
	if os.Getenv(quickVariable) != "" {
		return little
	}
	return whole
}

// quickVariable makes everything short. Figures that it leaves say nothing.
const quickVariable = "SLIPWAY_BENCH_QUICK"

func goal(met bool, text string) string {
	if met {
		return "goal " + text + ": met"
	}
	return "goal " + text + ": NOT MET"
}

// percentile takes sorted durations.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// times sums up durations for people: "p50 3.1 ms, p99 9.0 ms, max 11.2 ms of 70".
func times(sorted []time.Duration) string {
	return fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, max %.1f ms of %d", ms(percentile(sorted, 0.5)), ms(percentile(sorted, 0.99)), ms(sorted[len(sorted)-1]), len(sorted))
}
