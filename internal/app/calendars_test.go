package app_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// weekends begin on Fridays at 17:00 in UTC and end on Mondays at 08:00.
func weekends(environment string) app.AddCalendar {
	return app.AddCalendar{Environment: environment, Name: "Weekends", Reason: "nobody is here", Zone: "UTC",
		Rule: "DTSTART:20260102T170000\nRRULE:FREQ=WEEKLY;BYDAY=FR", Duration: slipway.Duration(63 * time.Hour)}
}

// office is from 9 to 17 on weekdays, and the only time to deploy.
func office(environment string) app.AddCalendar {
	return app.AddCalendar{Environment: environment, Name: "Office hours", Kind: slipway.CalendarAllow, Reason: "somebody is here", Zone: "UTC",
		Rule: "DTSTART:20260101T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", Duration: slipway.Duration(8 * time.Hour)}
}

// until lets the clock go on to a day of March 2026.
func (r *rig) until(day, hour int) {
	r.t.Helper()
	at := time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC)
	if at.Before(r.clock()) {
		r.t.Fatalf("it is %s already", r.clock())
	}
	r.after(at.Sub(r.clock()))
}

// TestCalendarsFreeze as freezes do: they hold promotions, let rollbacks pass,
// and are listed wherever freezes are.
func TestCalendarsFreeze(t *testing.T) {
	t.Parallel()
	r := shipped(t, "1", "2")
	r.release("shop", "3")
	added := must(r.AddCalendar(r.ctx, root, weekends("staging")))(t)
	if added.ID == 0 || added.Kind != slipway.CalendarDeny || added.By != "Root" || !added.CreatedAt.Equal(r.clock()) {
		t.Errorf("added: %+v", added)
	}
	friday, monday := time.Date(2026, 3, 6, 17, 0, 0, 0, time.UTC), time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)
	for name, list := range map[string][]slipway.Freeze{
		"all": must(r.Freezes(r.ctx, stranger))(t), "board": must(r.Board(r.ctx, viewer, app.BoardFilter{}, page))(t).Freezes,
		"inbox": must(r.Inbox(r.ctx, viewer))(t).Freezes, "service": must(r.ServicePage(r.ctx, viewer, "shop"))(t).Freezes,
		"stage": must(r.StagePage(r.ctx, viewer, "shop", "staging"))(t).Freezes,
	} {
		if len(list) != 1 || list[0].Calendar != added.ID || list[0].ID != 0 || list[0].Environment != "staging" || list[0].Reason != "Weekends: nobody is here." ||
			!list[0].From.Equal(friday) || !list[0].Until.Equal(monday) {
			t.Errorf("%s: %+v", name, list)
		}
	}
	if list := must(r.StagePage(r.ctx, viewer, "shop", "prod"))(t).Freezes; len(list) != 0 {
		t.Errorf("another environment is frozen, too: %+v", list)
	}
	r.until(7, 12)
	if list := must(r.Freezes(r.ctx, stranger))(t); len(list) != 2 || !list[0].Active(r.clock()) || !list[1].From.Equal(friday.AddDate(0, 0, 7)) {
		t.Errorf("on a Saturday: %+v", list)
	}
	d := r.drive(r.promote(dev, "3", "staging").ID)
	v := gate(t, d.Verdicts, "freeze")
	if d.State != slipway.Waiting || v.Reason != "staging is frozen: Weekends: nobody is here." || !v.Since.Equal(friday) || !v.Until.Equal(monday) || v.Who == "" {
		t.Fatalf("it is %s: %+v", d.State, v)
	}
	back := must(r.rollback(""))(t)
	if back = r.drive(back.ID); back.State != slipway.Succeeded {
		t.Errorf("the rollback is %s: %s", back.State, back.Message)
	}
	d = r.drive(r.promote(dev, "3", "staging").ID)
	if !d.NextWakeAt.Before(monday.Add(time.Second)) {
		t.Errorf("it is looked at again at %s", d.NextWakeAt)
	}
	r.until(9, 8)
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Errorf("on Monday it is %s: %s", d.State, d.Message)
	}
	ok(t, r.RemoveCalendar(r.ctx, root, app.RemoveCalendar{Calendar: added.ID}))
	refused(t, r.RemoveCalendar(r.ctx, root, app.RemoveCalendar{Calendar: added.ID}), hidden)
	if list := must(r.Freezes(r.ctx, stranger))(t); len(list) != 0 {
		t.Errorf("what was removed still freezes: %+v", list)
	}
}

// TestDenyBeatsAllow: with calendars that allow, only their occurrences open an
// environment, and only where nothing denies.
func TestDenyBeatsAllow(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.release("shop", "1", "2", "3")
	must(r.AddCalendar(r.ctx, root, office("")))(t)
	r.until(2, 20) // a Monday
	d := r.drive(r.promote(dev, "1", "staging").ID)
	v := gate(t, d.Verdicts, "freeze")
	if d.State != slipway.Waiting || v.Reason != "staging is frozen: deployments start within Office hours only: somebody is here." || v.Until.Hour() != 9 || v.Since.Hour() != 17 {
		t.Fatalf("it is %s: %+v", d.State, v)
	}
	if list := must(r.Freezes(r.ctx, stranger))(t); len(list) != 2 || list[0].Environment == list[1].Environment {
		t.Errorf("a calendar of all environments: %+v", list)
	}
	nights := office("staging")
	nights.Name, nights.Rule, nights.Duration = "Nights", "DTSTART:20260101T170000\nRRULE:FREQ=DAILY", slipway.Duration(5*time.Hour)
	must(r.AddCalendar(r.ctx, root, nights))(t)
	if due := must(r.store.Due(r.ctx, r.clock(), 9))(t); len(due) != 1 {
		t.Error("what waits was not woken")
	}
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Fatalf("within another it is %s: %s", d.State, d.Message)
	}
	list := must(r.StagePage(r.ctx, viewer, "shop", "staging"))(t).Freezes
	if len(list) != 1 || list[0].From.Hour() != 22 || list[0].Until.Hour() != 9 || list[0].Until.Day() != 3 {
		t.Errorf("the next time that is shut: %+v", list)
	}
	r.until(3, 12)
	tuesday := weekends("staging")
	tuesday.Rule, tuesday.Duration = "DTSTART:20260303T000000", slipway.Duration(24*time.Hour)
	denying := must(r.AddCalendar(r.ctx, root, tuesday))(t)
	if d = r.drive(r.promote(dev, "2", "staging").ID); d.State != slipway.Waiting || gate(t, d.Verdicts, "freeze").Until.Day() != 4 {
		t.Fatalf("what is denied and allowed is %s: %+v", d.State, gate(t, d.Verdicts, "freeze"))
	}
	ok(t, r.RemoveCalendar(r.ctx, root, app.RemoveCalendar{Calendar: denying.ID}))
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Errorf("it is %s: %s", d.State, d.Message)
	}
	over := office("prod")
	over.Name, over.Rule = "Once", "DTSTART:20260101T090000"
	must(r.AddCalendar(r.ctx, root, over))(t)
	r.until(7, 12) // a Saturday: the one is over for good, the other opens on Monday
	if list := must(r.StagePage(r.ctx, viewer, "shop", "prod"))(t).Freezes; len(list) != 1 || list[0].Until.Day() != 9 || list[0].Reason != "deployments start within Office hours, Once only" {
		t.Errorf("two that allow: %+v", list)
	}
}

func TestCalendarsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	add := func(by slipway.Actor, change func(*app.AddCalendar)) error {
		c := weekends("staging")
		change(&c)
		return of(r.AddCalendar(r.ctx, by, c))
	}
	refused(t, add(boss, func(*app.AddCalendar) {}), denied, "You may not manage freezes of environment staging")
	must(r.AddBinding(r.ctx, root, app.AddBinding{Binding: slipway.Binding{Role: slipway.RoleMaintainer,
		Subject: slipway.Subject{Kind: slipway.SubjectUser, Name: boss.ID}, Scope: slipway.Scope{Kind: slipway.ScopeEnvironment, Name: "staging"}}}))(t)
	refused(t, add(boss, func(c *app.AddCalendar) { c.Environment = "" }), denied, "You may not manage freezes of the organisation")
	ok(t, add(boss, func(*app.AddCalendar) {}))
	refused(t, add(root, func(c *app.AddCalendar) { c.Environment = "moon" }), hidden)
	before := r.all()
	for field, change := range map[string]func(*app.AddCalendar){
		"name": func(c *app.AddCalendar) { c.Name = " " }, "reason": func(c *app.AddCalendar) { c.Reason = "" }, "kind": func(c *app.AddCalendar) { c.Kind = "maybe" },
		"rule": func(c *app.AddCalendar) { c.Rule = "RRULE:FREQ=SECONDLY" }, "zone": func(c *app.AddCalendar) { c.Zone = "Mars" }, "duration": func(c *app.AddCalendar) { c.Duration = 0 },
	} {
		if e := refused(t, add(root, change), slipway.CodeInvalid); len(e.Fields) != 1 || e.Fields[0].Field != field {
			t.Errorf("%s: %v", field, e.Fields)
		}
	}
	if r.all() != before {
		t.Error("a refusal changed something")
	}
}

// TestCalendarsAreImported all or none, with one entry in the audit.
func TestCalendarsAreImported(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	event := "BEGIN:VEVENT\nSUMMARY:Moving\nDTSTART:20260601T000000\nDURATION:P1D\nEND:VEVENT\n"
	c := app.ImportCalendars{Once: app.Once{Key: "k"}, Environment: "prod", Zone: "Europe/Stockholm", Reason: "rest", File: []byte(event + event)}
	bad := c
	bad.Key, bad.File = "other", []byte(event+"BEGIN:VEVENT\nSUMMARY:Bad\nEND:VEVENT\n")
	refused(t, of(r.ImportCalendars(r.ctx, root, bad)), slipway.CodeInvalid, `"Bad" has no DTSTART`)
	if n := r.count("freeze_calendars"); n != 0 {
		t.Fatalf("%d calendars of a file that was refused", n)
	}
	entries := len(r.audit(200))
	for range 2 {
		list := must(r.ImportCalendars(r.ctx, root, c))(t)
		if len(list) != 2 || list[0].Name != "Moving" || list[0].Zone != "Europe/Stockholm" || list[0].Kind != slipway.CalendarDeny || list[1].Environment != "prod" {
			t.Errorf("imported: %+v", list)
		}
	}
	if n := len(r.audit(200)) - entries; n != 1 || r.count("freeze_calendars") != 2 {
		t.Errorf("%d entries, %d calendars", n, r.count("freeze_calendars"))
	}
	for range maxCalendars/2 - 1 {
		c.Key = ""
		must(r.ImportCalendars(r.ctx, root, c))(t)
	}
	refused(t, of(r.AddCalendar(r.ctx, root, weekends(""))), slipway.CodeConflict, "more than 200 calendars")
}

// maxCalendars is how many there may be.
const maxCalendars = 200

// TestACalendarThatNobodyUnderstands keeps its environment shut.
func TestACalendarThatNobodyUnderstands(t *testing.T) {
	t.Parallel()
	for _, kind := range []slipway.CalendarKind{slipway.CalendarDeny, slipway.CalendarAllow} {
		r := furnished(t)
		r.release("shop", "1")
		ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
			_, err := tx.Calendars().Add(r.ctx, slipway.Calendar{Environment: "staging", Name: "New", Kind: kind, Rule: "NEWRULE:1", Duration: slipway.Duration(time.Hour), Zone: "UTC", CreatedAt: r.clock()})
			return err
		}))
		d := r.drive(r.promote(dev, "1", "staging").ID)
		if v := gate(t, d.Verdicts, "freeze"); d.State != slipway.Waiting || v.Reason != "staging is frozen: its calendar New cannot be read: rule has a line NEWRULE; it is made of DTSTART, RRULE, RDATE and EXDATE." {
			t.Errorf("it is %s: %+v", d.State, v)
		}
	}
}
