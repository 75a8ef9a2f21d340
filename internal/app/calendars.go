package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// AddCalendar adds a freeze that comes again, or the only times at which
// deployments may start.
type AddCalendar struct {
	Once
	Environment string // empty: all
	Name        string
	Kind        slipway.CalendarKind // empty: deny
	Rule        string               // DTSTART and, if it comes again, RRULE, RDATE, EXDATE
	Duration    slipway.Duration     // of each occurrence
	Zone        string
	Reason      string
}

// AddCalendar adds a calendar.
func (a *App) AddCalendar(ctx context.Context, actor slipway.Actor, c AddCalendar) (slipway.Calendar, error) {
	added, err := a.addCalendars(ctx, actor, c.Environment, c.Once, c, func() ([]slipway.Calendar, error) {
		return []slipway.Calendar{c.calendar()}, nil
	})
	if err != nil {
		return slipway.Calendar{}, err
	}
	return added[0], nil
}

func (c AddCalendar) calendar() slipway.Calendar {
	return slipway.Calendar{Environment: c.Environment, Name: strings.TrimSpace(c.Name), Kind: c.Kind, Rule: strings.TrimSpace(c.Rule),
		Duration: c.Duration, Zone: c.Zone, Reason: strings.TrimSpace(c.Reason)}
}

// ImportCalendars makes a calendar of each event of an iCalendar file.
type ImportCalendars struct {
	Once
	Environment string // empty: all
	Kind        slipway.CalendarKind
	Zone        string // of events that name none; empty: there must be none
	Reason      string
	File        []byte
}

// ImportCalendars adds them all, or none.
func (a *App) ImportCalendars(ctx context.Context, actor slipway.Actor, c ImportCalendars) ([]slipway.Calendar, error) {
	return a.addCalendars(ctx, actor, c.Environment, c.Once, c, func() ([]slipway.Calendar, error) { return a.eventsOf(c) })
}

func (a *App) eventsOf(c ImportCalendars) ([]slipway.Calendar, error) {
	events, err := a.Calendars.Events(c.File, c.Zone)
	for i := range events {
		events[i].Environment, events[i].Kind, events[i].Reason = c.Environment, c.Kind, strings.TrimSpace(c.Reason)
	}
	return events, err
}

// maxCalendars bounds what every page and every gate is reckoned with.
const maxCalendars = 200

func (a *App) addCalendars(ctx context.Context, actor slipway.Actor, environment string, once Once, command any, read func() ([]slipway.Calendar, error)) (added []slipway.Calendar, err error) {
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		added = nil
		on := slipway.Resource{Environment: environment}
		if err := a.mayFreeze(ctx, tx, actor, on); err != nil {
			return err
		}
		outcome, err := a.once(ctx, tx, actor, once, command, func() (string, error) {
			calendars, err := read()
			if err != nil {
				return "", err
			}
			return a.keepCalendars(ctx, tx, actor, on, calendars)
		})
		if err != nil {
			return err
		}
		for id := range strings.FieldsSeq(outcome) {
			number, err := atoi("calendar", id)
			if err != nil {
				return err
			}
			c, err := tx.Calendars().Get(ctx, number)
			if err != nil {
				return err
			}
			added = append(added, c)
		}
		return nil
	})
	return added, err
}

// mayFreeze lets those through who may manage the freezes of an environment that
// exists, or of all.
func (a *App) mayFreeze(ctx context.Context, tx slipway.Tx, actor slipway.Actor, on slipway.Resource) error {
	if err := a.authorize(ctx, tx, actor, slipway.FreezeManage, on); err != nil || on.Environment == "" {
		return err
	}
	_, err := tx.Environments().Get(ctx, on.Environment)
	return err
}

// keepCalendars checks and adds calendars, and returns their numbers.
func (a *App) keepCalendars(ctx context.Context, tx slipway.Tx, actor slipway.Actor, on slipway.Resource, calendars []slipway.Calendar) (string, error) {
	kept, err := tx.Calendars().List(ctx)
	if err != nil {
		return "", err
	}
	if len(kept)+len(calendars) > maxCalendars {
		return "", slipway.Conflict(fmt.Sprintf("There would be more than %d calendars.", maxCalendars), "Remove those that are over.")
	}
	var ids, names []string
	opens := false
	for i, c := range calendars {
		if c, err = a.fit(c); err != nil {
			return "", err
		}
		c.By, c.CreatedAt = actor.Name, a.now()
		if c, err = tx.Calendars().Add(ctx, c); err != nil {
			return "", err
		}
		calendars[i], ids, names = c, append(ids, itoa(c.ID)), append(names, c.Name)
		opens = opens || c.Kind == slipway.CalendarAllow
	}
	summary := fmt.Sprintf("added %d freeze calendars for %s: %s", len(names), whereOf(on), strings.Join(names, ", "))
	if len(names) == 1 {
		summary = fmt.Sprintf("added the freeze calendar %s for %s: %s", names[0], whereOf(on), calendars[0].Reason)
	}
	if err := a.recordCalendars(ctx, tx, actor, on, "calendar.added", summary, calendars); err != nil {
		return "", err
	}
	if opens { // beside others that allow, it opens what those keep shut
		err = a.wakeWaiting(ctx, tx, slipway.DeploymentFilter{Environment: on.Environment})
	}
	return strings.Join(ids, " "), err
}

// fit fills in what may be left out of a calendar, and refuses what cannot be kept.
func (a *App) fit(c slipway.Calendar) (slipway.Calendar, error) {
	if c.Kind == "" {
		c.Kind = slipway.CalendarDeny
	}
	return c, slipway.Invalid("The calendar", append(calendarFaults(c), a.Calendars.Check(c)...))
}

func calendarFaults(c slipway.Calendar) (faults []slipway.FieldError) {
	if c.Name == "" || len(c.Name) > maxText {
		faults = append(faults, slipway.FieldError{Field: "name", Message: "is needed, so that others know which it is"})
	}
	if c.Reason == "" || len(c.Reason) > maxText {
		faults = append(faults, slipway.FieldError{Field: "reason", Message: "is needed, so that others know why they wait"})
	}
	if c.Kind != slipway.CalendarDeny && c.Kind != slipway.CalendarAllow {
		faults = append(faults, slipway.FieldError{Field: "kind", Message: "is deny or allow"})
	}
	return faults
}

func whereOf(on slipway.Resource) string {
	if on.Environment == "" {
		return "all environments"
	}
	return on.Environment
}

func (a *App) recordCalendars(ctx context.Context, tx slipway.Tx, actor slipway.Actor, on slipway.Resource, action, summary string, detail any) error {
	return a.record(ctx, tx, actor, change{action: action, on: on, subject: "calendars of " + whereOf(on), summary: summary, detail: detail})
}

// RemoveCalendar removes a freeze calendar.
type RemoveCalendar struct {
	Once
	Calendar int64
}

// RemoveCalendar removes a calendar with all the freezes that it makes.
func (a *App) RemoveCalendar(ctx context.Context, actor slipway.Actor, c RemoveCalendar) error {
	return a.writeOnce(ctx, actor, c.Once, c, func(tx slipway.Tx) error {
		calendar, err := tx.Calendars().Get(ctx, c.Calendar)
		if err != nil {
			return err
		}
		on := slipway.Resource{Environment: calendar.Environment}
		if err := a.authorize(ctx, tx, actor, slipway.FreezeManage, on); err != nil {
			return err
		}
		if err := tx.Calendars().Remove(ctx, c.Calendar); err != nil {
			return err
		}
		if err := a.recordCalendars(ctx, tx, actor, on, "calendar.removed", "removed the freeze calendar "+calendar.Name+" of "+whereOf(on), calendar); err != nil {
			return err
		}
		return a.wakeWaiting(ctx, tx, slipway.DeploymentFilter{Environment: calendar.Environment})
	})
}

// FreezeCalendars lists all calendars.
func (a *App) FreezeCalendars(ctx context.Context, actor slipway.Actor) (out []slipway.Calendar, err error) {
	if err := a.signedIn(actor); err != nil {
		return nil, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		out, err = tx.Calendars().List(ctx)
		return err
	})
	return out, err
}

// freezes lists current and coming freezes, those of calendars included, of some
// environments; of all if none is named.
func (a *App) freezes(ctx context.Context, tx slipway.Tx, environments ...string) ([]slipway.Freeze, error) {
	if len(environments) == 0 {
		all, err := tx.Environments().List(ctx)
		if err != nil {
			return nil, err
		}
		for _, e := range all {
			environments = append(environments, e.Name)
		}
	}
	return slipway.FreezesIn(ctx, tx, a.aids(), a.now(), environments...)
}
