package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/calendar"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/secrets/sealed"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

// Shared by the tests of this package: an installation with two teams, a clock
// that only tests move, and people with one role each.

var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const adminGroup = "admins"

// person is a user known to the rig, who comes through the browser.
func person(id string, groups ...string) slipway.Actor {
	return slipway.Actor{Kind: slipway.ActorUser, ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Groups: groups,
		Via: slipway.ViaBrowser, RequestID: "req-" + id, Address: "192.0.2.7"}
}

var (
	root      = person("root", adminGroup)            // admin by configuration
	dev       = person("dev", "leads")                // developer of team web
	lead      = person("lead", "leads")               // approver of team web
	second    = person("second", "leads")             // another one
	boss      = person("boss")                        // maintainer of team web
	viewer    = person("viewer")                      // of team web
	stranger  = person("stranger")                    // no role at all
	foreigner = person("foreigner", "leads", "other") // admin of team ops
	nobody    = slipway.Actor{}
)

type rig struct {
	*app.App
	t      *testing.T
	ctx    context.Context
	store  *store.Store
	path   string
	fake   *fake.Deployer
	engine *engine.Engine

	mu  sync.Mutex
	now time.Time
}

// template is a database that is made once and copied for each test.
type template struct {
	once sync.Once
	data []byte
	now  time.Time
}

var bareTemplate, furnishedTemplate, busyTemplate template

// from copies the template, which the first who asks makes from another. What
// the fake deployer was told while it was made, the copies do not know.
func (tpl *template) from(t *testing.T, base func(*testing.T) *rig, fill func(*rig)) *rig {
	t.Helper()
	tpl.once.Do(func() {
		r := base(t)
		fill(r)
		ok(t, r.store.Close())
		tpl.data, tpl.now = must(os.ReadFile(r.path))(t), r.clock()
	})
	path := filepath.Join(memory(t), "app.db")
	ok(t, os.WriteFile(path, tpl.data, 0o600))
	return openRig(t, path, tpl.now)
}

// memory is a directory where fsync costs nothing, if the system has one.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "slipway-app-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// bare is an installation with tables and nothing in them.
func bare(t *testing.T) *rig {
	t.Helper()
	empty := func(t *testing.T) *rig { t.Helper(); return openRig(t, filepath.Join(t.TempDir(), "app.db"), t0) }
	return bareTemplate.from(t, empty, func(r *rig) { ok(t, r.store.Migrate(r.ctx)) })
}

func openRig(t *testing.T, path string, now time.Time) *rig {
	t.Helper()
	r := &rig{t: t, ctx: t.Context(), now: now, path: path}
	s, err := store.Open(r.ctx, store.Config{URL: "sqlite:" + r.path, Clock: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r.store, r.fake = s, fake.New(fake.Options{Now: r.clock})
	registry := engine.NewRegistry(map[string]deployers.Deployer{"fake": r.fake, "broken": broken{r.fake}})
	r.App = &app.App{Store: s, Deployers: registry, Clock: r.clock, AdminGroup: adminGroup, Calendars: &calendar.Calendars{}}
	keeper := must(sealed.New(s, r.clock, bytes.Repeat([]byte{7}, sealed.KeySize)))(t)
	r.Secret = &slipway.SecretDesk{Store: s, Secrets: keeper, Drafts: keeper, Clock: r.clock}
	r.Sealer = must(sealed.NewBox(bytes.Repeat([]byte{7}, sealed.KeySize)))(t)
	r.engine = &engine.Engine{Store: s, Wakes: s, Feed: s, Deployers: registry, Secrets: r.Secret, Clock: r.clock, Log: slog.New(slog.DiscardHandler),
		Aids: slipway.Aids{Approvers: r.App, Calendars: r.Calendars}}
	return r
}

// broken cannot say what it would change.
type broken struct{ *fake.Deployer }

func (broken) Preview(context.Context, deployers.Target, deployers.Desired) (deployers.Preview, error) {
	return deployers.Preview{}, fmt.Errorf("no route to host")
}

// furnished has teams web and ops with a service each, shop and vault, that go
// to staging and then, approved once, to prod.
func furnished(t *testing.T) *rig {
	t.Helper()
	return furnishedTemplate.from(t, bare, (*rig).furnish)
}

func (r *rig) furnish() {
	t := r.t
	ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
		for _, a := range []slipway.Actor{root, dev, lead, second, boss, viewer, stranger, foreigner} {
			if err := tx.People().PutUser(r.ctx, slipway.User{ID: a.ID, Issuer: "test", Subject: a.ID, Name: a.Name, Groups: a.Groups}); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, name := range []string{"web", "ops"} {
		must(r.PutTeam(r.ctx, root, app.PutTeam{Team: slipway.Team{Name: name}}))(t)
	}
	for i, name := range []string{"staging", "prod"} {
		must(r.PutEnvironment(r.ctx, root, app.PutEnvironment{Environment: slipway.Environment{Name: name, Rank: i, Tier: slipway.TierStaging}}))(t)
	}
	r.bind(dev, slipway.RoleDeveloper, "web")
	r.bind(lead, slipway.RoleApprover, "web")
	r.bind(second, slipway.RoleApprover, "web")
	r.bind(boss, slipway.RoleMaintainer, "web")
	r.bind(viewer, slipway.RoleViewer, "web")
	r.bind(foreigner, slipway.RoleAdmin, "ops")
	for _, s := range []slipway.Service{{Name: "shop", Team: "web"}, {Name: "vault", Team: "ops"}} {
		must(r.RegisterService(r.ctx, root, app.RegisterService{Service: s}))(t)
		must(r.ApplyPipeline(r.ctx, root, app.ApplyPipeline{Pipeline: pipeline(s.Name)}))(t)
	}
}

func (r *rig) bind(a slipway.Actor, role slipway.Role, team string) slipway.Binding {
	r.t.Helper()
	return must(r.AddBinding(r.ctx, root, app.AddBinding{Binding: slipway.Binding{
		Subject: slipway.Subject{Kind: slipway.SubjectUser, Name: a.ID}, Role: role, Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: team}}}))(r.t)
}

// pipeline goes to staging and to prod; the changes are made to the prod stage.
func pipeline(service string, change ...func(*slipway.Stage)) slipway.Pipeline {
	deployer := slipway.DeployerRef{Name: "fake", Config: []byte(`{"replicas":2}`)}
	prod := slipway.Stage{Environment: "prod", After: []string{"staging"}, Deployer: deployer, Strategy: slipway.Strategy{Type: slipway.StrategyRecreate},
		Gates: []slipway.Gate{{Approval: &slipway.ApprovalGate{Count: 1, Groups: []string{"leads"}}}}}
	for _, f := range change {
		f(&prod)
	}
	return slipway.Pipeline{Service: service, Stages: []slipway.Stage{
		{Environment: "staging", Deployer: deployer, Strategy: slipway.Strategy{Type: slipway.StrategyRecreate}}, prod}}
}

func open(s *slipway.Stage) { s.Gates = nil }

func content(config string) slipway.ReleaseContent {
	return slipway.ReleaseContent{Reversible: true, Config: map[string]string{"MODE": config},
		Artifacts: []slipway.Artifact{{Name: "image", Reference: "reg/app:" + config, Digest: "sha256:" + strings.Repeat("a", 64)}}}
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

// release makes releases of a service known.
func (r *rig) release(service string, versions ...string) {
	r.t.Helper()
	for _, v := range versions {
		if _, _, err := r.CreateRelease(r.ctx, root, app.CreateRelease{Service: service, Version: v, Content: content(v)}); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) promote(by slipway.Actor, version, environment string) slipway.Deployment {
	r.t.Helper()
	return must(r.Promote(r.ctx, by, app.Promote{Service: "shop", Version: version, Environment: environment}))(r.t)
}

// live promotes a release of shop and drives it to its end, approved if asked.
func (r *rig) live(version string, environments ...string) slipway.Deployment {
	r.t.Helper()
	var d slipway.Deployment
	for _, environment := range environments {
		d = r.drive(r.promote(dev, version, environment).ID)
		if d.State == slipway.Waiting {
			must(r.Approve(r.ctx, lead, app.Approve{Deployment: d.ID, PlanDigest: d.PlanDigest}))(r.t)
			d = r.drive(d.ID)
		}
		if d.State != slipway.Succeeded {
			r.t.Fatalf("%s in %s ended %s: %s", version, environment, d.State, d.Message)
		}
	}
	return d
}

// drive steps a deployment until it ends or waits for a person.
func (r *rig) drive(id int64) slipway.Deployment {
	r.t.Helper()
	for range 500 {
		next, err := r.engine.Step(r.ctx, id)
		ok(r.t, err)
		d := r.get(id)
		if next.IsZero() || d.State == slipway.Paused || (d.State == slipway.Waiting && len(d.Verdicts) > 0 && next.Sub(r.clock()) > time.Second) {
			return d
		}
		if wait := next.Sub(r.clock()); wait > 0 {
			r.after(wait)
		}
	}
	r.t.Fatalf("deployment %d does not come to an end", id)
	return slipway.Deployment{}
}

// step takes n steps and no more.
func (r *rig) step(id int64, n int) slipway.Deployment {
	r.t.Helper()
	for range n {
		_, err := r.engine.Step(r.ctx, id)
		ok(r.t, err)
	}
	return r.get(id)
}

func (r *rig) read(f func(slipway.Tx) error) {
	r.t.Helper()
	ok(r.t, r.store.Read(r.ctx, f))
}

func (r *rig) get(id int64) (d slipway.Deployment) {
	r.t.Helper()
	r.read(func(tx slipway.Tx) (err error) { d, err = tx.Deployments().Get(r.ctx, id); return err })
	return d
}

func (r *rig) stage(environment string) (s slipway.StageState) {
	r.t.Helper()
	r.read(func(tx slipway.Tx) (err error) { s, err = tx.Stages().Get(r.ctx, "shop", environment); return err })
	return s
}

// sql is the database behind the store's back.
func (r *rig) sql() *sql.DB {
	r.t.Helper()
	db := must(sql.Open("sqlite", "file:"+r.path+"?_pragma=busy_timeout(5000)"))(r.t)
	r.t.Cleanup(func() { _ = db.Close() })
	return db
}
