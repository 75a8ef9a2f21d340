package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/identity/devissuer"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const portalAudience = "https://slipway.example.com"

// ciSystem is an issuer shaped like a GitHub Enterprise Server's.
type ciSystem struct {
	*devissuer.Issuer
	url   string
	asked atomic.Int32
	down  atomic.Bool
}

func newCISystem(t *testing.T) *ciSystem {
	t.Helper()
	s := &ciSystem{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if s.down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/_services/token"
	var err error
	s.Issuer, err = devissuer.New(devissuer.Config{Issuer: s.url, ClientID: "x", ClientSecret: "x", RedirectURI: "http://x.example", People: []devissuer.Person{{ID: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// job is what the system says of a job on main.
func job(change map[string]any) map[string]any {
	claims := map[string]any{"aud": portalAudience, "sub": "repo:acme/billing:ref:refs/heads/main", "repository": "acme/billing", "repository_id": "74", "repository_owner_id": "65",
		"ref": "refs/heads/main", "event_name": "push", "run_id": "123", "run_attempt": 2, "ref_protected": true, "labels": []string{"x"}}
	for name, value := range change {
		claims[name] = value
	}
	return claims
}

func (s *ciSystem) mint(t *testing.T, change map[string]any) string {
	t.Helper()
	token, err := s.WorkloadToken(job(change))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// loopback reaches this machine, as the portal does that is told to.
func loopback(t *testing.T) *http.Client {
	t.Helper()
	allow, err := outbound.ParseAllow("loopback")
	if err != nil {
		t.Fatal(err)
	}
	return outbound.New(allow).Client(outbound.Limits{Within: 5 * time.Second, Body: 64 << 10})
}

func TestWorkloadsAreVerified(t *testing.T) {
	t.Parallel()
	s := newCISystem(t)
	w := identity.NewWorkloads(loopback(t), time.Now)
	token := s.mint(t, map[string]any{"jti": "one"})
	issuer, err := identity.IssuerOf(token)
	if err != nil || issuer != s.url {
		t.Fatalf("issuer %q, %v", issuer, err)
	}
	got, err := w.Verify(t.Context(), issuer, token, []string{"other", portalAudience})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"repository_id": "74", "run_attempt": "2", "ref_protected": "true", "labels": "", "jti": "one"} {
		if got.Claims[name] != want {
			t.Errorf("%s is %q, want %q", name, got.Claims[name], want)
		}
	}
	again, err := w.Verify(t.Context(), issuer, s.mint(t, map[string]any{"jti": "one", "run_id": "9"}), []string{portalAudience})
	if err != nil || again.Use.Key != got.Use.Key || len(got.Use.Key) != 64 || !got.Use.Until.After(time.Now()) {
		t.Errorf("the same jti is %v and %v, %v", got.Use, again.Use, err)
	}
	bare := s.mint(t, map[string]any{"jti": nil})
	first, err := w.Verify(t.Context(), issuer, bare, []string{portalAudience})
	second, err2 := w.Verify(t.Context(), issuer, s.mint(t, map[string]any{"jti": nil, "run_id": "8"}), []string{portalAudience})
	if err != nil || err2 != nil || first.Use.Key == second.Use.Key || first.Use.Key == got.Use.Key {
		t.Errorf("tokens without a jti are not told apart: %v %v", err, err2)
	}
	if n := s.asked.Load(); n != 2 {
		t.Errorf("the issuer was asked %d times for what is one document and one set of keys", n)
	}
}

func TestWorkloadsThatAreRefused(t *testing.T) {
	t.Parallel()
	s, other := newCISystem(t), newCISystem(t)
	w := identity.NewWorkloads(loopback(t), time.Now)
	encode := base64.RawURLEncoding.EncodeToString
	unsigned := func(head string, claims map[string]any) string {
		claims["iss"], claims["exp"] = s.url, time.Now().Add(time.Minute).Unix()
		body, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		return encode([]byte(head)) + "." + encode(body) + "."
	}
	full := func(change map[string]any) map[string]any {
		claims := job(change)
		claims["iss"], claims["exp"], claims["jti"] = s.url, time.Now().Add(time.Minute).Unix(), "x"
		return claims
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"alg none":              unsigned(`{"alg":"none"}`, job(nil)),
		"HS256 by a known text": sign(t, jose.HS256, []byte(publicKeyText(t, s)), "JWT", full(nil)),
		"another key":           sign(t, jose.ES256, stranger, "JWT", full(nil)),
		"another issuer's key":  other.mint(t, map[string]any{"iss": s.url}),
		"another issuer":        other.mint(t, nil),
		"another audience":      s.mint(t, map[string]any{"aud": "https://github.com/acme"}),
		"an audience alike":     s.mint(t, map[string]any{"aud": portalAudience + "/"}),
		"no audience":           s.mint(t, map[string]any{"aud": nil}),
		"an empty audience":     s.mint(t, map[string]any{"aud": ""}),
		"expired":               s.mint(t, map[string]any{"exp": time.Now().Add(-time.Second).Unix()}),
		"never expires":         s.mint(t, map[string]any{"exp": nil}),
		"good for two days":     s.mint(t, map[string]any{"exp": time.Now().Add(48 * time.Hour).Unix()}),
		"not valid yet":         s.mint(t, map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}),
		"made in the future":    s.mint(t, map[string]any{"iat": time.Now().Add(time.Hour).Unix()}),
		"changed after it":      tampered(s.mint(t, nil)),
	}
	for name, token := range tests {
		_, err := w.Verify(t.Context(), s.url, token, []string{portalAudience, ""})
		wantCode(t, name, err, slipway.CodeUnauthenticated)
	}
	for name, token := range map[string]string{"nothing": "", "no JWT": "x.y.z", "no issuer": encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(`{}`)) + ".x", "too long": strings.Repeat("a", 20<<10) + ".b.c"} {
		_, err := identity.IssuerOf(token)
		wantCode(t, name, err, slipway.CodeUnauthenticated)
	}
}

// tampered says another repository under the signature of the first.
func tampered(token string) string {
	parts := strings.Split(token, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), `"74"`, `"75"`, 1)))
	return strings.Join(parts, ".")
}

// publicKeyText is the key that everybody knows, as a secret that a careless
// verifier would take.
func publicKeyText(t *testing.T, s *ciSystem) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/_services/token/keys", nil))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(recorder.Body.Bytes(), &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("%v: %s", err, recorder.Body)
	}
	der, err := x509.MarshalPKIXPublicKey(set.Keys[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// TestAnIssuerThatIsDown: nobody comes in, the answer says why, and after that
// it goes on by itself. Keys that are known stay good.
func TestAnIssuerThatIsDown(t *testing.T) {
	t.Parallel()
	s := newCISystem(t)
	var ahead atomic.Int64
	w := identity.NewWorkloads(loopback(t), func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	s.down.Store(true)
	_, err := w.Verify(t.Context(), s.url, s.mint(t, nil), []string{portalAudience})
	wantCode(t, "down", err, slipway.CodeUnavailable)
	if !strings.Contains(err.Error(), s.url) || !strings.Contains(err.Error(), "nothing is said against the token") {
		t.Errorf("it says %q", err)
	}
	asked := s.asked.Load()
	_, err = w.Verify(t.Context(), s.url, s.mint(t, nil), []string{portalAudience})
	wantCode(t, "still down", err, slipway.CodeUnavailable)
	if s.asked.Load() != asked {
		t.Error("an issuer that is down is asked again at once")
	}
	s.down.Store(false)
	ahead.Store(int64(11 * time.Second))
	if _, err := w.Verify(t.Context(), s.url, s.mint(t, nil), []string{portalAudience}); err != nil {
		t.Errorf("up again: %v", err)
	}
	s.down.Store(true)
	ahead.Store(int64(2 * time.Hour))
	if _, err := w.Verify(t.Context(), s.url, s.mint(t, map[string]any{"exp": time.Now().Add(3 * time.Hour).Unix()}), []string{portalAudience}); err != nil {
		t.Errorf("down, with keys that are known: %v", err)
	}
}

// TestStrangeKeysAskTheIssuerSeldom: who sends tokens of a key that nobody knows
// does not make us hammer the issuer.
func TestStrangeKeysAskTheIssuerSeldom(t *testing.T) {
	t.Parallel()
	s, other := newCISystem(t), newCISystem(t)
	w := identity.NewWorkloads(loopback(t), time.Now)
	for range 30 {
		_, err := w.Verify(t.Context(), s.url, other.mint(t, map[string]any{"iss": s.url}), []string{portalAudience})
		wantCode(t, "a strange key", err, slipway.CodeUnauthenticated)
	}
	if n := s.asked.Load(); n > 2 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// TestIssuersAreReachedWithCare: nothing of this machine is asked unless it is
// allowed, no redirect is followed, and no answer fills the memory.
func TestIssuersAreReachedWithCare(t *testing.T) {
	t.Parallel()
	s := newCISystem(t)
	closed := identity.NewWorkloads(outbound.New(nil).Client(outbound.Limits{Within: 5 * time.Second, Body: 64 << 10}), time.Now)
	_, err := closed.Verify(t.Context(), s.url, s.mint(t, nil), []string{portalAudience})
	wantCode(t, "an inner address", err, slipway.CodeUnavailable)
	if s.asked.Load() != 0 {
		t.Error("an inner address was asked")
	}
	for name, handler := range map[string]http.HandlerFunc{
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, s.url+"/.well-known/openid-configuration", http.StatusFound)
		},
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"issuer":"`))
			for range 100 {
				_, _ = w.Write([]byte(strings.Repeat("a", 10<<10)))
			}
		},
		"another name": func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": s.url, "jwks_uri": s.url + "/keys"})
		},
		"no keys": func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": "http://" + r.Host, "jwks_uri": "http://" + r.Host + "/keys", "keys": []any{}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := httptest.NewServer(handler)
			t.Cleanup(bad.Close)
			_, err := identity.NewWorkloads(loopback(t), time.Now).Verify(t.Context(), bad.URL, s.mint(t, map[string]any{"iss": bad.URL}), []string{portalAudience})
			wantCode(t, name, err, slipway.CodeUnavailable)
		})
	}
}
