package kubernetes

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// fixture is a target with a deployer, destroyed in the end.
type fixture struct {
	*world
	*Deployer
	target deployers.Target
}

func newFixture(t *testing.T, w *world) *fixture {
	t.Helper()
	f := &fixture{world: w, Deployer: w.deployer(t, nil),
		target: deployers.Target{Service: strings.ToLower(t.Name()), Environment: "production"}}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := f.Destroy(ctx, f.target); err != nil {
			t.Errorf("Destroy: %v", err)
		}
	})
	return f
}

func (f *fixture) apply(t *testing.T, generation int64, tracks ...deployers.Track) {
	t.Helper()
	if err := f.Deployer.Apply(t.Context(), f.target, deployers.Desired{Generation: generation, Tracks: tracks}); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

func (f *fixture) until(t *testing.T, what string, holds func(deployers.Observed) bool) deployers.Observed {
	t.Helper()
	var o deployers.Observed
	deployertest.Eventually(t, 2*time.Minute, what, func() (bool, string) {
		var err error
		if o, err = f.Observe(t.Context(), f.target); err != nil {
			return false, err.Error()
		}
		return holds(o), fmt.Sprintf("%+v, failure %+v", o, o.Failure)
	})
	return o
}

func (f *fixture) converged(t *testing.T, generation int64, tracks ...deployers.Track) deployers.Observed {
	t.Helper()
	f.apply(t, generation, tracks...)
	return f.until(t, fmt.Sprintf("generation %d converged", generation), func(o deployers.Observed) bool {
		return o.Converged && o.Generation == generation
	})
}
