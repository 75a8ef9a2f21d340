package identity_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/identity/devissuer"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const callback = "http://localhost:1/auth/callback"

// dev starts the real development issuer.
func dev(t *testing.T) (*devissuer.Issuer, string) {
	t.Helper()
	var issuer *devissuer.Issuer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { issuer.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	var err error
	issuer, err = devissuer.New(devissuer.Config{
		Issuer: server.URL + "/dev/issuer", ClientID: "slipway", ClientSecret: "s3cret", RedirectURI: callback,
		PostLogoutRedirectURI: "http://localhost:1/",
		People: []devissuer.Person{
			{ID: "ana", Name: "Ana", Email: "ana@example.com", Groups: []string{"payments", "developers"}},
			{ID: "ben", Email: "ben@example.com"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return issuer, server.URL + "/dev/issuer"
}

func party(t *testing.T, c identity.Config) *identity.Provider {
	t.Helper()
	if c.ClientID == "" {
		c.ClientID = "slipway"
	}
	if c.ClientSecret == "" {
		c.ClientSecret = "s3cret"
	}
	c.RedirectURL = callback
	p, err := identity.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// browse follows redirects from the provider's address until they lead back,
// without cookies, and returns what they bring.
func browse(t *testing.T, address, person string) url.Values {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	address += "&login_hint=" + person
	for range 5 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		location, err := response.Location()
		if err != nil {
			t.Fatalf("%s from %s", response.Status, address)
		}
		if address = location.String(); strings.HasPrefix(address, callback) {
			return location.Query()
		}
	}
	t.Fatal("the redirects never lead back")
	return nil
}

func wantCode(t *testing.T, what string, err error, want slipway.Code) {
	t.Helper()
	var e *slipway.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("%s: got %v, want %s", what, err, want)
		return
	}
	if e.Message == "" || e.Affected == "" || e.Do == "" {
		t.Errorf("%s: %q does not say what happened, what is affected and what to do", what, e.Error())
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	_, issuer := dev(t)
	p := party(t, identity.Config{Issuer: issuer})
	address, pending, err := p.Begin("/services/billing-api?tab=runs")
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Finish(t.Context(), pending, browse(t, address, "ana"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Issuer != issuer || got.Subject != "ana" || got.Name != "Ana" || got.Email != "ana@example.com" ||
		!slices.Equal(got.Groups, []string{"developers", "payments"}) || got.SessionID == "" || pending.ReturnTo != "/services/billing-api?tab=runs" {
		t.Errorf("claims = %+v, pending = %+v", got, pending)
	}
	out := p.EndSessionURL(got.IDToken, "http://localhost:1/")
	response, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get(out)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if to := response.Header.Get("Location"); to != "http://localhost:1/" {
		t.Errorf("%s: signing out at %s leads to %q", response.Status, out, to)
	}
}

func TestANameIsNeverEmpty(t *testing.T) {
	t.Parallel()
	_, issuer := dev(t)
	p := party(t, identity.Config{Issuer: issuer})
	address, pending, err := p.Begin("")
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Finish(t.Context(), pending, browse(t, address, "ben"))
	if err != nil || got.Name != "ben" || len(got.Groups) != 0 {
		t.Errorf("claims = %+v, %v", got, err)
	}
}

func TestSignInsThatAreRefused(t *testing.T) {
	t.Parallel()
	_, issuer := dev(t)
	tests := []struct {
		name   string
		change func(*identity.Pending, url.Values)
		want   slipway.Code
	}{
		{"wrong state", func(_ *identity.Pending, q url.Values) { q.Set("state", "x") }, slipway.CodeUnauthenticated},
		{"no state", func(p *identity.Pending, q url.Values) { p.State = ""; q.Del("state") }, slipway.CodeUnauthenticated},
		{"wrong nonce", func(p *identity.Pending, _ url.Values) { p.Nonce = "x" }, slipway.CodeUnauthenticated},
		{"no nonce", func(p *identity.Pending, _ url.Values) { p.Nonce = "" }, slipway.CodeUnauthenticated},
		{"wrong verifier", func(p *identity.Pending, _ url.Values) { p.Verifier = strings.Repeat("v", 43) }, slipway.CodeUnauthenticated},
		{"no verifier", func(p *identity.Pending, _ url.Values) { p.Verifier = "" }, slipway.CodeUnauthenticated},
		{"too late", func(p *identity.Pending, _ url.Values) { p.Began = p.Began.Add(-time.Hour) }, slipway.CodeUnauthenticated},
		{"another issuer", func(_ *identity.Pending, q url.Values) { q.Set("iss", "https://evil.example") }, slipway.CodeUnauthenticated},
		{"no code", func(_ *identity.Pending, q url.Values) { q.Del("code") }, slipway.CodeUnauthenticated},
		{"made-up code", func(_ *identity.Pending, q url.Values) { q.Set("code", "x") }, slipway.CodeUnauthenticated},
		{"cancelled", func(_ *identity.Pending, q url.Values) { q.Set("error", "access_denied") }, slipway.CodeDenied},
		{"provider in trouble", func(_ *identity.Pending, q url.Values) { q.Set("error", "server_error") }, slipway.CodeUnavailable},
		{"sign in there first", func(_ *identity.Pending, q url.Values) { q.Set("error", "login_required") }, slipway.CodeUnauthenticated},
		{"some error", func(_ *identity.Pending, q url.Values) { q.Set("error", "invalid_scope") }, slipway.CodeUnauthenticated},
		{"an error for somebody else", func(_ *identity.Pending, q url.Values) {
			q.Set("error", "access_denied")
			q.Set("state", "x")
		}, slipway.CodeUnauthenticated},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := party(t, identity.Config{Issuer: issuer})
			address, pending, err := p.Begin("/")
			if err != nil {
				t.Fatal(err)
			}
			query := browse(t, address, "ana")
			test.change(&pending, query)
			claims, err := p.Finish(t.Context(), pending, query)
			wantCode(t, test.name, err, test.want)
			if claims.Subject != "" {
				t.Errorf("refused, but as %+v", claims)
			}
		})
	}
}

func TestACodeWorksOnce(t *testing.T) {
	t.Parallel()
	_, issuer := dev(t)
	p := party(t, identity.Config{Issuer: issuer})
	address, pending, err := p.Begin("/")
	if err != nil {
		t.Fatal(err)
	}
	query := browse(t, address, "ana")
	if _, err := p.Finish(t.Context(), pending, query); err != nil {
		t.Fatal(err)
	}
	_, err = p.Finish(t.Context(), pending, query)
	wantCode(t, "the second time", err, slipway.CodeUnauthenticated)
}

// Whoever has the code but not the verifier must not leave it usable.
func TestAFailedExchangeUsesTheCodeUp(t *testing.T) {
	t.Parallel()
	_, issuer := dev(t)
	p := party(t, identity.Config{Issuer: issuer})
	address, pending, err := p.Begin("/")
	if err != nil {
		t.Fatal(err)
	}
	query := browse(t, address, "ana")
	wrong := pending
	wrong.Verifier = strings.Repeat("v", 43)
	_, err = p.Finish(t.Context(), wrong, query)
	wantCode(t, "without the verifier", err, slipway.CodeUnauthenticated)
	_, err = p.Finish(t.Context(), pending, query)
	wantCode(t, "afterwards", err, slipway.CodeUnauthenticated)
}

func TestAWrongSecretIsForTheAdministrator(t *testing.T) {
	t.Parallel()
	_, issuer := dev(t)
	p := party(t, identity.Config{Issuer: issuer, ClientSecret: "wrong"})
	address, pending, err := p.Begin("/")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Finish(t.Context(), pending, browse(t, address, "ana"))
	wantCode(t, "wrong secret", err, slipway.CodeUnauthenticated)
	if err == nil || !strings.Contains(err.Error(), "administrator") {
		t.Errorf("error = %v", err)
	}
}

func TestEverySignInIsItsOwn(t *testing.T) {
	t.Parallel()
	_, issuer := dev(t)
	p := party(t, identity.Config{Issuer: issuer})
	a, first, err := p.Begin("/")
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := p.Begin("//evil.example")
	if err != nil {
		t.Fatal(err)
	}
	if first.State == second.State || first.Nonce == second.Nonce || first.Verifier == second.Verifier || second.ReturnTo != "/" {
		t.Errorf("%+v and %+v", first, second)
	}
	u, err := url.Parse(a)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == first.Verifier || len(q.Get("code_challenge")) != 43 || q.Get("response_type") != "code" {
		t.Errorf("query = %v", q)
	}
}
