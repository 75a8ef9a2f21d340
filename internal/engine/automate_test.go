package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (r *rig) live(environment string) string {
	r.t.Helper()
	if s := r.state("shop", environment); s.Live != nil {
		return s.Live.Spec.Version
	}
	return ""
}

func (r *rig) goesLive(version, environment string) {
	r.t.Helper()
	r.until(40*time.Second, version+" is live in "+environment, func() bool { return r.live(environment) == version })
}

// TestReleasesGoByThemselves from stage to stage, the newest of several, and
// only where the pipeline says so.
func TestReleasesGoByThemselves(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("dev", by), stage("staging", after("dev"), by), stage("prod", after("staging")))
		r.run()
		began := time.Now()
		r.release("shop", "1")
		r.goesLive("1", "staging")
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("two stages took %s: it waits for its rounds and hears no events", took)
		}
		r.release("shop", "2", "3")
		r.goesLive("3", "staging")
		<-time.After(time.Minute)
		if len(r.list("shop", "prod")) != 0 {
			t.Error("prod was promoted to by itself")
		}
		d := r.list("shop", "staging")[0]
		if d.RequestedBy.Kind != slipway.ActorSystem || d.Note == "" {
			t.Errorf("it was asked for by %+v", d.RequestedBy)
		}
	})
}

// TestTriedOnce: what failed is held and not tried again, a newer one neither
// while the hold stands; once it is lifted the newest goes.
func TestTriedOnce(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("dev", by))
		r.run()
		r.release("shop", "1")
		r.goesLive("1", "dev")
		r.script("2", fake.Script{Fail: "it burns"})
		r.release("shop", "2")
		r.until(30*time.Second, "2 was taken back", func() bool { return r.state("shop", "dev").Hold != nil && !r.list("shop", "dev")[0].State.Active() })
		r.release("shop", "3")
		<-time.After(2 * time.Minute)
		if n := len(r.list("shop", "dev")); n != 2 {
			t.Errorf("there are %d deployments, want that of 1 and that of 2", n)
		}
		must(r.app.LiftHold(r.ctx, root, app.LiftHold{Service: "shop", Environment: "dev"}))(t)
		r.goesLive("3", "dev")
	})
}

// TestRollbackKeepsAutomationOut: what was rolled back from does not return.
func TestRollbackKeepsAutomationOut(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("dev", by))
		r.run()
		r.release("shop", "1")
		r.goesLive("1", "dev")
		r.release("shop", "2")
		r.goesLive("2", "dev")
		must(r.app.Rollback(r.ctx, root, app.Rollback{Service: "shop", Environment: "dev"}))(t)
		r.goesLive("1", "dev")
		<-time.After(2 * time.Minute)
		if got := r.live("dev"); got != "1" {
			t.Errorf("%s came back", got)
		}
		must(r.app.LiftHold(r.ctx, root, app.LiftHold{Service: "shop", Environment: "dev"}))(t)
		<-time.After(time.Minute)
		if got := r.live("dev"); got != "1" {
			t.Errorf("2 was tried and is tried again: %s", got)
		}
		r.release("shop", "3")
		r.goesLive("3", "dev")
	})
}

// TestBlockedIsSkipped, and goes once it is unblocked.
func TestBlockedIsSkipped(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("dev", by))
		r.release("shop", "1")
		must(r.app.BlockRelease(r.ctx, root, app.BlockRelease{Service: "shop", Version: "1", Reason: "leaks"}))(t)
		r.run()
		<-time.After(time.Minute)
		if n := len(r.list("shop", "dev")); n != 0 {
			t.Fatalf("%d deployments of a blocked release", n)
		}
		must(r.app.BlockRelease(r.ctx, root, app.BlockRelease{Service: "shop", Version: "1", Unblock: true}))(t)
		r.goesLive("1", "dev")
	})
}

// TestAutomationNeverGoesBack: an older release in the stage before is no reason
// to take the newer one away.
func TestAutomationNeverGoesBack(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("dev"), stage("staging", after("dev")))
		r.release("shop", "1", "2")
		r.run()
		r.ended(r.promote("shop", "1", "dev"), time.Minute)
		r.ended(r.promote("shop", "2", "dev"), time.Minute)
		r.ended(r.promote("shop", "2", "staging"), time.Minute)
		r.apply("shop", stage("dev"), stage("staging", after("dev"), by))
		must(r.app.Rollback(r.ctx, root, app.Rollback{Service: "shop", Environment: "dev"}))(t)
		r.goesLive("1", "dev")
		<-time.After(time.Minute)
		if got := r.live("staging"); got != "2" {
			t.Errorf("staging went back to %s", got)
		}
	})
}

// TestManyEventsAtOnce: a service whose event is behind more than one page of
// others is not left until the next full round.
func TestManyEventsAtOnce(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("dev", by))
		r.run()
		<-time.After(time.Second)
		ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
			for range 1500 {
				if err := tx.Events().Add(r.ctx, slipway.DomainEvent{At: time.Now(), Kind: "noise", Service: "shop"}); err != nil {
					return err
				}
			}
			return nil
		}))
		began := time.Now()
		r.release("shop", "1")
		r.goesLive("1", "dev")
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestAPipelineThatCannotBeRead: the releases of other services go on by
// themselves, however many pipelines are read at a time.
func TestAPipelineThatCannotBeRead(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		for _, name := range []string{"cart", "shop"} {
			r.service(name, stage("dev", by))
			r.release(name, "1")
		}
		r.engine.Store = spoiledStore{r.store}
		r.run()
		r.goesLive("1", "dev")
		if list := r.list("cart", "dev"); len(list) != 0 {
			t.Errorf("the one that cannot be read was promoted: %+v", list)
		}
	})
}

// spoiledStore cannot read the pipeline of cart.
type spoiledStore struct{ slipway.Store }

func (s spoiledStore) Read(ctx context.Context, f func(slipway.Tx) error) error {
	return s.Store.Read(ctx, func(tx slipway.Tx) error { return f(spoiledTx{tx}) })
}

type spoiledTx struct{ slipway.Tx }

func (s spoiledTx) Pipelines() slipway.Pipelines { return spoiledPipelines{s.Tx.Pipelines()} }

type spoiledPipelines struct{ slipway.Pipelines }

func (s spoiledPipelines) LatestOf(ctx context.Context, services []string) (map[string]slipway.Pipeline, error) {
	if slices.Contains(services, "cart") {
		return nil, errors.New("a row is damaged")
	}
	return s.Pipelines.LatestOf(ctx, services)
}

// TestWhatDidNotStartIsTriedAgain: soon, although nothing tells that it could now.
func TestWhatDidNotStartIsTriedAgain(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		d := &flaky{Deployer: r.fake}
		d.broken.Store(true)
		r.others["fake"] = d
		r.service("shop", stage("dev", by))
		r.run()
		r.release("shop", "1")
		<-time.After(40 * time.Second)
		if n := len(r.list("shop", "dev")); n != 0 {
			t.Fatalf("%d deployments whose evidence cannot be had", n)
		}
		d.broken.Store(false)
		r.until(16*time.Second, "it started", func() bool { return len(r.list("shop", "dev")) == 1 })
	})
}

// meddled has something happen while it says what a version would change.
type meddled struct {
	*fake.Deployer
	meanwhile func(version string)
}

func (m *meddled) Preview(ctx context.Context, t deployers.Target, d deployers.Desired) (deployers.Preview, error) {
	m.meanwhile(d.Tracks[len(d.Tracks)-1].Version)
	return m.Deployer.Preview(ctx, t, d)
}

// TestAutomationThatStoodStill: by the time that it comes to start a release,
// somebody has asked for a newer one. The older one does not take its place.
func TestAutomationThatStoodStill(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		var once sync.Once
		r.others["fake"] = &meddled{Deployer: r.fake, meanwhile: func(version string) {
			if version == "1" {
				once.Do(func() {
					r.release("shop", "2")
					r.promote("shop", "2", "dev")
				})
			}
		}}
		r.service("shop", stage("dev", by, approved(time.Hour)))
		r.release("shop", "1")
		stop := r.run()
		r.until(time.Minute, "2 waits", func() bool { return len(r.list("shop", "dev")) > 0 })
		<-time.After(time.Minute)
		stop()
		for _, d := range r.list("shop", "dev") {
			if d.Version != "2" || d.State != slipway.Waiting {
				t.Errorf("%s is %s: %s", d.Version, d.State, d.Message)
			}
		}
	})
}
