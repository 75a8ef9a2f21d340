// Package calendar reads the rules of iCalendar (RFC 5545) for freezes: when an
// occurrence covers a time, and when the next begins.
//
// Occurrences are reckoned by the clock on the wall of their zone: a freeze from
// Friday 17:00 for 63 hours ends on Monday at 08:00, also when the clocks change
// on Sunday. What would begin in the hour that is left out begins after it, and
// what begins in the one that comes twice begins the first time.
package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Limits on a rule, so that no rule can keep a processor busy.
const (
	maxRule     = 8 << 10
	maxDates    = 400
	maxInterval = 1000
	maxTimes    = 24 // of a day
	firstYear   = 2000
	lastYear    = 2100
	longest     = 366 * 24 * time.Hour // of an occurrence
	// horizon is how far ahead an occurrence is looked for; 29 February comes
	// at least every eight years.
	horizon = (8*366 + 1) * 24 * time.Hour
)

// rule is a rule as it is reckoned with. Its times are what the clock on the
// wall shows, written as UTC.
type rule struct {
	zone    *time.Location
	lasts   time.Duration
	start   time.Time
	repeat  *rrule.ROption // nil: it does not
	extra   []time.Time
	without []time.Time
}

// parse reads the rule of a calendar. The fault names the field that is wrong.
func parse(c slipway.Calendar) (rule, *slipway.FieldError) {
	fault := func(field, format string, args ...any) (rule, *slipway.FieldError) {
		return rule{}, &slipway.FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
	}
	r := rule{lasts: time.Duration(c.Duration)}
	if r.lasts < time.Minute || r.lasts > longest {
		return fault("duration", "is between a minute and 366 days, such as 63h")
	}
	var err error
	if r.zone, err = zoneOf(c.Zone); err != nil {
		return fault("zone", "%s", err)
	}
	if len(c.Rule) > maxRule {
		return fault("rule", "is at most %d bytes long", maxRule)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(c.Rule), "\n") {
		if err := r.read(strings.TrimSpace(line)); err != nil {
			return fault("rule", "%s", err)
		}
	}
	switch {
	case r.start.IsZero():
		return fault("rule", "has no DTSTART; begin with one, such as DTSTART:20261220T180000")
	case r.start.Year() < firstYear || r.start.Year() > lastYear:
		return fault("rule", "begins between %d and %d", firstYear, lastYear)
	case len(r.extra)+len(r.without) > maxDates:
		return fault("rule", "holds at most %d dates in RDATE and EXDATE", maxDates)
	}
	if _, after, err := r.around(r.instant(r.start), 1); err != nil {
		return fault("rule", "%s", err)
	} else if len(after) == 0 {
		return fault("rule", "never happens")
	}
	return r, nil
}

// zoneOf finds a zone by its name. The empty name and Local would be the zone of
// whichever machine reads it.
func zoneOf(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is no time zone; write one as Europe/Stockholm, or UTC", name)
	}
	return zone, nil
}

// read takes in one line.
func (r *rule) read(line string) error {
	p, err := parseProperty(line)
	if err != nil {
		return err
	}
	switch p.name {
	case "DTSTART":
		if !r.start.IsZero() {
			return errors.New("has two DTSTART")
		}
		r.start, err = r.wall(p, p.value)
	case "RDATE", "EXDATE":
		for value := range strings.SplitSeq(p.value, ",") {
			at, err := r.wall(p, value)
			if err != nil {
				return err
			}
			if p.name == "RDATE" {
				r.extra = append(r.extra, at)
			} else {
				r.without = append(r.without, at)
			}
		}
	case "RRULE":
		if r.repeat != nil {
			return errors.New("has two RRULE; make two calendars of them")
		}
		r.repeat, err = r.repeats(p.value)
	default:
		return fmt.Errorf("has a line %s; it is made of DTSTART, RRULE, RDATE and EXDATE", p.name)
	}
	return err
}

// repeats reads an RRULE, but for its UNTIL: the library cannot tell a time on
// the wall from one in UTC.
func (r *rule) repeats(text string) (*rrule.ROption, error) {
	var parts []string
	var until time.Time
	for part := range strings.SplitSeq(text, ";") {
		value, ok := strings.CutPrefix(part, "UNTIL=")
		if !ok {
			parts = append(parts, part)
			continue
		}
		var err error
		if until, err = r.wall(property{}, value); err != nil {
			return nil, err
		}
		if !strings.Contains(value, "T") { // a whole day
			until = until.Add(24*time.Hour - time.Second)
		}
	}
	o, err := rrule.StrToROption(strings.Join(parts, ";"))
	if err != nil {
		return nil, fmt.Errorf("has an RRULE that cannot be read: %w", err)
	}
	switch {
	case o.Freq > rrule.DAILY:
		return nil, errors.New("comes again daily, weekly, monthly or yearly, and not more often")
	case o.Interval < 0 || o.Interval > maxInterval || o.Count < 0:
		return nil, fmt.Errorf("has an INTERVAL of at most %d, and no COUNT below 0", maxInterval)
	case max(1, len(o.Byhour))*max(1, len(o.Byminute))*max(1, len(o.Bysecond)) > maxTimes:
		return nil, fmt.Errorf("happens at most %d times a day", maxTimes)
	}
	o.Until = until
	_, err = rrule.NewRRule(*o)
	if err != nil {
		return nil, fmt.Errorf("has an RRULE that cannot be: %w", err)
	}
	return o, nil
}

// wall reads a time or a day as the clock on the wall of the rule shows it.
func (r *rule) wall(p property, text string) (time.Time, error) {
	if name := p.params["TZID"]; name != "" && name != r.zone.String() {
		return time.Time{}, fmt.Errorf("has the zone %s, which is not that of the calendar, %s", name, r.zone)
	}
	for _, form := range []string{"20060102T150405", "20060102"} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	at, err := time.Parse("20060102T150405Z", text)
	if err != nil {
		return time.Time{}, fmt.Errorf("has the time %q; write it as 20261220T180000, or 20261220 for a whole day", clip(text))
	}
	there := at.In(r.zone)
	_, offset := there.Zone()
	return at.Add(time.Duration(offset) * time.Second), nil
}

// instant is when the clock of the zone shows a time: the first moment of two,
// and the end of the gap for a time that is left out.
func (r *rule) instant(wall time.Time) time.Time {
	_, before := wall.Add(-14 * time.Hour).In(r.zone).Zone()
	_, after := wall.Add(14 * time.Hour).In(r.zone).Zone()
	at := wall.Add(-time.Duration(before) * time.Second)
	if _, really := at.In(r.zone).Zone(); really == before {
		return at
	}
	late := wall.Add(-time.Duration(after) * time.Second)
	if _, really := late.In(r.zone).Zone(); really == after {
		return late
	}
	end, _ := at.In(r.zone).ZoneBounds()
	return end
}

// starts walks the beginnings on the wall up to a time, in order.
func (r *rule) starts(until time.Time) (next func() (time.Time, bool), err error) {
	set := rrule.Set{}
	if r.repeat == nil {
		set.RDate(r.start)
	} else {
		o := *r.repeat
		o.Dtstart = r.start
		if o.Until.IsZero() || o.Until.After(until) {
			o.Until = until
		}
		repeat, err := rrule.NewRRule(o)
		if err != nil {
			return nil, err
		}
		set.RRule(repeat)
	}
	for _, at := range r.extra {
		set.RDate(at)
	}
	set.SetExDates(slices.Clone(r.without))
	return set.Iterator(), nil
}

// around is slipway.Calendars.Around of a rule. What the library does with a
// rule that nobody thought of must not take the portal down.
func (r *rule) around(at time.Time, most int) (before *slipway.Span, after []slipway.Span, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			before, after, err = nil, nil, fmt.Errorf("cannot be reckoned: %v", fault)
		}
	}()
	last := at.UTC().Add(horizon)
	next, err := r.starts(last)
	if err != nil {
		return nil, nil, err
	}
	for len(after) < most {
		start, ok := next()
		if !ok || start.After(last) {
			break
		}
		span := slipway.Span{From: r.instant(start).UTC(), Until: r.instant(start.Add(r.lasts)).UTC()}
		switch {
		case !span.Until.After(span.From): // the clock leaves it out
			continue
		case !span.Until.After(at):
			before = &span
			continue
		}
		after = append(after, span)
	}
	return before, after, nil
}

func clip(text string) string { return text[:min(len(text), 40)] }
