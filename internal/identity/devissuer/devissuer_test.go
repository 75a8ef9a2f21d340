package devissuer_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/identity/devissuer"
)

const callback = "http://localhost:1/auth/callback"

func start(t *testing.T) string {
	t.Helper()
	var issuer *devissuer.Issuer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { issuer.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	var err error
	issuer, err = devissuer.New(devissuer.Config{
		Issuer: server.URL + "/dev/issuer", ClientID: "slipway", ClientSecret: "s3cret", RedirectURI: callback,
		PostLogoutRedirectURI: "http://localhost:1/",
		People: []devissuer.Person{
			{ID: "ana", Name: "Ana <Dev>", Email: "ana@example.com", Groups: []string{"developers"}, Note: "Builds things."},
			{ID: "ben", Name: "Ben", Email: "ben@example.com", Note: "Approves them."},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return server.URL + "/dev/issuer"
}

func get(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	return do(t, http.MethodGet, address, nil)
}

// do follows no redirects and keeps no cookies: the issuer needs neither.
func do(t *testing.T, method, address string, form url.Values) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func authorize(issuer string, change func(url.Values)) string {
	query := url.Values{
		"client_id": {"slipway"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile groups"},
		"state": {"xyz"}, "nonce": {"abc"}, "code_challenge": {strings.Repeat("c", 43)}, "code_challenge_method": {"S256"},
	}
	change(query)
	return issuer + "/authorize?" + query.Encode()
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	issuer := start(t)
	response, body := get(t, issuer+"/.well-known/openid-configuration")
	var found map[string]any
	if err := json.Unmarshal([]byte(body), &found); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v\n%s", response.Status, err, body)
	}
	for name, path := range map[string]string{
		"issuer": "", "authorization_endpoint": "/authorize", "end_session_endpoint": "/end_session", "jwks_uri": "/keys",
	} {
		if found[name] != issuer+path {
			t.Errorf("%s = %v", name, found[name])
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	issuer := start(t)
	tests := []struct {
		name   string
		change func(url.Values)
		error  string // in the redirect; empty: no redirect at all
	}{
		{"no PKCE", func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") }, "invalid_request"},
		{"plain PKCE", func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		{"implicit flow", func(q url.Values) { q.Set("response_type", "id_token") }, ""},
		{"no screen", func(q url.Values) { q.Set("prompt", "none") }, "login_required"},
		{"another redirect", func(q url.Values) { q.Set("redirect_uri", callback+"/") }, ""},
		{"another host", func(q url.Values) { q.Set("redirect_uri", "https://evil.example/") }, ""},
		{"another client", func(q url.Values) { q.Set("client_id", "other") }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			response, body := get(t, authorize(issuer, test.change))
			location, err := response.Location()
			if test.error == "" {
				if err == nil || response.StatusCode != http.StatusBadRequest {
					t.Errorf("%s, to %v: %s", response.Status, location, body)
				}
				return
			}
			if err != nil || !strings.Contains(location.String(), "error="+test.error) || !strings.HasPrefix(location.String(), callback) {
				t.Errorf("%s, to %v: %s", response.Status, location, body)
			}
		})
	}
}

func TestThePageToChooseFrom(t *testing.T) {
	t.Parallel()
	issuer := start(t)
	response, _ := get(t, authorize(issuer, func(url.Values) {}))
	login := response.Header.Get("Location")
	response, body := get(t, login)
	policy := response.Header.Get("Content-Security-Policy")
	if want := "default-src 'none'; style-src 'self'; form-action 'self' http://localhost:1; base-uri 'none'; frame-ancestors 'none'"; policy != want {
		t.Errorf("policy = %s", policy)
	}
	for _, want := range []string{"<strong>Ana &lt;Dev&gt;</strong>", "Builds things.", "Groups: developers.", "none has a password", `name="person" value="ben"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{"<script", "<style", " style=", "onclick"} {
		if strings.Contains(body, not) {
			t.Errorf("the page holds %q", not)
		}
	}
	if style, css := get(t, issuer+"/login.css"); style.Header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(css, "light-dark(") {
		t.Errorf("style sheet: %s", style.Status)
	}

	at, err := url.Parse(login)
	if err != nil {
		t.Fatal(err)
	}
	choose := func(person string) *http.Response {
		response, _ := do(t, http.MethodPost, issuer+"/login", url.Values{"id": {at.Query().Get("id")}, "person": {person}})
		return response
	}
	if response := choose("eve"); response.StatusCode != http.StatusBadRequest {
		t.Errorf("a stranger: %s", response.Status)
	}
	response = choose("ben")
	response, _ = get(t, response.Header.Get("Location"))
	if to := response.Header.Get("Location"); !strings.HasPrefix(to, callback+"?") || !strings.Contains(to, "code=") || !strings.Contains(to, "state=xyz") {
		t.Errorf("the choice leads to %s", to)
	}
	if response := choose("ana"); response.StatusCode != http.StatusBadRequest {
		t.Errorf("changing one's mind afterwards: %s", response.Status)
	}
}

func TestNobodyGoesOnWithoutChoosing(t *testing.T) {
	t.Parallel()
	issuer := start(t)
	response, _ := get(t, authorize(issuer, func(url.Values) {}))
	login, err := response.Location()
	if err != nil {
		t.Fatal(err)
	}
	response, _ = get(t, issuer+"/authorize/callback?id="+login.Query().Get("id"))
	if to := response.Header.Get("Location"); !strings.Contains(to, "error=interaction_required") {
		t.Errorf("%s to %s", response.Status, to)
	}
	if response, _ := get(t, issuer+"/login?id=unknown"); response.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown sign-in: %s", response.Status)
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	issuer := start(t)
	for query, want := range map[string]string{
		"":                  issuer + "/signed-out",
		"client_id=slipway": issuer + "/signed-out",
		"client_id=slipway&post_logout_redirect_uri=http%3A%2F%2Flocalhost%3A1%2F": "http://localhost:1/",
	} {
		if response, _ := get(t, issuer+"/end_session?"+query); response.Header.Get("Location") != want {
			t.Errorf("%s leads to %s, want %s", query, response.Header.Get("Location"), want)
		}
	}
	if response, _ := get(t, issuer+"/end_session?client_id=slipway&post_logout_redirect_uri=http%3A%2F%2Fevil.example"); response.StatusCode != http.StatusBadRequest {
		t.Errorf("signing out to a stranger: %s", response.Status)
	}
	if _, body := get(t, issuer+"/signed-out"); !strings.Contains(body, "Signed out") {
		t.Errorf("page: %s", body)
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	good := devissuer.Config{
		Issuer: "http://localhost/x", ClientID: "a", ClientSecret: "b", RedirectURI: "c", People: []devissuer.Person{{ID: "ana"}},
	}
	if _, err := devissuer.New(good); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*devissuer.Config){
		"relative": func(c *devissuer.Config) { c.Issuer = "/x" }, "no secret": func(c *devissuer.Config) { c.ClientSecret = "" },
		"nobody": func(c *devissuer.Config) { c.People = nil }, "colon": func(c *devissuer.Config) { c.People = []devissuer.Person{{ID: "a:b"}} },
	} {
		c := good
		spoil(&c)
		if _, err := devissuer.New(c); err == nil {
			t.Errorf("%s: let in", name)
		}
	}
}
