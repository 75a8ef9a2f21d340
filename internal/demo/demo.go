// Package demo fills a fresh installation with two weeks of history for people
// to try Slipway on: three teams, eight services, a waiting gate, a failed run,
// a rollback, a frozen environment. Nothing of it is painted: the use cases and
// the engine run for real, only the clock is wound, and what ends up live is
// handed to the real deployers in the end.
package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Options of a demo.
type Options struct {
	Store interface { // what an engine needs of it
		slipway.Store
		slipway.Wakes
	}
	Real    map[string]deployers.Deployer // what the portal will run with
	Program string                        // the slipway binary, whose demo-app the process services run
	Dir     string                        // where the demo's artifacts are written
	People  People
	Now     time.Time
	Log     *slog.Logger
}

// People are the four who sign in, as the demo's provider knows them.
type People struct{ Admin, Maintainer, Developer, Approver slipway.User }

// Seed fills the store and reports whether it did: one that has teams already
// is left alone.
func Seed(ctx context.Context, o Options) (bool, error) {
	fresh := true
	err := o.Store.Read(ctx, func(tx slipway.Tx) error {
		teams, err := tx.Teams().List(ctx)
		fresh = len(teams) == 0
		return err
	})
	if err != nil || !fresh {
		return false, err
	}
	s := newStage(o)
	for _, f := range s.fakes { // about as long as real services take
		if err := f.SetScript(ctx, deployers.Target{}, "", fake.Script{ReadyAfter: 40}); err != nil {
			return false, err
		}
	}
	if err := s.furnish(ctx); err != nil {
		return false, fmt.Errorf("demo: %w", err)
	}
	scenes := s.story()
	sort.SliceStable(scenes, func(i, j int) bool { return scenes[i].ago > scenes[j].ago })
	for _, scene := range scenes {
		s.clock = later(s.clock, o.Now.Add(-scene.ago))
		if err := scene.play(ctx); err != nil {
			return false, fmt.Errorf("demo, %s ago: %w", scene.ago, err)
		}
	}
	return true, nil
}

// stage is where the story is played: the real use cases and engine, over
// rehearsed deployers and a clock that is wound from scene to scene.
type stage struct {
	Options
	clock  time.Time
	app    *app.App
	engine *engine.Engine
	fakes  map[string]*fake.Deployer
}

// scene is something that happens so long ago.
type scene struct {
	ago  time.Duration
	play func(context.Context) error
}

func newStage(o Options) *stage {
	s := &stage{Options: o, clock: o.Now.Add(-15 * 24 * time.Hour), fakes: map[string]*fake.Deployer{}}
	now := func() time.Time { return s.clock }
	rehearsed := map[string]deployers.Deployer{}
	for name, real := range o.Real {
		f := fake.New(fake.Options{Now: now})
		s.fakes[name] = f
		rehearsed[name] = rehearsal{Deployer: f, real: real}
	}
	registry := engine.NewRegistry(rehearsed)
	s.app = &app.App{Store: o.Store, Deployers: registry, Clock: now, AdminGroup: AdminGroup}
	s.engine = &engine.Engine{Store: o.Store, Wakes: o.Store, Deployers: registry, Clock: now, Log: o.Log}
	return s
}

// rehearsal stands in for a deployer whose config it understands only through
// the real one.
type rehearsal struct {
	*fake.Deployer
	real deployers.Deployer
}

func (r rehearsal) Capabilities() deployers.Capabilities { return r.real.Capabilities() }

func (r rehearsal) Validate(config json.RawMessage) (deployers.Settings, []deployers.Problem) {
	return r.real.Validate(config)
}

func (r rehearsal) Preview(ctx context.Context, t deployers.Target, d deployers.Desired) (deployers.Preview, error) {
	return r.Deployer.Preview(ctx, t, plain(d))
}

func (r rehearsal) Apply(ctx context.Context, t deployers.Target, d deployers.Desired) error {
	return r.Deployer.Apply(ctx, t, plain(d))
}

// plain leaves out the config that only the real deployer reads.
func plain(d deployers.Desired) deployers.Desired {
	d.Tracks = slices.Clone(d.Tracks)
	for i := range d.Tracks {
		d.Tracks[i].Config = nil
	}
	return d
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// play drives a deployment until it ends or waits for somebody, winding the
// clock to each next look.
func (s *stage) play(ctx context.Context, id int64) (slipway.Deployment, error) {
	for range 10_000 {
		next, err := s.engine.Step(ctx, id)
		if err != nil {
			return slipway.Deployment{}, err
		}
		var d slipway.Deployment
		err = s.Store.Read(ctx, func(tx slipway.Tx) (err error) {
			d, err = tx.Deployments().Get(ctx, id)
			return err
		})
		if err != nil || next.IsZero() || d.State == slipway.Waiting || d.State == slipway.Paused {
			return d, err
		}
		s.clock = later(s.clock, next)
	}
	return slipway.Deployment{}, fmt.Errorf("deployment %d does not come to an end", id)
}

// HandOver gives what is live to the real deployers, so that what the pages
// show from now on is what they report.
func HandOver(ctx context.Context, store slipway.Store, registry *engine.Registry, progress func(string)) error {
	var live []slipway.Deployment
	err := store.Read(ctx, func(tx slipway.Tx) error {
		states, err := tx.Stages().All(ctx)
		if err != nil {
			return err
		}
		for _, state := range states {
			d, err := tx.Deployments().Get(ctx, state.Live.Deployment)
			if err != nil {
				return err
			}
			live = append(live, d)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, d := range live {
		progress(fmt.Sprintf("starting %s %s in %s", d.Service, d.Version, d.Environment))
		if _, err := registry.Hand(ctx, d, nil); err != nil {
			return fmt.Errorf("demo: %s in %s: %w", d.Service, d.Environment, err)
		}
	}
	return nil
}
