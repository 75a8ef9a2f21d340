package browser

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) device(c echo.Context) error {
	return s.showDevice(c, http.StatusOK, nil, func(*page.DeviceView) {})
}

func (s *Surface) showDevice(c echo.Context, status int, refused *slipway.Error, change func(*page.DeviceView)) error {
	sh, err := s.shell(c, "", "Sign a command line in")
	if err != nil {
		return err
	}
	v := page.DeviceView{Key: sh.Key, Code: component.Field{Name: "code", Label: "Code", Value: formOnly(c, "code"), Required: true, Mono: true, MaxLength: 20, Autocomplete: "off",
		Placeholder: "BCDF-GHJK", Hint: "slipway login shows it in your terminal."}}
	if refused != nil {
		v.Problems = []component.Link{{Text: sentence(refused), Href: "#code"}}
	}
	change(&v)
	noStore(c)
	return s.render(c, status, page.Device(sh, v))
}

// decideDevice shows what a code stands for first, and does what is decided
// second. Codes that are none are bounded: nobody tries them out.
func (s *Surface) decideDevice(c echo.Context) error {
	ctx, actor, typed := c.Request().Context(), server.ActorOf(c), text(c, "code")
	if !s.guesses.may(actor.ID, s.App.Clock()) {
		return s.showDevice(c, http.StatusTooManyRequests, &slipway.Error{Code: slipway.CodeDenied, Message: "That were too many codes that are none.", Affected: "This one was not looked at.", Do: "Try again in a few minutes."},
			func(v *page.DeviceView) { v.Code.Value = "" })
	}
	decision := text(c, "decision")
	var d slipway.DeviceLogin
	var err error
	if decision == "approve" || decision == "deny" {
		d, err = s.App.DecideDevice(ctx, actor, app.DecideDevice{Code: typed, Approve: decision == "approve"})
	} else {
		decision = ""
		d, err = s.App.Device(ctx, actor, typed)
	}
	var none *slipway.Error
	if slipway.IsNotFound(err) && errors.As(err, &none) {
		s.guesses.wrong(actor.ID, s.App.Clock())
		return s.showDevice(c, http.StatusUnprocessableEntity, none, func(*page.DeviceView) {})
	}
	if e, status, ok := refusal(err); ok {
		return s.showDevice(c, status, e, func(*page.DeviceView) {})
	}
	if err != nil {
		return err
	}
	return s.showDevice(c, http.StatusOK, nil, func(v *page.DeviceView) {
		switch decision {
		case "approve":
			v.Done = "The command line is signed in. You may close this page; Settings, API tokens ends it."
		case "deny":
			v.Done = "The command line was not signed in."
		default:
			v.Found, v.Code.Value, v.Name, v.Address, v.Lives, v.Expires = true, slipway.ShownDeviceCode(d.UserCode), d.Name, d.Address, plural(int(time.Duration(d.Lifetime)/(24*time.Hour)), "day"), d.ExpiresAt
			for _, p := range d.Scopes {
				v.May = append(v.May, string(p))
			}
			if len(d.Scopes) == 0 {
				v.May = []string{"all that you may"}
			}
			if v.Name == "" {
				v.Name = "nothing"
			}
		}
	})
}

// guesses bounds how many wrong codes somebody types, in bounded memory.
type guesses struct {
	mu     sync.Mutex
	wrongs map[string][]time.Time
}

const (
	mostGuesses  = 5
	guessesFor   = 10 * time.Minute
	mostGuessers = 10_000
)

func newGuesses() *guesses { return &guesses{wrongs: map[string][]time.Time{}} }

func (g *guesses) may(who string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	recent := 0
	for _, at := range g.wrongs[who] {
		if now.Sub(at) < guessesFor {
			recent++
		}
	}
	return recent < mostGuesses
}

// wrong remembers a guess. When nobody else fits in, those are forgotten whose
// last guess is long ago, and after that anybody's: people are few.
func (g *guesses) wrong(who string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.wrongs) >= mostGuessers && g.wrongs[who] == nil {
		for name, list := range g.wrongs {
			if now.Sub(list[len(list)-1]) >= guessesFor {
				delete(g.wrongs, name)
			}
		}
		for name := range g.wrongs {
			if len(g.wrongs) < mostGuessers {
				break
			}
			delete(g.wrongs, name)
		}
	}
	list := g.wrongs[who]
	g.wrongs[who] = append(list[max(0, len(list)-mostGuesses+1):len(list):len(list)], now)
}
