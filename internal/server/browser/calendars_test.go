package browser_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// weekend is the simple form, filled in.
func weekend(more ...string) []string {
	return append([]string{"name", "Weekends", "environment", "production", "kind", "deny", "reason", "nobody is there", "zone", "Europe/Stockholm",
		"starts", "2026-11-20T17:00", "ends", "2026-11-23T08:00", "repeats", "FREQ=WEEKLY", "until", "2027-01-31", "intent", "preview"}, more...)
}

func (w *world) calendarPosts() {
	w.t.Helper()
	const places, form = "/settings/environments", "/settings/calendars?from=form"
	seen := w.fill("Ana", "/settings/calendars/new", form, weekend()...).status(http.StatusOK).says("What it makes next", "Fri 20 Nov 2026 17:00 to Mon 23 Nov 2026 08:00 CET 2 d 15 h", "weekly until 2027-01-31, Europe/Stockholm", "Add Weekends")
	checkPage(seen)
	again := seen.form(form)
	again.Set("intent", "add")
	w.send("Ana", http.MethodPost, form, again).leadsTo(places)
	w.get("Ana", places).says("Weekends", "nobody is there", "Fri 20 Nov 17:00 to Mon 23 Nov 08:00", "by calendar")
	w.fill("Ana", places, "/settings/calendars/1/remove").leadsTo(places)
}

func (w *world) calendars() int {
	w.t.Helper()
	list, err := w.app.FreezeCalendars(w.t.Context(), w.actor("Ana"))
	must(w.t, err)
	return len(list)
}

// TestCalendarIsSeenBeforeItIsKept: nothing is added that was not shown, and the
// same form sent twice adds one.
func TestCalendarIsSeenBeforeItIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	const form = "/settings/calendars?from=form"
	seen := w.fill("Ana", "/settings/calendars/new", form, weekend("intent", "add")...).status(http.StatusOK).says("nothing was added yet")
	values := seen.form(form)
	values.Set("intent", "add")
	values.Set("ends", "2026-11-24T08:00")
	seen = w.send("Ana", http.MethodPost, form, values).status(http.StatusOK).says("It is not what you saw before", "Tue 24 Nov 2026 08:00")
	if n := w.calendars(); n != 0 {
		t.Fatalf("%d calendars were added unseen", n)
	}
	values = seen.form(form)
	values.Set("intent", "add")
	for range 2 {
		w.send("Ana", http.MethodPost, form, values).leadsTo("/settings/environments")
	}
	if n := w.calendars(); n != 1 {
		t.Errorf("%d calendars after the same form twice", n)
	}
}

// TestCalendarFaultsStandBesideTheirFields, and what was typed stays.
func TestCalendarFaultsStandBesideTheirFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	for name, c := range map[string]struct {
		from string
		typed,
		says []string
	}{
		"times":    {"form", weekend("starts", "soon", "ends", "2026-11-20T17:00"), []string{"starts: is a date with a time", "Is a date with a time"}},
		"order":    {"form", weekend("ends", "2026-11-20T17:00"), []string{"ends: is after it starts", "Is after it starts."}},
		"too long": {"form", weekend("ends", "2028-11-20T17:00"), []string{"Is between a minute and 366 days"}},
		"until":    {"form", weekend("until", "never"), []string{"Is a day, such as"}},
		"zone":     {"form", weekend("zone", "Mars"), []string{"no time zone"}},
		"reason":   {"form", weekend("reason", "", "name", ""), []string{"Is needed, so that others know which it is.", "Is needed, so that others know why they wait."}},
		"gone":     {"form", weekend("environment", "attic"), []string{"Is not there any more."}},
		"rule":     {"rule", []string{"name", "Weekends", "rule", "FREQ", "lasts", "1h", "zone", "UTC", "reason", "so"}, []string{"rule: has"}},
		"lasts":    {"rule", []string{"name", "Weekends", "rule", "DTSTART:20260101T000000", "lasts", "long", "zone", "UTC", "reason", "so"}, []string{"Is a duration such as 63h or 90m."}},
		"file":     {"file", []string{"name", "Weekends", "text", "Weekends", "reason", "so"}, []string{"file"}},
		"no file":  {"file", []string{"name", "Weekends", "reason", "Weekends"}, []string{"Is needed, or its text below."}},
	} {
		action := "/settings/calendars?from=" + c.from
		a := w.fill("Ana", "/settings/calendars/new?from="+c.from, action, c.typed...).status(http.StatusUnprocessableEntity).says("Nothing was added yet.").says(c.says...)
		if kept := a.form(action).Encode(); name != "reason" && !strings.Contains(kept, "Weekends") {
			t.Errorf("%s: the draft is lost: %s", name, kept)
		}
		checkPage(a)
	}
	w.get("Ben", "/settings/calendars/new").status(http.StatusOK).says("Why you cannot add one")
	values := url.Values{}
	for i, typed := 0, weekend(); i < len(typed); i += 2 {
		values.Set(typed[i], typed[i+1])
	}
	w.send("Ben", http.MethodPost, "/settings/calendars?from=form", values).status(http.StatusForbidden)
}

// TestCalendarFileIsUploaded: the file is shown as text, so that it is not asked
// for again, and each of its events becomes a calendar.
func TestCalendarFileIsUploaded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	const file = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Christmas\r\nDTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\nEND:VEVENT\r\n" +
		"BEGIN:VEVENT\r\nSUMMARY:Inventory\r\nDTSTART:20261230T080000Z\r\nDTEND:20261230T120000Z\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	const action = "/settings/calendars?from=file"
	values := w.get("Ana", "/settings/calendars/new?from=file").status(http.StatusOK).form(action)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	values.Del("zone")
	values.Del("reason")
	for name := range values {
		must(t, form.WriteField(name, values.Get(name)))
	}
	must(t, form.WriteField("reason", "nobody is there"))
	must(t, form.WriteField("zone", "Europe/Stockholm"))
	part, err := form.CreateFormFile("upload", "days.ics")
	must(t, err)
	_, err = part.Write([]byte(file))
	must(t, err)
	must(t, form.Close())
	r := httptest.NewRequest(http.MethodPost, "http://example.com"+action, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("X-As", "Ana")
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	seen := answer{rec, t, action}.status(http.StatusOK).says("Christmas once, Europe/Stockholm", "Inventory yearly, UTC", "Add 2 calendars")
	again := seen.form(action)
	again.Set("intent", "add")
	again.Set("reason", "nobody is there")
	w.send("Ana", http.MethodPost, action, again).leadsTo("/settings/environments")
	if n := w.calendars(); n != 2 {
		t.Errorf("%d calendars of 2 events", n)
	}
}
