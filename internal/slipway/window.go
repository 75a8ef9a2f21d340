package slipway

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the zones come along: an image without them would shut every window
)

// Window is the hours of certain days in one time zone. It is open exactly
// while a clock on the wall there shows such an hour: an hour that is left out
// when the clocks change is no hour of it, and one that comes twice is twice.
type Window struct {
	text  string
	days  [7]bool // by time.Weekday
	hours []hours
	zone  *time.Location
}

// hours is a part of a day, in minutes from midnight. With until not after
// from it ends on the day after.
type hours struct{ from, until int }

const (
	windowForm  = `is days, hours and a time zone, such as "Mon-Thu 09:00-17:00 Europe/Stockholm"`
	dayMinutes  = 24 * 60
	windowReach = 15 * 24 * time.Hour // every week is the same but for the change of clocks
	windowTime  = "Mon 2 Jan 15:04"
)

// ParseWindow reads days, hours and a time zone. Days are "Mon", "Mon-Thu",
// "Mon,Wed,Fri" or "daily"; hours are "09:00-17:00", several of them parted by
// commas or spaces, and may go over midnight: "Fri 22:00-02:00" ends on Saturday.
// The error is the rest of a sentence about the text.
func ParseWindow(text string) (Window, error) {
	words := strings.Fields(text)
	w := Window{text: strings.Join(words, " ")}
	if len(words) < 3 || len(text) > 200 {
		return w, errors.New(windowForm)
	}
	if err := w.readDays(words[0]); err != nil {
		return w, err
	}
	for _, part := range strings.Split(strings.Join(words[1:len(words)-1], ","), ",") {
		h, ok := parseHours(part)
		if !ok {
			return w, fmt.Errorf("has the hours %q; write them as 09:00-17:00, up to 24:00", part)
		}
		w.hours = append(w.hours, h)
	}
	zone := words[len(words)-1]
	var err error
	// The empty name and "Local" would mean the zone of the machine.
	if w.zone, err = time.LoadLocation(zone); err != nil || zone == "Local" {
		return w, fmt.Errorf("ends with %q, which is no time zone; write one as Europe/Stockholm, or UTC", zone)
	}
	return w, nil
}

func (w *Window) readDays(text string) error {
	if strings.EqualFold(text, "daily") {
		w.days = [7]bool{true, true, true, true, true, true, true}
		return nil
	}
	for _, part := range strings.Split(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, ok := parseDay(first)
		until, okUntil := from, ok
		if isRange {
			until, okUntil = parseDay(last)
		}
		if !ok || !okUntil {
			return fmt.Errorf("has the days %q; write them as Mon, Mon-Thu, Mon,Wed,Fri or daily", part)
		}
		for day := from; ; day = (day + 1) % 7 {
			w.days[day] = true
			if day == until {
				break
			}
		}
	}
	return nil
}

func parseDay(text string) (time.Weekday, bool) {
	for day := range time.Weekday(7) {
		if strings.EqualFold(text, day.String()[:3]) {
			return day, true
		}
	}
	return 0, false
}

func parseHours(text string) (hours, bool) {
	from, until, _ := strings.Cut(text, "-")
	begin, ok := parseClock(from)
	end, okEnd := parseClock(until)
	return hours{begin, end}, ok && okEnd && begin < dayMinutes && begin != end
}

func parseClock(text string) (int, bool) {
	hour, minute, _ := strings.Cut(text, ":")
	if len(hour) != 2 || len(minute) != 2 {
		return 0, false
	}
	h, err := strconv.ParseUint(hour, 10, 8)
	m, errMinute := strconv.ParseUint(minute, 10, 8)
	at := int(h)*60 + int(m)
	return at, err == nil && errMinute == nil && m < 60 && at <= dayMinutes
}

// String is the window as it was written.
func (w Window) String() string { return w.text }

// Open reports whether the window is open at a time.
func (w Window) Open(at time.Time) bool {
	there := at.In(w.zone)
	minute, today := there.Hour()*60+there.Minute(), there.Weekday()
	yesterday := (today + 6) % 7
	return slices.ContainsFunc(w.hours, func(h hours) bool {
		if h.from < h.until {
			return w.days[today] && h.from <= minute && minute < h.until
		}
		return w.days[today] && h.from <= minute || w.days[yesterday] && minute < h.until
	})
}

// Next is when the window opens or closes next; the zero time if it never does.
func (w Window) Next(at time.Time) time.Time {
	_, next := changes(at, []Window{w}, w.Open)
	return next
}

// changes finds when what is made of windows was decided as it is at a time,
// and when it will be decided otherwise; the zero time if that is never.
func changes(at time.Time, windows []Window, open func(time.Time) bool) (since, until time.Time) {
	now := open(at)
	edges := edgesAround(at, windows)
	next, _ := slices.BinarySearchFunc(edges, at, func(edge, at time.Time) int {
		return cmp.Or(edge.Compare(at), -1) // an edge of this very moment lies behind
	})
	for _, edge := range edges[next:] {
		if open(edge) != now {
			until = edge
			break
		}
	}
	for i := next - 1; i > 0; i-- {
		if open(edges[i-1]) != now {
			since = edges[i]
			break
		}
	}
	return since, until
}

// edgesAround lists every moment within reach at which one of the windows could
// open or close, in order: the beginning and end of its hours, each time that
// the clock there shows them, and every change of that clock.
func edgesAround(at time.Time, windows []Window) []time.Time {
	from, until := at.Add(-windowReach), at.Add(windowReach)
	var edges []time.Time
	for _, w := range windows {
		for t := from; ; {
			_, end := t.In(w.zone).ZoneBounds()
			if end.IsZero() || end.After(until) {
				break
			}
			edges, t = append(edges, end), end
		}
		year, month, day := from.In(w.zone).Date()
		for date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC); date.Before(until.Add(24 * time.Hour)); date = date.AddDate(0, 0, 1) {
			for _, h := range w.hours {
				edges = append(edges, shown(date.Add(time.Duration(h.from)*time.Minute), w.zone)...)
				edges = append(edges, shown(date.Add(time.Duration(h.until)*time.Minute), w.zone)...)
			}
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	return slices.CompactFunc(edges, time.Time.Equal)
}

// shown lists the moments at which a clock in a zone shows what one in UTC shows
// at wall: one as a rule, two when the hour comes twice, none when it is left out.
func shown(wall time.Time, zone *time.Location) []time.Time {
	var moments []time.Time
	for _, near := range []time.Duration{-14 * time.Hour, 14 * time.Hour} {
		_, offset := wall.Add(near).In(zone).Zone()
		moment := wall.Add(-time.Duration(offset) * time.Second)
		if _, really := moment.In(zone).Zone(); really == offset && !slices.ContainsFunc(moments, moment.Equal) {
			moments = append(moments, moment)
		}
	}
	return moments
}
