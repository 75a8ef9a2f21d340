package app

import (
	"context"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// ServicePage is a service with its stages and newest releases.
type ServicePage struct {
	Service     slipway.Service
	Team        slipway.Team
	Row         BoardRow
	Pipeline    slipway.Pipeline // revision 0 if there is none
	Environment map[string]slipway.Environment
	Freezes     []slipway.Freeze
	Releases    []slipway.Release    // newest first
	Deployments []slipway.Deployment // newest first
	WhyNot      map[slipway.Permission]string
}

// recentCount is how many releases and deployments a service page shows.
const recentCount = 20

// ServicePage returns a service with everything its page shows.
func (a *App) ServicePage(ctx context.Context, actor slipway.Actor, name string) (p ServicePage, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if p.Service, err = a.service(ctx, tx, actor, name, "", slipway.ServiceRead); err != nil {
			return err
		}
		if p.Team, err = tx.Teams().Get(ctx, p.Service.Team); err != nil {
			return err
		}
		if p.Pipeline, err = tx.Pipelines().Latest(ctx, name); err != nil && !slipway.IsNotFound(err) {
			return err
		}
		rows, _, err := boardRows(ctx, tx, []slipway.Service{p.Service}, "")
		if err != nil {
			return err
		}
		p.Row = rows[0]
		environments, err := tx.Environments().List(ctx)
		if err != nil {
			return err
		}
		p.Environment = map[string]slipway.Environment{}
		for _, e := range environments {
			p.Environment[e.Name] = e
		}
		if p.Freezes, err = a.freezes(ctx, tx); err != nil {
			return err
		}
		if p.Releases, _, err = tx.Releases().List(ctx, name, slipway.Page{Limit: recentCount}); err != nil {
			return err
		}
		if p.Deployments, _, err = tx.Deployments().List(ctx, slipway.DeploymentFilter{Service: name}, slipway.Page{Limit: recentCount}); err != nil {
			return err
		}
		p.WhyNot = map[slipway.Permission]string{}
		for _, permission := range []slipway.Permission{slipway.PipelineApply, slipway.ReleaseCreate, slipway.ServiceRegister} {
			if p.WhyNot[permission], err = a.may(ctx, tx, actor, permission, p.Service.Resource("")); err != nil {
				return err
			}
		}
		return nil
	})
	return p, err
}

// StagePage is one service in one environment.
type StagePage struct {
	Service     slipway.Service
	Environment slipway.Environment
	Stage       slipway.Stage
	State       slipway.StageState
	Active      *slipway.Deployment
	Freezes     []slipway.Freeze
	Candidates  []slipway.Release // that could be promoted, newest first
	Deployments []slipway.Deployment
	RollbackTo  string // what a rollback goes to unless told otherwise; empty: nothing
	WhyNot      map[slipway.Permission]string
}

// StagePage returns what runs in a stage and what can be done there.
func (a *App) StagePage(ctx context.Context, actor slipway.Actor, service, environment string) (p StagePage, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if p.Service, err = a.service(ctx, tx, actor, service, environment, slipway.ServiceRead); err != nil {
			return err
		}
		if p.Environment, err = tx.Environments().Get(ctx, environment); err != nil {
			return err
		}
		pipeline, err := tx.Pipelines().Latest(ctx, service)
		if err != nil && !slipway.IsNotFound(err) {
			return err
		}
		var ok bool
		if p.Stage, ok = pipeline.Stage(environment); !ok {
			return slipway.NotFound("stage of "+service, environment)
		}
		return a.fillStage(ctx, tx, actor, &p)
	})
	return p, err
}

func (a *App) fillStage(ctx context.Context, tx slipway.Tx, actor slipway.Actor, p *StagePage) (err error) {
	service, environment := p.Service.Name, p.Environment.Name
	if p.State, err = tx.Stages().Get(ctx, service, environment); err != nil {
		return err
	}
	active, err := tx.Deployments().Active(ctx, service, environment)
	if err == nil {
		p.Active = &active
	} else if !slipway.IsNotFound(err) {
		return err
	}
	if p.Freezes, err = a.freezes(ctx, tx, environment); err != nil {
		return err
	}
	if p.Candidates, _, err = tx.Releases().List(ctx, service, slipway.Page{Limit: recentCount}); err != nil {
		return err
	}
	p.Deployments, _, err = tx.Deployments().List(ctx, slipway.DeploymentFilter{Service: service, Environment: environment}, slipway.Page{Limit: recentCount})
	if err != nil {
		return err
	}
	targets, err := rollbackTargets(ctx, tx, service, environment, a.now())
	if err != nil {
		return err
	}
	if t, err := pickTarget(targets, Rollback{}); err == nil {
		p.RollbackTo = t.Spec.Version
	}
	p.WhyNot = map[slipway.Permission]string{}
	for _, permission := range []slipway.Permission{slipway.DeploymentPromote, slipway.DeploymentRollback, slipway.HoldLift} {
		if p.WhyNot[permission], err = a.may(ctx, tx, actor, permission, p.Service.Resource(environment)); err != nil {
			return err
		}
	}
	return nil
}
