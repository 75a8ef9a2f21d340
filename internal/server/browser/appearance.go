package browser

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) appearance(c echo.Context) error { return s.showAppearance(c, http.StatusOK, nil) }

func (s *Surface) showAppearance(c echo.Context, status int, refused *slipway.Error) error {
	sh, err := s.shell(c, "settings", "Appearance")
	if err != nil {
		return err
	}
	v := page.AppearanceView{Theme: sh.Theme, KeysOff: sh.KeysOff, Key: sh.Key, Zone: component.Field{Name: "zone", Label: "Place", Value: person(c).Zone, Mono: true,
		Placeholder: "Europe/Stockholm", Error: fieldError(refused, "zone"), Hint: "A time zone by its name. Empty: the one of this browser."}}
	if refused != nil {
		v.Zone.Value = text(c, "zone")
	}
	if v.Theme == "" {
		v.Theme = "system"
	}
	return s.render(c, status, page.Appearance(sh, v))
}

// keysFor is how long this browser remembers that single keys are off.
const keysFor = 365 * 24 * time.Hour

// saveAppearance keeps theme and time zone with the person, so that they are there
// in the first byte of every page, and the keys with the browser, as they belong
// to this keyboard. The menu of every page sends one of them alone.
func (s *Surface) saveAppearance(c echo.Context) error {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	to := returnTo(c, "/settings/appearance")
	if theme := text(c, "theme"); theme != "" {
		if theme == "system" {
			theme = ""
		}
		if err := s.App.SetTheme(ctx, actor, theme); err != nil {
			return err
		}
	}
	if times := text(c, "times"); times != "" {
		zone := zoneAsked(c, times)
		if times == "local" && zone == "" { // a browser without script does not say where it is
			return seeOther(c, "/settings/appearance#times")
		}
		err := s.App.SetZone(ctx, actor, zone)
		if e, status, ok := refusal(err); ok {
			return s.showAppearance(c, status, e)
		}
		if err != nil {
			return err
		}
	}
	if c.FormValue("form") != "full" {
		return seeOther(c, to)
	}
	if c.FormValue("keys_off") != "" {
		s.cookie(c, keysCookie, "off", keysFor)
	} else {
		s.cookie(c, keysCookie, "", -1)
	}
	return s.done(c, to, "Saved.", component.Link{})
}

// zoneAsked is the zone that was typed, or else that of the browser.
func zoneAsked(c echo.Context, times string) string {
	if times != "local" {
		return ""
	}
	if zone := text(c, "zone"); zone != "" {
		return zone
	}
	return text(c, "zone_here")
}
