package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Identity is the OpenID provider as the sign-in needs it; *identity.Provider
// is one.
type Identity interface {
	Begin(returnTo string) (address string, pending identity.Pending, err error)
	Finish(ctx context.Context, pending identity.Pending, query url.Values) (identity.Claims, error)
	VerifyLogout(ctx context.Context, token string) (subject, sid string, err error)
	EndSessionURL(idTokenHint, postLogoutRedirect string) string
}

const (
	loginPath       = "/auth/login"
	callbackPath    = "/auth/callback"
	logoutPath      = "/auth/logout"
	backchannelPath = "/auth/backchannel-logout"

	// maxPending bounds the sign-ins that one browser may have under way: people
	// do have several tabs that all ask for one.
	maxPending = 4
	// maxHint bounds the ID token that is kept for signing out of the provider.
	// Without it the provider only asks once more.
	maxHint = 2048
)

// frontDoor is the surface of the routes around sessions. Its errors are shown
// by the surface for people.
type frontDoor struct{ s *Server }

func (f *frontDoor) Routes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: loginPath, Access: Public(), Handler: f.login},
		{Method: http.MethodGet, Path: callbackPath, Access: Public(), Handler: f.callback},
		{Method: http.MethodPost, Path: logoutPath, Access: Public(), Handler: f.logout},
		{Method: http.MethodPost, Path: backchannelPath, Access: Public(), Handler: f.backchannel},
		{Method: http.MethodGet, Path: eventsPath, Access: SignedIn(), Handler: f.s.stream},
	}
}

func (f *frontDoor) Authenticate(c echo.Context) error {
	if c.Path() == backchannelPath {
		// No browser comes here. Many sign-outs at once are no attack, so only
		// tokens that are no good count against the address.
		SetProven(c)
		return nil
	}
	actor, _, err := f.s.SessionActor(c)
	if err != nil && slipway.CodeOf(err) != slipway.CodeUnauthenticated {
		return err
	}
	SetActor(c, actor)
	return nil
}

func (f *frontDoor) ShowError(c echo.Context, err error) error { return f.s.showToPeople(c, err) }

func (f *frontDoor) identity() (Identity, error) {
	if f.s.cfg.Identity == nil {
		return nil, &slipway.Error{Code: slipway.CodeUnavailable, Message: "No sign-in is set up.", Do: "Set SLIPWAY_OIDC_ISSUER and its client, then start Slipway again."}
	}
	return f.s.cfg.Identity, nil
}

// login begins a sign-in. It is a link and not a form: a form's policy would
// refuse the way to the provider.
func (f *frontDoor) login(c echo.Context) error {
	provider, err := f.identity()
	if err != nil {
		return err
	}
	ctx, err := f.s.session(c)
	if err != nil {
		return err
	}
	address, pending, err := provider.Begin(identity.SafeReturn(c.QueryParam("return")))
	if err != nil {
		return err
	}
	address = withHint(address, c.QueryParam("login_hint"))
	under := append(f.pending(ctx), pending)
	if err := f.putPending(ctx, under[max(0, len(under)-maxPending):]); err != nil {
		return err
	}
	if ActorOf(c).ID == "" {
		f.s.sessions.SetDeadline(ctx, f.s.clock().Add(signInWindow).UTC())
	}
	if err := f.s.keep(ctx, c); err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, address)
}

// withHint tells the provider whom a link means to sign in, as the demo's do.
// It is a hint: the provider decides.
func withHint(address, hint string) string {
	u, err := url.Parse(address)
	if hint == "" || len(hint) > 200 || err != nil {
		return address
	}
	query := u.Query()
	query.Set("login_hint", hint)
	u.RawQuery = query.Encode()
	return u.String()
}

// callback finishes a sign-in. What was pending is used up, whatever comes of
// it, and the session gets a new id: one that somebody slipped into this
// browser beforehand is worth nothing.
func (f *frontDoor) callback(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	provider, err := f.identity()
	if err != nil {
		return err
	}
	ctx, err := f.s.session(c)
	if err != nil {
		return err
	}
	pending, found := f.take(ctx, c.QueryParam("state"))
	claims, err := provider.Finish(ctx, pending, c.QueryParams())
	if err != nil {
		if found {
			err = errors.Join(err, f.s.keep(ctx, c))
		}
		return err
	}
	u, err := f.s.cfg.App.SignIn(ctx, app.SignIn{
		Issuer: claims.Issuer, Subject: claims.Subject, Name: claims.Name, Email: claims.Email, Groups: claims.Groups,
	}, RequestID(ctx), c.RealIP())
	if err != nil {
		return err
	}
	if err := f.begin(ctx, c, u, claims); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, identity.SafeReturn(pending.ReturnTo))
}

func (f *frontDoor) begin(ctx context.Context, c echo.Context, u slipway.User, claims identity.Claims) error {
	sessions := f.s.sessions
	if err := sessions.Clear(ctx); err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	if err := sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	now := f.s.clock()
	sessions.Put(ctx, keyUser, u.ID)
	f.s.putTime(ctx, keyBegan, now)
	f.s.putTime(ctx, keySeen, now)
	sessions.Put(ctx, keySID, claims.SessionID)
	if len(claims.IDToken) <= maxHint {
		sessions.Put(ctx, keyHint, claims.IDToken)
	}
	return f.s.keep(ctx, c)
}

// logout ends the session here, and then at the provider.
func (f *frontDoor) logout(c echo.Context) error {
	ctx, err := f.s.session(c)
	if err != nil {
		return err
	}
	if err := f.s.cfg.App.SignedOut(ctx, ActorOf(c)); err != nil {
		f.s.logError(ctx, c, err) // the session ends all the same
	}
	hint := f.s.sessions.GetString(ctx, keyHint)
	if err := f.s.end(ctx, c); err != nil {
		return err
	}
	here := f.s.origin.Scheme + "://" + f.s.origin.Host + "/sign-in"
	next := here
	if f.s.cfg.Identity != nil {
		if elsewhere := f.s.cfg.Identity.EndSessionURL(hint, here); elsewhere != "" {
			next = elsewhere
		}
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	u, err := url.Parse(next)
	if err != nil || u.Host == f.s.origin.Host {
		return c.Redirect(http.StatusSeeOther, next)
	}
	// The policy of the page lets its forms lead to this host only, redirects
	// included. So the way to another host begins at a page of its own.
	h.Set("Refresh", "0; url="+strings.ReplaceAll(next, ";", "%3B"))
	return c.HTML(http.StatusOK, `<!doctype html><html lang="en"><title>Signed out · Slipway</title><p>You are signed out of Slipway. <a href="`+
		html.EscapeString(next)+`">Sign out of the sign-in provider too</a>.</p></html>`)
}

func (f *frontDoor) pending(ctx context.Context) []identity.Pending {
	var under []identity.Pending
	_ = json.Unmarshal([]byte(f.s.sessions.GetString(ctx, keyPending)), &under) // none is none
	return under
}

func (f *frontDoor) putPending(ctx context.Context, under []identity.Pending) error {
	if len(under) == 0 {
		f.s.sessions.Remove(ctx, keyPending)
		return nil
	}
	encoded, err := json.Marshal(under)
	if err != nil {
		return fmt.Errorf("sign-in: %w", err)
	}
	f.s.sessions.Put(ctx, keyPending, string(encoded))
	return nil
}

// take removes and returns the sign-in that an answer belongs to. Without one
// the zero Pending goes to Finish, which says so.
func (f *frontDoor) take(ctx context.Context, state string) (identity.Pending, bool) {
	under := f.pending(ctx)
	for i, p := range under {
		if p.State == state && state != "" {
			return p, f.putPending(ctx, append(under[:i:i], under[i+1:]...)) == nil
		}
	}
	return identity.Pending{}, false
}
