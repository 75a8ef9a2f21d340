package store

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// glanceRow is a row of one of three kinds. Of a stage it has no deployment, and
// of a deployment no stage.
type glanceRow struct {
	Kind string
	deploymentRow
	LiveDeployment *int64
	LiveSpec       doc[*slipway.Spec]
	LiveSince      *stamp
	Observed       report
	ObservedAt     *stamp
	Partial        doc[*slipway.Partial]
	Hold           doc[*slipway.Hold]
	Failure        doc[*slipway.LastFailure]
}

// The three kinds, each with the columns of all. The first two say between them
// of what type each is, which NULL does not tell PostgreSQL.
const (
	ofActive = `SELECT 'active' AS kind, ` + deploymentColumns + `, NULL AS live_deployment, NULL AS live_spec, NULL AS live_since,
		NULL AS observed, NULL AS observed_at, NULL AS partial, NULL AS hold, NULL AS failure FROM deployments`
	ofStages = `SELECT 'stage', 0, 0, team, service, environment, '', '', '', '', NULL, '', '', '', '', NULL, 0, '', NULL, NULL,
		'', 0, '0001-01-01T00:00:00.000000Z', NULL, NULL, NULL,
		live_deployment, live_spec, live_since, observed, observed_at, partial, hold, failure FROM stage_states`
	ofUndecided = `SELECT 'undecided', id, epoch, team, service, environment, version, cause, state, plan_digest, NULL,
		requested_by_kind, requested_by, requested_by_name, '', NULL, 0, '', verdicts, NULL, message, 0, created_at, NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM (` + undecidedQuery + `) u`
)

func (s stages) Glance(ctx context.Context, at slipway.Glancing) (g slipway.Glance, err error) {
	if len(at.Services) == 0 {
		g = slipway.Glance{Stages: []slipway.StageState{}, Active: []slipway.Deployment{}, Undecided: []slipway.Deployment{}}
		if at.Voter != "" {
			g.Undecided, err = deployments(s).Undecided(ctx, at.Voter, at.Limit)
		}
		return g, err
	}
	query := ofActive + s.by("deployments_one_active") + ` WHERE service IN ? AND ` + activeStates +
		` UNION ALL ` + ofStages + ` WHERE service IN ?`
	args := []any{at.Services, at.Services}
	if at.Voter != "" {
		query, args = query+` UNION ALL `+ofUndecided, append(args, at.Voter, at.Limit)
	}
	rows, err := many[glanceRow](ctx, s.tx, "glance at stages and deployments", query, args...)
	if err != nil {
		return g, err
	}
	// Several queries together have no order.
	slices.SortFunc(rows, func(a, b glanceRow) int {
		return cmp.Or(cmp.Compare(b.ID, a.ID), strings.Compare(a.Service, b.Service), strings.Compare(a.Environment, b.Environment))
	})
	return s.apart(ctx, rows)
}

// apart takes the kinds apart, and adds the plans.
func (s stages) apart(ctx context.Context, rows []glanceRow) (g slipway.Glance, err error) {
	var states []stageRow
	var active []deploymentRow
	var undecided []undecidedRow
	for _, r := range rows {
		switch {
		case r.Kind == "active":
			active = append(active, r.deploymentRow)
		case r.Kind == "undecided":
			undecided = append(undecided, r.undecided())
		case r.why != nil:
			return g, fault("list stages", r.why)
		default:
			states = append(states, r.stage())
		}
	}
	g.Stages = domains(states, stageRow.domain)
	if err := deployments(s).addPlans(ctx, active); err != nil {
		return g, err
	}
	g.Active = domains(deployments(s).whole(ctx, active), deploymentRow.domain)
	g.Undecided, err = deployments(s).decidable(ctx, undecided)
	return g, err
}

func (r glanceRow) stage() stageRow {
	return stageRow{
		Service: r.Service, Environment: r.Environment, Team: r.Team, LiveDeployment: r.LiveDeployment, LiveSpec: r.LiveSpec,
		LiveSince: r.LiveSince, Observed: r.Observed, ObservedAt: r.ObservedAt, Partial: r.Partial, Hold: r.Hold, Failure: r.Failure,
	}
}

func (r glanceRow) undecided() undecidedRow {
	return undecidedRow{
		ID: r.ID, Epoch: r.Epoch, Team: r.Team, Service: r.Service, Environment: r.Environment, Version: r.Version, Cause: r.Cause,
		State: r.State, PlanDigest: r.PlanDigest, RequestedByKind: r.RequestedByKind, RequestedBy: r.RequestedBy,
		RequestedByName: r.RequestedByName, Verdicts: r.Verdicts, Message: r.Message, CreatedAt: r.CreatedAt, damage: r.damage,
	}
}
