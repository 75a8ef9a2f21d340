package deployertest

import (
	"github.com/slipway-dev/slipway/deployers"
)

// checksWays says whether the deployer is one that ways can be asked of. One that
// is carried by a protocol has the method in any case, and says for itself.
func checksWays(e *env) string {
	_, ok := e.s.Deployer.(deployers.WayChecker)
	if far, carried := e.s.Deployer.(interface{ ChecksWays() bool }); ok && carried {
		ok = far.ChecksWays()
	}
	return unless(ok, "this deployer says nothing about ways, so each is taken to be open")
}

// waysAreOnlyLookedAt: what any deployer can do is open, what its capabilities rule
// out is refused for good, and to ask changes nothing, the fence included.
func waysAreOnlyLookedAt(e *env) {
	checker, ok := e.s.Deployer.(deployers.WayChecker)
	if !ok {
		e.Fatalf("this deployer is no WayChecker any more")
	}
	one, two := e.track(Good, "1.0.0", 100, 1), e.track(Good, "1.1.0", 100, 1)
	open := []deployers.Desired{desired(8), desired(9, two)}
	if err := checker.CheckWay(e.ctx, e.target, []deployers.Desired{desired(9, one)}); err != nil {
		e.Errorf("a first release alone: %v", err)
	}
	if o := e.observe(); o.Generation != 0 || len(o.Tracks) != 0 {
		e.Errorf("to ask changed a target that was never applied: %s", show(o))
	}
	before := e.converge(desired(1, one))
	for range 2 {
		if err := checker.CheckWay(e.ctx, e.target, open); err != nil {
			e.Errorf("nothing, then the next release: %v", err)
		}
	}
	if !e.caps.ParallelTracks {
		half, other := one, two
		half.Weight, other.Weight = 50, 50
		err := checker.CheckWay(e.ctx, e.target, []deployers.Desired{desired(8, half, other), desired(9, two)})
		if !deployers.IsTerminal(err) {
			e.Errorf("two releases side by side, of a deployer that cannot do that, must be refused for good: %v", err)
		}
	}
	after := e.observe()
	after.At = before.At
	if show(before) != show(after) {
		e.Errorf("to ask changed the target: %s, then %s", show(before), show(after))
	}
	e.converge(desired(2, two)) // the generations that were asked about were not taken
}
