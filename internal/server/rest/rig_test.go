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
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/identity"
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
	r.App = &app.App{Store: r.store, Deployers: registry, Clock: r.clock, AdminGroup: "admins"}
	r.engine = &engine.Engine{Store: r.store, Wakes: r.store, Feed: r.store, Deployers: registry, Clock: r.clock, Log: slog.New(slog.DiscardHandler)}
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

// furnish builds what every test starts from:
//
//	shop: 1.0.0 was live in staging and prod; 1.1.0 is live in staging and waits
//	      for prod (deployment 4); 1.2.0 exists; a rollback hold is on staging
//	      of nothing; deployment 5 in slow is running, deployment 6 in other was
//	      cancelled.
func (r *rig) furnish() {
	ctx, t, admin := r.t.Context(), r.t, actor("admin")
	ok(t, r.store.Write(ctx, func(tx slipway.Tx) error {
		for _, role := range roles[1:] {
			a := actor(role)
			if err := tx.People().PutUser(ctx, slipway.User{ID: a.ID, Issuer: "test", Subject: a.ID, Name: a.Name, Groups: a.Groups, LastSeen: t0}); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, name := range []string{"web", "ops"} {
		must(r.PutTeam(ctx, admin, app.PutTeam{Team: slipway.Team{Name: name}}))(t)
	}
	for i, name := range []string{"staging", "prod", "slow", "other", "wild"} {
		must(r.PutEnvironment(ctx, admin, app.PutEnvironment{Environment: slipway.Environment{Name: name, Rank: i, Tier: slipway.TierStaging}}))(t)
	}
	for role, name := range map[string]slipway.Role{"viewer": slipway.RoleViewer, "developer": slipway.RoleDeveloper, "approver": slipway.RoleApprover,
		"maintainer": slipway.RoleMaintainer} {
		r.bind(role, name, "web")
	}
	r.bind("foreign", slipway.RoleMaintainer, "ops")
	for _, role := range roles[1:] {
		r.tokens[role], _ = r.token(role, app.CreateToken{Name: "main"})
		_, r.spare[role] = r.token(role, app.CreateToken{Name: "spare"})
	}
	must(r.RegisterService(ctx, admin, app.RegisterService{Service: slipway.Service{Name: "shop", Team: "web"}}))(t)
	must(r.RegisterService(ctx, admin, app.RegisterService{Service: slipway.Service{Name: "vault", Team: "ops"}}))(t)
	must(r.ApplyPipeline(ctx, admin, app.ApplyPipeline{Pipeline: shopPipeline()}))(t)
	for _, v := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		if _, _, err := r.CreateRelease(ctx, admin, app.CreateRelease{Service: "shop", Version: v, Content: content(v)}); err != nil {
			t.Fatal(err)
		}
	}
	r.live("1.0.0", "staging")
	r.live("1.0.0", "prod")
	r.live("1.1.0", "staging")
	r.drive(r.promote("developer", "1.1.0", "prod"))
	slow := r.promote("developer", "1.0.0", "slow")
	for range 4 {
		_, err := r.engine.Step(ctx, slow)
		ok(t, err)
	}
	gone := r.promote("developer", "1.0.0", "other")
	must(r.Cancel(ctx, admin, app.Control{Deployment: gone}))(t)
	must(r.AddFreeze(ctx, admin, app.AddFreeze{Environment: "other", Reason: "holidays", From: r.clock().Add(240 * time.Hour), Until: r.clock().Add(480 * time.Hour)}))(t)
	ok(t, r.store.Write(ctx, func(tx slipway.Tx) error {
		return tx.Logs().Append(ctx, 1, []slipway.LogLine{{At: t0, Source: "shop-1", Stream: "stdout", Text: "hello"}}, "c1")
	}))
}

func shopPipeline() slipway.Pipeline {
	at := func(environment, deployer, config string, after ...string) slipway.Stage {
		return slipway.Stage{Environment: environment, After: after, Strategy: slipway.Strategy{Type: slipway.StrategyRecreate},
			Deployer: slipway.DeployerRef{Name: deployer, Config: []byte(config)}}
	}
	prod := at("prod", "fake", `{"replicas":2}`, "staging")
	prod.Gates = []slipway.Gate{{Approval: &slipway.ApprovalGate{Count: 1, Groups: []string{"leads"}}}}
	return slipway.Pipeline{Service: "shop", Stages: []slipway.Stage{at("staging", "fake", `{"replicas":1}`), prod,
		at("slow", "fake", `{"replicas":1,"scripts":{"1.0.0":{"readyAfter":1000}}}`), at("other", "fake", `{}`), at("wild", "broken", `{}`)}}
}

func content(config string) slipway.ReleaseContent {
	return slipway.ReleaseContent{Reversible: true, Config: map[string]string{"MODE": config},
		Artifacts: []slipway.Artifact{{Name: "image", Reference: "reg/app:" + config, Digest: "sha256:" + strings.Repeat("a", 64)}}}
}

func (r *rig) bind(role string, name slipway.Role, team string) {
	must(r.AddBinding(r.t.Context(), actor("admin"), app.AddBinding{Binding: slipway.Binding{
		Subject: slipway.Subject{Kind: slipway.SubjectUser, Name: role}, Role: name, Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: team}}}))(r.t)
}

func (r *rig) token(role string, c app.CreateToken) (plain, id string) {
	r.t.Helper()
	plain, c.ID, c.SecretHash = identity.MintToken()
	must(r.CreateToken(r.t.Context(), actor(role), c))(r.t)
	r.hashes = append(r.hashes, c.SecretHash)
	return plain, c.ID
}

func (r *rig) promote(role, version, environment string) int64 {
	r.t.Helper()
	return must(r.Promote(r.t.Context(), actor(role), app.Promote{Service: "shop", Version: version, Environment: environment}))(r.t).ID
}

func (r *rig) live(version, environment string) {
	r.t.Helper()
	d := r.drive(r.promote("developer", version, environment))
	if d.State == slipway.Waiting {
		must(r.Approve(r.t.Context(), actor("approver"), app.Approve{Deployment: d.ID, PlanDigest: d.PlanDigest}))(r.t)
		d = r.drive(d.ID)
	}
	if d.State != slipway.Succeeded {
		r.t.Fatalf("%s in %s ended %s: %s", version, environment, d.State, d.Message)
	}
}

// drive steps a deployment until it ends or waits for a person.
func (r *rig) drive(id int64) (d slipway.Deployment) {
	r.t.Helper()
	ctx := r.t.Context()
	for range 500 {
		next, err := r.engine.Step(ctx, id)
		ok(r.t, err)
		ok(r.t, r.store.Read(ctx, func(tx slipway.Tx) (err error) { d, err = tx.Deployments().Get(ctx, id); return err }))
		wait := next.Sub(r.clock())
		if next.IsZero() || (d.State == slipway.Waiting && len(d.Verdicts) > 0 && wait > time.Second) {
			return d
		}
		if wait > 0 {
			r.after(wait)
		}
	}
	r.t.Fatalf("deployment %d does not come to an end", id)
	return d
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
