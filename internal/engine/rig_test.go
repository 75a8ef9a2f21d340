package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

// Shared by the tests of this package: an installation in a bubble of time,
// where hours pass as soon as everybody waits for them.

var (
	root = slipway.Actor{Kind: slipway.ActorUser, ID: "root", Name: "Root", Groups: []string{"admins"}, Via: slipway.ViaBrowser}
	lead = slipway.Actor{Kind: slipway.ActorUser, ID: "lead", Name: "Lead", Groups: []string{"admins"}, Via: slipway.ViaBrowser}
)

type rig struct {
	t      *testing.T
	ctx    context.Context
	store  *store.Store
	app    *app.App
	fake   *fake.Deployer
	engine *engine.Engine
	others map[string]deployers.Deployer
	looks  sync.WaitGroup
}

// tables is a migrated, empty database, made once and copied.
var tables = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "slipway-engine-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "empty.db")
	s, err := store.Open(context.Background(), store.Config{URL: "sqlite:" + path})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.Migrate(context.Background()), s.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// within runs a test in a bubble, with an installation of its own.
func within(t *testing.T, f func(*testing.T, *rig)) {
	t.Helper()
	t.Parallel()
	empty := must(tables())(t)
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(memory(t), "engine.db")
		ok(t, os.WriteFile(path, empty, 0o600))
		f(t, newRig(t, "sqlite:"+path, fake.Options{}))
	})
}

// memory is a directory where fsync costs nothing, if the system has one: what
// survives a loss of power is not asked here.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "slipway-engine-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func newRig(t *testing.T, url string, o fake.Options) *rig {
	t.Helper()
	r := &rig{t: t, ctx: t.Context(), fake: fake.New(o)}
	s, err := store.Open(r.ctx, store.Config{URL: url})
	ok(t, err)
	t.Cleanup(func() { ok(t, s.Close()) })
	r.store = s
	r.others = map[string]deployers.Deployer{"fake": r.fake}
	r.app = &app.App{Store: s, Deployers: engine.NewRegistry(r.others), Clock: time.Now, AdminGroup: "admins"}
	r.engine = r.another()
	return r
}

// another engine over the same store and the same deployers. Its waker looks
// at once, as a queue would.
func (r *rig) another() *engine.Engine {
	e := &engine.Engine{Store: r.store, Wakes: r.store, Feed: r.store, Deployers: engine.NewRegistry(r.others), Clock: time.Now, Log: slog.New(slog.DiscardHandler)}
	e.Waker = waker(func(ctx context.Context, ids []int64) error {
		for _, id := range ids {
			r.looks.Go(func() {
				if err := e.Look(ctx, id); err != nil && ctx.Err() == nil {
					r.t.Errorf("look at %d: %v", id, err)
				}
			})
		}
		return nil
	})
	return e
}

type waker func(context.Context, []int64) error

func (w waker) Wake(ctx context.Context, ids []int64) error { return w(ctx, ids) }

func (waker) Rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// run lets engines work until the test ends or stop is called.
func (r *rig) run(engines ...*engine.Engine) (stop func()) {
	ctx, cancel := context.WithCancel(r.ctx)
	var wg sync.WaitGroup
	for _, e := range append([]*engine.Engine{r.engine}, engines...) {
		wg.Go(func() { e.Run(ctx) })
	}
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		r.looks.Wait()
	})
	r.t.Cleanup(stop)
	return stop
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

// service registers one with its pipeline.
func (r *rig) service(name string, stages ...slipway.Stage) {
	r.t.Helper()
	must(r.app.PutTeam(r.ctx, root, app.PutTeam{Team: slipway.Team{Name: "web"}}))(r.t)
	for i, env := range []string{"dev", "staging", "prod"} {
		must(r.app.PutEnvironment(r.ctx, root, app.PutEnvironment{Environment: slipway.Environment{Name: env, Rank: i, Tier: slipway.TierStaging}}))(r.t)
	}
	must(r.app.RegisterService(r.ctx, root, app.RegisterService{Service: slipway.Service{Name: name, Team: "web"}}))(r.t)
	r.apply(name, stages...)
}

func (r *rig) apply(service string, stages ...slipway.Stage) {
	r.t.Helper()
	must(r.app.ApplyPipeline(r.ctx, root, app.ApplyPipeline{Pipeline: slipway.Pipeline{Service: service, Stages: stages}}))(r.t)
}

// stage goes to an environment in one step and gives up after half a minute.
func stage(environment string, change ...func(*slipway.Stage)) slipway.Stage {
	s := slipway.Stage{Environment: environment, Deployer: slipway.DeployerRef{Name: "fake", Config: []byte(`{"replicas":2}`)},
		Strategy: slipway.Strategy{Type: slipway.StrategyRolling, Batch: 2}, Deadline: slipway.Duration(30 * time.Second)}
	for _, f := range change {
		f(&s)
	}
	return s
}

func after(environments ...string) func(*slipway.Stage) {
	return func(s *slipway.Stage) { s.After = environments }
}
func by(itself *slipway.Stage) { itself.AutoPromote = true }
func approved(within time.Duration) func(*slipway.Stage) {
	return func(s *slipway.Stage) {
		s.Gates = []slipway.Gate{{Approval: &slipway.ApprovalGate{Count: 1, Expires: slipway.Duration(within)}}}
	}
}

func (r *rig) release(service string, versions ...string) {
	r.t.Helper()
	for _, v := range versions {
		_, _, err := r.app.CreateRelease(r.ctx, root, app.CreateRelease{Service: service, Version: v, Content: slipway.ReleaseContent{Reversible: true,
			Artifacts: []slipway.Artifact{{Name: "image", Reference: "reg/" + service + ":" + v, Digest: "sha256:" + strings.Repeat("a", 64)}}}})
		ok(r.t, err)
	}
}

func (r *rig) promote(service, version, environment string) int64 {
	r.t.Helper()
	return must(r.app.Promote(r.ctx, root, app.Promote{Service: service, Version: version, Environment: environment}))(r.t).ID
}

func (r *rig) script(version string, s fake.Script) {
	r.t.Helper()
	ok(r.t, r.fake.SetScript(r.ctx, deployers.Target{}, version, s))
}

func (r *rig) get(id int64) (d slipway.Deployment) {
	r.t.Helper()
	ok(r.t, r.store.Read(r.ctx, func(tx slipway.Tx) (err error) { d, err = tx.Deployments().Get(r.ctx, id); return err }))
	return d
}

func (r *rig) state(service, environment string) (s slipway.StageState) {
	r.t.Helper()
	ok(r.t, r.store.Read(r.ctx, func(tx slipway.Tx) (err error) { s, err = tx.Stages().Get(r.ctx, service, environment); return err }))
	return s
}

// until waits for something to be so, and fails after a time of the bubble.
func (r *rig) until(limit time.Duration, what string, so func() bool) {
	r.t.Helper()
	for end := time.Now().Add(limit); !so(); {
		if time.Now().After(end) {
			r.t.Fatalf("within %s it was never so that %s", limit, what)
		}
		<-time.After(max(250*time.Millisecond, limit/400))
	}
}

// ended waits for a deployment to end.
func (r *rig) ended(id int64, limit time.Duration) slipway.Deployment {
	r.t.Helper()
	r.until(limit, "it had ended", func() bool { return !r.get(id).State.Active() })
	return r.get(id)
}

// list is the deployments to an environment, newest first.
func (r *rig) list(service, environment string) (out []slipway.Deployment) {
	r.t.Helper()
	ok(r.t, r.store.Read(r.ctx, func(tx slipway.Tx) (err error) {
		out, _, err = tx.Deployments().List(r.ctx, slipway.DeploymentFilter{Service: service, Environment: environment}, slipway.Page{Limit: 100})
		return err
	}))
	return out
}

func (r *rig) events(kind string) (out []slipway.DomainEvent) {
	r.t.Helper()
	ok(r.t, r.store.Read(r.ctx, func(tx slipway.Tx) error {
		all, err := tx.Events().After(r.ctx, 0, 1000)
		for _, e := range all {
			if e.Kind == kind {
				out = append(out, e)
			}
		}
		return err
	}))
	return out
}
