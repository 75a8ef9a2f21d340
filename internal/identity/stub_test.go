package identity_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// forger is a provider that says whatever a test wants, signed or not: the
// development issuer is too honest to test lies with.
type forger struct {
	url      string
	key      *ecdsa.PrivateKey
	other    ed25519.PrivateKey // a good key, of a kind that is not accepted
	idToken  string
	userinfo map[string]any // nil: there is no such endpoint
}

func newForger(t *testing.T) *forger {
	t.Helper()
	f := &forger{}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	var err error
	if f.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, f.other, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	return f
}

// stub is a forger that only has to answer discovery.
func stub(t *testing.T, url string) http.Handler {
	t.Helper()
	f := newForger(t)
	f.url = url
	return f
}

func (f *forger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var answer any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		found := map[string]any{
			"issuer": f.url, "authorization_endpoint": f.url + "/authorize", "token_endpoint": f.url + "/token", "jwks_uri": f.url + "/keys",
			"id_token_signing_alg_values_supported": []string{"none", "HS256", "RS256", "ES256", "EdDSA"},
		}
		if f.userinfo != nil {
			found["userinfo_endpoint"] = f.url + "/userinfo"
		}
		answer = found
	case "/keys":
		answer = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: &f.key.PublicKey, KeyID: "k", Algorithm: "ES256", Use: "sig"},
			{Key: f.other.Public(), KeyID: "k", Algorithm: "EdDSA", Use: "sig"},
		}}
	case "/token":
		answer = map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": f.idToken}
	case "/userinfo":
		answer = f.userinfo
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func sign(t *testing.T, alg jose.SignatureAlgorithm, key any, typ string, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: "k"}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (f *forger) claims(change map[string]any) map[string]any {
	claims := map[string]any{
		"iss": f.url, "aud": "slipway", "sub": "ana", "name": "Ana", "nonce": "n", "groups": []string{"a"},
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

func (f *forger) finish(t *testing.T, c identity.Config) (identity.Claims, error) {
	t.Helper()
	c.Issuer = f.url
	p := party(t, c)
	_, pending, err := p.Begin("/")
	if err != nil {
		t.Fatal(err)
	}
	pending.Nonce = "n"
	return p.Finish(t.Context(), pending, map[string][]string{"state": {pending.State}, "code": {"c"}})
}

func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	none := func(f *forger, claims map[string]any) string {
		body, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		encode := base64.RawURLEncoding.EncodeToString
		return encode([]byte(`{"alg":"none"}`)) + "." + encode(body) + "."
	}
	tests := map[string]func(*forger) string{
		"no token": func(*forger) string { return "" },
		"no JWT":   func(*forger) string { return "x.y.z" },
		"alg none": func(f *forger) string { return none(f, f.claims(nil)) },
		"HS256 by secret": func(f *forger) string {
			return sign(t, jose.HS256, []byte(strings.Repeat("s3cret", 8)), "JWT", f.claims(nil))
		},
		"an alg we do not take": func(f *forger) string { return sign(t, jose.EdDSA, f.other, "JWT", f.claims(nil)) },
		"another key":           func(f *forger) string { return sign(t, jose.ES256, other, "JWT", f.claims(nil)) },
		"another issuer":        func(f *forger) string { return f.sign(t, map[string]any{"iss": "https://evil.example"}) },
		"another audience":      func(f *forger) string { return f.sign(t, map[string]any{"aud": "other"}) },
		"no audience":           func(f *forger) string { return f.sign(t, map[string]any{"aud": nil}) },
		"audience of two":       func(f *forger) string { return f.sign(t, map[string]any{"aud": []string{"slipway", "other"}}) },
		"another party":         func(f *forger) string { return f.sign(t, map[string]any{"azp": "other"}) },
		"expired":               func(f *forger) string { return f.sign(t, map[string]any{"exp": time.Now().Add(-time.Second).Unix()}) },
		"never expires":         func(f *forger) string { return f.sign(t, map[string]any{"exp": nil}) },
		"not valid yet":         func(f *forger) string { return f.sign(t, map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}) },
		"another nonce":         func(f *forger) string { return f.sign(t, map[string]any{"nonce": "m"}) },
		"no nonce":              func(f *forger) string { return f.sign(t, map[string]any{"nonce": nil}) },
		"no subject":            func(f *forger) string { return f.sign(t, map[string]any{"sub": nil}) },
		"wrong at_hash":         func(f *forger) string { return f.sign(t, map[string]any{"at_hash": "x"}) },
		"groups an object":      func(f *forger) string { return f.sign(t, map[string]any{"groups": map[string]any{"a": 1}}) },
	}
	for name, forge := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForger(t)
			f.idToken = forge(f)
			claims, err := f.finish(t, identity.Config{})
			wantCode(t, name, err, slipway.CodeUnauthenticated)
			if claims.Subject != "" {
				t.Errorf("refused, but as %+v", claims)
			}
		})
	}
}

func (f *forger) sign(t *testing.T, change map[string]any) string {
	t.Helper()
	return sign(t, jose.ES256, f.key, "JWT", f.claims(change))
}

func TestWhatClaimsBecome(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name             string
		config           identity.Config
		token, userinfo  map[string]any
		wantName, groups string
		email            string
	}{
		{name: "as they are", wantName: "Ana", groups: "a"},
		{name: "one group as a text", token: map[string]any{"groups": "solo"}, wantName: "Ana", groups: "solo"},
		{name: "sorted, once, without tricks", token: map[string]any{"groups": []string{"b", "a", "b", "", "ad\u202emin", "c\n"}}, wantName: "Ana", groups: "a,b"},
		{name: "another claim", config: identity.Config{GroupsClaim: "https://x.example/groups"},
			token: map[string]any{"https://x.example/groups": []string{"u"}}, wantName: "Ana", groups: "u"},
		{name: "inside an object", config: identity.Config{GroupsClaim: "realm_access.roles"},
			token: map[string]any{"realm_access": map[string]any{"roles": []string{"r"}}}, wantName: "Ana", groups: "r"},
		{name: "groups from userinfo", token: map[string]any{"groups": nil, "name": nil},
			userinfo: map[string]any{"sub": "ana", "groups": []string{"x"}, "name": "Ana U.", "email": "ana@example.com"}, wantName: "Ana U.", groups: "x", email: "ana@example.com"},
		{name: "the signed claim wins", token: map[string]any{"groups": nil},
			userinfo: map[string]any{"sub": "ana", "name": "Eve"}, wantName: "Ana"},
		{name: "given and family name", token: map[string]any{"name": nil, "given_name": "Ana", "family_name": "Berg"}, wantName: "Ana Berg", groups: "a"},
		{name: "user name", token: map[string]any{"name": "", "preferred_username": "ana7"}, wantName: "ana7", groups: "a"},
		{name: "only the address", token: map[string]any{"name": nil, "email": "a@example.com"}, wantName: "a@example.com", groups: "a", email: "a@example.com"},
		{name: "an address nobody checked", token: map[string]any{"name": nil, "email": "boss@example.com", "email_verified": false}, wantName: "ana", groups: "a"},
		{name: "a name that hides", token: map[string]any{"name": "A\u202en\u0000a"}, wantName: "Ana", groups: "a"},
		{name: "two audiences, ours the party", token: map[string]any{"aud": []string{"x", "slipway"}, "azp": "slipway"}, wantName: "Ana", groups: "a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newForger(t)
			f.userinfo = test.userinfo
			f.idToken = f.sign(t, test.token)
			got, err := f.finish(t, test.config)
			if err != nil {
				t.Fatal(err)
			}
			if got.Name != test.wantName || strings.Join(got.Groups, ",") != test.groups || got.Email != test.email || got.Subject != "ana" {
				t.Errorf("got %q <%s> of %v, want %q <%s> of %s", got.Name, got.Email, got.Groups, test.wantName, test.email, test.groups)
			}
		})
	}
}

func TestUserinfoAboutSomebodyElse(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	f.userinfo = map[string]any{"sub": "root", "groups": []string{"admins"}}
	f.idToken = f.sign(t, map[string]any{"groups": nil})
	_, err := f.finish(t, identity.Config{})
	wantCode(t, "userinfo of root", err, slipway.CodeUnauthenticated)
}
