package deployertest

import (
	"slices"

	"github.com/slipway-dev/slipway/deployers"
)

// drains fails unless so many replicas of the track are reported to finish
// their work, and to do nothing else if no other is wanted.
func (e *env) drains(o deployers.Observed, track deployers.Track, n int) {
	e.Helper()
	got, _ := trackByID(o, track.ID)
	if got.Draining != n || got.Message == "" || got.Version != track.Version {
		e.Errorf("%d replicas of %s finish their work, observed %s", n, track.Version, show(o))
	}
	if got.Wanted == 0 && (got.Ready != 0 || got.Weight != 0 || len(got.Addresses) != 0) {
		e.Errorf("%s is given up and gets something new: %s", track.Version, show(o))
	}
}

// letGo waits until nothing of the track drains any more, and asks whether each
// of so many replicas came to the end of its work.
func (e *env) letGo(track deployers.Track, whole int) deployers.Observed {
	e.Helper()
	if e.s.LetGo != nil {
		if err := e.s.LetGo(e.ctx, e.target); err != nil {
			e.Fatalf("let go: %v", err)
		}
	}
	o := e.until("the work is finished", func(o deployers.Observed) bool {
		t, _ := trackByID(o, track.ID)
		return t.Draining == 0
	})
	if e.s.Ended == nil {
		return o
	}
	if finished, cut, err := e.s.Ended(e.ctx, e.target); finished != whole || cut != 0 || err != nil {
		e.Errorf("%d of %d replicas finished their work, %d were stopped before, %v", finished, whole, cut, err)
	}
	return o
}

// workIsFinished: convergence does not wait for work in progress, and neither a
// newer generation nor a restart ends or forgets it.
func workIsFinished(e *env) {
	n := e.replicas(2)
	old := e.track(Lingers, "1.0.0", 100, n)
	e.converge(desired(1, old))
	before := e.instances()
	o := e.converge(desired(2, e.track(Good, "1.1.0", 100, 1)))
	e.drains(o, old, n)
	e.answers(o, "1.1.0")
	last := desired(3, e.track(Good, "1.2.0", 100, 1))
	e.drains(e.converge(last), old, n)
	e.drains(e.converge(last), old, n)
	if !e.h.Volatile && e.s.Restart != nil {
		e.restart()
		o = e.until("the restarted deployer sees what runs", func(o deployers.Observed) bool { return o.Converged })
		e.drains(o, old, n)
	}
	if names := e.instances(); !containsAll(names, before) {
		e.Errorf("work in progress was stopped: %v, then %v", before, names)
	}
	e.letGo(old, n)
	e.until("nothing is left of what has finished its work", func(o deployers.Observed) bool {
		_, there := trackByID(o, old.ID)
		return !there && o.Converged
	})
	if names := e.instances(); containsAny(names, before) {
		e.Errorf("still running: %v", names)
	}
}

// fewerReplicas makes room, as a rolling deployment does.
func fewerReplicas(e *env) {
	track := e.track(Lingers, "1.0.0", 100, 3)
	e.converge(desired(1, track))
	before := e.instances()
	track.Replicas = 1
	o := e.converge(desired(2, track))
	e.drains(o, track, 2)
	e.answers(o, "1.0.0")
	if names := e.instances(); !slices.Equal(names, before) {
		e.Errorf("nothing had to start or stop yet: %v, then %v", before, names)
	}
	e.letGo(track, 2)
	if names := e.instances(); e.s.Instances != nil && (len(names) != 1 || !containsAll(before, names)) {
		e.Errorf("one of %v is wanted, running: %v", before, names)
	}
}

// comesBack: who was told to end cannot be called back.
func comesBack(e *env) {
	old := e.track(Lingers, "1.0.0", 100, 1)
	e.converge(desired(1, old))
	before := e.instances()
	e.converge(desired(2, e.track(Good, "1.1.0", 100, 1)))
	o := e.converge(desired(3, old))
	e.drains(o, old, 1)
	e.answers(o, "1.0.0")
	e.letGo(old, 1)
	if names := e.instances(); e.s.Instances != nil && (containsAny(names, before) || len(names) == 0) {
		e.Errorf("others than %v are wanted, running: %v", before, names)
	}
	e.answers(e.observe(), "1.0.0")
}

// lastWork: a desired state without tracks is true once nothing runs.
func lastWork(e *env) {
	n := e.replicas(2)
	old := e.track(Lingers, "1.0.0", 100, n)
	e.converge(desired(1, old))
	e.apply(desired(2))
	inProgress := func(o deployers.Observed) bool {
		t, _ := trackByID(o, old.ID)
		if o.Converged && o.Generation == 2 {
			e.Fatalf("nothing is to run and work is in progress, yet it converged: %s", show(o))
		}
		return t.Draining == n && t.Weight == 0
	}
	e.until("the work is in progress", inProgress)
	for range 5 {
		o := e.observe()
		inProgress(o)
		e.drains(o, old, n)
	}
	e.letGo(old, n)
	e.converge(desired(2))
	if names := e.instances(); len(names) != 0 {
		e.Errorf("still running: %v", names)
	}
}

func containsAny(have, some []string) bool {
	return slices.ContainsFunc(some, func(s string) bool { return slices.Contains(have, s) })
}
