package calendar

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const holidays = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n" +
	"BEGIN:VTIMEZONE\r\nTZID:Europe/Stockholm\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n" +
	"BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20251224\r\nDTEND;VALUE=DATE:20251227\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Christmas\\, and the\r\n  days after\r\n" +
	"BEGIN:VALARM\r\nTRIGGER:-PT15M\r\nDURATION:PT1M\r\nSUMMARY:Not this\r\nEND:VALARM\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:2\r\nDTSTART;TZID=\"Europe/Stockholm\":20260102T170000\r\nDTEND;TZID=Europe/Stockholm:20260105T080000\r\nRRULE:FREQ=WEEKLY;UNTIL=20261231T225959Z\r\n" +
	"EXDATE;TZID=Europe/Stockholm:20260109T170000\r\nEXDATE;VALUE=DATE:20260116\r\nEXDATE:20260123T160000Z\r\nSUMMARY:Weekend\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:2\r\nRECURRENCE-ID;TZID=Europe/Stockholm:20260130T170000\r\nDTSTART;TZID=Europe/Stockholm:20260130T120000\r\nDURATION:P2DT20H\r\nSUMMARY:Weekend\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:3\r\nSTATUS:CANCELLED\r\nDTSTART:20260601T000000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:4\r\nDTSTART:20260601T000000Z\r\nDURATION:P1W\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:5\r\nDTSTART;VALUE=DATE:20260606\r\nSUMMARY:National day\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func TestEvents(t *testing.T) {
	t.Parallel()
	var s Calendars
	got, err := s.Events([]byte(holidays), "America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	want := []slipway.Calendar{
		{Name: "Christmas, and the days after", Zone: "America/New_York", Duration: slipway.Duration(72 * time.Hour), Rule: "DTSTART:20251224T000000\nRRULE:FREQ=YEARLY"},
		{Name: "Weekend", Zone: "Europe/Stockholm", Duration: slipway.Duration(63 * time.Hour), Rule: "DTSTART:20260102T170000\nRRULE:FREQ=WEEKLY;UNTIL=20261231T225959Z\n" +
			"EXDATE:20260109T170000\nEXDATE:20260116T170000\nEXDATE:20260123T170000\nEXDATE:20260130T170000"},
		{Name: "Weekend", Zone: "Europe/Stockholm", Duration: slipway.Duration(68 * time.Hour), Rule: "DTSTART:20260130T120000"},
		{Name: "unnamed", Zone: "UTC", Duration: slipway.Duration(7 * 24 * time.Hour), Rule: "DTSTART:20260601T000000"},
		{Name: "National day", Zone: "America/New_York", Duration: slipway.Duration(24 * time.Hour), Rule: "DTSTART:20260606T000000"},
	}
	if len(got) != len(want) {
		t.Fatalf("%d events: %+v", len(got), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %+v\nwant %+v", got[i], want[i])
		}
	}
	_, after, err := s.Around(got[1], moment(t, "2026-01-06T00:00Z"), 2)
	if list := strings.Join(texts(after), ", "); err != nil || list != "2026-02-06T16:00Z 2026-02-09T07:00Z, 2026-02-13T16:00Z 2026-02-16T07:00Z" {
		t.Errorf("weekends left: %s, %v", list, err)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	event := func(lines ...string) string { return "BEGIN:VEVENT\n" + strings.Join(lines, "\n") + "\nEND:VEVENT\n" }
	good := event("DTSTART:20260601T000000Z", "DURATION:PT1H")
	for says, file := range map[string]string{
		"holds no VEVENT":                                  "BEGIN:VCALENDAR\nEND:VCALENDAR\n",
		"is at most 256 KiB long":                          strings.Repeat("X-FILL:x\n", 40<<10),
		"holds at most 100 events, and not 101":            strings.Repeat(good, 101),
		`line 2: file: has the line "nothing"`:             "BEGIN:VCALENDAR\nnothing\n",
		"line 1: file: begins an event that does not end":  "BEGIN:VEVENT\nDTSTART:20260601T000000Z\n",
		"line 2: file: begins an event within another":     "BEGIN:VEVENT\nBEGIN:VEVENT\n",
		`line 1: file: "x" has no DTSTART`:                 event("SUMMARY:x"),
		`line 1: file: "x" has neither DTEND nor DURATION`: event("SUMMARY:x", "DTSTART:20260601T000000Z"),
		`has the duration "P1DTX"`:                         event("DTSTART:20260601T000000Z", "DURATION:P1DTX"),
		`has the duration "-P1D"`:                          event("DTSTART:20260601T000000Z", "DURATION:-P1D"),
		"duration is between a minute":                     event("DTSTART:20260601T120000Z", "DTEND:20260601T110000Z"),
		"is in a zone that is not known here":              event("DTSTART;TZID=W. Europe Standard Time:20260601T120000", "DURATION:PT1H"),
		`"" is no time zone`:                               event("DTSTART:20260601T120000", "DURATION:PT1H"),
		"begins in one zone and ends in another":           event("DTSTART;TZID=Europe/Stockholm:20260601T120000", "DTEND;TZID=Europe/Paris:20260601T130000"),
		"comes again daily, weekly, monthly or yearly":     event("DTSTART:20260601T120000Z", "DURATION:PT1H", "RRULE:FREQ=SECONDLY"),
		`has the time "20260601T120000Z/PT1H"`:             event("DTSTART:20260601T120000Z", "DURATION:PT1H", "RDATE;VALUE=PERIOD:20260601T120000Z/PT1H"),
		`has the time "June"`:                              event("DTSTART:June", "DURATION:PT1H"),
	} {
		var s Calendars
		zone := "UTC"
		if strings.HasSuffix(says, "is no time zone") {
			zone = ""
		}
		_, err := s.Events([]byte(file), zone)
		var e *slipway.Error
		if !errors.As(err, &e) || e.Code != slipway.CodeInvalid || len(e.Fields) != 1 || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte(holidays), "UTC")
	f.Add([]byte("BEGIN:VEVENT\nDTSTART;X=\":\":20260601T000000Z\n ;\nDURATION:P1W\nEND:VEVENT"), "")
	f.Fuzz(func(t *testing.T, file []byte, zone string) {
		var s Calendars
		calendars, err := s.Events(file, zone)
		if err != nil && slipway.CodeOf(err) != slipway.CodeInvalid {
			t.Errorf("%v", err)
		}
		for _, c := range calendars {
			if _, _, err := s.Around(c, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), 2); err != nil || c.Name == "" {
				t.Error(fmt.Sprintf("%+v", c), err)
			}
		}
	})
}
