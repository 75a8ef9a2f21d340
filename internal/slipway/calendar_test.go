package slipway

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// hand is a calendar whose occurrences are written by hand, in hours after t0:
// they are found by the calendar's name.
type hand map[string][][2]int

func (hand) Check(Calendar) []FieldError               { return nil }
func (hand) Events([]byte, string) ([]Calendar, error) { return nil, nil }

func (h hand) Around(c Calendar, at time.Time, most int) (before *Span, after []Span, err error) {
	for _, hours := range h[c.Name] {
		s := Span{From: hour(hours[0]), Until: hour(hours[1])}
		switch {
		case !s.Until.After(at):
			before = &s
		case len(after) < most:
			after = append(after, s)
		}
	}
	return before, after, nil
}

func hour(n int) time.Time { return t0.Add(time.Duration(n) * time.Hour) }

func (h hand) open(name string, at time.Time) bool {
	return slices.ContainsFunc(h[name], func(s [2]int) bool { return !at.Before(hour(s[0])) && at.Before(hour(s[1])) })
}

// anySpans are occurrences of one length, in order; they may meet or overlap.
func anySpans(t *rapid.T, label string) (spans [][2]int) {
	lasts, apart, at := rapid.IntRange(1, 6).Draw(t, label+" lasts"), rapid.IntRange(1, 8).Draw(t, label+" apart"), 0
	for range rapid.IntRange(0, 30).Draw(t, label) {
		at += rapid.IntRange(1, apart).Draw(t, label+" later")
		spans = append(spans, [2]int{at, at + lasts})
	}
	return spans
}

// TestCalendarsMakeFreezes: at every moment something is frozen exactly when a
// calendar that denies covers it, or none of those that allow; a freeze that
// holds ends when it says; and none begins before the next that is listed.
func TestCalendarsMakeFreezes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := hand{"no": anySpans(t, "no"), "yes": anySpans(t, "yes"), "also": anySpans(t, "also")}
		allowing := []Calendar{{ID: 1, Name: "yes", CreatedAt: hour(-1)}, {ID: 2, Name: "also", CreatedAt: hour(-2)}}[:rapid.IntRange(0, 2).Draw(t, "allowing")]
		frozen := func(at time.Time) bool {
			allowed := len(allowing) == 0 || slices.ContainsFunc(allowing, func(c Calendar) bool { return h.open(c.Name, at) })
			return h.open("no", at) || !allowed
		}
		now := hour(rapid.IntRange(0, 250).Draw(t, "now")).Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "and")) * 30 * time.Minute)
		deny := denials(h, Calendar{ID: 3, Name: "no"}, "prod", now)
		freezes := append(slices.Clone(deny), between(h, allowing, "prod", now)...)
		active := slices.ContainsFunc(freezes, func(f Freeze) bool { return f.Active(now) })
		if active != frozen(now) {
			t.Fatalf("at %s frozen is %v: %+v", now, active, freezes)
		}
		coming := now.Add(forever)
		for _, f := range freezes {
			if !f.Until.After(f.From) || !f.Until.After(now) || f.Environment != "prod" || f.Calendar == 0 || f.Reason == "" {
				t.Fatalf("at %s: %+v", now, f)
			}
			for _, at := range []time.Time{f.From, f.Until.Add(-time.Nanosecond)} {
				if at.Before(hour(300)) && at.After(hour(-1)) && !frozen(at) {
					t.Fatalf("at %s %+v is frozen, and not at %s", now, f, at)
				}
			}
			if f.From.After(now) && f.From.Before(coming) {
				coming = f.From
			}
		}
		if len(freezes) == 0 {
			return // too far ahead to tell, or nothing there
		}
		for at := now; at.Before(coming) && !active; at = at.Add(30 * time.Minute) {
			if frozen(at) && (len(allowing) == 0 || len(freezes) > len(deny)) {
				t.Fatalf("at %s the next freeze is said to begin at %s, and one does at %s: %+v", now, coming, at, freezes)
			}
			if at.After(hour(400)) {
				return
			}
		}
	})
}
