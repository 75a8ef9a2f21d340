package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// planKey names a plan: a deployment has another only under another digest.
type planKey struct {
	deployment int64
	digest     string
}

func (k planKey) String() string { return strconv.FormatInt(k.deployment, 10) + " " + k.digest }

type planRow struct {
	ID         int64
	PlanDigest string
	Plan       string
}

// plansOf returns the plans of rows that were read without, in their order.
// Plans are by far the longest of a row, never change, and are asked for again
// and again, so only those that are not known are read. They are shared: whoever
// gives one away makes a copy. One that cannot be decoded is nil.
func plansOf[R any](ctx context.Context, t *tx, rows []R, key func(R) planKey) ([]*slipway.Plan, error) {
	plans, missing := make([]*slipway.Plan, len(rows)), []int64(nil)
	for i, row := range rows {
		plans[i], _ = find[slipway.Plan](&t.s.decoded, key(row).String())
		if plans[i] == nil {
			missing = append(missing, key(row).deployment)
		}
	}
	if len(missing) == 0 {
		return plans, nil
	}
	found, err := many[planRow](ctx, t, "read plans", `SELECT id, plan_digest, plan FROM deployments WHERE id IN ?`, missing)
	if err != nil {
		return nil, err
	}
	read, damaged := make(map[planKey]*slipway.Plan, len(found)), map[planKey]bool{}
	for _, row := range found {
		k, p := planKey{row.ID, row.PlanDigest}, &slipway.Plan{}
		if damaged[k] = decode(&t.s.decoded, k.String(), row.Plan, p) != nil; !damaged[k] {
			read[k] = p
		}
	}
	for i, row := range rows {
		if plans[i] == nil {
			plans[i] = read[key(row)]
		}
		if plans[i] == nil && !damaged[key(row)] { // planned anew between the two reads, which only a transaction that writes can see
			return nil, slipway.Conflict(fmt.Sprintf("Deployment %d has moved on in the meantime.", key(row).deployment),
				"Look at it again; somebody or something was quicker.")
		}
	}
	return plans, nil
}

// undecidedRow is a deployment as far as it matters to who may decide on it.
type undecidedRow struct {
	ID              int64
	Epoch           int64
	Team            string
	Service         string
	Environment     string
	Version         string
	Cause           slipway.Cause
	State           slipway.State
	PlanDigest      string
	RequestedByKind slipway.ActorKind
	RequestedBy     string
	RequestedByName string
	Verdicts        doc[[]slipway.Verdict]
	Message         string
	CreatedAt       stamp
	damage
}

func (r undecidedRow) domain() slipway.Deployment {
	return slipway.Deployment{
		ID: r.ID, Epoch: r.Epoch, Team: r.Team, Service: r.Service, Environment: r.Environment,
		Version: r.Version, Cause: r.Cause, State: r.State, PlanDigest: r.PlanDigest,
		RequestedBy: slipway.Person{Kind: r.RequestedByKind, ID: r.RequestedBy, Name: r.RequestedByName},
		Verdicts:    r.Verdicts.V, Message: r.Message, CreatedAt: r.CreatedAt.Time,
	}
}

func (s deployments) Undecided(ctx context.Context, voter string, limit int) ([]slipway.Deployment, error) {
	rows, err := many[undecidedRow](ctx, s.tx, "list undecided deployments", undecidedQuery, voter, limit)
	if err != nil {
		return nil, err
	}
	return s.decidable(ctx, rows)
}

const undecidedQuery = `SELECT id, epoch, team, service, environment, version, cause, state, plan_digest,
	requested_by_kind, requested_by, requested_by_name, verdicts, message, created_at
	FROM deployments d WHERE state = 'waiting' AND NOT EXISTS (SELECT 1 FROM votes v
		WHERE v.deployment = d.id AND v.plan_digest = d.plan_digest AND v.voter = ?)
	ORDER BY id DESC LIMIT ?`

// decidable turns rows into deployments with the gates of their plans.
func (s deployments) decidable(ctx context.Context, rows []undecidedRow) ([]slipway.Deployment, error) {
	plans, err := plansOf(ctx, s.tx, rows, func(r undecidedRow) planKey { return planKey{r.ID, r.PlanDigest} })
	if err != nil {
		return nil, err
	}
	out := make([]slipway.Deployment, 0, len(rows))
	for i, row := range rows {
		if plans[i] == nil {
			row.spoil(errPlan)
		}
		if row.why != nil {
			s.leftOut(ctx, row.ID, row.why)
			continue
		}
		d := row.domain()
		d.Plan.Gates = copyOf(&s.s.decoded, plans[i].Gates)
		out = append(out, d)
	}
	return out, nil
}
