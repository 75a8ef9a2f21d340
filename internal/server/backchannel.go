package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// backchannel is where the provider says that somebody signed out there. All
// of the person's sessions end, also if the token speaks of one of them: who
// signs out at the provider expects to be out.
func (f *frontDoor) backchannel(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	provider, err := f.identity()
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	token := c.FormValue("logout_token")
	subject, sid, err := provider.VerifyLogout(ctx, token)
	if slipway.CodeOf(err) == slipway.CodeInvalid {
		if limited := f.s.limit(c); limited != nil {
			return limited
		}
		f.s.logError(ctx, c, err)
		// The words are those of the standard: another server reads them.
		return c.JSON(http.StatusBadRequest, map[string]string{"error": "invalid_request", "error_description": "the logout token was not accepted"})
	}
	if err != nil {
		return err
	}
	issuer := issuerOf(token)
	if subject == "" {
		if subject, err = f.subjectOf(ctx, issuer, sid); err != nil {
			return err
		}
	}
	if subject != "" {
		if err := f.s.cfg.App.SignOutEverywhere(ctx, issuer, subject); err != nil {
			return err
		}
	}
	return c.NoContent(http.StatusOK)
}

// issuerOf reads who issued a token that is verified already, its issuer
// included.
func issuerOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

// subjectOf finds whose session the provider calls sid; empty if nobody's. It
// looks through all of them, which only providers ask for that name no subject.
func (f *frontDoor) subjectOf(ctx context.Context, issuer, sid string) (string, error) {
	store, ok := f.s.cfg.Sessions.(scs.IterableCtxStore)
	if !ok || sid == "" {
		return "", nil
	}
	all, err := store.AllCtx(ctx)
	if err != nil {
		return "", err
	}
	for _, data := range all {
		_, values, err := textCodec{}.Decode(data)
		if err != nil || values[keySID] != sid {
			continue
		}
		id, _ := values[keyUser].(string)
		text, _ := values[keyBegan].(string)
		began, _ := time.Parse(time.RFC3339Nano, text)
		u, err := f.s.cfg.App.SessionUser(ctx, id, began)
		switch {
		case err == nil && u.Issuer == issuer:
			return u.Subject, nil
		case err != nil && slipway.CodeOf(err) != slipway.CodeUnauthenticated:
			return "", err
		}
	}
	return "", nil
}
