package slipway

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// CalendarKind says what the occurrences of a calendar do.
type CalendarKind string

// The kinds of calendar. An environment with calendars that allow takes
// deployments within their occurrences only; deny beats allow.
const (
	CalendarDeny  CalendarKind = "deny"
	CalendarAllow CalendarKind = "allow"
)

// Calendar is a freeze that comes again, by the rules of iCalendar.
type Calendar struct {
	ID          int64        `json:"id"`
	Environment string       `json:"environment,omitempty"` // empty: all
	Name        string       `json:"name"`
	Kind        CalendarKind `json:"kind"`
	Rule        string       `json:"rule"`     // DTSTART and, if it comes again, RRULE, RDATE, EXDATE
	Duration    Duration     `json:"duration"` // of each occurrence, by the clock on the wall
	Zone        string       `json:"zone"`
	Reason      string       `json:"reason"`
	By          string       `json:"by"`
	CreatedAt   time.Time    `json:"createdAt"`
}

// Span is one occurrence of a calendar.
type Span struct{ From, Until time.Time }

// Calendars read the rules of calendars. They keep no state that matters.
type Calendars interface {
	// Check lists what is wrong with the rule, the duration and the zone.
	Check(c Calendar) []FieldError
	// Around returns the last occurrence that has ended at a time, nil if there
	// was none, and up to most that have not, by their beginning. Fewer are all
	// that there are within years.
	Around(c Calendar, at time.Time, most int) (before *Span, after []Span, err error)
	// Events reads the events of an iCalendar file, with the zone for those that
	// name none. Each has a name, a rule, a duration and a zone.
	Events(file []byte, zone string) ([]Calendar, error)
}

// CalendarBook keeps calendars; none is ever changed.
type CalendarBook interface {
	List(ctx context.Context) ([]Calendar, error) // by ID
	Get(ctx context.Context, id int64) (Calendar, error)
	Add(ctx context.Context, c Calendar) (Calendar, error)
	Remove(ctx context.Context, id int64) error
}

// Concerns reports whether the calendar is for an environment.
func (c Calendar) Concerns(environment string) bool {
	return c.Environment == "" || c.Environment == environment
}

// FreezesIn lists the current and coming freezes of environments by their
// beginning, with those that calendars make: of each that denies the current
// occurrences and the next one, of those that allow the times in between.
func FreezesIn(ctx context.Context, tx Tx, aids Aids, now time.Time, environments ...string) ([]Freeze, error) {
	var freezes []Freeze
	kept, err := tx.Freezes().List(ctx, now)
	if err != nil {
		return nil, err
	}
	for _, z := range kept {
		if slices.Contains(environments, z.Environment) {
			freezes = append(freezes, z)
		}
	}
	if aids.Calendars == nil {
		return freezes, nil
	}
	calendars, err := tx.Calendars().List(ctx)
	if err != nil || len(calendars) == 0 {
		return freezes, err
	}
	for _, environment := range environments {
		var allowing []Calendar
		for _, c := range calendars {
			switch {
			case !c.Concerns(environment):
			case c.Kind == CalendarAllow:
				allowing = append(allowing, c)
			default:
				freezes = append(freezes, denials(aids.Calendars, c, environment, now)...)
			}
		}
		freezes = append(freezes, between(aids.Calendars, allowing, environment, now)...)
	}
	slices.SortStableFunc(freezes, func(a, b Freeze) int { return a.From.Compare(b.From) })
	return freezes, nil
}

// spansAhead is how many occurrences are looked at: enough to see through those
// that meet each other.
const spansAhead = 16

// freeze makes a freeze of a part of a calendar.
func (c Calendar) freeze(environment, reason string, from, until time.Time) Freeze {
	return Freeze{Calendar: c.ID, Name: c.Name, Environment: environment, Reason: reason, From: from, Until: until, By: c.By}
}

// unreadable keeps an environment shut whose calendar nobody understands.
func (c Calendar) unreadable(environment string, err error, now time.Time) Freeze {
	return c.freeze(environment, "its calendar "+c.Name+" cannot be read: "+err.Error(), c.CreatedAt, now.Add(24*time.Hour))
}

func denials(calendars Calendars, c Calendar, environment string, now time.Time) (freezes []Freeze) {
	_, spans, err := calendars.Around(c, now, spansAhead)
	if err != nil {
		return []Freeze{c.unreadable(environment, err, now)}
	}
	for _, s := range spans {
		freezes = append(freezes, c.freeze(environment, because(c.Name, c.Reason), s.From, s.Until))
		if s.From.After(now) {
			break
		}
	}
	return freezes
}

// between makes freezes of the time that none of the calendars allows: the one
// that holds now, or else the next.
func between(calendars Calendars, allowing []Calendar, environment string, now time.Time) []Freeze {
	if len(allowing) == 0 {
		return nil
	}
	var spans []Span
	var names []string
	shut, known := time.Time{}, time.Time{} // the last end; how far every calendar was looked at
	for _, c := range allowing {
		before, after, err := calendars.Around(c, now, spansAhead)
		if err != nil {
			return []Freeze{c.unreadable(environment, err, now)}
		}
		shut = later(shut, c.CreatedAt)
		if before != nil {
			shut = later(shut, before.Until)
		}
		if len(after) == spansAhead && (known.IsZero() || after[spansAhead-1].From.Before(known)) {
			known = after[spansAhead-1].From
		}
		spans, names = append(spans, after...), append(names, c.Name)
	}
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Or(a.From.Compare(b.From), a.Until.Compare(b.Until)) })
	reason := fmt.Sprintf("deployments start within %s only", strings.Join(names, ", "))
	if len(allowing) == 1 {
		reason = because(reason, allowing[0].Reason)
	}
	open := time.Time{} // the end of what is open from now on without a break
	for _, s := range spans {
		if s.From.After(later(now, open)) {
			break
		}
		open = later(open, s.Until)
	}
	if !open.IsZero() {
		shut = open
	}
	if !known.IsZero() && shut.After(known) {
		return nil // too far ahead to tell
	}
	next := slices.IndexFunc(spans, func(s Span) bool { return s.From.After(shut) && s.From.After(now) })
	until := now.Add(forever)
	if next >= 0 {
		until = spans[next].From
	}
	return []Freeze{allowing[0].freeze(environment, reason, shut, until)}
}

// forever stands for the end of a freeze that nothing ends by itself.
const forever = 365 * 24 * time.Hour

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
