package app

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Side is one side of a comparison: what is live in an environment, or a
// release as it was created.
type Side struct {
	Name    string // as asked for
	Kind    string // "environment" or "release"
	Version string
	Live    *slipway.Live
	Spec    slipway.Spec
	Missing string // why there is nothing to compare; empty if there is
}

// Comparison is the difference between two sides.
type Comparison struct {
	Service  slipway.Service
	From, To Side
	Changes  []slipway.Difference
	Commits  []slipway.Change
	Stages   []slipway.Stage
	Releases []slipway.Release
}

// Compare shows what differs between any two environments or releases of a
// service. Each side is the name of an environment or a version.
func (a *App) Compare(ctx context.Context, actor slipway.Actor, service, from, to string) (c Comparison, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if c.Service, err = a.service(ctx, tx, actor, service, "", slipway.ServiceRead); err != nil {
			return err
		}
		pipeline, err := tx.Pipelines().Latest(ctx, service)
		if err != nil && !slipway.IsNotFound(err) {
			return err
		}
		c.Stages = pipeline.Stages
		if c.Releases, _, err = tx.Releases().List(ctx, service, slipway.Page{Limit: defaultLimit}); err != nil {
			return err
		}
		if c.From, err = side(ctx, tx, pipeline, service, from); err != nil {
			return err
		}
		if c.To, err = side(ctx, tx, pipeline, service, to); err != nil {
			return err
		}
		if c.From.Missing != "" || c.To.Missing != "" || from == "" || to == "" {
			return nil
		}
		c.diff()
		d := slipway.Deployment{Service: service, Plan: slipway.Plan{From: &c.From.Spec, To: c.To.Spec}}
		if c.From.Spec.Seq > c.To.Spec.Seq {
			d.Plan.From, d.Plan.To = &c.To.Spec, c.From.Spec
		}
		c.Commits, err = commitsBetween(ctx, tx, d)
		return err
	})
	return c, err
}

// diff compares whole specs of two environments, and only what a release holds
// as soon as one side is a release: that has no deployer settings of its own.
func (c *Comparison) diff() {
	from, to := c.From.Spec, c.To.Spec
	if c.From.Kind == "release" || c.To.Kind == "release" {
		from.Deployer, to.Deployer = slipway.DeployerRef{}, slipway.DeployerRef{}
		from.Secrets, to.Secrets = nil, nil
	}
	c.Changes = slipway.DiffSpecs(&from, to)
}

func side(ctx context.Context, tx slipway.Tx, pipeline slipway.Pipeline, service, name string) (Side, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return Side{}, nil
	}
	if _, ok := pipeline.Stage(name); ok {
		s := Side{Name: name, Kind: "environment"}
		state, err := tx.Stages().Get(ctx, service, name)
		if err != nil {
			return s, err
		}
		if state.Live == nil {
			s.Missing = "Nothing is live in " + name + " yet."
			return s, nil
		}
		s.Live, s.Spec, s.Version = state.Live, state.Live.Spec, state.Live.Spec.Version
		return s, nil
	}
	r, err := tx.Releases().Get(ctx, service, name)
	if err != nil {
		return Side{}, err
	}
	return Side{Name: name, Kind: "release", Version: r.Version, Spec: slipway.Spec{Version: r.Version, Seq: r.Seq,
		Artifacts: r.Content.Artifacts, Config: r.Content.Config, Reversible: r.Content.Reversible}}, nil
}
