package engine

import (
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

// Preview asks what the last phase of a plan, the state it leads to, would
// change.
func (r *Registry) Preview(ctx context.Context, p slipway.Plan) (string, []byte, error) {
	d, ok := r.byName[p.To.Deployer.Name]
	if !ok {
		return "", nil, fmt.Errorf("there is no deployer %q here", p.To.Deployer.Name)
	}
	last := slipway.PhaseRun{Desired: p.Phases[len(p.Phases)-1]}
	var preview deployers.Preview
	err := guard(func() (err error) {
		preview, err = d.Preview(ctx, deployers.Target{Service: p.Service, Environment: p.Environment}, desired(p, last))
		return err
	})
	return preview.Text, preview.Prepared, err
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
// that has lost its memory: a new host, an empty data directory.
func (r *Registry) Hand(ctx context.Context, d slipway.Deployment) (slipway.Observed, error) {
	deployer, ok := r.byName[d.Plan.To.Deployer.Name]
	if !ok || d.Current() == nil {
		return slipway.Observed{}, fmt.Errorf("deployment %d cannot be handed over", d.ID)
	}
	if err := guard(func() error { return deployer.Apply(ctx, target(d), desired(d.Plan, *d.Current())) }); err != nil {
		return slipway.Observed{}, err
	}
	var o deployers.Observed
	err := guard(func() (err error) {
		o, err = deployer.Observe(ctx, target(d))
		return err
	})
	return observed(o), err
}

func target(d slipway.Deployment) deployers.Target {
	return deployers.Target{Service: d.Service, Environment: d.Environment}
}

// desired spells a phase out for the deployer: each track with all that its
// spec holds.
func desired(p slipway.Plan, run slipway.PhaseRun) deployers.Desired {
	out := deployers.Desired{Generation: run.Generation, Tracks: []deployers.Track{}}
	for _, t := range run.Desired.Tracks {
		spec, ok := p.Spec(t.Spec)
		if !ok {
			continue
		}
		track := deployers.Track{ID: t.Spec, Version: t.Version, Weight: t.Weight, Replicas: t.Replicas,
			Config: spec.Deployer.Config, Env: spec.Config}
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

func observed(o deployers.Observed) slipway.Observed {
	out := slipway.Observed{At: o.At.UTC().Truncate(time.Microsecond), Generation: o.Generation, Converged: o.Converged,
		Address: o.Address, Message: o.Message, Tracks: []slipway.ObservedTrack{}}
	for _, t := range o.Tracks {
		out.Tracks = append(out.Tracks, slipway.ObservedTrack{Spec: t.ID, Version: t.Version, Wanted: t.Wanted, Ready: t.Ready, Weight: t.Weight, Message: t.Message})
	}
	if o.Failure != nil {
		out.Message, out.Failed = o.Failure.Reason, o.Failure.Terminal
	}
	return out
}
