package deployertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/slipway-dev/slipway/deployers"
)

func neverApplied(e *env) {
	o := e.observe()
	if !o.Converged || o.Generation != 0 || len(o.Tracks) != 0 || o.Failure != nil {
		e.Errorf("a target that was never applied must be the zero Observed with Converged: %s", show(o))
	}
}

func applyConverges(e *env) {
	o := e.converge(desired(1, e.track(Good, "1.0.0", 100, e.replicas(2))))
	e.answers(o, "1.0.0")
	for _, t := range o.Tracks {
		if len(t.Addresses) != 0 && len(t.Addresses) != t.Ready {
			e.Errorf("%d replicas are ready, at %v", t.Ready, t.Addresses)
		}
		for _, address := range t.Addresses {
			if e.s.Ask != nil && e.ask(address, nil).Version != t.Version {
				e.Errorf("%s is not the address of a replica of %s", address, t.Version)
			}
		}
	}
}

func applyAgain(e *env) {
	d := desired(1, e.track(Good, "1.0.0", 100, e.replicas(2)))
	e.converge(d)
	before := e.instances()
	e.converge(d)
	d.Generation = 2
	e.converge(d)
	if after := e.instances(); !slices.Equal(before, after) {
		e.Errorf("the same tracks again restarted something: %v, then %v", before, after)
	}
}

func twoTracks(e *env) {
	o := e.converge(desired(1, e.track(Good, "1.0.0", 75, e.replicas(2)), e.track(Good, "1.1.0", 25, 1)))
	e.answers(o, "1.0.0", "1.1.0")
}

func weightsShift(e *env) {
	stable, next := e.track(Good, "1.0.0", 100, 1), e.track(Good, "1.1.0", 0, 1)
	o := e.converge(desired(1, stable, next))
	e.answers(o, "1.0.0")
	before := e.instances()

	stable.Weight, next.Weight = 50, 50
	o = e.converge(desired(2, stable, next))
	e.answers(o, "1.0.0", "1.1.0")

	stable.Weight, next.Weight = 0, 100
	o = e.converge(desired(3, stable, next))
	e.answers(o, "1.1.0")
	if after := e.instances(); !slices.Equal(before, after) {
		e.Errorf("a shift of weights restarted something: %v, then %v", before, after)
	}
}

func removeTrack(e *env) {
	first := e.track(Good, "1.0.0", 100, e.replicas(2))
	e.converge(desired(1, first))
	second := e.track(Good, "1.1.0", 100, e.replicas(2))
	o := e.converge(desired(2, second))
	e.answers(o, "1.1.0")
	if e.s.Instances == nil {
		return
	}
	Eventually(e, e.h.Wait, fmt.Sprintf("%d instances run after the removal", second.Replicas), func() (bool, string) {
		names := e.instances()
		return len(names) == second.Replicas, fmt.Sprint(names)
	})
}

func emptyTracks(e *env) {
	e.converge(desired(1, e.track(Good, "1.0.0", 100, e.replicas(2))))
	o := e.converge(desired(2))
	if names := e.instances(); len(names) != 0 {
		e.Errorf("still running: %v", names)
	}
	if e.s.Ask != nil && o.Address != "" {
		if a, err := e.s.Ask(e.ctx, o.Address, nil); err == nil {
			e.Errorf("version %s still answers", a.Version)
		}
	}
}

func staleGeneration(e *env) {
	e.converge(desired(7, e.track(Good, "1.0.0", 100, 1)))
	before := e.instances()
	e.refused(desired(6, e.track(Good, "0.9.0", 100, 1)))
	e.refused(desired(1))
	o := e.observe()
	if o.Generation != 7 || len(o.Tracks) != 1 || o.Tracks[0].Version != "1.0.0" {
		e.Errorf("a refused generation changed the state: %s", show(o))
	}
	e.converge(desired(7, e.track(Good, "1.0.0", 100, 1)))
	if after := e.instances(); !slices.Equal(before, after) {
		e.Errorf("a refused generation restarted something: %v, then %v", before, after)
	}
}

func (e *env) refused(d deployers.Desired) {
	e.Helper()
	err := e.s.Deployer.Apply(e.ctx, e.target, d)
	if !errors.Is(err, deployers.ErrStaleGeneration) {
		e.Errorf("generation %d must be refused with ErrStaleGeneration (stale-generation in the protocol), got %v", d.Generation, err)
	}
	if err != nil && !deployers.IsTerminal(err) {
		e.Errorf("a stale generation must be terminal: %v", err)
	}
}

func staleAfterRestart(e *env) {
	e.converge(desired(7, e.track(Good, "1.0.0", 100, 1)))
	e.restart()
	e.refused(desired(6, e.track(Good, "0.9.0", 100, 1)))
	e.converge(desired(7, e.track(Good, "1.0.0", 100, 1)))
	e.converge(desired(8))
	e.restart()
	// The fence must outlive the workload: nothing runs any more.
	e.refused(desired(7, e.track(Good, "1.0.0", 100, 1)))
}

// concurrentApplies lets twelve generations race. Whatever the order, the
// newest one must be what runs, and every refusal must be a stale one.
func concurrentApplies(e *env) {
	const newest = 12
	var group sync.WaitGroup
	problems := make(chan error, newest)
	start := make(chan struct{})
	for g := int64(1); g <= newest; g++ {
		version := "1.0.0"
		if g == newest {
			version = "1.1.0"
		}
		d := desired(g, e.track(Good, version, 100, 1))
		group.Go(func() {
			<-start
			err := e.s.Deployer.Apply(e.ctx, e.target, d)
			if err != nil && (g == newest || !errors.Is(err, deployers.ErrStaleGeneration)) {
				problems <- err
			}
		})
	}
	close(start)
	group.Wait()
	close(problems)
	for err := range problems {
		e.Errorf("Apply: %v", err)
	}
	o := e.until("the newest generation converged", func(o deployers.Observed) bool {
		return o.Converged && o.Generation == newest
	})
	if tracks := working(o); len(tracks) != 1 || tracks[0].Version != "1.1.0" {
		e.Errorf("the newest generation is not what runs: %s", show(o))
	}
}

// cancelledContext: each call with a dead context must come back at once, and
// an Apply that reports an error because of it must leave the state as it was.
func cancelledContext(e *env) {
	e.converge(desired(1, e.track(Good, "1.0.0", 100, 1)))
	dead, cancel := context.WithCancel(e.ctx)
	cancel()
	next := desired(2, e.track(Good, "1.1.0", 100, 1))
	done := make(chan error, 1)
	go func() {
		if o, err := e.s.Deployer.Observe(dead, e.target); err == nil && o.Generation != 1 {
			e.Errorf("what cannot be seen in time is an error, not an answer: %s", show(o))
		}
		_, _ = e.s.Deployer.Preview(dead, e.target, next)
		done <- e.s.Deployer.Apply(dead, e.target, next)
	}()
	var applied error
	Eventually(e, promptly, "calls with a cancelled context returned", func() (bool, string) {
		select {
		case applied = <-done:
			return true, ""
		default:
			return false, "still waiting"
		}
	})
	if applied == nil {
		return // accepted all the same, which is allowed
	}
	if deployers.IsTerminal(applied) {
		e.Errorf("a cancelled context must not be a terminal error: %v", applied)
	}
	e.converge(desired(1, e.track(Good, "1.0.0", 100, 1)))
}
