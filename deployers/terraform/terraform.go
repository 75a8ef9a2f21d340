// Package terraform makes a release of infrastructure true: the artifact is a root
// module, the preview is a saved plan, and exactly that plan is applied once it is
// approved. It runs Terraform or OpenTofu, which has to be installed.
//
// It needs to be allowed to do whatever the modules do, provisioners included:
// they run as the portal's own user. It takes no secrets: what providers need they
// get from the environment that the portal is given for them, or fetch themselves.
//
// It never destroys what is there in order to make room: a desired state without
// tracks means that no release is in force any more, and leaves everything as it
// is. Only a plan that somebody has approved, or Destroy, removes anything.
// What it leaves behind is below its directory: the state, if the module has no
// backend of its own, and the output of the last runs.
package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// Options of a Deployer.
type Options struct {
	Dir        string            // where everything is kept
	Binary     string            // path of terraform or tofu; empty: looked for on PATH
	Env        map[string]string // for providers, besides PATH, HOME and TMPDIR
	DriftEvery time.Duration     // how old a look at the real thing gets; 0: ten minutes
	Log        *slog.Logger
}

const driftEvery = 10 * time.Minute

// Deployer implements deployers.Deployer, LogReader and Destroyer.
type Deployer struct {
	Options
	life  context.Context
	end   context.CancelFunc
	work  sync.WaitGroup
	mu    sync.Mutex
	inUse map[string]*place
}

// New makes a deployer. It does no I/O.
func New(o Options) *Deployer {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.DriftEvery == 0 {
		o.DriftEvery = driftEvery
	}
	life, end := context.WithCancel(context.Background())
	return &Deployer{Options: o, life: life, end: end, inUse: map[string]*place{}}
}

// Close interrupts what is at work. It is taken up again by the next deployer on
// the same directory.
func (d *Deployer) Close() {
	d.end()
	d.work.Wait()
}

// Capabilities implements deployers.Deployer.
func (d *Deployer) Capabilities() deployers.Capabilities {
	return deployers.Capabilities{Summary: "Applies Terraform or OpenTofu modules; the saved plan is what is approved"}
}

var errNoBinary = errors.New("neither terraform nor tofu is on the PATH of the portal; install one, or name it by SLIPWAY_TERRAFORM")

// binary finds the program.
func (d *Deployer) binary() (string, error) {
	if d.Binary != "" {
		return d.Binary, nil
	}
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoBinary
}

// Preview implements deployers.Deployer: it makes the plan and saves it.
func (d *Deployer) Preview(ctx context.Context, target deployers.Target, desired deployers.Desired) (deployers.Preview, error) {
	track, err := only(desired)
	if err != nil || track == nil {
		return deployers.Preview{Text: "No release is in force afterwards. What is there stays as it is."}, err
	}
	dir, err := d.aside()
	if err != nil {
		return deployers.Preview{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w, err := d.workspace(ctx, d.place(target), dir, *track)
	if err != nil {
		return deployers.Preview{}, err
	}
	text, plan, err := w.plan(ctx)
	if err != nil {
		return deployers.Preview{}, fmt.Errorf("version %s cannot be planned: %w", track.Version, err)
	}
	return deployers.Preview{Text: "version " + track.Version + "\n" + text, Prepared: plan}, nil
}

// Apply implements deployers.Deployer. The run itself goes on after it.
func (d *Deployer) Apply(ctx context.Context, target deployers.Target, desired deployers.Desired) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	track, err := only(desired)
	if err != nil {
		return err
	}
	if track != nil {
		if _, problems := parse(track.Config); len(problems) > 0 {
			return deployers.Terminal(fmt.Errorf("the config of version %s is wrong: %s", track.Version, problems[0]))
		}
	}
	p := d.place(target)
	if err := p.accept(order{Generation: desired.Generation, Track: track}); err != nil {
		return err
	}
	d.look(p)
	return nil
}

// only is the one track there may be; nil for none.
func only(desired deployers.Desired) (*deployers.Track, error) {
	switch len(desired.Tracks) {
	case 0:
		return nil, nil //nolint:nilnil // no track is no error
	case 1:
		return &desired.Tracks[0], nil
	default:
		return nil, deployers.Terminal(errors.New("a module has one release in force, not several"))
	}
}

// Observe implements deployers.Deployer. What it tells was seen by a run or by a
// look for drift, and it has the time of that.
func (d *Deployer) Observe(ctx context.Context, target deployers.Target) (deployers.Observed, error) {
	if err := ctx.Err(); err != nil {
		return deployers.Observed{}, err
	}
	p := d.place(target)
	wanted, done, err := p.read()
	if err != nil {
		return deployers.Observed{}, err
	}
	o := deployers.Observed{At: time.Now(), Generation: wanted.Generation, Converged: true}
	if wanted.Generation == 0 {
		return o, nil
	}
	if done.Generation != wanted.Generation || wanted.Track != nil && time.Since(done.At) > d.DriftEvery {
		d.look(p)
	}
	if wanted.Track == nil {
		o.Message = "no release is in force; what is there stays as it is"
		return o, nil
	}
	seen := deployers.ObservedTrack{ID: wanted.Track.ID, Version: wanted.Track.Version, Wanted: 1, Weight: wanted.Track.Weight}
	switch {
	case done.Generation != wanted.Generation:
		o.Converged, o.Message = false, p.doing()
	case done.Failure != "":
		o.At, o.Converged, o.Message = done.At, false, done.Failure
		o.Failure = &deployers.Failure{Terminal: true, Reason: done.Failure}
	case done.Drift != "":
		seen.Ready = 1
		o.At, o.Converged, o.Message = done.At, false, done.Drift
	default:
		seen.Ready = 1
		o.At, o.Message = done.At, "as planned"
	}
	o.Tracks = []deployers.ObservedTrack{seen}
	return o, nil
}

// Destroy implements deployers.Destroyer: with what the module has made.
func (d *Deployer) Destroy(ctx context.Context, target deployers.Target) error {
	p := d.place(target)
	unlock, err := p.lockRun(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	wanted, _, err := p.read()
	if err != nil {
		return err
	}
	// The module of the last release knows how to remove what all of them made.
	if last := wanted.last(); last != nil {
		w, err := d.workspace(ctx, p, filepath.Join(p.dir, workDir), *last)
		if err != nil {
			return err
		}
		if err := w.destroy(ctx); err != nil {
			return fmt.Errorf("version %s cannot be destroyed: %w", last.Version, err)
		}
	}
	return p.remove()
}

// Validate implements deployers.Deployer.
func (d *Deployer) Validate(raw json.RawMessage) (deployers.Settings, []deployers.Problem) {
	_, problems := parse(raw)
	return deployers.Settings{Replicas: 1}, problems
}
