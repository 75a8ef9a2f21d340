package app

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// DeploymentPage is a deployment with all that its pages show: the gate review
// and the run are two views of it.
type DeploymentPage struct {
	Deployment  slipway.Deployment
	Service     slipway.Service
	Environment slipway.Environment
	Release     slipway.Release
	Commits     []slipway.Change // of the releases between what is live and this
	Changes     []slipway.Difference
	Voided      []slipway.Difference // what the newest change of the plan was
	Verdicts    []slipway.Verdict    // judged now while it waits, else as last judged
	Votes       []slipway.Vote
	Bypasses    []slipway.Bypass
	State       slipway.StageState
	SourceState slipway.StageState // of the first stage before, for "in staging for 2 h"
	Events      []slipway.DomainEvent
	Rotates     int                           // how many keys it brings new values of; the plan names them to who may list them
	Set         *slipway.ReleaseSet           // that it belongs to, if the actor may read all of that
	WhyNot      map[slipway.Permission]string // why the actor may not; empty if allowed
	VoteWhyNot  string                        // why an approval of the actor would not count
}

// Deployment returns a deployment with everything about it.
func (a *App) Deployment(ctx context.Context, actor slipway.Actor, id int64) (p DeploymentPage, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if p.Deployment, err = a.deployment(ctx, tx, actor, id, slipway.ServiceRead); err != nil {
			return err
		}
		if err := a.hideRotated(ctx, tx, actor, &p); err != nil {
			return err
		}
		d := p.Deployment
		if p.Service, err = tx.Services().Get(ctx, d.Service); err != nil {
			return err
		}
		if p.Events, err = tx.Events().OfDeployment(ctx, id); err != nil {
			return err
		}
		if p.Commits, err = commitsBetween(ctx, tx, d); err != nil {
			return err
		}
		if p.Set, err = a.setWith(ctx, tx, actor, id); err != nil {
			return err
		}
		if err := p.loadStage(ctx, tx); err != nil {
			return err
		}
		p.Changes = slipway.DiffSpecs(d.Plan.From, d.Plan.To)
		if n := len(d.Replaced); n > 0 {
			p.Voided = slipway.DiffPlans(d.Replaced[n-1], d.Plan)
		}
		facts, err := slipway.LoadGateFacts(ctx, tx, a.aids(), d, a.now())
		if err != nil {
			return err
		}
		p.Release, p.Environment, p.Votes, p.Bypasses, p.Verdicts = facts.Release, facts.Environment, facts.Votes, facts.Bypasses, d.Verdicts
		if d.State == slipway.Waiting {
			p.Verdicts = slipway.Verdicts(facts)
		}
		return a.whyNots(ctx, tx, actor, &p)
	})
	return p, err
}

// hideRotated takes out which keys have other values, for who may not list them.
func (a *App) hideRotated(ctx context.Context, tx slipway.Tx, actor slipway.Actor, p *DeploymentPage) error {
	d := &p.Deployment
	if p.Rotates = len(d.Plan.Rotates); p.Rotates == 0 {
		return nil
	}
	whyNot, err := a.may(ctx, tx, actor, slipway.SecretList, d.Resource())
	if whyNot == "" {
		return err
	}
	d.Plan.Rotates, d.Replaced = nil, slices.Clone(d.Replaced)
	for i := range d.Replaced {
		d.Replaced[i].Rotates = nil
	}
	return err
}

func (p *DeploymentPage) loadStage(ctx context.Context, tx slipway.Tx) (err error) {
	d := p.Deployment
	if p.State, err = tx.Stages().Get(ctx, d.Service, d.Environment); err != nil {
		return err
	}
	pipeline, err := tx.Pipelines().Latest(ctx, d.Service)
	if slipway.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if stage, ok := pipeline.Stage(d.Environment); ok && len(stage.After) > 0 {
		p.SourceState, err = tx.Stages().Get(ctx, d.Service, stage.After[0])
	}
	return err
}

func (a *App) whyNots(ctx context.Context, tx slipway.Tx, actor slipway.Actor, p *DeploymentPage) (err error) {
	on := p.Service.Resource(p.Deployment.Environment)
	p.WhyNot = map[slipway.Permission]string{}
	for _, permission := range []slipway.Permission{slipway.DeploymentApprove, slipway.DeploymentControl, slipway.DeploymentRollback, slipway.DeploymentPromote, slipway.GateBypass} {
		if p.WhyNot[permission], err = a.may(ctx, tx, actor, permission, on); err != nil {
			return err
		}
	}
	bindings, err := a.bindings(ctx, tx, actor)
	if err != nil {
		return err
	}
	p.VoteWhyNot = decidable(p.Deployment, actor, bindings, p.Votes)
	return nil
}

// maxReleasesBetween bounds how far back commits are gathered.
const maxReleasesBetween = 100

// commitsBetween gathers the commits of all releases after what is live, up to
// the one that goes out: those in between go out with it.
func commitsBetween(ctx context.Context, tx slipway.Tx, d slipway.Deployment) ([]slipway.Change, error) {
	var after int64
	if d.Plan.From != nil {
		after = d.Plan.From.Seq
	}
	releases, _, err := tx.Releases().List(ctx, d.Service, slipway.Page{Limit: maxReleasesBetween})
	if err != nil {
		return nil, err
	}
	var commits []slipway.Change
	for _, r := range releases {
		if r.Seq > after && r.Seq <= d.Plan.To.Seq {
			commits = append(commits, r.Content.Changes...)
		}
	}
	return commits, nil
}

// Deployments lists deployments that the actor may read, newest first.
func (a *App) Deployments(ctx context.Context, actor slipway.Actor, filter slipway.DeploymentFilter, page slipway.Page) (out []slipway.Deployment, next string, err error) {
	page = bounded(page)
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		may, err := a.visible(ctx, tx, actor, slipway.ServiceRead)
		if err != nil || may.Nothing() {
			return err
		}
		out, next, err = readable(ctx, tx, may, filter, page)
		return err
	})
	return out, next, err
}

func readable(ctx context.Context, tx slipway.Tx, may policy.Filter, filter slipway.DeploymentFilter, page slipway.Page) ([]slipway.Deployment, string, error) {
	var out []slipway.Deployment
	for {
		rows, next, err := tx.Deployments().List(ctx, filter, slipway.Page{Cursor: page.Cursor, Limit: page.Limit - len(out)})
		if err != nil {
			return nil, "", err
		}
		for _, d := range rows {
			if may.Admits(d.Resource()) {
				out = append(out, d)
			}
		}
		if next == "" || len(out) >= page.Limit {
			return out, next, nil
		}
		page.Cursor = next
	}
}

// Logs returns what the workloads of a deployment printed, after a line number.
func (a *App) Logs(ctx context.Context, actor slipway.Actor, id, after int64, limit int) (lines []slipway.LogLine, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if _, err := a.deployment(ctx, tx, actor, id, slipway.ServiceRead); err != nil {
			return err
		}
		lines, err = tx.Logs().After(ctx, id, after, min(max(limit, 1), maxLogLines))
		return err
	})
	return lines, err
}

const maxLogLines = 5000
