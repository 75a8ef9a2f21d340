package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFreezeCalendars(t *testing.T) {
	r := newClientRig(t)
	add := []string{"freeze", "calendar", "add", "Weekends", "--environment", "prod", "--start", "2026-01-02T17:00", "--for", "63h", "--zone", "Europe/Stockholm",
		"--repeat", "FREQ=WEEKLY;BYDAY=FR", "--except", "2026-05-01T17:00", "--reason", "rest"}
	r.expect(exitOK, "None.", "freeze", "calendar", "list")
	r.expect(exitOK, "DTSTART:20260102T170000 RRULE:FREQ=WEEKLY;BYDAY=FR EXDATE:20260501T170000", add...)
	r.expect(exitUsage, `--start "soon" is no time`, "freeze", "calendar", "add", "X", "--start", "soon")
	r.expect(exitUsage, `--except "never" is no time`, "freeze", "calendar", "add", "X", "--start", "2026-01-02", "--except", "never")
	r.expect(exitUsage, "--reason is needed", "freeze", "calendar", "add", "X", "--start", "2026-01-02")
	r.expect(exitFailed, "duration: ", "freeze", "calendar", "add", "X", "--start", "2026-01-02", "--zone", "UTC", "--reason", "x")
	r.expect(exitFailed, "rule: comes again daily, weekly, monthly or yearly", "freeze", "calendar", "add", "X", "--start", "2026-01-02", "--zone", "UTC", "--for", "1h", "--repeat", "FREQ=HOURLY", "--reason", "x")
	file := filepath.Join(t.TempDir(), "days.ics")
	fatal(t, os.WriteFile(file, []byte("BEGIN:VEVENT\r\nSUMMARY:National day\r\nDTSTART;VALUE=DATE:20260606\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\n"), 0o600))
	r.expect(exitFailed, `line 1, file: "National day" is in a zone that is not known here`, "freeze", "calendar", "import", file, "--reason", "rest")
	r.expect(exitOK, "National day", "freeze", "calendar", "import", file, "--reason", "rest", "--zone", "Europe/Stockholm", "--allow")
	r.expect(exitOK, "2   National day  (all)        allow  24h", "freeze", "calendar", "list")
	r.expect(exitOK, "Calendar 2 is removed.", "freeze", "calendar", "remove", "2")
	r.expect(exitFailed, "There is no calendar", "freeze", "calendar", "remove", "2")
	r.be("viewer")
	r.expect(exitDenied, "You may not manage freezes of environment prod", "freeze", "calendar", "remove", "1")
	r.be("admin")
	r.expect(exitOK, "holidays", "freeze", "prod", "--until", "36h", "--reason", "holidays")
	r.expect(exitUsage, "freeze calendar has no command", "freeze", "calendar", "melt")
}
