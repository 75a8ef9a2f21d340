package calendar

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const form = "2006-01-02T15:04Z07:00"

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(form, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func stockholm(duration time.Duration, lines ...string) slipway.Calendar {
	return slipway.Calendar{Rule: strings.Join(lines, "\n"), Duration: slipway.Duration(duration), Zone: "Europe/Stockholm"}
}

func texts(spans []slipway.Span) []string {
	out := []string{}
	for _, s := range spans {
		out = append(out, s.From.Format(form)+" "+s.Until.Format(form))
	}
	return out
}

func TestOccurrences(t *testing.T) {
	t.Parallel()
	weekend := stockholm(63*time.Hour, "DTSTART:20260102T170000", "RRULE:FREQ=WEEKLY;BYDAY=FR")
	for name, c := range map[string]struct {
		calendar slipway.Calendar
		at       string
		before   string
		after    []string
	}{
		"between weekends": {weekend, "2026-11-18T12:00Z", "2026-11-13T16:00Z 2026-11-16T07:00Z",
			[]string{"2026-11-20T16:00Z 2026-11-23T07:00Z", "2026-11-27T16:00Z 2026-11-30T07:00Z"}},
		"within one": {weekend, "2026-11-21T12:00Z", "2026-11-13T16:00Z 2026-11-16T07:00Z",
			[]string{"2026-11-20T16:00Z 2026-11-23T07:00Z", "2026-11-27T16:00Z 2026-11-30T07:00Z"}},
		"at its end": {weekend, "2026-11-23T07:00Z", "2026-11-20T16:00Z 2026-11-23T07:00Z",
			[]string{"2026-11-27T16:00Z 2026-11-30T07:00Z", "2026-12-04T16:00Z 2026-12-07T07:00Z"}},
		"when summer begins": {weekend, "2026-03-28T12:00Z", "2026-03-20T16:00Z 2026-03-23T07:00Z",
			[]string{"2026-03-27T16:00Z 2026-03-30T06:00Z", "2026-04-03T15:00Z 2026-04-06T06:00Z"}},
		"when summer ends": {weekend, "2026-10-24T12:00Z", "2026-10-16T15:00Z 2026-10-19T06:00Z",
			[]string{"2026-10-23T15:00Z 2026-10-26T07:00Z", "2026-10-30T16:00Z 2026-11-02T07:00Z"}},
		"an hour that is left out": {stockholm(time.Hour, "DTSTART:20260322T023000", "RRULE:FREQ=WEEKLY"), "2026-03-25T00:00Z",
			"2026-03-22T01:30Z 2026-03-22T02:30Z", []string{"2026-03-29T01:00Z 2026-03-29T01:30Z", "2026-04-05T00:30Z 2026-04-05T01:30Z"}},
		"half an hour that is left out": {stockholm(30*time.Minute, "DTSTART:20260328T021500", "RRULE:FREQ=DAILY"), "2026-03-28T12:00Z",
			"2026-03-28T01:15Z 2026-03-28T01:45Z", []string{"2026-03-30T00:15Z 2026-03-30T00:45Z", "2026-03-31T00:15Z 2026-03-31T00:45Z"}},
		"an hour that comes twice": {stockholm(time.Hour, "DTSTART:20261018T023000", "RRULE:FREQ=WEEKLY"), "2026-10-20T00:00Z",
			"2026-10-18T00:30Z 2026-10-18T01:30Z", []string{"2026-10-25T00:30Z 2026-10-25T02:30Z", "2026-11-01T01:30Z 2026-11-01T02:30Z"}},
		"Christmas": {stockholm(14*24*time.Hour, "DTSTART;VALUE=DATE:20251222", "RRULE:FREQ=YEARLY"), "2026-11-21T00:00Z",
			"2025-12-21T23:00Z 2026-01-04T23:00Z", []string{"2026-12-21T23:00Z 2027-01-04T23:00Z", "2027-12-21T23:00Z 2028-01-04T23:00Z"}},
		"the last day of the month, but for December": {stockholm(24*time.Hour, "DTSTART:20260131T000000", "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1", "EXDATE:20261231T000000"),
			"2026-11-29T00:00Z", "2026-10-30T23:00Z 2026-10-31T23:00Z", []string{"2026-11-29T23:00Z 2026-11-30T23:00Z", "2027-01-30T23:00Z 2027-01-31T23:00Z"}},
		"once":               {stockholm(2*time.Hour, "DTSTART:20261224T120000"), "2026-11-29T00:00Z", "", []string{"2026-12-24T11:00Z 2026-12-24T13:00Z"}},
		"once, in UTC":       {stockholm(2*time.Hour, "DTSTART:20261224T120000Z"), "2026-11-29T00:00Z", "", []string{"2026-12-24T12:00Z 2026-12-24T14:00Z"}},
		"thrice":             {stockholm(time.Hour, "DTSTART:20261201T120000", "RDATE:20261202T120000,20261203T120000", "EXDATE:20261201T120000"), "2026-11-29T00:00Z", "", []string{"2026-12-02T11:00Z 2026-12-02T12:00Z", "2026-12-03T11:00Z 2026-12-03T12:00Z"}},
		"it is over":         {stockholm(time.Hour, "DTSTART:20261201T120000", "RRULE:FREQ=DAILY;COUNT=2"), "2027-01-01T00:00Z", "2026-12-02T11:00Z 2026-12-02T12:00Z", []string{}},
		"until a moment":     {stockholm(time.Hour, "DTSTART:20261201T000000", "RRULE:FREQ=DAILY;UNTIL=20261202T225959Z"), "2026-11-30T00:00Z", "", []string{"2026-11-30T23:00Z 2026-12-01T00:00Z", "2026-12-01T23:00Z 2026-12-02T00:00Z"}},
		"until a day":        {stockholm(time.Hour, "DTSTART:20261201T120000", "RRULE:FREQ=DAILY;UNTIL=20261202"), "2026-12-02T00:00Z", "2026-12-01T11:00Z 2026-12-01T12:00Z", []string{"2026-12-02T11:00Z 2026-12-02T12:00Z"}},
		"a day that is rare": {stockholm(24*time.Hour, "DTSTART:20240229T000000", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"), "2025-01-01T00:00Z", "2024-02-28T23:00Z 2024-02-29T23:00Z", []string{"2028-02-28T23:00Z 2028-02-29T23:00Z", "2032-02-28T23:00Z 2032-02-29T23:00Z"}},
	} {
		var s Calendars
		if faults := s.Check(c.calendar); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
			continue
		}
		before, after, err := s.Around(c.calendar, moment(t, c.at), 2)
		got := ""
		if before != nil {
			got = texts([]slipway.Span{*before})[0]
		}
		if err != nil || got != c.before || !slices.Equal(texts(after), c.after) {
			t.Errorf("%s: after %s %v, %v", name, got, texts(after), err)
		}
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	t.Parallel()
	for says, c := range map[string]slipway.Calendar{
		"duration is between":                       stockholm(time.Second, "DTSTART:20261201T120000"),
		"duration is between a minute and 366 days": stockholm(367*24*time.Hour, "DTSTART:20261201T120000"),
		`zone "Mars" is no time zone`:               {Rule: "DTSTART:20261201T120000", Duration: slipway.Duration(time.Hour), Zone: "Mars"},
		`zone "" is no time zone`:                   {Rule: "DTSTART:20261201T120000", Duration: slipway.Duration(time.Hour)},
		"rule has no DTSTART":                       stockholm(time.Hour, "RRULE:FREQ=DAILY"),
		`rule has the line ""`:                      stockholm(time.Hour),
		"rule has two DTSTART":                      stockholm(time.Hour, "DTSTART:20261201T120000", "DTSTART:20261201T120000"),
		"rule has two RRULE":                        stockholm(time.Hour, "DTSTART:20261201T120000", "RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY"),
		"rule has a line SUMMARY":                   stockholm(time.Hour, "DTSTART:20261201T120000", "SUMMARY:x"),
		`rule has the time "tomorrow"`:              stockholm(time.Hour, "DTSTART:tomorrow"),
		`rule has the zone UTC, which is not`:       stockholm(time.Hour, "DTSTART;TZID=UTC:20261201T120000"),
		"rule begins between 2000 and 2100":         stockholm(time.Hour, "DTSTART:19991231T120000"),
		"rule has an RRULE that cannot be read":     stockholm(time.Hour, "DTSTART:20261201T120000", "RRULE:FREQ=SOMETIMES"),
		"has an RRULE that cannot be: bymonth":      stockholm(time.Hour, "DTSTART:20261201T120000", "RRULE:FREQ=YEARLY;BYMONTH=13"),
		"rule comes again daily, weekly":            stockholm(time.Hour, "DTSTART:20261201T120000", "RRULE:FREQ=MINUTELY"),
		"rule has an INTERVAL of at most 1000":      stockholm(time.Hour, "DTSTART:20261201T120000", "RRULE:FREQ=DAILY;INTERVAL=9223372036854775807"),
		"rule happens at most 24 times a day":       stockholm(time.Hour, "DTSTART:20261201T120000", "RRULE:FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=1,2,3,4,5,6,7,8,9"),
		"rule never happens":                        stockholm(time.Hour, "DTSTART:20261201T120000", "EXDATE:20261201T120000"),
		"rule holds at most 400 dates":              stockholm(time.Hour, "DTSTART:20261201T120000", "EXDATE:"+strings.Repeat("20261203T120000,", 400)+"20261202T120000"),
		"rule is at most 8192 bytes":                stockholm(time.Hour, strings.Repeat("x", 8193)),
	} {
		var s Calendars
		faults := s.Check(c)
		if len(faults) != 1 || !strings.Contains(faults[0].Field+" "+faults[0].Message, says) {
			t.Errorf("%s: %v", says, faults)
		}
		if _, _, err := s.Around(c, moment(t, "2026-11-21T00:00Z"), 1); err == nil {
			t.Errorf("%s: it was reckoned with", says)
		}
	}
	var s Calendars
	started := time.Now()
	if faults := s.Check(stockholm(time.Hour, "DTSTART:20261201T120000", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")); len(faults) != 1 || faults[0].Message != "never happens" {
		t.Errorf("30 February: %v", faults)
	}
	if spent := time.Since(started); spent > 10*time.Second {
		t.Errorf("it took %s to see that 30 February never comes", spent)
	}
}

// anyCalendar has a rule that people might write.
func anyCalendar(t *rapid.T) slipway.Calendar {
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 2*365*24*2).Draw(t, "start")) * 30 * time.Minute)
	rule := "DTSTART:" + start.Format("20060102T150405")
	if repeat := rapid.SampledFrom([]string{"", "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;BYDAY=SA,SU", "FREQ=WEEKLY;INTERVAL=2", "FREQ=MONTHLY;BYDAY=-1FR",
		"FREQ=MONTHLY;BYMONTHDAY=1,-1", "FREQ=YEARLY", "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU", "FREQ=DAILY;COUNT=500", "FREQ=DAILY;UNTIL=20260601"}).Draw(t, "repeat"); repeat != "" {
		rule += "\nRRULE:" + repeat
	}
	return slipway.Calendar{Rule: rule, Duration: slipway.Duration(time.Duration(rapid.IntRange(1, 100).Draw(t, "lasts")) * 30 * time.Minute),
		Zone: rapid.SampledFrom([]string{"UTC", "Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"}).Draw(t, "zone")}
}

func anyMoment(t *rapid.T) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(-365*24*60, 365*24*60).Draw(t, "minute")) * time.Minute)
}

// TestOccurrencesAreInOrder, do not end before they begin, are on the right side
// of the moment, and begin when the clock there shows the time of the rule.
func TestOccurrencesAreInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, at := anyCalendar(t), anyMoment(t)
		var s Calendars
		before, after, err := s.Around(c, at, 5)
		if err != nil {
			t.Fatalf("%s: %v", c.Rule, err)
		}
		if before != nil && before.Until.After(at) {
			t.Fatalf("at %s %s has ended", at, before.Until)
		}
		zone, _ := time.LoadLocation(c.Zone)
		last := time.Time{}
		for _, span := range after {
			if !span.Until.After(at) || span.From.Before(last) || !span.Until.After(span.From) {
				t.Fatalf("at %s: %v", at, texts(after))
			}
			last = span.From
			begins := c.Rule[len("DTSTART:20060102T"):][:4]
			shows := span.From.In(zone).Format("1504")
			if _, offset := span.From.In(zone).Zone(); shows != begins {
				_, was := span.From.Add(-3 * time.Hour).In(zone).Zone()
				if was == offset {
					t.Fatalf("%s begins at %s", c.Rule, span.From.In(zone))
				}
			}
		}
	})
}

// TestWhatIsRememberedIsWhatIsFound: in whatever order it is asked, the answers
// are those of one that remembers nothing.
func TestWhatIsRememberedIsWhatIsFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s Calendars
		c, at := anyCalendar(t), anyMoment(t)
		for range 12 {
			at = at.Add(time.Duration(rapid.IntRange(-60, 60*48).Draw(t, "passed")) * time.Minute)
			most := rapid.IntRange(1, 8).Draw(t, "most")
			before, after, err := s.Around(c, at, most)
			var fresh Calendars
			wantBefore, wantAfter, wantErr := fresh.Around(c, at, most)
			if (err == nil) != (wantErr == nil) || !reflect.DeepEqual(before, wantBefore) || !slices.Equal(after, wantAfter) {
				t.Fatalf("%s at %s: %v %v, not %v %v", c.Rule, at, before, texts(after), wantBefore, texts(wantAfter))
			}
		}
	})
}

func TestManyAskAtOnce(t *testing.T) {
	t.Parallel()
	var s Calendars
	done := make(chan error, 8)
	for i := range 8 {
		go func() {
			var err error
			for n := range 2 * maxKnown {
				c := stockholm(time.Duration(n%maxKnown+1)*time.Minute, "DTSTART:20261201T120000")
				if _, after, e := s.Around(c, time.Date(2026, 11, 1, i, 0, 0, 0, time.UTC), 1); e != nil || len(after) != 1 {
					err = fmt.Errorf("%v, %w", after, e)
				}
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func FuzzRule(f *testing.F) {
	f.Add("DTSTART:20261201T120000\nRRULE:FREQ=MONTHLY;BYDAY=2MO;BYSETPOS=-1", "UTC")
	f.Add("DTSTART;VALUE=DATE:20261201\nRRULE:FREQ=YEARLY;BYWEEKNO=20;BYEASTER=1\nEXDATE:20261202", "Europe/Stockholm")
	f.Add("DTSTART:20261201T120000Z\nRRULE:FREQ=WEEKLY;BYYEARDAY=-366;WKST=SU;UNTIL=20300101T000000Z\nRDATE:20270101T000000", "Asia/Kathmandu")
	f.Fuzz(func(t *testing.T, rule, zone string) {
		var s Calendars
		c := slipway.Calendar{Rule: rule, Zone: zone, Duration: slipway.Duration(time.Hour)}
		if len(s.Check(c)) > 0 {
			return
		}
		for _, year := range []int{1999, 2026, 2100} {
			if _, _, err := s.Around(c, time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC), 3); err != nil {
				t.Errorf("%q was taken, and then %v", rule, err)
			}
		}
	})
}
