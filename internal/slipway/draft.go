package slipway

import (
	"context"
	"fmt"
	"time"
)

// Request asks for a deployment.
type Request struct {
	Service     string
	Environment string
	Version     string
	Cause       Cause
	By          Actor
	Note        string
	// NotBefore is when a scheduled promotion may start; nil: at once.
	NotBefore *time.Time
	// Part is asked for instead of the part that the stage's partial strategy
	// names.
	Part *Part
	// Restore is the spec to go back to; only for a rollback.
	Restore *Spec
	// AcceptIrreversible says that the asker knows that what is live is marked
	// as not reversible, and wants to go back all the same.
	AcceptIrreversible bool
}

// Draft is a plan with the facts it was made of, before anything is decided.
type Draft struct {
	Plan        Plan
	Service     Service
	Pipeline    Pipeline
	Release     Release
	Environment Environment
	State       StageState
}

// MakeDraft loads the facts and freezes a plan from them, without the
// deployer's preview. It changes nothing.
func MakeDraft(ctx context.Context, tx Tx, deployers Deployers, r Request) (Draft, error) {
	var d Draft
	var err error
	if r.Cause == CauseRollback && r.Restore == nil {
		return d, Conflict("A rollback needs something that ran before.", "Pick a release that did.")
	}
	if d.Service, err = tx.Services().Get(ctx, r.Service); err != nil {
		return d, err
	}
	if d.Environment, err = tx.Environments().Get(ctx, r.Environment); err != nil {
		return d, err
	}
	if d.Pipeline, err = tx.Pipelines().Latest(ctx, r.Service); IsNotFound(err) {
		return d, &Error{Code: CodeConflict, Message: r.Service + " has no pipeline yet.", Affected: "Nothing was started.",
			Do: "Apply a slipway.yaml that says which stages it has."}
	} else if err != nil {
		return d, err
	}
	stage, ok := d.Pipeline.Stage(r.Environment)
	if !ok {
		return d, NotFound("stage of "+r.Service, r.Environment)
	}
	if d.Release, err = tx.Releases().Get(ctx, r.Service, r.Version); err != nil {
		return d, err
	}
	if d.State, err = tx.Stages().Get(ctx, r.Service, r.Environment); err != nil {
		return d, err
	}
	sites, replicas, faults := SiteSpecs(stage, deployers)
	if len(faults) > 0 {
		return d, Invalid("The deployer config of "+r.Environment, faults)
	}
	if r.Part != nil {
		if err := r.Part.check(stage, replicas, deployers); err != nil {
			return d, err
		}
	}
	in := PlanInput{Cause: r.Cause, Pipeline: d.Pipeline, Stage: stage, Release: d.Release, Replicas: replicas, Sites: sites, Restore: r.Restore,
		NotBefore: r.NotBefore, Part: r.Part}
	if d.State.Live != nil {
		in.Live = &d.State.Live.Spec
	}
	in.Partial = d.State.Partial
	if r.Cause == CauseRotation && in.Live == nil {
		return d, Conflict("Nothing is live in "+r.Environment+" of "+r.Service+".", "Promote a release: it gets today's values with that.")
	}
	if len(stage.Secrets) > 0 || r.Cause == CauseRotation {
		view, err := tx.Secrets().View(ctx, r.Service, r.Environment)
		if err != nil {
			return d, err
		}
		if in.Rotates = view.Rotated(d.State.Live); r.Cause == CauseRotation && len(in.Rotates) == 0 && view.Fault != "" {
			return d, view.Err() // nobody can tell what is new
		}
		in.Secrets = &view
	}
	d.Plan = NewPlan(in)
	return d, nil
}

// Redraft makes the plan of a waiting deployment again from today's facts.
func Redraft(ctx context.Context, tx Tx, deployers Deployers, d Deployment) (Draft, error) {
	r := Request{Service: d.Service, Environment: d.Environment, Version: d.Version, Cause: d.Cause, NotBefore: d.Plan.NotBefore, Part: d.Plan.Part}
	if d.Cause == CauseRollback {
		r.Restore = &d.Plan.To
	}
	return MakeDraft(ctx, tx, deployers, r)
}

// Admit lists what keeps a request from becoming a deployment at all. Gates
// are not among it: a deployment waits for those, visibly.
func Admit(ctx context.Context, tx Tx, d Draft, r Request) ([]Verdict, error) {
	var blocking []Verdict
	if v := blockVerdict(GateFacts{Release: d.Release}); v.Result != Pass {
		blocking = append(blocking, v)
	}
	if r.Cause == CauseRollback {
		undone, err := irreversible(ctx, tx, d, r)
		return append(blocking, undone...), err
	}
	if hold := d.State.Hold; hold != nil && (hold.Frozen || r.By.Kind == ActorSystem) {
		blocking = append(blocking, hold.verdict(r))
	}
	stage, _ := d.Pipeline.Stage(r.Environment)
	for _, before := range stage.After {
		reached, err := wasLive(ctx, tx, r.Service, before, r.Version)
		if err != nil {
			return nil, err
		}
		if !reached {
			blocking = append(blocking, Verdict{Gate: "order", Result: Fail,
				Reason: fmt.Sprintf("%s has not been live in %s yet, which comes before %s.", r.Version, before, r.Environment),
				Who:    "who may promote to " + before})
		}
	}
	return blocking, nil
}

// verdict says that a stage is held, to whoever it is held for.
func (h Hold) verdict(r Request) Verdict {
	what := "Automation is held"
	if h.Frozen {
		what = r.Environment + " of " + r.Service + " takes nothing but rollbacks until its hold is lifted"
	}
	return Verdict{Gate: "hold", Result: Wait, Since: &h.Since, Reason: because(what, h.Reason), Who: "who may lift holds of " + r.Service}
}

// irreversible asks for consent to leave what is marked irreversible: what is
// live or has a part of the traffic beside it, or what is on its way and may
// have changed things outside already.
func irreversible(ctx context.Context, tx Tx, d Draft, r Request) ([]Verdict, error) {
	verdict := func(version string, since *time.Time) []Verdict {
		return []Verdict{{Gate: "irreversible", Result: Fail, Since: since,
			Reason: version + " is marked irreversible: what it changed outside, a database for instance, may not fit " + r.Version + ".",
			Who:    "you, by accepting it in so many words"}}
	}
	if r.AcceptIrreversible {
		return nil, nil
	}
	if live := d.State.Live; live != nil && !live.Spec.Reversible && live.Spec.Version != r.Version {
		return verdict(live.Spec.Version, &live.Since), nil
	}
	if p := d.State.Partial; p != nil && !p.Spec.Reversible && p.Spec.Version != r.Version {
		return verdict(p.Spec.Version, &p.Since), nil
	}
	active, err := tx.Deployments().Active(ctx, r.Service, r.Environment)
	if IsNotFound(err) {
		return nil, nil
	}
	if to := active.Plan.To; err == nil && active.State != Waiting && !to.Reversible && to.Version != r.Version {
		return verdict(to.Version, active.StartedAt), nil
	}
	return nil, err
}

// Refuse turns blocking verdicts into the answer people read.
func Refuse(what string, blocking []Verdict) error {
	if len(blocking) == 0 {
		return nil
	}
	return &Error{Code: CodeBlocked, Message: what, Affected: "Nothing was started.", BlockedBy: blocking}
}
