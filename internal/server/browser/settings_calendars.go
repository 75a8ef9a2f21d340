package browser

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) calendarPage(c echo.Context) error {
	return s.showCalendar(c, http.StatusOK, nil, func(*page.CalendarView) {})
}

func calendarFrom(c echo.Context) string {
	switch from := c.QueryParam("from"); from {
	case "rule", "file":
		return from
	default:
		return "form"
	}
}

// showCalendar renders the form with what was typed; change puts in what came of it.
func (s *Surface) showCalendar(c echo.Context, status int, refused *slipway.Error, change func(*page.CalendarView)) error {
	sh, err := s.shell(c, "settings", "New calendar")
	if err != nil {
		return err
	}
	list, err := s.App.Environments(c.Request().Context(), server.ActorOf(c))
	if err != nil {
		return err
	}
	asks := []app.Ask{{Permission: slipway.FreezeManage}}
	for _, e := range list {
		asks = append(asks, app.Ask{Permission: slipway.FreezeManage, On: slipway.Resource{Environment: e.Name}})
	}
	reasons, err := s.App.WhyNot(c.Request().Context(), server.ActorOf(c), asks...)
	if err != nil {
		return err
	}
	v := calendarForm(c, refused)
	v.Key, v.From = sh.Key, calendarFrom(c)
	for i, reason := range reasons {
		o := component.Option{Label: "All environments"}
		if i > 0 {
			o = component.Option{Value: list[i-1].Name, Label: list[i-1].Name}
		}
		o.Selected = c.FormValue("environment") == o.Value
		if o.Disabled = reason != ""; o.Disabled {
			o.Note = "you may not"
		}
		v.CanAdd = v.CanAdd || !o.Disabled
		v.Where = append(v.Where, o)
	}
	if !v.CanAdd {
		v.WhyNot = why("Permission", reasons[0])
	}
	change(&v)
	return s.render(c, status, page.Calendar(sh, v))
}

// repeats are the rules that the simple form knows.
func repeats() []component.Option {
	return []component.Option{{Value: "", Label: "Never"}, {Value: "FREQ=DAILY", Label: "Every day"}, {Value: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", Label: "On weekdays"},
		{Value: "FREQ=WEEKLY", Label: "Every week"}, {Value: "FREQ=WEEKLY;INTERVAL=2", Label: "Every two weeks"}, {Value: "FREQ=MONTHLY", Label: "Every month"}, {Value: "FREQ=YEARLY", Label: "Every year"}}
}

func calendarForm(c echo.Context, refused *slipway.Error) page.CalendarView {
	field := func(name, label, hint string, names ...string) component.Field {
		return component.Field{Name: name, Label: label, Hint: hint, Value: strings.TrimSpace(c.FormValue(name)), Error: fieldError(refused, append(names, name)...), Required: true}
	}
	v := page.CalendarView{
		Name: field("name", "Name", ""), Reason: field("reason", "Reason", "Who waits because of it reads this."),
		Zone:   field("zone", "Time zone", "Such as Europe/Stockholm. Its clock is the one that counts."),
		Starts: field("starts", "First time starts", "", "rule"), Ends: field("ends", "First time ends", "", "duration"), Until: field("until", "Not after", "The last day on which it may start."),
		Rule: field("rule", "Rule", "DTSTART and, if it comes again, RRULE, RDATE and EXDATE, a line each, as iCalendar has them."), Lasts: field("lasts", "Lasts", "Such as 63h or 90m.", "duration"),
		Text: field("text", "Or its text", "Each VEVENT becomes a calendar. All or none are added."), Upload: field("upload", "File", "At most 256 KiB. It goes before the text.", "file"),
		WhereError: fieldError(refused, "environment"), Repeat: repeats(),
		Kinds: []component.Option{{Value: "deny", Label: "Nothing new starts within it"}, {Value: "allow", Label: "Deployments start only within it", Selected: c.FormValue("kind") == "allow"}},
	}
	v.Name.MaxLength, v.Reason.MaxLength, v.Zone.Mono = 200, 300, true
	v.Starts.Type, v.Ends.Type, v.Until.Type, v.Until.Required = "datetime-local", "datetime-local", "date", false
	v.Rule.Rows, v.Rule.Mono, v.Rule.Placeholder = 4, true, "DTSTART:20260102T170000\nRRULE:FREQ=WEEKLY;BYDAY=FR"
	v.Text.Rows, v.Text.Mono, v.Text.Required, v.Upload.Type, v.Upload.Required, v.Upload.Value = 10, true, false, "file", false, ""
	if calendarFrom(c) == "file" {
		v.Zone.Required, v.Zone.Hint = false, "Of events that name none."
	} else if isRead(c) && v.Zone.Value == "" {
		v.Zone.Value = zoneOf(person(c).Zone).String()
	}
	for i, o := range v.Repeat {
		v.Repeat[i].Selected = o.Value == c.FormValue("repeats")
	}
	v.Problems = calendarProblems(calendarFrom(c), refused)
	return v
}

// calendarProblems leads from the top of a refused form to each field.
func calendarProblems(from string, refused *slipway.Error) []component.Link {
	if refused == nil {
		return nil
	}
	if len(refused.Fields) == 0 {
		return []component.Link{{Text: sentence(refused)}}
	}
	places := map[string]map[string]string{"form": {"rule": "starts", "duration": "ends"}, "rule": {"duration": "lasts"}, "file": {"file": "upload"}}[from]
	links := make([]component.Link, len(refused.Fields))
	for i, f := range refused.Fields {
		at := f.Field
		if place := places[at]; place != "" {
			at = place
		}
		links[i] = component.Link{Text: f.String(), Href: "#" + at}
	}
	return links
}

// addCalendar shows what a calendar makes, and adds exactly what was shown.
func (s *Surface) addCalendar(c echo.Context) error {
	read := s.calendarOfForm
	if calendarFrom(c) == "file" {
		read = s.calendarsOfFile
	}
	seen, add, err := read(c)
	if slipway.IsNotFound(err) { // the environment is gone since the form was shown
		err = slipway.Invalid("The calendar", []slipway.FieldError{{Field: "environment", Message: "is not there any more"}})
	}
	if e, status, ok := refusal(err); ok {
		return s.refusedCalendar(c, status, e)
	}
	if err != nil {
		return err
	}
	digest := seenDigest(c, seen)
	was := c.FormValue("seen")
	if c.FormValue("intent") != "add" || was != digest {
		return s.showCalendar(c, http.StatusOK, nil, func(v *page.CalendarView) {
			v.Preview, v.Seen, v.Changed = calendarPreviews(seen), digest, c.FormValue("intent") == "add"
		})
	}
	if err := add(); err != nil {
		e, status, ok := refusal(err)
		if !ok {
			return err
		}
		return s.refusedCalendar(c, status, e)
	}
	said := seen[0].Name + " is added."
	if len(seen) > 1 {
		said = plural(len(seen), "calendar") + " are added."
	}
	return s.done(c, environmentsPath, said+" Rollbacks pass.", component.Link{})
}

func (s *Surface) refusedCalendar(c echo.Context, status int, e *slipway.Error) error {
	return s.showCalendar(c, status, e, func(v *page.CalendarView) {
		v.WhyNot = append(blocks(e.BlockedBy), v.WhyNot...)
	})
}

// seenDigest names what people saw, so that nothing else is added. The next times
// are not part of it: they go on by themselves.
func seenDigest(c echo.Context, seen []app.CalendarAhead) string {
	bare := make([]slipway.Calendar, len(seen))
	for i, a := range seen {
		bare[i] = a.Calendar
	}
	text, err := json.Marshal(bare)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(append(text, calendarFrom(c)...))
	return hex.EncodeToString(sum[:8])
}

// calendarOfForm reads one calendar, of the simple form or with a rule.
func (s *Surface) calendarOfForm(c echo.Context) ([]app.CalendarAhead, func() error, error) {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	command := app.AddCalendar{Once: once(c), Environment: text(c, "environment"), Name: text(c, "name"), Kind: slipway.CalendarKind(text(c, "kind")), Zone: text(c, "zone"), Reason: text(c, "reason")}
	var faults []slipway.FieldError
	if calendarFrom(c) == "rule" {
		command.Rule = strings.ReplaceAll(text(c, "rule"), "\r\n", "\n")
		if err := json.Unmarshal([]byte(`"`+strings.Trim(text(c, "lasts"), `"`)+`"`), &command.Duration); err != nil {
			faults = append(faults, slipway.FieldError{Field: "lasts", Message: "is a duration such as 63h or 90m"})
		}
	} else {
		command.Rule, command.Duration, faults = simpleRule(text(c, "starts"), text(c, "ends"), text(c, "repeats"), text(c, "until"))
	}
	if err := slipway.Invalid("The calendar", faults); err != nil {
		return nil, nil, err
	}
	seen, err := s.App.PreviewCalendar(ctx, actor, command)
	return []app.CalendarAhead{seen}, func() error {
		_, err := s.App.AddCalendar(ctx, actor, command)
		return err
	}, err
}

// simpleRule writes the rule of a time that comes again as it did first. Times
// are those of the clock on the wall, so their difference is, too.
func simpleRule(starts, ends, repeat, until string) (rule string, lasts slipway.Duration, faults []slipway.FieldError) {
	from, err := time.Parse(untilLayout, starts)
	if err != nil {
		faults = append(faults, slipway.FieldError{Field: "starts", Message: "is a date with a time, such as 2026-12-04T17:00"})
	}
	to, err := time.Parse(untilLayout, ends)
	switch {
	case err != nil:
		faults = append(faults, slipway.FieldError{Field: "ends", Message: "is a date with a time, such as 2026-12-07T08:00"})
	case !to.After(from):
		faults = append(faults, slipway.FieldError{Field: "ends", Message: "is after it starts"})
	}
	rule = "DTSTART:" + from.Format("20060102T150405")
	if repeat != "" {
		rule += "\nRRULE:" + repeat
	}
	if until == "" || repeat == "" {
		return rule, slipway.Duration(to.Sub(from)), faults
	}
	last, err := time.Parse(time.DateOnly, until)
	if err != nil {
		faults = append(faults, slipway.FieldError{Field: "until", Message: "is a day, such as 2027-01-31"})
	}
	return rule + ";UNTIL=" + last.Format("20060102"), slipway.Duration(to.Sub(from)), faults
}

// calendarsOfFile reads what was uploaded, or else what was pasted. What was
// uploaded is kept as text: a browser cannot be given a file back.
func (s *Surface) calendarsOfFile(c echo.Context) ([]app.CalendarAhead, func() error, error) {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	if part, err := c.FormFile("upload"); err == nil && part.Size > 0 {
		file, err := part.Open()
		if err != nil {
			return nil, nil, err
		}
		defer func() { _ = file.Close() }()
		body, err := io.ReadAll(file)
		if err != nil {
			return nil, nil, err
		}
		c.Request().Form.Set("text", string(body))
	}
	typed := strings.TrimSpace(c.FormValue("text"))
	command := app.ImportCalendars{Once: once(c), Environment: text(c, "environment"), Kind: slipway.CalendarKind(text(c, "kind")), Zone: text(c, "zone"), Reason: text(c, "reason"), File: []byte(typed)}
	if typed == "" {
		return nil, nil, slipway.Invalid("The calendar", []slipway.FieldError{{Field: "file", Message: "is needed, or its text below"}})
	}
	seen, err := s.App.PreviewCalendars(ctx, actor, command)
	if err == nil && len(seen) == 0 {
		err = slipway.Invalid("The calendar", []slipway.FieldError{{Field: "file", Message: "holds nothing but events that were cancelled"}})
	}
	return seen, func() error {
		_, err := s.App.ImportCalendars(ctx, actor, command)
		return err
	}, err
}

// showCalendars puts the calendars on the page of environments, each with whether
// the reader may remove it.
func (s *Surface) showCalendars(c echo.Context, v *page.EnvironmentsView, list []app.CalendarAhead) error {
	asks := []app.Ask{{Permission: slipway.FreezeManage}}
	for _, e := range v.Environments {
		asks = append(asks, app.Ask{Permission: slipway.FreezeManage, On: slipway.Resource{Environment: e.Name}})
	}
	reasons, err := s.App.WhyNot(c.Request().Context(), server.ActorOf(c), asks...)
	if err != nil {
		return err
	}
	may := map[string]bool{}
	for i, reason := range reasons {
		may[asks[i].On.Environment] = reason == ""
		v.CanFreeze = v.CanFreeze || reason == ""
	}
	for _, calendar := range list {
		v.Calendars = append(v.Calendars, calendarRow(calendar, may[calendar.Environment], s.now(c)))
	}
	return nil
}

func (s *Surface) removeCalendar(c echo.Context) error {
	n, err := number(c, "calendar")
	if err != nil {
		return err
	}
	err = s.App.RemoveCalendar(c.Request().Context(), server.ActorOf(c), app.RemoveCalendar{Once: once(c), Calendar: n})
	if slipway.IsNotFound(err) {
		err = nil // the second click finds it gone, which is what was wanted
	}
	return s.environmentDone(c, err, "The calendar is removed, with the freezes that it made.")
}
