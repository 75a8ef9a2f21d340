package browser

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/web/page"
)

// signIn is the door. Who is inside already goes straight on.
func (s *Surface) signIn(c echo.Context) error {
	if server.ActorOf(c).ID != "" {
		return seeOther(c, identity.SafeReturn(c.QueryParam("return")))
	}
	return s.showDoor(c, http.StatusOK, "")
}

// showDoor also tells why the last attempt to come in failed.
func (s *Surface) showDoor(c echo.Context, status int, failed string) error {
	v := page.SignInView{Return: identity.SafeReturn(c.QueryParam("return")), Error: failed}
	if c.QueryParam("lost") != "" {
		v.Notice = "You were signed out before you sent that, so nothing was done. Sign in and send it again."
	}
	v.Providers = []page.Provider{{Name: s.Provider, Href: loginPath("", v.Return)}}
	for _, d := range s.DemoPeople {
		role, can, _ := strings.Cut(d.Note, ": ")
		v.Demo = append(v.Demo, page.DemoPerson{Name: d.Name, Role: role, Can: upperFirst(can), Href: loginPath(d.ID, v.Return)})
	}
	noStore(c)
	return s.render(c, status, page.SignIn(s.frame(c, "Sign in"), v))
}

// loginPath is where a sign-in begins; as whom is only known where everything
// is a demo.
func loginPath(as, to string) string {
	q := url.Values{"return": {to}}
	if as != "" {
		q.Set("login_hint", as)
	}
	return "/auth/login?" + q.Encode()
}
