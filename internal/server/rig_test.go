package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/identity/devissuer"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/static"
)

// rig is a whole server with a real store and a real provider.
type rig struct {
	t       *testing.T
	url     string
	store   *store.Store
	app     *app.App
	server  *Server
	issuer  *devissuer.Issuer
	log     *buffer
	ticks   *ticks
	skew    atomic.Int64 // nanoseconds that the clock is ahead
	stopRun func()
}

func (r *rig) now() time.Time          { return time.Now().Add(time.Duration(r.skew.Load())) }
func (r *rig) advance(d time.Duration) { r.skew.Add(int64(d)) }
func (r *rig) person(id string) slipway.User {
	r.t.Helper()
	var u slipway.User
	r.read(func(tx slipway.Tx) (err error) {
		u, err = tx.People().UserBySubject(context.Background(), r.url+"/dev/issuer", id)
		return err
	})
	return u
}

func newRig(t *testing.T, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, log: &buffer{}, ticks: &ticks{}}
	log := slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if r.store, err = store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db")}); err != nil {
		t.Fatal(err)
	}
	if err := r.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.app = &app.App{Store: r.store, Clock: r.now, AdminGroup: "admins"}
	front := httptest.NewUnstartedServer(nil)
	r.url = "http://" + front.Listener.Addr().String()
	r.issuer, err = devissuer.New(devissuer.Config{
		Issuer: r.url + "/dev/issuer", ClientID: "slipway", ClientSecret: "s3cret", RedirectURI: r.url + "/auth/callback",
		PostLogoutRedirectURI: r.url + "/sign-in",
		People: []devissuer.Person{
			{ID: "ana", Name: "Ana", Email: "ana@example.com", Groups: []string{"admins"}},
			{ID: "ben", Name: "Ben", Email: "ben@example.com", Groups: []string{"readers"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	provider, err := identity.New(t.Context(), identity.Config{
		Issuer: r.url + "/dev/issuer", ClientID: "slipway", ClientSecret: "s3cret", RedirectURL: r.url + "/auth/callback",
	})
	if err != nil {
		t.Fatal(err)
	}
	assets, err := static.New()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Log: log, PublicURL: r.url, Version: "1.2.3", App: r.app, Feed: r.store, Sessions: r.store.Sessions(), Identity: provider,
		Surfaces: []Surface{pages{}, api{}}, Assets: assets.Handler(), DevIssuer: r.issuer,
		Ready: []Check{{Name: "database", Run: r.store.Ping}}, Limit: RateLimit{PerSecond: 1000, Burst: 1000},
	}
	for _, f := range change {
		f(&cfg)
	}
	if r.server, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	r.server.hub.ticker = r.ticks.ticker
	front.Config = r.server.HTTPServer("", r.server.Handler())
	front.Start()
	r.run()
	t.Cleanup(func() {
		r.stopRun()
		front.Close()
		if err := r.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// run starts what feeds the streams and waits until it does.
func (r *rig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.server.Run(ctx)
	}()
	r.stopRun = func() { cancel(); <-done }
	eventually(r.t, "the hub to run", r.server.hub.started)
}

func (r *rig) write(f func(tx slipway.Tx) error) {
	r.t.Helper()
	if err := r.store.Write(context.Background(), f); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) read(f func(tx slipway.Tx) error) {
	r.t.Helper()
	if err := r.store.Read(context.Background(), f); err != nil {
		r.t.Fatal(err)
	}
}

// browser keeps cookies and follows no redirects.
type browser struct {
	*http.Client
	r *rig
}

func (r *rig) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, r}
}

func (b *browser) do(method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	b.r.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.r.url + path
	}
	request, err := http.NewRequestWithContext(context.Background(), method, path, body)
	if err != nil {
		b.r.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := b.Do(request)
	if err != nil {
		b.r.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.r.t.Fatal(err)
	}
	return response, string(text)
}

func (b *browser) get(path string, headers ...string) (*http.Response, string) {
	b.r.t.Helper()
	return b.do(http.MethodGet, path, nil, headers...)
}

func (b *browser) post(path string, form url.Values, headers ...string) (*http.Response, string) {
	b.r.t.Helper()
	return b.do(http.MethodPost, path, strings.NewReader(form.Encode()), append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

// toCallback goes the way to the provider, chooses a person and returns the
// address that the provider sends the browser back to.
func (b *browser) toCallback(person, back string) string {
	b.r.t.Helper()
	response, _ := b.get("/auth/login?return=" + url.QueryEscape(back))
	for response.StatusCode/100 == 3 {
		response, _ = b.get(response.Header.Get("Location"))
	}
	id := regexp.MustCompile(`id=([^&]+)`).FindStringSubmatch(response.Request.URL.RawQuery)
	if id == nil {
		b.r.t.Fatalf("no sign-in page: %s at %s", response.Status, response.Request.URL)
	}
	response, body := b.post("/dev/issuer/login", url.Values{"id": {id[1]}, "person": {person}})
	for response.StatusCode/100 == 3 {
		location := response.Header.Get("Location")
		if strings.HasPrefix(location, b.r.url+"/auth/callback") {
			return location
		}
		response, body = b.get(location)
	}
	b.r.t.Fatalf("the provider did not send back: %s\n%s", response.Status, body)
	return ""
}

// signIn returns where the browser is sent in the end.
func (b *browser) signIn(person, back string) string {
	b.r.t.Helper()
	response, body := b.get(b.toCallback(person, back))
	if response.StatusCode != http.StatusSeeOther {
		b.r.t.Fatalf("callback: %s\n%s", response.Status, body)
	}
	return response.Header.Get("Location")
}

func (b *browser) cookie() string {
	u, _ := url.Parse(b.r.url)
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == "slipway" {
			return c.Value
		}
	}
	return ""
}

// pages is a surface for people, as small as can be.
type pages struct{}

func (pages) Routes() []Route {
	return []Route{
		{http.MethodGet, "/", SignedIn(), func(c echo.Context) error { return c.HTML(200, "<p>Hello "+ActorOf(c).Name) }},
		{http.MethodGet, "/sign-in", Public(), func(c echo.Context) error { return c.HTML(200, "<p>Sign in") }},
		{http.MethodGet, "/s/:service", Needs(slipway.ServiceRead), func(c echo.Context) error { return c.HTML(200, "<p>"+c.Param("service")) }},
		{http.MethodPost, "/s/:service", Needs(slipway.ServiceRegister), func(c echo.Context) error {
			if _, err := c.FormParams(); err != nil {
				return err
			}
			return c.Redirect(303, "/s/"+c.Param("service"))
		}},
		{http.MethodGet, "/panic", Public(), func(echo.Context) error { panic("s3cret-of-the-panic") }},
		{http.MethodGet, "/broken", Public(), func(echo.Context) error { return fmt.Errorf("dial tcp: s3cret-of-the-error") }},
		{http.MethodGet, "/large", Public(), func(c echo.Context) error { return c.HTML(200, strings.Repeat("long ", 1000)) }},
	}
}

func (pages) Authenticate(c echo.Context) error {
	actor, _, err := SessionActor(c)
	if err != nil && slipway.CodeOf(err) != slipway.CodeUnauthenticated {
		return err
	}
	SetActor(c, actor)
	return nil
}

func (pages) ShowError(c echo.Context, err error) error {
	p := Describe(err, RequestID(c.Request().Context()))
	return c.HTML(p.Status, fmt.Sprintf("<h1>%s</h1><p>%s %s <p>Request %s", p.Message, p.Affected, p.Do, p.RequestID))
}

// api is a surface for machines. Its token is "good".
type api struct{}

func (api) Routes() []Route {
	return []Route{
		{http.MethodGet, "/api/v1/services/:service", Needs(slipway.ServiceRead), func(c echo.Context) error { return c.JSON(200, ActorOf(c).ID) }},
		{http.MethodPost, "/api/v1/services", Needs(slipway.ServiceRegister), func(c echo.Context) error {
			var in map[string]any
			if err := c.Bind(&in); err != nil {
				return err
			}
			return c.JSON(200, in)
		}},
	}
}

func (api) Authenticate(c echo.Context) error {
	switch c.Request().Header.Get("Authorization") {
	case "":
		return nil
	case "Bearer good":
		SetActor(c, slipway.Actor{Kind: slipway.ActorServiceAccount, ID: "robot"})
		return nil
	default:
		return &slipway.Error{Code: slipway.CodeUnauthenticated, Message: "The token is not valid."}
	}
}

func (api) ShowError(c echo.Context, err error) error {
	p := Describe(err, RequestID(c.Request().Context()))
	return c.JSON(p.Status, map[string]any{"code": p.Code, "message": p.Message, "request": p.RequestID})
}

// ticks are tickers that tests move by hand.
type ticks struct {
	mu  sync.Mutex
	all map[time.Duration][]chan time.Time
}

func (f *ticks) ticker(every time.Duration) (<-chan time.Time, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[time.Duration][]chan time.Time{}
	}
	tick := make(chan time.Time, 1)
	f.all[every] = append(f.all[every], tick)
	return tick, func() {}
}

func (f *ticks) tick(every time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.all[every] {
		select {
		case c <- time.Now():
		default:
		}
	}
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// eventually waits for what another goroutine is about to do.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
