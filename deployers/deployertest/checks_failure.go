package deployertest

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/deployers"
)

func neverReady(e *env) { badRelease(e, NeverReady) }
func exits(e *env)      { badRelease(e, Exits) }

// badRelease puts a bad release next to, or in the place of, a good one.
func badRelease(e *env, kind Kind) {
	e.Helper()
	stable := e.track(Good, "1.0.0", 100, 1)
	e.converge(desired(1, stable))
	before := e.instances()
	var next deployers.Desired
	if parallel := e.caps.ParallelTracks && e.caps.TrafficWeights; parallel {
		stable.Weight = 75
		next = desired(2, stable, e.track(kind, "1.1.0", 25, 1))
	} else {
		next = desired(2, e.track(kind, "1.1.0", 100, 1))
	}
	e.apply(next)
	o := e.until("a failure is reported", func(o deployers.Observed) bool {
		if o.Converged && o.Generation == 2 {
			e.Fatalf("a release that cannot run was reported as converged: %s", show(o))
		}
		return o.Failure != nil && o.Generation == 2
	})
	if !strings.Contains(o.Failure.Reason, "1.1.0") || len(o.Failure.Reason) < len("1.1.0")+10 {
		e.Errorf("the reason must say in words what is wrong with which version: %q", o.Failure.Reason)
	}
	if len(next.Tracks) == 1 {
		return
	}
	if got, ok := trackByID(o, stable.ID); !ok || got.Ready != 1 {
		e.Errorf("the stable track must stay ready: %s", show(o))
	}
	e.answers(o, "1.0.0")
	if names := e.instances(); !containsAll(names, before) {
		e.Errorf("the stable track was restarted: %v, then %v", before, names)
	}
}

// takeBack is the roll-back: a bad release is on its way, the good one returns.
func takeBack(e *env) {
	good := e.track(Good, "1.0.0", 100, e.replicas(2))
	e.converge(desired(1, good))
	e.apply(desired(2, e.track(NeverReady, "1.1.0", 100, e.replicas(2))))
	o := e.converge(desired(3, good))
	e.answers(o, "1.0.0")
}

// restartAdopts compares what a new deployer sees with what the old one saw.
func restartAdopts(e *env) {
	tracks := []deployers.Track{e.track(Good, "1.0.0", 100, e.replicas(2))}
	if e.caps.ParallelTracks && e.caps.TrafficWeights {
		tracks[0].Weight = 75
		tracks = append(tracks, e.track(Good, "1.1.0", 25, 1))
	}
	d := desired(4, tracks...)
	before := e.converge(d)
	running := e.instances()
	e.restart()
	after := e.until("the restarted deployer sees what runs", func(o deployers.Observed) bool { return o.Converged })
	if after.At.Before(before.At) {
		e.Errorf("the observation is older than the one before the restart")
	}
	after.At = before.At
	if show(before) != show(after) {
		e.Errorf("observed before the restart %s, after %s", show(before), show(after))
	}
	e.converge(d)
	if names := e.instances(); !slices.Equal(running, names) {
		e.Errorf("the restart replaced what ran: %v, then %v", running, names)
	}
}

func separateTargets(e *env) {
	other := *e
	other.target.Environment = "other"
	e.converge(desired(5, e.track(Good, "1.0.0", 100, 1)))
	before := e.instances()
	other.converge(desired(1, other.track(Good, "1.1.0", 100, 1)))
	o := other.converge(desired(2))
	if o.Generation != 2 {
		e.Errorf("generations of two targets are mixed up: %s", show(o))
	}
	o = e.observe()
	if !o.Converged || o.Generation != 5 || len(o.Tracks) != 1 {
		e.Errorf("another target changed this one: %s", show(o))
	}
	if after := e.instances(); !slices.Equal(before, after) {
		e.Errorf("another target restarted this one: %v, then %v", before, after)
	}
}

func containsAll(have, want []string) bool {
	for _, w := range want {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}
