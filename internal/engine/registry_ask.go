package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// ways are the desired states of a plan, one after the other, at each site.
func ways(p slipway.Plan) map[string][]deployers.Desired {
	out := map[string][]deployers.Desired{}
	for _, phase := range p.Phases {
		if phase.Hook == nil {
			out[phase.Site] = append(out[phase.Site], named(p, desired(p, slipway.PhaseRun{Desired: phase})))
		}
	}
	return out
}

// CheckWay asks whether each target of a plan can be led along it. What goes back
// is not asked about, and neither is a deployer that can go every way.
func (r *Registry) CheckWay(ctx context.Context, p slipway.Plan) error {
	d, ok := r.byName[p.To.Deployer.Name]
	if !ok {
		return fmt.Errorf("there is no deployer %q here", p.To.Deployer.Name)
	}
	way := ways(p)
	for _, site := range slices.Sorted(maps.Keys(way)) {
		if err := guard(func() error { return checkWay(ctx, d, p, site, way[site]) }); err != nil {
			return err
		}
	}
	return nil
}

func checkWay(ctx context.Context, d deployers.Deployer, p slipway.Plan, site string, way []deployers.Desired) error {
	checker, ok := d.(deployers.WayChecker)
	if !ok || p.Cause == slipway.CauseRollback {
		return nil
	}
	if err := checker.CheckWay(ctx, deployers.Target{Service: p.Service, Environment: p.Environment, Site: site}, way); err != nil {
		return noWay(err)
	}
	return nil
}

// Preview asks what the last phase of a plan, the state it leads to, would
// change.
func (r *Registry) Preview(ctx context.Context, p slipway.Plan) (string, []byte, error) {
	d, ok := r.byName[p.To.Deployer.Name]
	if !ok {
		return "", nil, fmt.Errorf("there is no deployer %q here", p.To.Deployer.Name)
	}
	way := ways(p)
	var text []string
	var prepared []byte
	for _, site := range slices.Sorted(maps.Keys(way)) {
		t := deployers.Target{Service: p.Service, Environment: p.Environment, Site: site}
		var preview deployers.Preview
		err := guard(func() (err error) {
			if err := checkWay(ctx, d, p, site, way[site]); err != nil {
				return err
			}
			preview, err = d.Preview(ctx, t, way[site][len(way[site])-1])
			return err
		})
		if err != nil {
			return "", nil, err
		}
		if site != "" {
			preview.Text = "site " + site + "\n" + preview.Text
		}
		text, prepared = append(text, preview.Text), preview.Prepared
	}
	return strings.Join(text, "\n"), prepared, nil
}

// noWay is a plan that its deployer cannot lead a target along, which is the
// fault of nobody's connection.
func noWay(err error) error {
	if !deployers.IsTerminal(err) {
		return err
	}
	return &slipway.Error{Code: slipway.CodeConflict, Err: err, Message: "The stage cannot go this way: " + strings.TrimSuffix(err.Error(), ".") + ".",
		Affected: "Nothing was started.", Do: "Change the strategy of the stage, or what it does not fit to, then ask again."}
}
