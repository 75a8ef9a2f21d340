package rest

import (
	"context"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Calendar is a freeze that comes again, or the only times at which deployments
// may start.
type Calendar struct {
	ID          int64     `json:"id"`
	Environment string    `json:"environment,omitempty" doc:"Left out: all."`
	Name        string    `json:"name"`
	Kind        string    `json:"kind" doc:"deny or allow. Deny beats allow."`
	Rule        string    `json:"rule" doc:"DTSTART and, if it comes again, RRULE, RDATE and EXDATE, a line each."`
	Duration    string    `json:"duration" doc:"Of each occurrence, by the clock on the wall."`
	Zone        string    `json:"zone"`
	Reason      string    `json:"reason"`
	By          string    `json:"by"`
	CreatedAt   time.Time `json:"createdAt"`
}

func calendar(c slipway.Calendar) Calendar {
	return Calendar{ID: c.ID, Environment: c.Environment, Name: c.Name, Kind: string(c.Kind), Rule: c.Rule, Duration: c.Duration.String(), Zone: c.Zone,
		Reason: c.Reason, By: c.By, CreatedAt: at(c.CreatedAt)}
}

// AddCalendar asks for a calendar.
type AddCalendar struct {
	Environment string `json:"environment,omitempty" doc:"All if left out."`
	Name        string `json:"name" maxLength:"200"`
	Kind        string `json:"kind,omitempty" enum:"deny,allow" doc:"deny if left out. Where calendars allow, deployments start within their occurrences only."`
	Rule        string `json:"rule" maxLength:"8192" doc:"As iCalendar has it, times as the clock of the zone shows them." example:"DTSTART:20260102T170000\nRRULE:FREQ=WEEKLY;BYDAY=FR"`
	Duration    string `json:"duration" doc:"Of each occurrence, by the clock on the wall." example:"63h"`
	Zone        string `json:"zone" maxLength:"64" example:"Europe/Stockholm"`
	Reason      string `json:"reason" maxLength:"2000"`
}

type addCalendarIn struct {
	KeyIn
	Body AddCalendar
}

type importCalendarsIn struct {
	KeyIn
	Environment string `query:"environment" maxLength:"63" doc:"All if left out."`
	Kind        string `query:"kind" enum:"deny,allow" doc:"deny if left out."`
	Zone        string `query:"zone" maxLength:"64" doc:"Of events that name none."`
	Reason      string `query:"reason" required:"true" maxLength:"2000"`
	Type        string `header:"Content-Type" doc:"text/calendar"`
	RawBody     []byte `contentType:"text/calendar"`
}

// maxCalendarFile is somewhat more than is taken, so that the answer to what is
// too large is one in the file's own words.
const maxCalendarFile = 512 << 10

func (s *Surface) registerCalendars() {
	const path = "/freezes/calendars"
	add(s, operation{id: "list-calendars", method: http.MethodGet, path: path, access: server.SignedIn(), tag: "environments",
		summary: "List the calendars that make freezes"}, s.listCalendars)
	add(s, operation{id: "add-calendar", method: http.MethodPost, path: path, access: server.Needs(slipway.FreezeManage), tag: "environments",
		summary: "Add a freeze that comes again", status: http.StatusCreated,
		about: "The rule is one of iCalendar (RFC 5545), no more often than daily. Rollbacks pass, as with any freeze."}, s.addCalendar)
	add(s, operation{id: "import-calendars", method: http.MethodPost, path: path + "/import", access: server.Needs(slipway.FreezeManage), tag: "environments",
		summary: "Make a calendar of each event of an iCalendar file", status: http.StatusCreated, about: "All or none: at most 256 KiB and 100 events.",
		max: maxCalendarFile, consume: map[string]*huma.MediaType{"text/calendar": {Schema: &huma.Schema{Type: huma.TypeString, Description: "A file with VEVENTs."}}}}, s.importCalendars)
	add(s, operation{id: "remove-calendar", method: http.MethodDelete, path: path + "/{id}", access: server.Needs(slipway.FreezeManage), tag: "environments",
		summary: "Remove a calendar with all the freezes that it makes"}, s.removeCalendar)
}

func (s *Surface) listCalendars(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[Page[Calendar]], error) {
	all, err := s.App.FreezeCalendars(ctx, actor)
	if err != nil {
		return nil, err
	}
	return pageOf(all, "", calendar), nil
}

func (s *Surface) addCalendar(ctx context.Context, actor slipway.Actor, in *addCalendarIn) (*answer[Calendar], error) {
	b := in.Body
	var lasts slipway.Duration
	if err := lasts.UnmarshalJSON([]byte(strconv.Quote(b.Duration))); err != nil {
		return nil, slipway.Invalid("The calendar", []slipway.FieldError{{Field: "duration", Message: err.Error()}})
	}
	c, err := s.App.AddCalendar(ctx, actor, app.AddCalendar{Once: in.once(), Environment: b.Environment, Name: b.Name, Kind: slipway.CalendarKind(b.Kind), Rule: b.Rule,
		Duration: lasts, Zone: b.Zone, Reason: b.Reason})
	if err != nil {
		return nil, err
	}
	return &answer[Calendar]{calendar(c)}, nil
}

func (s *Surface) importCalendars(ctx context.Context, actor slipway.Actor, in *importCalendarsIn) (*answer[Page[Calendar]], error) {
	if kind, _, err := mime.ParseMediaType(in.Type); err != nil || kind != "text/calendar" {
		return nil, wrongMediaType("text/calendar")
	}
	all, err := s.App.ImportCalendars(ctx, actor, app.ImportCalendars{Once: in.once(), Environment: in.Environment, Kind: slipway.CalendarKind(in.Kind), Zone: in.Zone,
		Reason: in.Reason, File: in.RawBody})
	if err != nil {
		return nil, err
	}
	return pageOf(all, "", calendar), nil
}

func (s *Surface) removeCalendar(ctx context.Context, actor slipway.Actor, in *keyedIDIn) (*empty, error) {
	return nil, s.App.RemoveCalendar(ctx, actor, app.RemoveCalendar{Once: in.once(), Calendar: in.ID})
}
