package slipway

import (
	"pgregory.net/rapid"
)

// What the stages of a setWorld do by themselves.

func (w *setWorld) target(t *rapid.T, item *SetItem) Spec {
	to := spec(item.Version, 2)
	to.Seq = item.Seq
	if rapid.IntRange(0, 9).Draw(t, "irreversible") == 0 {
		to.Reversible, w.partly = false, true
	}
	return to
}

// insert supersedes what is there, as slipway.Start does.
func (w *setWorld) insert(service string, cause Cause, to Spec) Deployment {
	w.lastID++
	d := Deployment{ID: w.lastID, Service: service, Version: to.Version, Cause: cause, State: Waiting, Plan: Plan{Cause: cause, To: to}}
	if live, ok := w.live[service]; ok {
		from := live.Spec
		d.Plan.From = &from
	}
	if old, ok := w.active()[service]; ok {
		if old.State != Waiting {
			w.mixed[service] = true
		}
		old.State, old.SupersededBy = Superseded, d.ID
		w.deployments[old.ID] = old
	}
	w.deployments[d.ID] = d
	return d
}

// moveOn takes a deployment a step further, to a good end or a bad one.
func (w *setWorld) moveOn(t *rapid.T, id int64) {
	d := w.deployments[id]
	if !d.State.Active() {
		return
	}
	if d.State == Waiting {
		d.State = rapid.SampledFrom([]State{Running, Running, Running, Running, Rejected, Expired, Cancelled}).Draw(t, "opens")
		w.badly = w.badly || d.Cause == CauseRollback && d.State != Running
		w.deployments[id] = d
		return
	}
	run := PhaseRun{Desired: Desired{Name: "all"}, State: Done}
	d.Message = "So it ended."
	switch rapid.IntRange(0, 11).Draw(t, "ends") {
	case 0, 1:
		d.State = RolledBack
		w.mixed[d.Service] = false
		w.badly = w.badly || d.Cause == CauseRollback
	case 2: // untouched
		d.State = Failed
		run.Desired.Hook = &Hook{Name: "migrate"}
		w.badly = w.badly || d.Cause == CauseRollback
	case 3:
		d.State, w.mixed[d.Service], w.badly = Failed, true, true
	default:
		d.State = Succeeded
		w.live[d.Service], w.mixed[d.Service] = Live{Deployment: d.ID, Spec: d.Plan.To}, false
	}
	d.Runs = []PhaseRun{run}
	w.deployments[id] = d
}

// interfere is somebody else who promotes a newer release of a service, or
// takes it back.
func (w *setWorld) interfere(t *rapid.T) {
	service := rapid.SampledFrom(w.set.Items).Draw(t, "interferes").Service
	active, busy := w.active()[service]
	w.outsiders = true
	if rapid.Bool().Draw(t, "back") {
		if before, ok := w.before[service]; ok && !(busy && active.Cause == CauseRollback) {
			w.insert(service, CauseRollback, before.Spec)
		}
		return
	}
	if !busy || active.State == Waiting {
		newer := spec("3.0", 2)
		newer.Seq = 9
		w.insert(service, CausePromote, newer)
	}
}

func (w *setWorld) active() map[string]Deployment {
	active := map[string]Deployment{}
	for _, d := range w.deployments {
		if d.State.Active() {
			active[d.Service] = d
		}
	}
	return active
}
