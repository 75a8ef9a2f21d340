package chatops_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/calendar"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/chat/chattest"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/server/browser"
	"github.com/slipway-dev/slipway/internal/server/chatops"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/static"
)

// rig is a whole portal before stand-ins of Slack and Mattermost. Of its people
// ana is an administrator, jonas develops in payments, ben decides there, vera
// only looks, olle decides in another team.
type rig struct {
	*app.App
	t      *testing.T
	ctx    context.Context
	path   string
	url    string
	slack  *chattest.Slack
	matter *chattest.Mattermost
	seal   *chat.Seal
	engine *engine.Engine
	skew   atomic.Int64
	log    *buffer
	end    func() // stops the surface, as a portal that ends does
}

func (r *rig) now() time.Time          { return time.Now().Add(time.Duration(r.skew.Load())) }
func (r *rig) advance(d time.Duration) { r.skew.Add(int64(d)) }

func newRig(t *testing.T, change ...func(*chatops.Config)) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "slipway-chat-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := &rig{t: t, ctx: t.Context(), path: filepath.Join(dir, "test.db"), log: &buffer{}}
	s, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + r.path, Clock: r.now})
	ok(t, err)
	t.Cleanup(func() { _ = s.Close() })
	ok(t, s.Migrate(t.Context()))
	backend := fake.New(fake.Options{Now: r.now})
	registry := engine.NewRegistry(map[string]deployers.Deployer{"fake": backend})
	r.App = &app.App{Store: s, Deployers: registry, Clock: r.now, AdminGroup: "admins", Calendars: &calendar.Calendars{}}
	r.engine = &engine.Engine{Store: s, Wakes: s, Feed: s, Deployers: registry, Clock: r.now, Log: slog.New(slog.DiscardHandler),
		Aids: slipway.Aids{Approvers: r.App, Calendars: r.Calendars}}
	r.seal = must(chat.NewSeal(bytes.Repeat([]byte{7}, 32)))(t)
	r.furnish()
	r.serve(s, change)
	return r
}

func (r *rig) serve(s *store.Store, change []func(*chatops.Config)) {
	t := r.t
	front := httptest.NewUnstartedServer(nil)
	r.url = "http://" + front.Listener.Addr().String()
	r.slack = chattest.NewSlack(t, r.now)
	r.matter = chattest.NewMattermost(t, r.now)
	r.slack.Portal, r.matter.Portal = r.url, r.url
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	dial := func(address string) (*http.Client, error) {
		return outbound.ClientFor(address, outbound.Limits{Within: 5 * time.Second, Body: 1 << 20})
	}
	config := chatops.Config{App: r.App, Log: log, PublicURL: r.url, Seal: r.seal,
		Slack: &chatops.Slack{Secret: r.slack.Secret, Workspaces: []string{"T1", "T3"}, Client: must(chat.NewSlack(r.slack.URL, slipway.NewSecret(r.slack.Token), dial))(t)},
		Mattermost: &chatops.Mattermost{Tokens: []slipway.Secret{slipway.NewSecret(r.matter.CommandToken)}, Server: r.matter.Host(), Teams: []string{r.matter.Team},
			Client: must(chat.NewMattermost(r.matter.URL, slipway.NewSecret(r.matter.BotToken), chatops.MattermostActionURL(r.url, r.seal), dial))(t)}}
	for _, f := range change {
		f(&config)
	}
	surface := must(chatops.New(config))(t)
	assets := must(static.New())(t)
	pages := must(browser.New(browser.Config{App: r.App, Assets: assets, PublicURL: r.url, Chat: r.seal, ChatSystems: []string{"Slack"}, Who: r.who}))(t)
	srv := must(server.New(server.Config{Log: log, PublicURL: r.url, App: r.App, Feed: s, Sessions: s.Sessions(), Surfaces: []server.Surface{pages, surface}, Assets: assets.Handler()}))(t)
	front.Config = srv.HTTPServer("", srv.Handler())
	front.Start()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { surface.Run(ctx) })
	r.end = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(func() {
		front.Close()
		r.end()
		if t.Failed() {
			t.Log(r.log.String())
		}
	})
}

// who signs people in by a header, for the pages.
func (r *rig) who(c echo.Context) (slipway.Actor, slipway.User, error) {
	name := c.Request().Header.Get("X-Test-Person")
	if name == "" {
		return slipway.Actor{}, slipway.User{}, &slipway.Error{Code: slipway.CodeUnauthenticated, Message: "You are not signed in."}
	}
	u := r.user(name)
	actor := app.UserActor(u)
	actor.Via, actor.RequestID = slipway.ViaBrowser, server.RequestID(c.Request().Context())
	return actor, u, nil
}

func (r *rig) user(name string) (u slipway.User) {
	r.t.Helper()
	r.read(func(tx slipway.Tx) (err error) { u, err = tx.People().User(r.ctx, name); return err })
	return u
}

func (r *rig) actor(name string) slipway.Actor {
	a := app.UserActor(r.user(name))
	a.Via = slipway.ViaBrowser
	return a
}

func (r *rig) furnish() {
	t := r.t
	groups := map[string][]string{"ana": {"admins"}, "jonas": {"developers"}, "ben": {"leads"}, "vera": {"viewers"}, "olle": {"leads"}}
	r.write(func(tx slipway.Tx) error {
		for name, in := range groups {
			u := slipway.User{ID: name, Issuer: "idp", Subject: name, Name: strings.ToUpper(name[:1]) + name[1:], Groups: in, LastSeen: r.now()}
			if err := tx.People().PutUser(r.ctx, u); err != nil {
				return err
			}
		}
		return nil
	})
	ana := r.actor("ana")
	for _, name := range []string{"payments", "web"} {
		must(r.PutTeam(r.ctx, ana, app.PutTeam{Team: slipway.Team{Name: name, Title: name}}))(t)
	}
	for i, name := range []string{"staging", "production"} {
		tier := []slipway.Tier{slipway.TierStaging, slipway.TierProduction}[i]
		must(r.PutEnvironment(r.ctx, ana, app.PutEnvironment{Environment: slipway.Environment{Name: name, Rank: i, Tier: tier}}))(t)
	}
	for name, role := range map[string]slipway.Role{"jonas": slipway.RoleDeveloper, "ben": slipway.RoleApprover, "vera": slipway.RoleViewer, "olle": slipway.RoleApprover} {
		team := "payments"
		if name == "olle" {
			team = "web"
		}
		must(r.AddBinding(r.ctx, ana, app.AddBinding{Binding: slipway.Binding{Subject: slipway.Subject{Kind: slipway.SubjectUser, Name: name}, Role: role,
			Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: team}}}))(t)
	}
	must(r.RegisterService(r.ctx, ana, app.RegisterService{Service: slipway.Service{Name: "billing-api", Title: "Billing API", Team: "payments"}}))(t)
	r.apply(1)
	for i, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		_, _, err := r.CreateRelease(r.ctx, ana, app.CreateRelease{Service: "billing-api", Version: version, Content: slipway.ReleaseContent{
			Reversible: true, Config: map[string]string{"MODE": version}, Artifacts: []slipway.Artifact{{Name: "image", Reference: "reg/app:" + version, Digest: "sha256:" + strings.Repeat(fmt.Sprint(i), 64)}},
			Changes: []slipway.Change{{Commit: strings.Repeat("a", 40), Subject: "Round <!channel> sums for " + version, Author: "Mira"}}}})
		ok(t, err)
	}
}

// apply keeps a pipeline: straight to staging, and to production with a number
// of approvals.
func (r *rig) apply(approvals int) {
	r.t.Helper()
	deployer := slipway.DeployerRef{Name: "fake", Config: []byte(`{"replicas":2}`)}
	must(r.ApplyPipeline(r.ctx, r.actor("ana"), app.ApplyPipeline{Pipeline: slipway.Pipeline{Service: "billing-api", Stages: []slipway.Stage{
		{Environment: "staging", Deployer: deployer, Strategy: slipway.Strategy{Type: slipway.StrategyRecreate}},
		{Environment: "production", After: []string{"staging"}, Deployer: deployer, Strategy: slipway.Strategy{Type: slipway.StrategyRecreate},
			Gates: []slipway.Gate{{Approval: &slipway.ApprovalGate{Count: approvals, Groups: []string{"leads"}}}}},
	}}}))(r.t)
}

// live takes a release all the way into environments.
func (r *rig) live(version string, environments ...string) {
	r.t.Helper()
	for _, environment := range environments {
		d := must(r.Promote(r.ctx, r.actor("jonas"), app.Promote{Service: "billing-api", Version: version, Environment: environment}))(r.t)
		if d = r.drive(d.ID); d.State == slipway.Waiting {
			must(r.Approve(r.ctx, r.actor("ben"), app.Approve{Deployment: d.ID, PlanDigest: d.PlanDigest}))(r.t)
			d = r.drive(d.ID)
		}
		if d.State != slipway.Succeeded {
			r.t.Fatalf("%s in %s is %s: %s", version, environment, d.State, d.Message)
		}
	}
}

func (r *rig) drive(id int64) slipway.Deployment {
	r.t.Helper()
	for range 500 {
		next, err := r.engine.Step(r.ctx, id)
		ok(r.t, err)
		d := r.deployment(id)
		if next.IsZero() || d.State == slipway.Waiting && len(d.Verdicts) > 0 && next.Sub(r.now()) > time.Second {
			return d
		}
		if wait := next.Sub(r.now()); wait > 0 {
			r.advance(wait)
		}
	}
	r.t.Fatalf("deployment %d does not come to an end", id)
	return slipway.Deployment{}
}

func (r *rig) deployment(id int64) (d slipway.Deployment) {
	r.t.Helper()
	r.read(func(tx slipway.Tx) (err error) { d, err = tx.Deployments().Get(r.ctx, id); return err })
	return d
}

// newest is the newest deployment; the test fails if there is none.
func (r *rig) newest() slipway.Deployment {
	r.t.Helper()
	var list []slipway.Deployment
	r.read(func(tx slipway.Tx) (err error) {
		list, _, err = tx.Deployments().List(r.ctx, slipway.DeploymentFilter{}, slipway.Page{Limit: 1})
		return err
	})
	if len(list) == 0 {
		r.t.Fatal("there is no deployment")
	}
	return list[0]
}

// link joins chat users to people of the same name, in both chat systems.
func (r *rig) link(people ...string) {
	r.t.Helper()
	for _, name := range people {
		for _, u := range []slipway.ChatUser{{Platform: slipway.Slack, Workspace: "T1", ID: slackID(name)}, {Platform: slipway.Mattermost, Workspace: r.matter.Host(), ID: slackID(name)}} {
			must(r.LinkChat(r.ctx, r.actor(name), app.LinkChat{Account: u, Name: "@" + name, Link: string(u.Platform) + name}))(r.t)
		}
	}
}

// slackID is the id of a person in both chat systems.
func slackID(name string) string { return "U" + strings.ToUpper(name) }

func (r *rig) write(f func(slipway.Tx) error) {
	r.t.Helper()
	ok(r.t, r.Store.Write(r.ctx, f))
}

func (r *rig) read(f func(slipway.Tx) error) {
	r.t.Helper()
	ok(r.t, r.Store.Read(r.ctx, f))
}

// audit is the newest entries.
func (r *rig) audit(n int) (out []slipway.AuditEntry) {
	r.t.Helper()
	r.read(func(tx slipway.Tx) (err error) {
		out, _, err = tx.Audit().List(r.ctx, slipway.AuditFilter{}, slipway.Page{Limit: n})
		return err
	})
	return out
}

// all is every row of every table but the queue's and the intake's own: two that
// are equal are the same state.
func (r *rig) all() string {
	r.t.Helper()
	db := must(sql.Open("sqlite", "file:"+r.path+"?_pragma=busy_timeout(5000)"))(r.t)
	defer func() { _ = db.Close() }()
	var out strings.Builder
	for _, table := range rows(r, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'river%' AND name NOT LIKE 'sqlite%' AND name <> 'chat_requests' ORDER BY name`) {
		out.WriteString(table + "\n")
		for _, row := range rows(r, db, "SELECT * FROM "+table) {
			out.WriteString("  " + row + "\n")
		}
	}
	return out.String()
}

func rows(r *rig, db *sql.DB, query string) (out []string) {
	r.t.Helper()
	found, err := db.QueryContext(r.ctx, query)
	ok(r.t, err)
	defer func() { _ = found.Close() }()
	columns := must(found.Columns())(r.t)
	for found.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.NullString)
		}
		ok(r.t, found.Scan(values...))
		var parts []string
		for _, v := range values {
			parts = append(parts, v.(*sql.NullString).String)
		}
		out = append(out, strings.Join(parts, "|"))
	}
	ok(r.t, found.Err())
	return out
}

// visit asks for a page as somebody; a form is sent if there is one.
func (r *rig) visit(person, address string, form url.Values, headers ...string) (int, string) {
	r.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	request := must(http.NewRequestWithContext(r.ctx, method, address, body))(r.t)
	request.Header.Set("X-Test-Person", person)
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response := must(client.Do(request))(r.t)
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode, string(must(io.ReadAll(response.Body))(r.t))
}

var hiddenLink = regexp.MustCompile(`name="link"[^>]* value="([^"]*)"`)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

// says fails the test unless a text holds all the words.
func says(t testing.TB, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("it does not say %q:\n%s", w, text)
		}
	}
}

// eventually waits for what another goroutine is about to do.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
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

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return ctx, cancel
}
