package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// How long sessions live. The idle time is noted only every seenEvery: writing
// it at each request would make every page a write.
const (
	idleTimeout  = 12 * time.Hour
	lifetime     = 7 * 24 * time.Hour
	seenEvery    = 5 * time.Minute
	signInWindow = 20 * time.Minute // a session that holds nothing but a sign-in under way
)

// What a session holds, all of it text.
const (
	keyUser    = "user"
	keyBegan   = "began"
	keySeen    = "seen"
	keySID     = "sid"     // the provider's name for the session
	keyHint    = "hint"    // ID token, for signing out of the provider
	keyPending = "pending" // sign-ins under way
)

func newSessions(store scs.Store, secure bool) *scs.SessionManager {
	m := scs.New()
	m.Store, m.Codec = store, textCodec{}
	m.Lifetime = lifetime
	// scs would write at every request to keep an idle timeout, so it is ours.
	m.IdleTimeout = 0
	m.Cookie.Name = "slipway"
	if secure {
		m.Cookie.Name = "__Host-slipway" // which browsers take only with Secure, Path=/ and no Domain
	}
	m.Cookie.Secure, m.Cookie.HttpOnly, m.Cookie.Path = secure, true, "/"
	m.Cookie.SameSite = http.SameSiteLaxMode
	return m
}

// textCodec keeps sessions as JSON: gob takes ten times as long, at every
// request.
type textCodec struct{}

type sessionText struct {
	Deadline time.Time         `json:"deadline"`
	Values   map[string]string `json:"values"`
}

func (textCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	kept := sessionText{Deadline: deadline, Values: make(map[string]string, len(values))}
	for key, value := range values {
		text, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("session value %s is no text", key)
		}
		kept.Values[key] = text
	}
	return json.Marshal(kept)
}

func (textCodec) Decode(b []byte) (time.Time, map[string]any, error) {
	var kept sessionText
	if err := json.Unmarshal(b, &kept); err != nil {
		return time.Time{}, nil, fmt.Errorf("session: %w", err)
	}
	values := make(map[string]any, len(kept.Values))
	for key, text := range kept.Values {
		values[key] = text
	}
	return kept.Deadline, values, nil
}

// session loads the session of a request, once. Only routes that ask for it
// read the cookie at all.
func (s *Server) session(c echo.Context) (context.Context, error) {
	r := c.Request()
	if _, loaded := c.Get(plainKey).(*http.Request); loaded {
		return r.Context(), nil
	}
	token := ""
	if cookie, err := r.Cookie(s.sessions.Cookie.Name); err == nil && len(cookie.Value) <= 128 {
		token = cookie.Value
	}
	ctx, err := s.sessions.Load(r.Context(), token)
	if err != nil {
		return nil, fmt.Errorf("load session: %w", err)
	}
	c.Set(plainKey, r)
	c.SetRequest(r.WithContext(ctx))
	return ctx, nil
}

// letGo forgets what was loaded of the session. A stream stays open for hours
// and would keep it all in memory for nothing.
func (s *Server) letGo(c echo.Context) {
	if plain, ok := c.Get(plainKey).(*http.Request); ok {
		c.SetRequest(plain)
	}
	c.Set(plainKey, nil)
	c.Set(signedInKey, nil)
}

// keep saves the session and tells the browser.
func (s *Server) keep(ctx context.Context, c echo.Context) error {
	token, expiry, err := s.sessions.Commit(ctx)
	if err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	s.sessions.WriteSessionCookie(ctx, c.Response(), token, expiry)
	return nil
}

type signedIn struct {
	actor slipway.Actor
	user  slipway.User
	err   error
}

const (
	signedInKey = "slipway.signedin"
	plainKey    = "slipway.plain" // the request before its session was loaded
)

// SessionActor is who is signed in in this browser, for the surfaces that know
// people by their cookie. Nobody, or nobody any more, is CodeUnauthenticated.
func (s *Server) SessionActor(c echo.Context) (slipway.Actor, slipway.User, error) {
	known, ok := c.Get(signedInKey).(signedIn)
	if !ok {
		known = s.lookWhoIsThere(c)
		c.Set(signedInKey, known)
	}
	return known.actor, known.user, known.err
}

// SessionActor is Server.SessionActor of the server that handles the request.
func SessionActor(c echo.Context) (slipway.Actor, slipway.User, error) {
	s, ok := c.Get(serverKey).(*Server)
	if !ok {
		return slipway.Actor{}, slipway.User{}, errors.New("server: the request did not come through the server")
	}
	return s.SessionActor(c)
}

func (s *Server) lookWhoIsThere(c echo.Context) signedIn {
	ctx, err := s.session(c)
	if err != nil {
		return signedIn{err: err}
	}
	u, err := s.sessionUser(ctx)
	if err != nil {
		return signedIn{err: err}
	}
	if now := s.clock(); now.Sub(s.sessionTime(ctx, keySeen)) > seenEvery {
		s.noteSeen(ctx, now)
	}
	actor := app.UserActor(u)
	actor.Via, actor.RequestID, actor.Address = slipway.ViaBrowser, RequestID(ctx), c.RealIP()
	return signedIn{actor: actor, user: u}
}

// sessionUser is the person of the session in ctx, if it still holds. Asking
// does not prolong it: an open page is not somebody at work.
func (s *Server) sessionUser(ctx context.Context) (slipway.User, error) {
	id := s.sessions.GetString(ctx, keyUser)
	if id == "" {
		return slipway.User{}, unauthenticated()
	}
	now := s.clock()
	began, seen := s.sessionTime(ctx, keyBegan), s.sessionTime(ctx, keySeen)
	if now.Sub(began) > lifetime || now.Sub(seen) > idleTimeout {
		return slipway.User{}, unauthenticated()
	}
	return s.cfg.App.SessionUser(ctx, id, began)
}

func (s *Server) sessionTime(ctx context.Context, key string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, s.sessions.GetString(ctx, key)) // unreadable is long ago
	return t
}

func (s *Server) putTime(ctx context.Context, key string, t time.Time) {
	s.sessions.Put(ctx, key, t.UTC().Format(time.RFC3339Nano))
}

// noteSeen puts the idle timeout off. A session that is being ended at this
// moment must not come back by it, hence the lock and the second look.
func (s *Server) noteSeen(ctx context.Context, now time.Time) {
	s.ending.Lock()
	defer s.ending.Unlock()
	if !s.sessionExists(ctx, s.sessions.Token(ctx)) {
		return
	}
	s.putTime(ctx, keySeen, now)
	if _, _, err := s.sessions.Commit(ctx); err != nil {
		s.log.WarnContext(ctx, "the session could not be prolonged", "error", err.Error())
	}
}

// end removes the session and tells the browser.
func (s *Server) end(ctx context.Context, c echo.Context) error {
	s.ending.Lock()
	defer s.ending.Unlock()
	if err := s.sessions.Destroy(ctx); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	s.sessions.WriteSessionCookie(ctx, c.Response(), "", time.Time{})
	return nil
}

// sessionExists asks the store, not what was loaded with the request.
func (s *Server) sessionExists(ctx context.Context, token string) bool {
	fresh, err := s.freshSession(ctx, token)
	return err == nil && s.sessions.GetString(fresh, keyUser) != ""
}

// freshSession loads a session anew, whatever the request has loaded before.
func (s *Server) freshSession(ctx context.Context, token string) (context.Context, error) {
	return s.sessions.Load(valueless{ctx}, token)
}

// valueless is a context without its values, as scs would find the session
// that is loaded already.
type valueless struct{ context.Context }

func (valueless) Value(any) any { return nil }
