package slipway

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func window(t *testing.T, text string) Window {
	t.Helper()
	w, err := ParseWindow(text)
	if err != nil {
		t.Fatalf("%q %v", text, err)
	}
	return w
}

func TestWindowsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                                 "is days, hours",
		"Mon 09:00-17:00":                  "is days, hours",
		"09:00-17:00 Europe/Stockholm":     "is days, hours",
		"Mo 09:00-17:00 UTC":               `has the days "Mo"`,
		"Mon-Som 09:00-17:00 UTC":          `has the days "Mon-Som"`,
		"Mon, 09:00-17:00 UTC":             `has the days ""`,
		"Mon 9:00-17:00 UTC":               `has the hours "9:00-17:00"`,
		"Mon 09:00 UTC":                    `has the hours "09:00"`,
		"Mon 09:00-09:00 UTC":              `has the hours`,
		"Mon 24:00-09:00 UTC":              `has the hours`,
		"Mon 09:00-24:01 UTC":              `has the hours`,
		"Mon 09:60-10:00 UTC":              `has the hours`,
		"Mon 09:00-+1:00 UTC":              `has the hours`,
		"Mon 09:00-17:00,,18:00-19:00 UTC": `has the hours ""`,
		"Mon 09:00-17:00 Stockholm":        `"Stockholm", which is no time zone`,
		"Mon 09:00-17:00 Local":            "no time zone",
		"Mon 09:00-17:00 ../../etc/passwd": "no time zone",
		strings.Repeat("Mon ", 60) + "UTC": "is days, hours",
	} {
		if _, err := ParseWindow(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestWindowTimes looks at days that people know, and at those when the clocks
// change.
func TestWindowTimes(t *testing.T) {
	t.Parallel()
	const form = "2006-01-02T15:04:05Z07:00"
	for _, c := range []struct {
		window, at string
		open       bool
		next       string
	}{
		{"Mon-Thu 09:00-17:00 Europe/Stockholm", "2026-11-20T12:00:00Z", false, "2026-11-23T08:00:00Z"},
		{"mon-thu  09:00-17:00  Europe/Stockholm", "2026-11-23T08:00:00Z", true, "2026-11-23T16:00:00Z"},
		{"Mon-Thu 09:00-17:00 Europe/Stockholm", "2026-11-23T07:59:59Z", false, "2026-11-23T08:00:00Z"},
		{"Mon,Wed,Fri 09:00-12:00,13:00-17:00 UTC", "2026-11-20T12:00:00Z", false, "2026-11-20T13:00:00Z"},
		{"Mon,Wed,Fri 09:00-12:00 13:00-17:00 UTC", "2026-11-20T17:00:00Z", false, "2026-11-23T09:00:00Z"},
		{"Fri-Mon 00:00-24:00 UTC", "2026-11-20T12:00:00Z", true, "2026-11-24T00:00:00Z"},
		{"Fri 22:00-02:00 UTC", "2026-11-21T01:59:59Z", true, "2026-11-21T02:00:00Z"},
		{"Fri 22:00-02:00 UTC", "2026-11-20T01:00:00Z", false, "2026-11-20T22:00:00Z"},
		{"daily 00:00-24:00 UTC", "2026-11-20T01:00:00Z", true, ""},
		// 02:00 to 03:00 is left out on 29 March, and comes twice on 25 October.
		{"Sun 02:30-04:00 Europe/Stockholm", "2026-03-29T00:59:59Z", false, "2026-03-29T01:00:00Z"},
		{"Sun 02:30-04:00 Europe/Stockholm", "2026-03-29T01:00:00Z", true, "2026-03-29T02:00:00Z"},
		{"Sun 02:15-02:45 Europe/Stockholm", "2026-03-28T12:00:00Z", false, "2026-04-05T00:15:00Z"},
		{"Sun 02:15-02:45 Europe/Stockholm", "2026-10-25T00:00:00Z", false, "2026-10-25T00:15:00Z"},
		{"Sun 02:15-02:45 Europe/Stockholm", "2026-10-25T00:50:00Z", false, "2026-10-25T01:15:00Z"},
		{"daily 09:00-17:00 Europe/Stockholm", "2026-03-28T17:00:00Z", false, "2026-03-29T07:00:00Z"},
		{"daily 09:00-17:00 Europe/Stockholm", "2026-10-24T17:00:00Z", false, "2026-10-25T08:00:00Z"},
		{"daily 09:00-17:00 Pacific/Kiritimati", "2026-10-24T19:00:00Z", true, "2026-10-25T03:00:00Z"},
		{"Sun 01:00-02:00 Australia/Lord_Howe", "2026-04-04T14:45:00Z", true, "2026-04-04T15:30:00Z"},
	} {
		at, err := time.Parse(form, c.at)
		if err != nil {
			t.Fatal(err)
		}
		w := window(t, c.window)
		next := w.Next(at)
		got := ""
		if !next.IsZero() {
			got = next.UTC().Format(form)
		}
		if w.Open(at) != c.open || got != c.next {
			t.Errorf("%s at %s: open %v until %s, not %v until %s", c.window, c.at, w.Open(at), got, c.open, c.next)
		}
	}
}

// anyWindow is the text of a window, and anyMoment a time near which the clocks
// of its zone may change.
func anyWindow(t *rapid.T) string {
	days := rapid.SampledFrom([]string{"daily", "Mon", "Sat", "Sun", "Mon-Thu", "Fri-Mon", "Sat,Sun", "Tue-Wed,Sun", "Sun-Sat"}).Draw(t, "days")
	ranges := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		quarter := rapid.IntRange(0, 95)
		from, length := quarter.Draw(t, "from"), rapid.IntRange(1, 95).Draw(t, "length")
		clock := func(q int) string { return time.Date(2026, 1, 1, 0, 15*(q%96), 0, 0, time.UTC).Format("15:04") }
		return clock(from) + "-" + clock(from+length)
	}), 1, 3).Draw(t, "hours")
	zone := rapid.SampledFrom([]string{"UTC", "Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Santiago"}).Draw(t, "zone")
	return days + " " + strings.Join(ranges, ",") + " " + zone
}

func anyMoment(t *rapid.T, zone *time.Location) time.Time {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 365*24*60).Draw(t, "minute")) * time.Minute)
	if _, change := at.In(zone).ZoneBounds(); !change.IsZero() && rapid.Bool().Draw(t, "when the clocks change") {
		at = change.Add(time.Duration(rapid.IntRange(-36*60, 36*60).Draw(t, "from then")) * time.Minute)
	}
	return at.Add(time.Duration(rapid.IntRange(0, 59).Draw(t, "second")) * time.Second)
}

// shows is what the clock on the wall says, found without the code under test.
func shows(text string, at time.Time) bool {
	words := strings.Fields(text)
	zone, _ := time.LoadLocation(words[2])
	there := at.In(zone)
	on := func(day string) bool {
		order := []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
		return words[0] == "daily" || slices.ContainsFunc(strings.Split(words[0], ","), func(part string) bool {
			first, last, _ := strings.Cut(part+"-"+part, "-")
			last, _, _ = strings.Cut(last, "-")
			from := slices.Index(order, first)
			return slices.Contains(order[from:from+slices.Index(order[from:], last)+1], day)
		})
	}
	clock, today, yesterday := there.Format("15:04"), there.Format("Mon"), there.Weekday().String()
	yesterday = map[string]string{"Monday": "Sun", "Tuesday": "Mon", "Wednesday": "Tue", "Thursday": "Wed", "Friday": "Thu", "Saturday": "Fri", "Sunday": "Sat"}[yesterday]
	return slices.ContainsFunc(strings.Split(words[1], ","), func(part string) bool {
		from, until, _ := strings.Cut(part, "-")
		if from < until {
			return on(today) && from <= clock && clock < until
		}
		return on(today) && from <= clock || on(yesterday) && clock < until
	})
}

// TestWindowsAgreeWithTheWall: a window is open when the clock there says so,
// and its next change is the first minute that says otherwise.
func TestWindowsAgreeWithTheWall(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := anyWindow(t)
		w, err := ParseWindow(text)
		if err != nil {
			t.Fatalf("%q %v", text, err)
		}
		at := anyMoment(t, w.zone)
		if w.Open(at) != shows(text, at) {
			t.Fatalf("%s at %s: open %v", text, at.In(w.zone), w.Open(at))
		}
		next := w.Next(at)
		end := at.Add(8 * 24 * time.Hour)
		if !next.IsZero() && next.Before(end) {
			end = next
			if !next.After(at) || shows(text, next) == shows(text, at) {
				t.Fatalf("%s at %s: %s is no change", text, at.In(w.zone), next.In(w.zone))
			}
		}
		for minute := at; minute.Before(end); minute = minute.Add(5 * time.Minute) {
			if shows(text, minute) != shows(text, at) {
				t.Fatalf("%s at %s: it changes before %s, by %s", text, at.In(w.zone), next.In(w.zone), minute.In(w.zone))
			}
		}
	})
}

func TestWindowVerdicts(t *testing.T) {
	t.Parallel()
	office, friday := "Mon-Thu 09:00-17:00 Europe/Stockholm", "Fri 12:00-24:00 UTC"
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		gate         WindowGate
		now          string
		result       Result
		says         string
		since, until string
	}{
		{WindowGate{Allow: []string{office}}, "2026-11-20T12:00:00Z", Wait, "Only " + office + "; opens Mon 23 Nov 09:00.", "2026-11-19T16:00:00Z", "2026-11-23T08:00:00Z"},
		{WindowGate{Allow: []string{office}}, "2026-11-23T09:00:00Z", Pass, "Open until Mon 23 Nov 17:00, Europe/Stockholm.", "2026-11-23T08:00:00Z", "2026-11-23T16:00:00Z"},
		{WindowGate{Deny: []string{friday}}, "2026-11-20T13:00:00Z", Wait, "Not " + friday + "; opens Sat 21 Nov 00:00.", "2026-11-20T12:00:00Z", "2026-11-21T00:00:00Z"},
		{WindowGate{Deny: []string{friday}}, "2026-11-20T11:00:00Z", Pass, "Open until Fri 20 Nov 12:00, UTC.", "2026-11-14T00:00:00Z", "2026-11-20T12:00:00Z"},
		{WindowGate{Allow: []string{"daily 00:00-24:00 UTC"}, Deny: []string{friday}}, "2026-11-20T13:00:00Z", Wait, "Not " + friday + "; opens Sat 21 Nov 00:00.", "2026-11-20T12:00:00Z", "2026-11-21T00:00:00Z"},
		{WindowGate{Allow: []string{"Sat 00:00-24:00 UTC", "Sun 00:00-24:00 UTC"}}, "2026-11-20T13:00:00Z", Wait, "Only Sat 00:00-24:00 UTC or Sun 00:00-24:00 UTC; opens Sat 21 Nov 00:00.", "2026-11-16T00:00:00Z", "2026-11-21T00:00:00Z"},
		{WindowGate{Allow: []string{"Sat 00:00-24:00 UTC", "Sun 00:00-24:00 UTC"}}, "2026-11-21T13:00:00Z", Pass, "Open until Mon 23 Nov 00:00, UTC.", "2026-11-21T00:00:00Z", "2026-11-23T00:00:00Z"},
		{WindowGate{Allow: []string{"daily 00:00-24:00 UTC"}}, "2026-11-20T13:00:00Z", Pass, "Open at all times.", "", ""},
		{WindowGate{Allow: []string{"Fri 00:00-24:00 UTC"}, Deny: []string{"daily 00:00-24:00 UTC"}}, "2026-11-20T13:00:00Z", Wait, "Not daily 00:00-24:00 UTC; never opens.", "", ""},
		{WindowGate{Allow: []string{"some day"}}, "2026-11-20T13:00:00Z", Unknown, `The window cannot be read: "some day" ` + windowForm + ".", "", ""},
		{WindowGate{}, "2026-11-20T13:00:00Z", Unknown, "The window cannot be read: the gate names no window.", "", ""},
	} {
		f := facts(gate(Gate{Window: &c.gate}), func(f *GateFacts) { f.Now = at(c.now) })
		all := Verdicts(f)
		v := all[len(all)-1]
		if v.Gate != "window" || v.Result != c.result || v.Reason != c.says || (v.Result != Pass && v.Who == "") {
			t.Errorf("%+v at %s: %+v", c.gate, c.now, v)
		}
		for _, times := range []struct {
			got  *time.Time
			want string
		}{{v.Since, c.since}, {v.Until, c.until}} {
			got := ""
			if times.got != nil {
				got = times.got.UTC().Format(time.RFC3339)
			}
			if got != times.want {
				t.Errorf("%+v at %s: %s, not %s", c.gate, c.now, got, times.want)
			}
		}
	}
}

// TestDenyBeatsAllow at every moment, whatever the windows.
func TestDenyBeatsAllow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := WindowGate{Deny: []string{anyWindow(t)}}
		if rapid.Bool().Draw(t, "allows") {
			g.Allow = []string{anyWindow(t), anyWindow(t)}
		}
		allow, deny, err := g.windows()
		if err != nil {
			t.Fatal(err)
		}
		at := anyMoment(t, deny[0].zone)
		allowed := len(allow) == 0 || shows(g.Allow[0], at) || shows(g.Allow[1], at)
		f := facts(func(f *GateFacts) { f.Now = at })
		v := windowVerdict(f, g)
		if open := v.Result == Pass; open != (allowed && !shows(g.Deny[0], at)) {
			t.Fatalf("%+v at %s: %+v", g, at, v)
		}
		if v.Until != nil && (!v.Until.After(at) || windowVerdict(facts(func(f *GateFacts) { f.Now = *v.Until }), g).Result == v.Result) {
			t.Fatalf("%+v at %s: nothing changes at %s", g, at, v.Until)
		}
	})
}

func TestWindowGatesThatAreRefused(t *testing.T) {
	t.Parallel()
	long := slices.Repeat([]string{"daily 00:00-12:00 UTC"}, maxWindows+1)
	for field, g := range map[string]WindowGate{
		"":          {},
		".allow":    {Allow: long},
		".deny[1]":  {Deny: []string{"Mon 09:00-17:00 UTC", "x"}},
		".allow[0]": {Allow: []string{"Mon 09:00-17:00 Mars"}},
	} {
		if faults := g.Check(); len(faults) != 1 || faults[0].Field != field {
			t.Errorf("%q: %v", field, faults)
		}
	}
	never := WindowGate{Allow: []string{"Mon-Fri 09:00-17:00 UTC"}, Deny: []string{"daily 08:00-18:00 UTC"}}
	if faults := never.Check(); len(faults) != 1 || !strings.Contains(faults[0].Message, "never opens") {
		t.Errorf("%v", faults)
	}
	if faults := (WindowGate{Allow: []string{"Mon-Thu 09:00-17:00 Europe/Stockholm"}, Deny: []string{"Wed 00:00-24:00 UTC"}}).Check(); len(faults) != 0 {
		t.Errorf("a good one: %v", faults)
	}
}
