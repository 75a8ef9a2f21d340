package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Registry holds the deployers by name. It is the port slipway.Deployers for
// the use cases; only the engine reaches the verbs that change anything.
type Registry struct{ byName map[string]deployers.Deployer }

// NewRegistry makes a registry of the deployers that this process has.
func NewRegistry(byName map[string]deployers.Deployer) *Registry { return &Registry{byName} }

func (r *Registry) get(name string) (deployers.Deployer, bool) {
	d, ok := r.byName[name]
	return d, ok
}

// Names lists the deployers.
func (r *Registry) Names() []string {
	names := make([]string, 0, len(r.byName))
	for name := range r.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Capabilities says what a deployer can do.
func (r *Registry) Capabilities(name string) (slipway.DeployerCapabilities, bool) {
	d, ok := r.byName[name]
	if !ok {
		return slipway.DeployerCapabilities{}, false
	}
	return slipway.DeployerCapabilities(d.Capabilities()), true
}

// CheckConfig has the deployer read its config. A panic inside it is a fault
// of the config, not the end of the process.
func (r *Registry) CheckConfig(ref slipway.DeployerRef) (int, []slipway.FieldError) {
	d, ok := r.byName[ref.Name]
	if !ok {
		return 0, []slipway.FieldError{{Message: fmt.Sprintf("there is no deployer %q here", ref.Name)}}
	}
	var settings deployers.Settings
	var problems []deployers.Problem
	err := guard(func() error {
		settings, problems = d.Validate(ref.Config)
		return nil
	})
	if err != nil {
		return 0, []slipway.FieldError{{Message: err.Error()}}
	}
	var faults []slipway.FieldError
	for _, p := range problems {
		faults = append(faults, slipway.FieldError{Field: p.Path, Message: p.Message})
	}
	return max(1, settings.Replicas), faults
}

// guard turns a panic of a deployer into an error: one bad deployer stops only
// the deployment at hand.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the deployer panicked: %v", r)
		}
	}()
	return f()
}

// Hand gives what is live in a stage to its deployer once more, under the
// generation it was made live with, and reports what runs. It is for a deployer
// that has lost its memory: a new host, an empty data directory. Without a desk,
// what needs secrets cannot be handed over.
func (r *Registry) Hand(ctx context.Context, d slipway.Deployment, desk *slipway.SecretDesk) (slipway.Observed, error) {
	deployer, ok := r.byName[d.Plan.To.Deployer.Name]
	runs := d.LastRuns()
	if !ok || len(runs) == 0 {
		return slipway.Observed{}, fmt.Errorf("deployment %d cannot be handed over", d.ID)
	}
	var all *slipway.Observed
	for _, run := range runs {
		t := target(d, run.Desired.Site)
		whole, err := furnished(ctx, desk, d.Plan, run)
		if err == nil {
			err = guard(func() error { return deployer.Apply(ctx, t, whole) })
		}
		if err != nil {
			return slipway.Observed{}, err
		}
		var o deployers.Observed
		err = guard(func() (err error) {
			o, err = deployer.Observe(ctx, t)
			return err
		})
		if err != nil {
			return slipway.Observed{}, err
		}
		merged := mergeSite(all, t.Site, observed(o, t.Site))
		all = &merged
	}
	return *all, nil
}

func target(d slipway.Deployment, site string) deployers.Target {
	return deployers.Target{Service: d.Service, Environment: d.Environment, Site: site}
}

// desired spells a phase out for the deployer: each track with all that its
// spec holds.
func desired(p slipway.Plan, run slipway.PhaseRun) deployers.Desired {
	out := deployers.Desired{Generation: run.Generation, Tracks: []deployers.Track{},
		Back: run.Back > 0 || p.Cause == slipway.CauseRollback}
	for _, t := range run.Desired.Tracks {
		spec, ok := p.Spec(t.Spec)
		if !ok {
			continue
		}
		config, _, ok := spec.At(run.Desired.Site)
		if !ok {
			config = spec.Deployer.Config
		}
		track := deployers.Track{ID: t.Spec, Version: t.Version, Weight: t.Weight, Replicas: t.Replicas,
			Preview: t.Preview, Config: config, Env: spec.Config}
		for _, m := range t.Match {
			track.Match = append(track.Match, deployers.Match(m))
		}
		for _, a := range spec.Artifacts {
			track.Artifacts = append(track.Artifacts, deployers.Artifact(a))
		}
		if t.Spec == p.To.ID() {
			track.Prepared = p.Prepared
		}
		out.Tracks = append(out.Tracks, track)
	}
	return out
}

func observed(o deployers.Observed, site string) slipway.Observed {
	out := slipway.Observed{At: o.At.UTC().Truncate(time.Microsecond), Generation: o.Generation, Converged: o.Converged,
		Address: o.Address, Preview: o.Preview, Message: o.Message, Forgot: o.Forgot, Tracks: []slipway.ObservedTrack{}}
	for _, t := range o.Tracks {
		out.Tracks = append(out.Tracks, slipway.ObservedTrack{Site: site, Spec: t.ID, Version: t.Version, Wanted: t.Wanted, Ready: t.Ready,
			Weight: t.Weight, Draining: t.Draining, Addresses: t.Addresses, Message: t.Message})
	}
	if o.Failure != nil {
		out.Message, out.Failed = o.Failure.Reason, o.Failure.Terminal
	}
	for _, t := range out.Tracks {
		if out.Converged && t.Ready < t.Wanted { // its own figures are believed before its word
			out.Converged = false
			out.Message = fmt.Sprintf("The deployer says that all is done, and reports %d of %d ready of %s.", t.Ready, t.Wanted, t.Version)
		}
	}
	return out
}

// mergeSite puts the report of one site beside those of the others. A stage
// with sites is as converged as the worst of them.
func mergeSite(known *slipway.Observed, site string, o slipway.Observed) slipway.Observed {
	if site == "" || known == nil {
		return o
	}
	tracks := slices.Clone(o.Tracks)
	for _, t := range known.Tracks {
		if t.Site != site && t.Site != "" {
			tracks = append(tracks, t)
			o.Converged = o.Converged && t.Ready >= t.Wanted
		}
	}
	slices.SortStableFunc(tracks, func(a, b slipway.ObservedTrack) int { return cmp.Compare(a.Site, b.Site) })
	o.Tracks, o.Generation = tracks, max(o.Generation, known.Generation)
	return o
}
