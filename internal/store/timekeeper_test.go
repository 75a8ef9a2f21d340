package store

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// TestTheTimekeeperDoubtsJumps: it follows a clock that drifts, not one that is
// set, and believes that one only after it has stayed where it is.
func TestTheTimekeeperDoubtsJumps(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	// One answer every five seconds: how far the clock that is asked is ahead of
	// the true time, and how far ours is meant to be then.
	steps := func(n int, off time.Duration) (offs []time.Duration) {
		for range n {
			offs = append(offs, off)
		}
		return offs
	}
	const minute = 12
	for name, c := range map[string]struct {
		told   [][]time.Duration
		want   time.Duration
		doubts bool
	}{
		"it is right":                     {[][]time.Duration{steps(3, 0)}, 0, false},
		"it drifts a little":              {[][]time.Duration{steps(1, 0), steps(8, time.Second)}, time.Second, false},
		"it runs twice as fast":           {[][]time.Duration{{0, 200 * time.Millisecond, 5 * time.Second, 10 * time.Second, 15 * time.Second}}, 200 * time.Millisecond, true},
		"an hour ahead":                   {[][]time.Duration{steps(1, 0), steps(minute, time.Hour)}, 0, true},
		"an hour behind":                  {[][]time.Duration{steps(1, 0), steps(minute, -time.Hour)}, 0, true},
		"ten years ahead, and back":       {[][]time.Duration{steps(1, 0), steps(minute, 87600*time.Hour), steps(1, 0)}, 0, false},
		"an hour ahead, and stays there":  {[][]time.Duration{steps(1, 0), steps(5*minute+1, time.Hour)}, time.Hour, false},
		"ahead, then further, stays":      {[][]time.Duration{steps(1, 0), steps(4*minute, time.Hour), steps(4*minute, 2*time.Hour)}, 0, true},
		"to and fro":                      {[][]time.Duration{steps(1, 0), steps(3*minute, time.Hour), steps(1, 0), steps(3*minute, time.Hour)}, 0, true},
		"believed, and set back to right": {[][]time.Duration{steps(1, 0), steps(5*minute+1, time.Hour), steps(minute, 0)}, time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var since time.Duration
			k := &timekeeper{steady: func() time.Duration { return since }}
			for _, offs := range c.told {
				for _, off := range offs {
					k.told(begin.Add(since).Add(off), since, since)
					since += askTimeEvery
				}
			}
			if off := k.now().Sub(begin.Add(since)); off != c.want {
				t.Errorf("the time is %v off, should be %v", off, c.want)
			}
			if err := k.doubt(); (err != nil) != c.doubts {
				t.Errorf("it says %v", err)
			}
		})
	}
}

// TestTheTimekeeperGoesOnEvenly: whatever it is told, its time never goes back or
// ahead by more than two clocks may be apart, unless it was told so for as long
// as a jump is doubted.
func TestTheTimekeeperGoesOnEvenly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var since time.Duration
		k := &timekeeper{steady: func() time.Duration { return since }}
		begin := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
		k.told(begin, 0, 0)
		told := []time.Duration{} // how far off the answers of the last five minutes were
		for range rapid.IntRange(1, 200).Draw(t, "questions") {
			since += askTimeEvery
			off := rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour, -time.Hour, 87600 * time.Hour}).Draw(t, "off")
			took := rapid.SampledFrom([]time.Duration{0, time.Millisecond, 10 * time.Second}).Draw(t, "took")
			was := k.now()
			k.told(was.Add(off), since-took, since)
			told = append(told, off)
			if moved := k.now().Sub(was).Abs(); moved > believable {
				last := told[max(0, len(told)-int(believedAfter/askTimeEvery)):]
				for _, o := range last {
					if o.Abs() <= believable {
						t.Fatalf("it went %v after it was told %v", moved, last)
					}
				}
			}
		}
	})
}

func TestTheTimekeeperSaysWhatItSaw(t *testing.T) {
	t.Parallel()
	k := &timekeeper{steady: func() time.Duration { return 0 }}
	begin := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	k.told(begin, 0, 0)
	if news := k.told(begin.Add(-time.Hour), 0, 0); !strings.Contains(news, "1h0m0s behind") {
		t.Errorf("it said %q", news)
	}
	if news := k.told(begin, 0, 0); news != "the clock is right again" {
		t.Errorf("it said %q", news)
	}
	k.told(begin.Add(time.Hour), 0, 0)
	later := believedAfter
	if news := k.told(begin.Add(time.Hour+later), later, later); !strings.Contains(news, "is believed now: it was 1h0m0s ahead of what") {
		t.Errorf("it said %q", news)
	}
}

// TestReplicasAgreeOnTheTime: what a machine of its own thinks does not matter,
// nor does it where the database is a file that was opened before a jump.
func TestReplicasAgreeOnTheTime(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "slipway.db"), "postgres": pgtest.URL(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, off := range []time.Duration{0, time.Hour, -87600 * time.Hour} {
				var jumped atomic.Int64
				if name == "postgres" {
					jumped.Store(int64(off))
				}
				s, err := Open(t.Context(), Config{URL: url, Wall: func() time.Time { return time.Now().Add(time.Duration(jumped.Load())) }})
				if err != nil {
					t.Fatal(err)
				}
				jumped.Store(int64(off))
				if err := s.askTime(t.Context()); err != nil {
					t.Error(err)
				}
				if apart := time.Since(s.Now()).Abs(); apart > believable {
					t.Errorf("with a machine that is %v off the time is %v off", off, apart)
				}
				if err := s.TimeInDoubt(t.Context()); (err != nil) != (name == "sqlite" && off != 0) {
					t.Errorf("with a machine that is %v off it says %v", off, err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
