package app

import (
	"context"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// CalendarAhead is a calendar with the times that it makes next.
type CalendarAhead struct {
	slipway.Calendar
	Next []slipway.Span // as they begin; none: it is over
}

// shownAhead is how many occurrences tell people whether a rule is what they meant.
const shownAhead = 5

// CalendarsAhead lists all calendars with what they make next.
func (a *App) CalendarsAhead(ctx context.Context, actor slipway.Actor) ([]CalendarAhead, error) {
	kept, err := a.FreezeCalendars(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := make([]CalendarAhead, len(kept))
	for i, c := range kept {
		// One that cannot be read any more is shown without: it can still be removed.
		next, _ := a.ahead(c)
		out[i] = CalendarAhead{c, next}
	}
	return out, nil
}

func (a *App) ahead(c slipway.Calendar) ([]slipway.Span, error) {
	_, next, err := a.Calendars.Around(c, a.now(), shownAhead)
	return next, err
}

// PreviewCalendar says what a calendar would make, and keeps nothing.
func (a *App) PreviewCalendar(ctx context.Context, actor slipway.Actor, c AddCalendar) (CalendarAhead, error) {
	out, err := a.previewCalendars(ctx, actor, c.Environment, func() ([]slipway.Calendar, error) { return []slipway.Calendar{c.calendar()}, nil })
	if err != nil {
		return CalendarAhead{}, err
	}
	return out[0], nil
}

// PreviewCalendars says what the events of a file would make, and keeps nothing.
func (a *App) PreviewCalendars(ctx context.Context, actor slipway.Actor, c ImportCalendars) ([]CalendarAhead, error) {
	return a.previewCalendars(ctx, actor, c.Environment, func() ([]slipway.Calendar, error) { return a.eventsOf(c) })
}

func (a *App) previewCalendars(ctx context.Context, actor slipway.Actor, environment string, read func() ([]slipway.Calendar, error)) (out []CalendarAhead, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		return a.mayFreeze(ctx, tx, actor, slipway.Resource{Environment: environment})
	})
	if err != nil {
		return nil, err
	}
	calendars, err := read()
	if err != nil {
		return nil, err
	}
	for _, c := range calendars {
		if c, err = a.fit(c); err != nil {
			return nil, err
		}
		next, err := a.ahead(c)
		if err != nil {
			return nil, err
		}
		out = append(out, CalendarAhead{c, next})
	}
	return out, nil
}
