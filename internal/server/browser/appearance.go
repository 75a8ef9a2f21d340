package browser

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) appearance(c echo.Context) error {
	sh, err := s.shell(c, "settings", "Appearance")
	if err != nil {
		return err
	}
	v := page.AppearanceView{Theme: sh.Theme, KeysOff: sh.KeysOff, Key: sh.Key}
	if v.Theme == "" {
		v.Theme = "system"
	}
	return s.render(c, http.StatusOK, page.Appearance(sh, v))
}

// keysFor is how long this browser remembers that single keys are off.
const keysFor = 365 * 24 * time.Hour

// saveAppearance keeps the theme with the person, so that it is there in the
// first byte of every page, and the keys with the browser, as they belong to
// this keyboard. The menu of every page sends the theme alone.
func (s *Surface) saveAppearance(c echo.Context) error {
	theme := text(c, "theme")
	if theme == "system" {
		theme = ""
	}
	if err := s.App.SetTheme(c.Request().Context(), server.ActorOf(c), theme); err != nil {
		return err
	}
	to := returnTo(c, "/settings/appearance")
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
