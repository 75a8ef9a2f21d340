package slipway

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// past is a Past of these, newest first. Beyond it nothing may be read.
func past(t interface{ Fatalf(string, ...any) }, seqs ...int64) Past {
	i := -1
	return func() (Lived, bool, error) {
		if i++; i > len(seqs) {
			t.Fatalf("a past of %v is read on after its end", seqs)
		}
		if i == len(seqs) {
			return Lived{}, false, nil
		}
		return Lived{Seq: seqs[i], Version: fmt.Sprint(seqs[i])}, true, nil
	}
}

func TestNewestInAll(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before [][]int64 // what was live in each stage, newest first
		live   int64     // in the stage that they lead to
		want   int64
	}{
		"no stages before":                     {nil, 0, 0},
		"nothing was live":                     {[][]int64{{}}, 0, 0},
		"one stage: what is live":              {[][]int64{{3, 2, 1}}, 2, 3},
		"one stage, live there already":        {[][]int64{{3, 2, 1}}, 3, 0},
		"one stage, gone back":                 {[][]int64{{1, 2}}, 0, 1},
		"both at the same":                     {[][]int64{{3, 2}, {3, 1}}, 2, 3},
		"not yet in the second":                {[][]int64{{3, 2}, {2, 1}}, 1, 2},
		"not yet in the second, and no news":   {[][]int64{{3, 2}, {2, 1}}, 2, 0},
		"the second has nothing yet":           {[][]int64{{3, 2}, {}}, 0, 0},
		"never met":                            {[][]int64{{4, 2}, {3, 1}}, 0, 0},
		"each is at another, met before":       {[][]int64{{5, 4, 2}, {6, 3, 2}}, 1, 2},
		"gone back in the first":               {[][]int64{{1, 2, 1}, {2, 1}}, 0, 1},
		"gone back in the first, and on since": {[][]int64{{3, 1, 2}, {2, 1}}, 0, 1},
		"gone back to it, which is a yes":      {[][]int64{{2, 3, 2}, {3, 2}}, 1, 2},
		"gone back beyond it, and to it again": {[][]int64{{2, 1, 2}, {2}}, 1, 2},
		"three stages":                         {[][]int64{{9, 7, 4}, {8, 7, 5, 4}, {7, 6, 4}}, 3, 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var before []Past
			for _, seqs := range c.before {
				before = append(before, past(t, seqs...))
			}
			got, err := NewestInAll(before, c.live)
			if err != nil || got.Seq != c.want || (got.Version == "") != (c.want == 0) {
				t.Errorf("got %+v (%v), want %d", got, err, c.want)
			}
		})
	}
	broken := errors.New("the disk is gone")
	if _, err := NewestInAll([]Past{past(t, 3), func() (Lived, bool, error) { return Lived{}, false, broken }}, 0); !errors.Is(err, broken) {
		t.Errorf("a past that cannot be read gave %v", err)
	}
}

// TestNewestInAllByTheRule: whatever happened in the stages before, nothing goes
// on that has not been live in each or that one of them went back behind, and
// the newest of what may is found.
func TestNewestInAllByTheRule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pasts := rapid.SliceOfN(rapid.SliceOfN(rapid.Int64Range(1, 9), 0, 12), 1, 4).Draw(t, "pasts")
		live := rapid.Int64Range(0, 9).Draw(t, "live")
		var before []Past
		for _, seqs := range pasts {
			before = append(before, past(t, seqs...))
		}
		got, err := NewestInAll(before, live)
		if err != nil {
			t.Fatal(err)
		}
		want := int64(0)
		for seq := live + 1; seq <= 9; seq++ {
			if !slices.ContainsFunc(pasts, func(seqs []int64) bool { return !proven(seqs, seq) }) {
				want = seq
			}
		}
		if got.Seq != want {
			t.Fatalf("got %d, want %d", got.Seq, want)
		}
	})
}

// proven is the rule word for word.
func proven(newestFirst []int64, seq int64) bool {
	at := slices.Index(newestFirst, seq)
	return at >= 0 && !slices.ContainsFunc(newestFirst[:at], func(since int64) bool { return since < seq })
}

// TestFanInNeverStarves: stages that take releases at their own pace, never
// going back, let the last of them reach the end.
func TestFanInNeverStarves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stages := rapid.IntRange(1, 4).Draw(t, "stages")
		newest := rapid.Int64Range(1, 30).Draw(t, "releases")
		pasts := make([][]int64, stages) // newest first
		at := make([]int64, stages)
		reached := int64(0) // in the stage that they lead to
		for slices.Min(at) < newest {
			i := rapid.IntRange(0, stages-1).Draw(t, "moves")
			if at[i] == newest {
				i = slices.Index(at, slices.Min(at))
			}
			at[i]++
			pasts[i] = append([]int64{at[i]}, pasts[i]...)
			var before []Past
			for _, seqs := range pasts {
				before = append(before, past(t, seqs...))
			}
			got, err := NewestInAll(before, reached)
			if err != nil {
				t.Fatal(err)
			}
			if reached = max(reached, got.Seq); reached != slices.Min(at) {
				t.Fatalf("the stages before are at %v, and %d has gone on", at, reached)
			}
		}
	})
}
