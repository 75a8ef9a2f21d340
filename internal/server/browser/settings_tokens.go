package browser

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) tokens(c echo.Context) error {
	return s.showTokens(c, http.StatusOK, func(*page.TokensView) {})
}

// showTokens renders a person's tokens; change puts in a new one, or what was
// wrong with the form.
func (s *Surface) showTokens(c echo.Context, status int, change func(*page.TokensView)) error {
	sh, err := s.shell(c, "settings", "API tokens")
	if err != nil {
		return err
	}
	list, err := s.App.Tokens(c.Request().Context(), server.ActorOf(c), false)
	if err != nil {
		return err
	}
	v := tokensView(c, list, s.now(c))
	v.Key = sh.Key
	change(&v)
	noStore(c)
	return s.render(c, status, page.Tokens(sh, v))
}

func tokensView(c echo.Context, list []slipway.Token, now time.Time) page.TokensView {
	days := formOnly(c, "days")
	if days == "" {
		days = strconv.Itoa(int(app.DefaultTokenLifetime / (24 * time.Hour)))
	}
	v := page.TokensView{CanCreate: true,
		Name: component.Field{Name: "name", Label: "Name", Value: formOnly(c, "name"), Required: true, MaxLength: 100, Hint: "What it is for, so that you know later whether it can go."},
		Days: component.Field{Name: "days", Label: "Days that it is good for", Value: days, Type: "number", Required: true}}
	for _, t := range list {
		if t.RevokedAt != nil {
			continue
		}
		row := page.TokenRow{ID: t.ID, Name: t.Name, Prefix: "slp_" + t.ID, Created: t.CreatedAt, LastUsed: timeOf(t.LastUsedAt), Expires: t.ExpiresAt, Expired: !t.Usable(now)}
		for _, p := range t.Scopes {
			row.Permissions = append(row.Permissions, string(p))
		}
		if len(t.Scopes) == 0 {
			row.Permissions = []string{"all that you may"}
		}
		v.Tokens = append(v.Tokens, row)
	}
	chosen := c.Request().PostForm["permission"]
	for _, p := range slipway.Permissions() {
		v.Permissions = append(v.Permissions, component.Option{Value: string(p), Label: string(p), Selected: slices.Contains(chosen, string(p))})
	}
	return v
}

// createToken answers with the page itself and leads nowhere: the secret is
// kept nowhere that another request could fetch it from. The same form sent
// again is refused by its key.
func (s *Surface) createToken(c echo.Context) error {
	days, err := strconv.Atoi(text(c, "days"))
	if err != nil || days < 1 || days > 366 {
		return s.tokenRefused(c, slipway.Invalid("The token", []slipway.FieldError{{Field: "expires", Message: "is 1 to 366 days from now"}}))
	}
	plain, tokenID, hash := identity.MintToken()
	command := app.CreateToken{Once: once(c), ID: tokenID, SecretHash: hash, Name: text(c, "name"), Lifetime: time.Duration(days) * 24 * time.Hour}
	for _, p := range c.Request().PostForm["permission"] {
		command.Scopes = append(command.Scopes, slipway.Permission(p))
	}
	t, err := s.App.CreateToken(c.Request().Context(), server.ActorOf(c), command)
	if slipway.CodeOf(err) == slipway.CodeConflict {
		err = slipway.Conflict("This form was sent before. The token that it made was shown then and cannot be shown again.", "If you did not take it with you, revoke it and create another.")
	}
	if err != nil {
		return s.tokenRefused(c, err)
	}
	return s.showTokens(c, http.StatusCreated, func(v *page.TokensView) {
		v.Reveal, v.RevealName = plain, t.Name
		v.Name.Value = ""
	})
}

func (s *Surface) tokenRefused(c echo.Context, err error) error {
	e, status, ok := refusal(err)
	if !ok {
		return err
	}
	return s.showTokens(c, status, func(v *page.TokensView) {
		v.Name.Error, v.Days.Error = fieldError(e, "name"), fieldError(e, "expires")
		if v.Error = sentence(e); v.Name.Error+v.Days.Error == "" {
			v.Error = sentenceWithFields(e)
		}
	})
}

func (s *Surface) revokeToken(c echo.Context) error {
	err := s.App.RevokeToken(c.Request().Context(), server.ActorOf(c), app.RevokeToken{Once: once(c), Token: c.Param("id")})
	if _, _, ok := refusal(err); ok {
		return s.tokenRefused(c, err)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/settings/tokens", "The token is revoked. Whatever used it is signed out now.", component.Link{})
}
