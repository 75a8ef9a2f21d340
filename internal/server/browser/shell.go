package browser

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/layout"
)

// keysCookie remembers in this browser that single keys are off; flashCookie
// carries what the last form did.
const (
	keysCookie  = "slipway_keys"
	flashCookie = "slipway_flash"
)

// frame is the shell without anything about a person, and cannot fail.
func (s *Surface) frame(c echo.Context, title string) layout.Shell {
	return layout.Shell{Asset: s.Assets.Path, Title: title, Now: s.now(c), Key: rand.Text(), Here: here(c), Version: s.Version, Build: s.Build}
}

// here is the address to come back to: of a form that was sent, its page.
func here(c echo.Context) string {
	if isRead(c) {
		return c.Request().URL.RequestURI()
	}
	if to := c.FormValue("return"); ours(to) {
		return to
	}
	from, err := url.Parse(c.Request().Referer())
	if err == nil && from.Host == c.Request().Host && ours(from.RequestURI()) {
		return from.RequestURI()
	}
	return "/"
}

// shell is the frame of a page for whoever is signed in.
func (s *Surface) shell(c echo.Context, section, title string, topics ...string) (layout.Shell, error) {
	around, err := s.App.Surroundings(c.Request().Context(), server.ActorOf(c))
	if err != nil {
		return layout.Shell{}, err
	}
	return s.shellIn(c, around, section, title, topics...), nil
}

// shellIn is the shell of a page that has asked what is around it.
func (s *Surface) shellIn(c echo.Context, around app.Surroundings, section, title string, topics ...string) layout.Shell {
	sh := s.frame(c, title)
	if line := around.Line; line != nil {
		sh.StopLine = strings.TrimSuffix(line.Reason, ".") + ". " + line.OwnerName + ", " + clock(line.Since, sh.Now) + ". Rollbacks go out all the same."
	}
	sh.Section, sh.Topics, sh.After = section, slices.Concat(topics, []string{"inbox"}), around.News
	s.address(c, &sh, around.Waiting)
	if !byScript(c) { // a part that refreshes itself must not eat the message
		sh.Flash = s.takeFlash(c)
	}
	return sh
}

// address writes the person's name on the frame.
func (s *Surface) address(c echo.Context, sh *layout.Shell, waiting int) {
	actor, user := server.ActorOf(c), person(c)
	sh.SignedIn, sh.Name, sh.Groups = true, actor.Name, actor.Groups
	sh.Login, sh.Theme, sh.Zone, sh.InboxCount = user.Email, user.Theme, user.Zone, waiting
	if sh.Login == "" {
		sh.Login = actor.ID
	}
	if cookie, err := c.Cookie(s.cookieName(keysCookie)); err == nil {
		sh.KeysOff = cookie.Value == "off"
	}
	if waiting > 0 {
		sh.State, sh.Tone = count(waiting, "waiting"), component.Waiting
	}
}

// staysAt names the page that a refused form is answered with: what refreshes
// itself there asks for that page, not for the one that the form was on.
func staysAt(c echo.Context, sh *layout.Shell, path string) {
	if !isRead(c) {
		sh.Here = path
	}
}

// byScript reports whether htmx asks, for a part of a page.
func byScript(c echo.Context) bool { return c.Request().Header.Get("HX-Request") != "" }

// render writes a page. It is written whole or not at all, so that an error in
// the middle is an error and no half page.
func (s *Surface) render(c echo.Context, status int, page templ.Component) error {
	var body bytes.Buffer
	if err := page.Render(c.Request().Context(), &body); err != nil {
		return err
	}
	h := c.Response().Header()
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private, no-cache")
	}
	h.Add("Vary", "HX-Request")
	return c.HTMLBlob(status, body.Bytes())
}

// noStore keeps a page with personal data or a secret out of every cache.
func noStore(c echo.Context) { c.Response().Header().Set("Cache-Control", "no-store") }

// cookieName binds a cookie to exactly this host where browsers come by https.
func (s *Surface) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

// cookie sets a cookie for a while; a negative while removes it.
func (s *Surface) cookie(c echo.Context, name, value string, while time.Duration) {
	age := int(while / time.Second)
	if while < 0 {
		age = -1
	}
	//nolint:gosec // without Secure only where people come by plain http
	c.SetCookie(&http.Cookie{Name: s.cookieName(name), Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
}

// seeOther ends every form that was accepted: the browser's reload then shows
// a page and sends nothing again.
func seeOther(c echo.Context, to string) error {
	if !ours(to) {
		to = "/"
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// returnTo is where a form asks to go afterwards, if that is a page of ours.
func returnTo(c echo.Context, otherwise string) string {
	if to := c.FormValue("return"); ours(to) {
		return to
	}
	return otherwise
}

func isRead(c echo.Context) bool {
	return c.Request().Method == http.MethodGet || c.Request().Method == http.MethodHead
}
