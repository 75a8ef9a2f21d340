package calendar

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Limits on a file.
const (
	maxFile   = 256 << 10
	maxEvents = 100
	maxName   = 200
)

// event is a VEVENT, as much of it as a calendar needs.
type event struct {
	line                          int
	uid, summary, duration, state string
	start, end, instead           *property
	rules                         []property // RRULE, RDATE, EXDATE
}

// Events reads the events of an iCalendar file. A changed occurrence of an event
// that comes again is an event of its own, and left out of the other.
func (s *Calendars) Events(file []byte, zone string) ([]slipway.Calendar, error) {
	fail := func(line int, format string, args ...any) ([]slipway.Calendar, error) {
		return nil, slipway.Invalid("The calendar file", []slipway.FieldError{{Field: "file", Line: line, Message: fmt.Sprintf(format, args...)}})
	}
	if len(file) > maxFile {
		return fail(0, "is at most %d KiB long", maxFile>>10)
	}
	events, err := scanEvents(string(file))
	if err != nil {
		var at *lineError
		errors.As(err, &at)
		return fail(at.line, "%s", at.err)
	}
	if len(events) == 0 {
		return fail(0, "holds no VEVENT")
	}
	if len(events) > maxEvents {
		return fail(0, "holds at most %d events, and not %d", maxEvents, len(events))
	}
	leaveOutChanged(events)
	var calendars []slipway.Calendar
	for _, e := range events {
		if e.state == "CANCELLED" {
			continue
		}
		c, err := e.calendar(zone)
		if err != nil {
			return fail(e.line, "%q %s", e.summary, err)
		}
		if faults := s.Check(c); len(faults) > 0 {
			return fail(e.line, "%q: %s %s", e.summary, faults[0].Field, faults[0].Message)
		}
		calendars = append(calendars, c)
	}
	return calendars, nil
}

type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return e.err.Error() }

// scanEvents finds the events. Lines that begin with a space go on with the one
// before; what stands in other parts, alarms and time zones, is passed by.
func scanEvents(text string) (events []*event, err error) {
	var at *event
	inside := 0 // parts within the event
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line, number := lines[i], i+1
		for i+1 < len(lines) && lines[i+1] != "" && strings.ContainsAny(lines[i+1][:1], " \t") {
			i++
			line += lines[i][1:]
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		p, err := parseProperty(line)
		switch {
		case err != nil:
			return nil, &lineError{number, err}
		case p.name == "BEGIN" && p.value == "VEVENT":
			if at != nil {
				return nil, &lineError{number, errors.New("begins an event within another")}
			}
			at = &event{line: number}
		case at == nil:
		case p.name == "BEGIN":
			inside++
		case p.name == "END" && p.value == "VEVENT":
			events, at, inside = append(events, at), nil, 0
		case p.name == "END":
			inside--
		case inside == 0:
			at.take(p)
		}
	}
	if at != nil {
		return nil, &lineError{at.line, errors.New("begins an event that does not end")}
	}
	return events, nil
}

func (e *event) take(p property) {
	switch p.name {
	case "UID":
		e.uid = p.value
	case "SUMMARY":
		e.summary = unescape(p.value)
	case "STATUS":
		e.state = strings.ToUpper(p.value)
	case "DURATION":
		e.duration = p.value
	case "DTSTART":
		e.start = &p
	case "DTEND":
		e.end = &p
	case "RECURRENCE-ID":
		e.instead = &p
	case "RRULE", "RDATE", "EXDATE":
		e.rules = append(e.rules, p)
	}
}

// leaveOutChanged takes out of the events that come again what others stand
// instead of.
func leaveOutChanged(events []*event) {
	for _, changed := range events {
		if changed.instead == nil {
			continue
		}
		for _, e := range events {
			if e.instead == nil && e.uid == changed.uid && e.uid != "" {
				e.rules = append(e.rules, property{name: "EXDATE", params: changed.instead.params, value: changed.instead.value})
			}
		}
	}
}

// calendar makes a calendar of an event, in the zone that it begins in.
func (e *event) calendar(zone string) (slipway.Calendar, error) {
	c := slipway.Calendar{Name: e.summary}
	if c.Name == "" {
		c.Name = "unnamed"
	}
	c.Name = string([]rune(c.Name)[:min(len([]rune(c.Name)), maxName)])
	if e.start == nil {
		return c, errors.New("has no DTSTART")
	}
	switch name := e.start.params["TZID"]; {
	case strings.HasSuffix(e.start.value, "Z"):
		c.Zone = "UTC"
	case name != "":
		c.Zone = name
	default:
		c.Zone = zone
	}
	there, err := zoneOf(c.Zone)
	if err != nil {
		return c, fmt.Errorf("is in a zone that is not known here: %w", err)
	}
	r := rule{zone: there}
	start, err := r.wall(property{}, e.start.value)
	if err != nil {
		return c, err
	}
	lasts, err := e.lasts(start)
	if err != nil {
		return c, err
	}
	c.Duration = slipway.Duration(lasts)
	lines := []string{"DTSTART:" + start.Format("20060102T150405")}
	for _, p := range e.rules {
		if p.name == "RRULE" {
			lines = append(lines, "RRULE:"+p.value)
			continue
		}
		line, err := dates(p, there, start)
		if err != nil {
			return c, err
		}
		lines = append(lines, p.name+":"+line)
	}
	c.Rule = strings.Join(lines, "\n")
	return c, nil
}

// dates writes dates as the clock of the zone shows them. A day stands for the
// occurrence that begins on it.
func dates(p property, zone *time.Location, start time.Time) (string, error) {
	r := rule{zone: zone}
	if name := p.params["TZID"]; name != "" {
		var err error
		if r.zone, err = zoneOf(name); err != nil {
			return "", fmt.Errorf("has dates in a zone that is not known here: %w", err)
		}
	}
	var out []string
	for value := range strings.SplitSeq(p.value, ",") {
		at, err := r.wall(property{}, value)
		if err != nil {
			return "", err
		}
		if r.zone != zone {
			moment := r.instant(at)
			_, offset := moment.In(zone).Zone()
			at = moment.Add(time.Duration(offset) * time.Second)
		}
		if !strings.Contains(value, "T") {
			at = at.Add(start.Sub(start.Truncate(24 * time.Hour)))
		}
		out = append(out, at.UTC().Format("20060102T150405"))
	}
	return strings.Join(out, ","), nil
}

// lasts is how long each occurrence is, on the wall. A day without an end lasts
// a day.
func (e *event) lasts(start time.Time) (time.Duration, error) {
	switch {
	case e.end != nil:
		name := e.end.params["TZID"]
		if name == "" {
			name = e.start.params["TZID"]
		}
		zone := time.UTC
		if name != "" {
			var err error
			if zone, err = zoneOf(name); err != nil {
				return 0, fmt.Errorf("ends in a zone that is not known here: %w", err)
			}
			if name != e.start.params["TZID"] {
				return 0, errors.New("begins in one zone and ends in another; give it a DURATION")
			}
		}
		end, err := (&rule{zone: zone}).wall(property{}, e.end.value)
		return end.Sub(start), err
	case e.duration != "":
		return parseDuration(e.duration)
	case !strings.Contains(e.start.value, "T"):
		return 24 * time.Hour, nil
	default:
		return 0, errors.New("has neither DTEND nor DURATION")
	}
}
