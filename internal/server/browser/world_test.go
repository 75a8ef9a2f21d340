package browser_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/calendar"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/secrets/sealed"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/server/browser"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/static"
)

// stubDeployers takes every config and runs nothing.
type stubDeployers struct{}

func (stubDeployers) Names() []string { return []string{"fake"} }

func (stubDeployers) Capabilities(name string) (slipway.DeployerCapabilities, bool) {
	return slipway.DeployerCapabilities{Replicas: true, ParallelTracks: true, TrafficWeights: true}, name == "fake"
}

func (stubDeployers) CheckConfig(ref slipway.DeployerRef) (int, []slipway.FieldError) {
	var config struct{ Replicas int }
	if json.Unmarshal(ref.Config, &config) != nil || config.Replicas < 0 {
		return 0, []slipway.FieldError{{Field: "replicas", Message: "is a number"}}
	}
	return max(1, config.Replicas), nil
}

func (stubDeployers) CheckWay(context.Context, slipway.Plan) error { return nil }

func (stubDeployers) Preview(context.Context, slipway.Plan) (string, []byte, error) {
	return "it runs in namespace shop\n--- Deployment app changes\n  spec:\n-   image: old <b>\n+   image: new <b>\n", nil, nil
}

// world is a whole Slipway without the engine: tests play its part.
type world struct {
	t       *testing.T
	app     *app.App
	store   *store.Store
	handler http.Handler
	now     atomic.Int64 // microseconds
	mu      sync.Mutex
	people  map[string]slipway.User
	visited map[string]bool // "GET /inbox": routes that answered well
	routes  []server.Route
}

// watched notes which routes answer well.
type watched struct {
	*browser.Surface
	w *world
}

func (s watched) Routes() []server.Route {
	routes := s.Surface.Routes()
	for i, r := range routes {
		routes[i].Handler = func(c echo.Context) error {
			err := r.Handler(c)
			if err == nil && c.Response().Status < http.StatusBadRequest {
				s.w.mu.Lock()
				s.w.visited[r.Method+" "+r.Path] = true
				s.w.mu.Unlock()
			}
			return err
		}
	}
	return routes
}

const adminGroup = "platform"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, visited: map[string]bool{}, people: map[string]slipway.User{}}
	w.now.Store(time.Date(2026, 11, 19, 13, 4, 10, 0, time.UTC).UnixMicro())
	kept, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "slipway.db"), Clock: w.clock})
	must(t, err)
	t.Cleanup(func() { must(t, kept.Close()) })
	must(t, kept.Migrate(t.Context()))
	w.store = kept
	w.app = &app.App{Store: kept, Calendars: &calendar.Calendars{}, Deployers: stubDeployers{}, Clock: w.clock, AdminGroup: adminGroup}
	keeper, err := sealed.New(kept, w.clock, bytes.Repeat([]byte{7}, sealed.KeySize))
	must(t, err)
	w.app.Secret = &slipway.SecretDesk{Store: kept, Secrets: keeper, Drafts: keeper, Clock: w.clock}
	w.app.Sealer, err = sealed.NewBox(bytes.Repeat([]byte{7}, sealed.KeySize))
	must(t, err)
	assets, err := static.New()
	must(t, err)
	surface, err := browser.New(browser.Config{App: w.app, Assets: assets, PublicURL: "http://example.com", Version: "test", Who: w.who, Chat: w.seal(), ChatSystems: []string{"Slack"}})
	must(t, err)
	front, err := server.New(server.Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), PublicURL: "http://example.com", App: w.app,
		Sessions: kept.Sessions(), Surfaces: []server.Surface{watched{surface, w}}, Assets: assets.Handler()})
	must(t, err)
	w.handler, w.routes = front.Handler(), surface.Routes()
	for name, groups := range map[string][]string{"Ana": {adminGroup}, "Ben": {"leads"}, "Jonas": {"developers"}, "Vera": nil} {
		u, err := w.app.SignIn(t.Context(), app.SignIn{Issuer: "https://id.example", Subject: name, Name: name, Email: strings.ToLower(name) + "@example.com", Groups: groups}, "r", "")
		must(t, err)
		w.people[name] = u
	}
	return w
}

// seal is what the links of chat accounts are made with.
func (w *world) seal() *chat.Seal {
	seal, err := chat.NewSeal(bytes.Repeat([]byte{7}, 32))
	must(w.t, err)
	return seal
}

func (w *world) clock() time.Time { return time.UnixMicro(w.now.Load()).UTC() }

func (w *world) pass(d time.Duration) { w.now.Add(d.Microseconds()) }

// who takes the person from a header, as the session would from a cookie.
func (w *world) who(c echo.Context) (slipway.Actor, slipway.User, error) {
	u, ok := w.people[c.Request().Header.Get("X-As")]
	if !ok {
		return slipway.Actor{}, slipway.User{}, &slipway.Error{Code: slipway.CodeUnauthenticated, Message: "You are not signed in."}
	}
	u, err := w.app.SessionUser(c.Request().Context(), u.ID, w.clock())
	if err != nil {
		return slipway.Actor{}, slipway.User{}, err
	}
	actor := app.UserActor(u)
	actor.Via, actor.RequestID = slipway.ViaBrowser, server.RequestID(c.Request().Context())
	return actor, u, nil
}

func (w *world) actor(name string) slipway.Actor {
	a := app.UserActor(w.people[name])
	a.Via = slipway.ViaBrowser
	return a
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const pipelineText = `apiVersion: slipway/v1
service: billing-api
team: payments
stages:
- environment: dev
  deployer: {name: fake, config: {replicas: 1}}
  autoPromote: true
- environment: staging
  after: [dev]
  deployer: {name: fake, config: {replicas: 2}}
- environment: production
  after: [staging]
  deployer: {name: fake, config: {replicas: 2}}
  strategy: {type: canary, steps: [{weight: 25, pause: true}]}
  gates:
  - approval: {count: 1}
`

// furnish fills the world: 1.1.0 is live in production, and 1.2.0, live in
// staging, waits there for an approval. It returns that deployment.
func (w *world) furnish() slipway.Deployment {
	t, ctx, ana := w.t, w.t.Context(), w.actor("Ana")
	t.Helper()
	for _, name := range []string{"payments", "storefront"} {
		_, err := w.app.PutTeam(ctx, ana, app.PutTeam{Team: slipway.Team{Name: name, Title: strings.ToUpper(name[:1]) + name[1:], OnCall: "Ana"}})
		must(t, err)
	}
	for i, name := range []string{"dev", "staging", "production"} {
		tier := []slipway.Tier{slipway.TierDevelopment, slipway.TierStaging, slipway.TierProduction}[i]
		_, err := w.app.PutEnvironment(ctx, ana, app.PutEnvironment{Environment: slipway.Environment{Name: name, Rank: 10 * (i + 1), Tier: tier}})
		must(t, err)
	}
	for _, b := range []slipway.Binding{
		{Subject: slipway.Subject{Kind: slipway.SubjectGroup, Name: "developers"}, Role: slipway.RoleDeveloper, Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: "payments"}},
		{Subject: slipway.Subject{Kind: slipway.SubjectGroup, Name: "leads"}, Role: slipway.RoleApprover, Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: "payments"}},
	} {
		_, err := w.app.AddBinding(ctx, ana, app.AddBinding{Binding: b})
		must(t, err)
	}
	_, err := w.app.RegisterService(ctx, ana, app.RegisterService{Service: slipway.Service{Name: "billing-api", Team: "payments", Title: "Billing API",
		Repository: "https://git.example/billing", Links: []slipway.Link{{Title: "Dashboard", URL: "https://dash.example"}}}})
	must(t, err)
	_, err = w.app.RegisterService(ctx, ana, app.RegisterService{Service: slipway.Service{Name: "web", Team: "storefront"}})
	must(t, err)
	w.pipeline(pipelineText)
	for _, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		w.releaseOf("billing-api", version, true)
		for _, environment := range []string{"dev", "staging", "production"} {
			if version != "1.2.0" || environment != "production" {
				w.finish(w.promote("billing-api", version, environment))
			}
		}
		w.pass(time.Hour)
	}
	d := w.promote("billing-api", "1.2.0", "production")
	w.observe("billing-api", "dev", "staging", "production")
	return d
}

func (w *world) pipeline(text string) {
	w.t.Helper()
	file, err := manifest.ParsePipeline([]byte(text))
	must(w.t, err)
	_, err = w.app.ApplyPipeline(w.t.Context(), w.actor("Ana"), app.ApplyPipeline{Pipeline: file.Pipeline})
	must(w.t, err)
}

func (w *world) releaseOf(service, version string, reversible bool) {
	w.t.Helper()
	at := w.clock()
	sum := strings.Repeat(strings.ReplaceAll(version, ".", ""), 22)[:64]
	_, _, err := w.app.CreateRelease(w.t.Context(), w.actor("Ana"), app.CreateRelease{Service: service, Version: version, Content: slipway.ReleaseContent{
		Artifacts: []slipway.Artifact{{Name: "app", Reference: "registry.example/app:" + version, Digest: "sha256:" + sum}}, Commit: "4be1a90ffff",
		Changes: []slipway.Change{{Commit: "4be1a90ffff", Subject: "Round half to even in " + version, Author: "Jonas", At: &at, URL: "https://git.example/c/1"}},
		Config:  map[string]string{"ROUNDING": version}, Reversible: reversible, Notes: "Notes of " + version,
		Provenance: slipway.Provenance{Builder: "ci", Source: "acme/billing", RunURL: "https://ci.example/1"}}})
	must(w.t, err)
}

func (w *world) promote(service, version, environment string) slipway.Deployment {
	w.t.Helper()
	d, err := w.app.Promote(w.t.Context(), w.actor("Jonas"), app.Promote{Service: service, Version: version, Environment: environment, Note: "please"})
	must(w.t, err)
	return d
}

// step plays the engine: one event on a deployment.
func (w *world) step(d slipway.Deployment, ev slipway.Event) slipway.Deployment {
	w.t.Helper()
	must(w.t, w.store.Write(w.t.Context(), func(tx slipway.Tx) error {
		found, err := tx.Deployments().Get(w.t.Context(), d.ID)
		if err != nil {
			return err
		}
		d, err = slipway.Advance(w.t.Context(), tx, found, ev, slipway.System("test"), w.clock())
		return err
	}))
	return d
}

func (w *world) begin(d slipway.Deployment) slipway.Deployment {
	w.t.Helper()
	d = w.step(d, slipway.Judged{Verdicts: []slipway.Verdict{{Gate: "lock", Result: slipway.Pass, Reason: "open"}}})
	return w.step(d, slipway.Accepted{Generation: d.Current().Generation})
}

// finish takes a deployment to its good end.
func (w *world) finish(d slipway.Deployment) {
	w.t.Helper()
	d = w.begin(d)
	for d.State.Active() {
		if d.State == slipway.Paused {
			d = w.step(d, slipway.ResumedBy{By: slipway.Person{Name: "Ana"}})
		} else {
			d = w.step(d, slipway.Seen{Observed: slipway.Observed{At: w.clock(), Generation: d.Current().Generation, Converged: true}})
		}
		if d.State.Active() && d.Current().State == slipway.Applying {
			d = w.step(d, slipway.Accepted{Generation: d.Current().Generation})
		}
	}
	if d.State != slipway.Succeeded {
		w.t.Fatalf("deployment ended %s: %s", d.State, d.Message)
	}
}

// observe reports that what is live runs well.
func (w *world) observe(service string, environments ...string) {
	w.t.Helper()
	must(w.t, w.store.Write(w.t.Context(), func(tx slipway.Tx) error {
		for _, environment := range environments {
			st, err := tx.Stages().Get(w.t.Context(), service, environment)
			if err != nil || st.Live == nil {
				return err
			}
			err = tx.Stages().PutObserved(w.t.Context(), service, environment, slipway.Observed{At: w.clock(), Converged: true, Address: "http://app.example",
				Tracks: []slipway.ObservedTrack{{Spec: st.Live.Spec.ID(), Version: st.Live.Spec.Version, Wanted: 2, Ready: 2, Weight: 100}}})
			if err != nil {
				return err
			}
		}
		return nil
	}))
}
