package identity_test

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

func TestLogoutTokensOfTheDevelopmentIssuer(t *testing.T) {
	t.Parallel()
	issuer, url := dev(t)
	p := party(t, identity.Config{Issuer: url})
	for _, want := range [][2]string{{"ana", ""}, {"", "s1"}, {"ana", "s1"}} {
		token, err := issuer.LogoutToken(want[0], want[1])
		if err != nil {
			t.Fatal(err)
		}
		subject, sid, err := p.VerifyLogout(t.Context(), token)
		if err != nil || subject != want[0] || sid != want[1] {
			t.Errorf("got %q, %q, %v, want %v", subject, sid, err, want)
		}
		_, _, err = p.VerifyLogout(t.Context(), token)
		wantCode(t, "the same again", err, slipway.CodeInvalid)
	}
}

func TestLogoutTokens(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	p := party(t, identity.Config{Issuer: f.url})
	logout := func(change map[string]any) map[string]any {
		claims := f.claims(map[string]any{
			"nonce": nil, "name": nil, "groups": nil, "jti": time.Now().String(), "sid": "s",
			"events": map[string]any{logoutEvent: map[string]any{}},
		})
		for name, value := range change {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
		return claims
	}
	tests := []struct {
		name   string
		typ    string
		change map[string]any
		good   bool
	}{
		{"good", "logout+jwt", nil, true},
		{"old type", "JWT", nil, true},
		{"long type", "application/logout+jwt", nil, true},
		{"without expiry", "logout+jwt", map[string]any{"exp": nil}, true},
		{"another type", "at+jwt", nil, false},
		{"an ID token", "JWT", map[string]any{"nonce": "n"}, false},
		{"an empty nonce", "logout+jwt", map[string]any{"nonce": ""}, false},
		{"no events", "logout+jwt", map[string]any{"events": nil}, false},
		{"other events", "logout+jwt", map[string]any{"events": map[string]any{"x": map[string]any{}}}, false},
		{"an event that is no object", "logout+jwt", map[string]any{"events": map[string]any{logoutEvent: true}}, false},
		{"an event of null", "logout+jwt", map[string]any{"events": map[string]any{logoutEvent: nil}}, false},
		{"nobody", "logout+jwt", map[string]any{"sub": nil, "sid": nil}, false},
		{"no jti", "logout+jwt", map[string]any{"jti": nil}, false},
		{"no iat", "logout+jwt", map[string]any{"iat": nil}, false},
		{"old", "logout+jwt", map[string]any{"iat": time.Now().Add(-time.Hour).Unix()}, false},
		{"from the future", "logout+jwt", map[string]any{"iat": time.Now().Add(time.Hour).Unix()}, false},
		{"expired", "logout+jwt", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}, false},
		{"another audience", "logout+jwt", map[string]any{"aud": "other"}, false},
		{"another issuer", "logout+jwt", map[string]any{"iss": "https://evil.example"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			claims := logout(test.change)
			if _, ok := test.change["jti"]; !ok {
				claims["jti"] = test.name
			}
			subject, sid, err := p.VerifyLogout(t.Context(), sign(t, jose.ES256, f.key, test.typ, claims))
			if !test.good {
				wantCode(t, test.name, err, slipway.CodeInvalid)
			} else if err != nil || subject != "ana" || sid != "s" {
				t.Errorf("got %q, %q, %v", subject, sid, err)
			}
			if err != nil && subject+sid != "" {
				t.Error("refused, but names somebody")
			}
		})
	}
	_, _, err := p.VerifyLogout(t.Context(), sign(t, jose.HS256, []byte("s3cret-s3cret-s3cret-s3cret-s3cret"), "logout+jwt", logout(nil)))
	wantCode(t, "HS256", err, slipway.CodeInvalid)
	_, _, err = p.VerifyLogout(t.Context(), "garbage")
	wantCode(t, "garbage", err, slipway.CodeInvalid)
}
