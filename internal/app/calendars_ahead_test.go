package app_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestCalendarsAhead: a preview says what the calendar then makes, refuses what
// would be refused, and keeps nothing.
func TestCalendarsAhead(t *testing.T) {
	t.Parallel()
	r := shipped(t, "1")
	before := r.all()
	seen := must(r.PreviewCalendar(r.ctx, root, weekends("staging")))(t)
	friday := time.Date(2026, 3, 6, 17, 0, 0, 0, time.UTC)
	if len(seen.Next) != 5 || !seen.Next[0].From.Equal(friday) || !seen.Next[4].From.Equal(friday.AddDate(0, 0, 28)) || seen.Kind != slipway.CalendarDeny {
		t.Errorf("preview: %+v", seen)
	}
	file := []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Christmas\r\nDTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\nEND:VEVENT\r\n" +
		"BEGIN:VEVENT\r\nSUMMARY:Long ago\r\nDTSTART;VALUE=DATE:20201224\r\nDTEND;VALUE=DATE:20201227\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	events := must(r.PreviewCalendars(r.ctx, root, app.ImportCalendars{File: file, Zone: "UTC", Reason: "nobody is here"}))(t)
	if len(events) != 2 || events[0].Name != "Christmas" || len(events[0].Next) != 1 || len(events[1].Next) != 0 {
		t.Errorf("events: %+v", events)
	}
	refused(t, of(r.PreviewCalendar(r.ctx, dev, weekends("staging"))), slipway.CodeDenied, "")
	refused(t, of(r.PreviewCalendar(r.ctx, root, weekends("mars"))), slipway.CodeNotFound, "mars")
	refused(t, of(r.PreviewCalendar(r.ctx, root, app.AddCalendar{Rule: "x", Zone: "UTC"})), slipway.CodeInvalid, "name")
	refused(t, of(r.PreviewCalendars(r.ctx, root, app.ImportCalendars{File: file, Zone: "UTC"})), slipway.CodeInvalid, "reason")
	if r.all() != before {
		t.Error("a preview kept something")
	}
	added := must(r.AddCalendar(r.ctx, root, weekends("staging")))(t)
	list := must(r.CalendarsAhead(r.ctx, viewer))(t)
	if len(list) != 1 || list[0].ID != added.ID || len(list[0].Next) != 5 || list[0].Next[0] != seen.Next[0] {
		t.Errorf("list: %+v", list)
	}
}
