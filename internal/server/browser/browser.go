// Package browser is the surface for people: pages that work as plain links and
// forms, and get livelier with script. Each file is a page: it reads the
// request, calls a use case, turns the answer into the flat view of a template
// and renders that. Nothing is decided here.
package browser

import (
	"errors"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/static"
)

// DemoPerson is somebody to sign in as where everything is a demo.
type DemoPerson struct {
	ID   string
	Name string
	Note string // "Approver: decides on production, may roll back."
}

// Config is what a Surface is made of. App and Assets are needed.
type Config struct {
	App       *app.App
	Assets    *static.Assets
	PublicURL string // as browsers see it; https makes cookies say so
	// Provider names whoever signs people in, for the button.
	Provider   string
	DemoPeople []DemoPerson
	Version    string
	Build      string
	// Chat opens the links that join chat accounts; nil: there are none.
	Chat        *chat.Seal
	ChatSystems []string // that are set up, by name
	// Who is signed in; nil: server.SessionActor.
	Who func(c echo.Context) (slipway.Actor, slipway.User, error)
}

// Surface is the browser surface.
type Surface struct {
	Config
	secure  bool
	guesses *guesses
}

// New makes the surface.
func New(c Config) (*Surface, error) {
	if c.App == nil || c.Assets == nil {
		return nil, errors.New("browser: App and Assets are needed")
	}
	if c.Who == nil {
		c.Who = server.SessionActor
	}
	if c.Provider == "" {
		c.Provider = "single sign-on"
	}
	return &Surface{Config: c, secure: strings.HasPrefix(c.PublicURL, "https://"), guesses: newGuesses()}, nil
}

var _ server.Surface = (*Surface)(nil)

const personKey = "slipway.browser.person"

// Authenticate takes the actor from the session and leaves a request without
// one anonymous.
func (s *Surface) Authenticate(c echo.Context) error {
	actor, user, err := s.Who(c)
	if err != nil {
		if slipway.CodeOf(err) == slipway.CodeUnauthenticated {
			return nil
		}
		return err
	}
	server.SetActor(c, actor)
	c.Set(personKey, user)
	return nil
}

// person is who is signed in, as the provider described them.
func person(c echo.Context) slipway.User {
	u, _ := c.Get(personKey).(slipway.User)
	return u
}

// now is the moment of the answer, by the clock that the person reads.
func (s *Surface) now(c echo.Context) time.Time { return s.App.Clock().In(zoneOf(person(c).Zone)) }

// once is the idempotency key that the form was rendered with.
func once(c echo.Context) app.Once {
	return app.Once{Key: c.FormValue("idempotency_key")}
}

// text is a field of the form as people mean it, without spaces around.
func text(c echo.Context, name string) string { return strings.TrimSpace(c.FormValue(name)) }

// ours reports whether a link leads into our own pages. Anything else, such as
// //host or /\host, would send people elsewhere.
func ours(href string) bool { return href != "" && identity.SafeReturn(href) == href }
