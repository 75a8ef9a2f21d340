package browser

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

const environmentsPath = "/settings/environments"

func (s *Surface) environments(c echo.Context) error {
	return s.showEnvironments(c, http.StatusOK, nil)
}

// showEnvironments renders environments and freezes, also after a form was
// refused.
func (s *Surface) showEnvironments(c echo.Context, status int, refused *slipway.Error) error {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	sh, err := s.shell(c, "settings", "Environments")
	if err != nil {
		return err
	}
	list, err := s.App.Environments(ctx, actor)
	if err != nil {
		return err
	}
	freezes, err := s.App.Freezes(ctx, actor)
	if err != nil {
		return err
	}
	calendars, err := s.App.CalendarsAhead(ctx, actor)
	if err != nil {
		return err
	}
	edit, err := s.mayEditEnvironments(c, list)
	if err != nil {
		return err
	}
	v := environmentsView(c, list, freezes, s.now(c))
	v.Key, v.CanEdit = sh.Key, edit
	if err := s.showCalendars(c, &v, calendars); err != nil {
		return err
	}
	if err := s.line(c, &v); err != nil {
		return err
	}
	if refused != nil {
		v.Name.Error, v.Rank.Error = fieldError(refused, "name"), fieldError(refused, "rank")
		v.FreezeUntil.Error = fieldError(refused, "until")
		if c.Param("environment") == "" { // a lock has a reason of its own
			v.FreezeReason.Error = fieldError(refused, "reason")
		}
		if v.Error = sentence(refused); v.Name.Error+v.Rank.Error+v.FreezeUntil.Error+v.FreezeReason.Error == "" {
			v.Error = sentenceWithFields(refused)
		}
	}
	return s.render(c, status, page.Environments(sh, v))
}

// mayEditEnvironments reports whether there is anything on the page that the
// actor may change; each form says for itself if it is not that one.
func (s *Surface) mayEditEnvironments(c echo.Context, list []slipway.Environment) (bool, error) {
	asks := []app.Ask{{Permission: slipway.EnvironmentManage}}
	for _, e := range list {
		on := slipway.Resource{Environment: e.Name}
		asks = append(asks, app.Ask{Permission: slipway.EnvironmentLock, On: on}, app.Ask{Permission: slipway.FreezeManage, On: on})
	}
	reasons, err := s.App.WhyNot(c.Request().Context(), server.ActorOf(c), asks...)
	return slices.Contains(reasons, ""), err
}

// untilLayout is how browsers send a date with a time.
const untilLayout = "2006-01-02T15:04"

func environmentsView(c echo.Context, list []slipway.Environment, freezes []slipway.Freeze, now time.Time) page.EnvironmentsView {
	v := page.EnvironmentsView{
		Name:         component.Field{Name: "name", Label: "Name", Value: formOnly(c, "name"), Required: true, Mono: true, MaxLength: 63},
		Rank:         component.Field{Name: "rank", Label: "Rank", Value: formOnly(c, "rank"), Type: "number", Required: true, Hint: "Lower comes first."},
		FreezeReason: component.Field{Name: "reason", Label: "Reason", Value: formOnly(c, "reason"), Required: true, MaxLength: 300},
		FreezeUntil:  component.Field{Name: "until", Label: "Until", Value: formOnly(c, "until"), Type: "datetime-local", Required: true, Hint: "In " + now.Format("MST") + "."},
	}
	for _, e := range list {
		row := page.EnvironmentRow{Name: e.Name, Rank: e.Rank, Tier: string(e.Tier)}
		if l := e.Lock; l != nil {
			row.Lock, row.LockBy, row.LockAt = l.Reason, l.OwnerName, l.Since
		}
		if f := activeFreeze(freezes, e.Name, now); f != nil {
			row.Frozen = "Frozen until " + clock(f.Until, now) + ": " + f.Reason
		}
		v.Environments = append(v.Environments, row)
		v.FreezeEnv = append(v.FreezeEnv, component.Option{Value: e.Name, Label: e.Name, Selected: formOnly(c, "environment") == e.Name})
	}
	for _, f := range freezes {
		row := page.FreezeRow{ID: id(f.ID), Environment: f.Environment, Reason: f.Reason, From: f.From, Until: f.Until, By: f.By, Active: f.Active(now)}
		if f.Calendar != 0 {
			row.ID, row.By = "", "by calendar"
		}
		v.Freezes = append(v.Freezes, row)
	}
	for _, tier := range []slipway.Tier{slipway.TierDevelopment, slipway.TierStaging, slipway.TierProduction} {
		v.Tiers = append(v.Tiers, component.Option{Value: string(tier), Label: string(tier), Selected: c.FormValue("tier") == string(tier)})
	}
	return v
}

func (s *Surface) addEnvironment(c echo.Context) error {
	e, err := s.newEnvironment(c)
	return s.environmentDone(c, err, e.Name+" is there. Pipelines can name it as a stage.")
}

// newEnvironment refuses a name that is taken: the form to add an environment
// must not quietly change one. The same form sent twice adds nothing.
func (s *Surface) newEnvironment(c echo.Context) (slipway.Environment, error) {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	rank, err := strconv.Atoi(text(c, "rank"))
	e := slipway.Environment{Name: text(c, "name"), Rank: rank, Tier: slipway.Tier(text(c, "tier"))}
	var faults []slipway.FieldError
	if err != nil {
		faults = append(faults, slipway.FieldError{Field: "rank", Message: "is a whole number"})
	}
	if fault := slipway.CheckEnvironmentName(e.Name); fault != "" {
		faults = append(faults, slipway.FieldError{Field: "name", Message: fault})
	}
	known, err := s.App.Environments(ctx, actor)
	if err != nil {
		return e, err
	}
	for _, other := range known {
		if other.Name == e.Name && (other.Rank != e.Rank || other.Tier != e.Tier) {
			faults = append(faults, slipway.FieldError{Field: "name", Message: "is taken; " + other.Name + " has rank " + strconv.Itoa(other.Rank)})
		}
	}
	if err := slipway.Invalid("The environment", faults); err != nil {
		return e, err
	}
	return s.App.PutEnvironment(ctx, actor, app.PutEnvironment{Once: once(c), Environment: e})
}

func (s *Surface) lockEnvironment(c echo.Context) error {
	name := c.Param("environment")
	_, err := s.App.LockEnvironment(c.Request().Context(), server.ActorOf(c), app.LockEnvironment{Once: once(c), Environment: name, Reason: text(c, "reason")})
	return s.environmentDone(c, err, name+" is locked. Nobody but you starts anything there until it is unlocked.")
}

func (s *Surface) unlockEnvironment(c echo.Context) error {
	name := c.Param("environment")
	_, err := s.App.UnlockEnvironment(c.Request().Context(), server.ActorOf(c), app.UnlockEnvironment{Once: once(c), Environment: name})
	return s.environmentDone(c, err, name+" is unlocked.")
}

func (s *Surface) addFreeze(c echo.Context) error {
	until, err := time.ParseInLocation(untilLayout, text(c, "until"), zoneOf(person(c).Zone))
	if err != nil {
		return s.environmentDone(c, slipway.Invalid("The freeze", []slipway.FieldError{{Field: "until", Message: "is a date with a time, such as 2026-12-24T08:00"}}), "")
	}
	f, err := s.App.AddFreeze(c.Request().Context(), server.ActorOf(c), app.AddFreeze{Once: once(c), Environment: text(c, "environment"), Reason: text(c, "reason"), Until: until})
	return s.environmentDone(c, err, f.Environment+" is frozen until "+clock(f.Until, s.now(c))+". Rollbacks pass.")
}

func (s *Surface) removeFreeze(c echo.Context) error {
	n, err := number(c, "freeze")
	if err != nil {
		return err
	}
	err = s.App.RemoveFreeze(c.Request().Context(), server.ActorOf(c), app.RemoveFreeze{Once: once(c), Freeze: n})
	if slipway.IsNotFound(err) {
		err = nil // the second click finds it gone, which is what was wanted
	}
	return s.environmentDone(c, err, "The freeze is over.")
}

func (s *Surface) environmentDone(c echo.Context, err error, said string) error {
	if e, status, ok := refusal(err); ok {
		return s.showEnvironments(c, status, e)
	}
	if err != nil {
		return err
	}
	return s.done(c, environmentsPath, said, component.Link{})
}
