package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	logoutAge   = 10 * time.Minute // a logout token is sent when it is made
	clockSkew   = 2 * time.Minute
	maxReplays  = 10_000
)

// VerifyLogout checks a logout token by OpenID Connect Back-Channel Logout 1.0
// and says whose sessions end: those of the session sid if there is one, else
// all of the subject. A token counts once in this process; ending a session
// twice does no harm, so other replicas need not know.
func (p *Provider) VerifyLogout(ctx context.Context, token string) (subject, sid string, err error) {
	found, err := p.discover()
	if err != nil {
		return "", "", err
	}
	refuse := func(cause error) (string, string, error) {
		return "", "", &slipway.Error{
			Code: slipway.CodeInvalid, Message: "The logout token was not accepted.",
			Affected: "Nobody was signed out.", Do: "Check the client ID and the clock of the sign-in provider.", Err: cause,
		}
	}
	id, err := found.logout.Verify(p.context(ctx), token)
	if err != nil {
		if strings.Contains(err.Error(), "fetching keys") {
			return "", "", p.unreachable(err)
		}
		return refuse(err)
	}
	said, err := newStatements(id.Claims)
	if err != nil {
		return refuse(err)
	}
	now := p.config.Now()
	subject, sid = id.Subject, said.text("sid")
	jti := said.text("jti")
	_, nonce := said["nonce"]
	switch {
	case !logoutType(token):
		err = errors.New("the token is of another type")
	case nonce:
		err = errors.New("a logout token has no nonce; this is an ID token")
	case !logoutEvents(said["events"]):
		err = errors.New("the token does not tell of a logout")
	case subject == "" && sid == "":
		err = errors.New("the token names neither a subject nor a session")
	case id.IssuedAt.Before(now.Add(-logoutAge)) || id.IssuedAt.After(now.Add(clockSkew)):
		err = errors.New("the token was not issued just now")
	case !id.Expiry.IsZero() && id.Expiry.Unix() != 0 && id.Expiry.Before(now.Add(-clockSkew)):
		err = errors.New("the token has expired")
	case jti == "":
		err = errors.New("the token has no jti")
	case !p.seen.first(jti, now):
		err = errors.New("the token was used before")
	}
	if err != nil {
		return refuse(err)
	}
	return subject, sid, nil
}

// logoutType accepts the type of the standard, and none in particular, as older
// providers send it. Any other type was made for something else.
func logoutType(token string) bool {
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		Type string `json:"typ"`
	}
	if err != nil || json.Unmarshal(raw, &header) != nil {
		return false
	}
	switch strings.TrimPrefix(strings.ToLower(header.Type), "application/") {
	case "", "jwt", "logout+jwt":
		return true
	default:
		return false
	}
}

func logoutEvents(raw json.RawMessage) bool {
	var events map[string]map[string]any
	if json.Unmarshal(raw, &events) != nil {
		return false
	}
	event, ok := events[logoutEvent]
	return ok && event != nil
}

// replays remembers tokens for as long as they would be accepted.
type replays struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

// first reports whether a token is new. Only signed tokens get here, so it is
// full only if the provider itself sends that many; then all are new.
func (r *replays) first(jti string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if until, ok := r.seen[jti]; ok && now.Before(until) {
		return false
	}
	if r.seen == nil {
		r.seen = map[string]time.Time{}
	}
	if len(r.seen) >= maxReplays {
		for old, until := range r.seen {
			if !now.Before(until) {
				delete(r.seen, old)
			}
		}
	}
	if len(r.seen) < maxReplays {
		r.seen[jti] = now.Add(logoutAge + clockSkew)
	}
	return true
}
