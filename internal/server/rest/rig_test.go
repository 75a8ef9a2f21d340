package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/calendar"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/secrets/sealed"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/server/rest"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

var update = flag.Bool("update", false, "write the golden files")

// The people of these tests: one of each role in team web, one who is
// maintainer elsewhere, and nobody.
var roles = []string{"anonymous", "foreign", "viewer", "developer", "approver", "maintainer", "admin"}

var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// rig is a whole server over a real store, with a clock that only tests move.
type rig struct {
	*app.App
	t      *testing.T
	url    string
	path   string
	store  *store.Store
	engine *engine.Engine
	tokens map[string]string // role → secret
	spare  map[string]string // role → ID of another token of theirs
	hashes []string

	mu  sync.Mutex
	now time.Time
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) after(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// template is a furnished database that is made once and copied.
var template struct {
	once          sync.Once
	data          []byte
	now           time.Time
	tokens, spare map[string]string
	hashes        []string
}

// newRig opens a copy of the furnished installation behind a server.
func newRig(t *testing.T, change ...func(*server.Config)) *rig {
	t.Helper()
	template.once.Do(func() {
		r := open(t, filepath.Join(t.TempDir(), "template.db"), t0)
		ok(t, r.store.Migrate(t.Context()))
		r.tokens, r.spare = map[string]string{}, map[string]string{}
		r.furnish()
		ok(t, r.store.Close())
		data, err := os.ReadFile(r.path)
		ok(t, err)
		template.data, template.now, template.tokens, template.spare, template.hashes = data, r.now, r.tokens, r.spare, r.hashes
	})
	path := filepath.Join(t.TempDir(), "rest.db")
	ok(t, os.WriteFile(path, template.data, 0o600))
	r := open(t, path, template.now)
	t.Cleanup(func() { _ = r.store.Close() })
	r.tokens, r.spare, r.hashes = template.tokens, template.spare, template.hashes
	cfg := server.Config{Log: slog.New(slog.DiscardHandler), PublicURL: "http://slipway.test", App: r.App, Sessions: r.store.Sessions(),
		Surfaces: []server.Surface{people{}, rest.New(rest.Config{App: r.App, Version: "test", PublicURL: "http://slipway.test"})},
		Limit:    server.RateLimit{PerSecond: 1e6, Burst: 1e6}}
	for _, f := range change {
		f(&cfg)
	}
	s, err := server.New(cfg)
	ok(t, err)
	front := httptest.NewServer(s.Handler())
	t.Cleanup(front.Close)
	r.url = front.URL
	return r
}

func open(t *testing.T, path string, now time.Time) *rig {
	t.Helper()
	r := &rig{t: t, path: path, now: now}
	var err error
	r.store, err = store.Open(t.Context(), store.Config{URL: "sqlite:" + path, Clock: r.clock})
	ok(t, err)
	backend := fake.New(fake.Options{Now: r.clock})
	registry := engine.NewRegistry(map[string]deployers.Deployer{"fake": backend, "broken": broken{backend}})
	r.App = &app.App{Store: r.store, Deployers: registry, Clock: r.clock, AdminGroup: "admins", Calendars: &calendar.Calendars{}}
	keeper, err := sealed.New(r.store, r.clock, bytes.Repeat([]byte{7}, sealed.KeySize))
	ok(t, err)
	r.App.Secret = &slipway.SecretDesk{Store: r.store, Secrets: keeper, Drafts: keeper, Clock: r.clock}
	box, err := sealed.NewBox(bytes.Repeat([]byte{7}, sealed.KeySize))
	ok(t, err)
	r.App.Sealer = box
	r.engine = &engine.Engine{Store: r.store, Wakes: r.store, Feed: r.store, Deployers: registry, Secrets: r.App.Secret, Clock: r.clock, Log: slog.New(slog.DiscardHandler)}
	return r
}

// people is the surface that stands first, for people: here it has no pages.
type people struct{}

func (people) Routes() []server.Route                    { return nil }
func (people) Authenticate(echo.Context) error           { return nil }
func (people) ShowError(c echo.Context, err error) error { return c.NoContent(server.StatusOf(err)) }

// broken cannot say what it would change.
type broken struct{ *fake.Deployer }

func (broken) Preview(context.Context, deployers.Target, deployers.Desired) (deployers.Preview, error) {
	return deployers.Preview{}, errors.New("no route to host")
}

func actor(role string) slipway.Actor {
	a := slipway.Actor{Kind: slipway.ActorUser, ID: role, Name: strings.ToUpper(role[:1]) + role[1:], Groups: []string{"leads"}, Via: slipway.ViaBrowser}
	if role == "admin" {
		a.Groups = []string{"admins", "leads"}
	}
	return a
}

// call is one request. Body is JSON unless it is a string.
type call struct {
	method, path, role string
	body               any
	header             map[string]string
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	body   string
}

func (a answered) decode(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

func (r *rig) send(c call) answered {
	r.t.Helper()
	var body io.Reader
	kind := ""
	switch b := c.body.(type) {
	case nil:
	case string:
		body, kind = strings.NewReader(b), "application/yaml"
		if strings.HasPrefix(b, "BEGIN:") {
			kind = "text/calendar"
		}
	default:
		encoded, err := json.Marshal(b)
		ok(r.t, err)
		body, kind = bytes.NewReader(encoded), "application/json"
	}
	req, err := http.NewRequestWithContext(r.t.Context(), c.method, r.url+c.path, body)
	ok(r.t, err)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if token := r.tokens[c.role]; token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(req)
	ok(r.t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	ok(r.t, err)
	for _, hash := range r.hashes {
		if bytes.Contains(content, []byte(hash)) {
			r.t.Errorf("%s %s gives away the hash of a token", c.method, c.path)
		}
	}
	return answered{response.StatusCode, response.Header, string(content)}
}

// want sends and checks the status.
func (r *rig) want(status int, c call) answered {
	r.t.Helper()
	a := r.send(c)
	if a.status != status {
		r.t.Fatalf("%s %s as %s: %d, not %d: %s", c.method, c.path, c.role, a.status, status, a.body)
	}
	return a
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		ok(t, err)
		return v
	}
}
