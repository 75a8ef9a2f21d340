package server

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// routesOf is a surface of nothing but routes.
type routesOf []Route

func (r routesOf) Routes() []Route                       { return r }
func (routesOf) Authenticate(echo.Context) error         { return nil }
func (routesOf) ShowError(c echo.Context, e error) error { return pages{}.ShowError(c, e) }

func TestWhatDoesNotStart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ok := func(c echo.Context) error { return c.NoContent(204) }
	tests := map[string]struct {
		surfaces []Surface
		fault    string
	}{
		"no access":             {[]Surface{routesOf{{http.MethodGet, "/a", Access{}, ok}}}, "declares no access"},
		"public and not":        {[]Surface{routesOf{{http.MethodGet, "/a", Access{Public: true, SignedIn: true}, ok}}}, "is public and is not"},
		"no handler":            {[]Surface{routesOf{{http.MethodGet, "/a", Public(), nil}}}, "not complete"},
		"twice":                 {[]Surface{routesOf{{http.MethodGet, "/a", Public(), ok}, {http.MethodGet, "/a", Public(), ok}}}, "is the same as"},
		"other names":           {[]Surface{routesOf{{http.MethodGet, "/a/:x", Public(), ok}, {http.MethodGet, "/a/:y", Public(), ok}}}, "is the same as"},
		"two surfaces":          {[]Surface{routesOf{{http.MethodGet, "/a", Public(), ok}}, routesOf{{http.MethodPost, "/a", Public(), ok}}}, "two surfaces"},
		"the server's own path": {[]Surface{routesOf{{http.MethodPost, "/auth/login", Public(), ok}}}, "two surfaces"},
	}
	for name, test := range tests {
		cfg := r.server.cfg
		cfg.Surfaces, cfg.Metrics = test.surfaces, nil
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, address := range []string{"", "slipway.example", "ftp://slipway.example", "https://slipway.example/below", "https://u@slipway.example"} {
		cfg := r.server.cfg
		cfg.PublicURL, cfg.Metrics = address, nil
		if _, err := New(cfg); err == nil {
			t.Errorf("public URL %q was taken", address)
		}
	}
}

func TestOtherSitesCannotChangeAnything(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	b.signIn("ana", "/")
	form := url.Values{"title": {"x"}}
	tests := []struct {
		headers []string
		want    int
	}{
		{[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		{[]string{"Sec-Fetch-Site", "same-site", "Origin", "http://other.example"}, 403},
		{[]string{"Origin", "https://evil.example"}, 403},
		{[]string{"Origin", "null"}, 403},
		{[]string{"Sec-Fetch-Site", "same-origin"}, 303},
		{[]string{"Origin", r.url}, 303},
		{nil, 303}, // no browser
	}
	for _, test := range tests {
		if response, body := b.post("/s/web", form, test.headers...); response.StatusCode != test.want {
			t.Errorf("%v: %s, want %d: %s", test.headers, response.Status, test.want, body)
		}
	}
	for _, path := range []string{"/auth/logout", "/api/v1/services"} {
		if response, _ := b.post(path, nil, "Sec-Fetch-Site", "cross-site"); response.StatusCode != 403 {
			t.Errorf("%s from another site: %s", path, response.Status)
		}
	}
	if response, _ := b.get("/", "Sec-Fetch-Site", "cross-site"); response.StatusCode != 200 {
		t.Errorf("a link from another site: %s", response.Status)
	}
}

func TestEveryAnswerIsProtected(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; " +
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
	}
	check := func(method, path string) {
		response, _ := b.do(method, path, nil)
		for name, value := range want {
			if got := response.Header.Get(name); got != value {
				t.Errorf("%s %s (%s): %s is %q", method, path, response.Status, name, got)
			}
		}
		if len(response.Header.Get("X-Request-Id")) != 16 || response.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s %s: %v", method, path, response.Header)
		}
	}
	for _, route := range r.server.Routes() {
		if route.Path == issuerPath {
			continue // brings a policy of its own
		}
		check(route.Method, strings.NewReplacer(":service", "web", "*", "x").Replace(route.Path))
	}
	check(http.MethodGet, "/nothing/here")
	check(http.MethodDelete, "/s/web")
}

func TestHTTPSIsForEver(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cfg := r.server.cfg
	cfg.PublicURL, cfg.Metrics = "https://slipway.example", nil
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	s.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/auth/login", nil))
	if got := recorder.Header().Get("Strict-Transport-Security"); got == "" {
		t.Error("no HSTS")
	}
	cookies := recorder.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != "__Host-slipway" || !cookies[0].Secure || cookies[0].Path != "/" || cookies[0].Domain != "" {
		t.Errorf("cookies %v", cookies)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	b.signIn("ana", "/")
	endless := func(n int) io.Reader {
		return io.MultiReader(strings.NewReader(`{"a":"`+strings.Repeat("x", n)), strings.NewReader(`"}`))
	}
	tests := []struct {
		path, kind string
		body       io.Reader
		want       int
	}{
		{"/s/web", echo.MIMEApplicationForm, strings.NewReader("a=" + strings.Repeat("x", maxForm)), 413},
		{"/s/web", echo.MIMEApplicationForm, strings.NewReader("a=" + strings.Repeat("x", maxForm-10)), 303},
		{"/api/v1/services", echo.MIMEApplicationJSON, strings.NewReader(`{"a":"` + strings.Repeat("x", maxBody) + `"}`), 413},
		{"/api/v1/services", echo.MIMEApplicationJSON, endless(maxBody), 413}, // does not say how large it is
		{"/api/v1/services", echo.MIMEApplicationJSON, endless(maxForm), 200},
		{"/api/v1/services", echo.MIMEApplicationJSON, strings.NewReader("{"), 422},
	}
	for _, test := range tests {
		if response, body := b.do(http.MethodPost, test.path, test.body, "Content-Type", test.kind, "Authorization", "Bearer good"); response.StatusCode != test.want {
			t.Errorf("%s: %s, want %d: %.200s", test.path, response.Status, test.want, body)
		}
	}
}

func TestErrorsComeInTheFormOfTheSurface(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	tests := []struct {
		method, path, kind string
		status             int
		says               string
	}{
		{http.MethodGet, "/nothing", "text/html", 404, "There is nothing at this address."},
		{http.MethodGet, "/api/v1/nothing", "application/json", 404, `"not_found"`},
		{http.MethodGet, "/api/v1/services/web", "application/json", 401, `"unauthenticated"`},
		{http.MethodDelete, "/api/v1/services", "application/json", 405, `"method_not_allowed"`},
		{http.MethodDelete, "/s/web", "text/html", 405, "does not take this kind"},
		{http.MethodGet, "/auth/nothing", "text/html", 404, "There is nothing"},
		{http.MethodGet, "/events?topics=board", "text/html", 401, "not signed in"},
		{http.MethodGet, "/static/nothing", "text/plain", 404, ""},
	}
	for _, test := range tests {
		response, body := b.do(test.method, test.path, nil)
		if response.StatusCode != test.status || !strings.HasPrefix(response.Header.Get("Content-Type"), test.kind) || !strings.Contains(body, test.says) {
			t.Errorf("%s %s: %s %s %s", test.method, test.path, response.Status, response.Header.Get("Content-Type"), body)
		}
	}
	if response, body := b.get("/api/v1/services/web", "Authorization", "Bearer good"); response.StatusCode != 200 || !strings.Contains(body, "robot") {
		t.Errorf("with a token: %s %s", response.Status, body)
	}
	if response, body := b.do(http.MethodHead, "/sign-in", nil); response.StatusCode != 200 || body != "" {
		t.Errorf("HEAD: %s %q", response.Status, body)
	}
}

func TestPagesAreCompressed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	response, body := r.browser().get("/large", "Accept-Encoding", "gzip")
	unzip, err := gzip.NewReader(strings.NewReader(body))
	if err != nil || response.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v %v", err, response.Header)
	}
	if plain, err := io.ReadAll(unzip); err != nil || len(plain) != 5000 {
		t.Errorf("%d bytes, %v", len(plain), err)
	}
}

func TestStrangersAreLimitedAndPeopleAreNot(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Limit = RateLimit{PerSecond: 0.001, Burst: 12} })
	b := r.browser()
	b.signIn("ana", "/")
	stranger := r.browser()
	limited := 0
	for range 20 {
		if response, _ := stranger.get("/sign-in"); response.StatusCode == 429 {
			limited++
			if response.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		}
	}
	if limited < 8 {
		t.Errorf("%d of 20 were refused", limited)
	}
	if response, _ := stranger.get("/api/v1/services/web", "Authorization", "Bearer guess"); response.StatusCode != 429 {
		t.Errorf("guessing a token: %s", response.Status)
	}
	if response, _ := stranger.get("/"); response.StatusCode != 429 {
		t.Errorf("a page: %s", response.Status)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if response, _ := stranger.get(path); response.StatusCode != 200 {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
	if response, _ := b.get("/"); response.StatusCode != 200 {
		t.Errorf("somebody signed in at the same address: %s", response.Status)
	}
}
