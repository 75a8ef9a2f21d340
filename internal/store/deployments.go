package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type deploymentRow struct {
	ID              int64 `gorm:"primaryKey;autoIncrement"`
	Epoch           int64
	Team            string
	Service         string
	Environment     string
	Version         string
	Cause           slipway.Cause
	State           slipway.State
	Plan            doc[slipway.Plan]
	PlanDigest      string
	Replaced        doc[[]slipway.Plan]
	RequestedByKind slipway.ActorKind
	RequestedBy     string
	RequestedByName string
	Note            string
	Runs            doc[[]slipway.PhaseRun]
	Phase           int
	Ending          slipway.State
	Verdicts        doc[[]slipway.Verdict]
	Probes          doc[[]slipway.Probe]
	Message         string
	SupersededBy    int64
	CreatedAt       stamp `gorm:"autoCreateTime:false"`
	StartedAt       *stamp
	EndedAt         *stamp
	NextWakeAt      *stamp
	LogCursor       *string `gorm:"-"` // where it was asked for
	damage
}

func (deploymentRow) TableName() string { return "deployments" }

// rowOfDeployment leaves the next wake-up out of what has ended, so that the
// index of the due ones holds nothing else.
func rowOfDeployment(d slipway.Deployment) deploymentRow {
	if !d.State.Active() {
		d.NextWakeAt = nil
	}
	return deploymentRow{
		ID: d.ID, Epoch: d.Epoch, Team: d.Team, Service: d.Service, Environment: d.Environment,
		Version: d.Version, Cause: d.Cause, State: d.State, Plan: docOf(d.Plan), PlanDigest: d.PlanDigest,
		Replaced: docOf(d.Replaced), RequestedByKind: d.RequestedBy.Kind, RequestedBy: d.RequestedBy.ID,
		RequestedByName: d.RequestedBy.Name, Note: d.Note, Runs: docOf(d.Runs), Phase: d.Phase,
		Ending: d.Ending, Verdicts: docOf(d.Verdicts), Probes: docOf(d.Probes), Message: d.Message, SupersededBy: d.SupersededBy,
		CreatedAt: stampOf(d.CreatedAt), StartedAt: stampOrNil(d.StartedAt),
		EndedAt: stampOrNil(d.EndedAt), NextWakeAt: stampOrNil(d.NextWakeAt),
	}
}

func (r deploymentRow) domain() slipway.Deployment {
	return slipway.Deployment{
		ID: r.ID, Epoch: r.Epoch, Team: r.Team, Service: r.Service, Environment: r.Environment,
		Version: r.Version, Cause: r.Cause, State: r.State, Plan: r.Plan.V, PlanDigest: r.PlanDigest,
		Replaced:    r.Replaced.V,
		RequestedBy: slipway.Person{Kind: r.RequestedByKind, ID: r.RequestedBy, Name: r.RequestedByName},
		Note:        r.Note, Runs: r.Runs.V, Phase: r.Phase, Ending: r.Ending, Verdicts: r.Verdicts.V,
		Probes: r.Probes.V, Message: r.Message, SupersededBy: r.SupersededBy, CreatedAt: r.CreatedAt.Time,
		StartedAt: r.StartedAt.orNil(), EndedAt: r.EndedAt.orNil(), NextWakeAt: r.NextWakeAt.orNil(),
	}
}

// activeStates is the condition of the partial index, word for word: only so do
// the databases use it.
const activeStates = `state IN ('waiting', 'running', 'paused', 'reverting')`

type deployments struct{ *tx }

// find reads deployments. The plans come apart, see plansOf. A row that cannot
// be read is among them, see damage.
func (s deployments) find(ctx context.Context, what, condition string, args ...any) ([]deploymentRow, error) {
	return s.findWith(ctx, what, "", condition, args...)
}

// findWith asks for more than the row.
func (s deployments) findWith(ctx context.Context, what, more, condition string, args ...any) ([]deploymentRow, error) {
	rows, err := many[deploymentRow](ctx, s.tx, what, `SELECT `+deploymentColumns+more+` FROM deployments`+condition, args...)
	if err != nil {
		return nil, err
	}
	return rows, s.addPlans(ctx, rows)
}

// deploymentColumns are all but the plan.
const deploymentColumns = `id, epoch, team, service, environment, version, cause, state,
	plan_digest, replaced, requested_by_kind, requested_by, requested_by_name, note, runs, phase, ending, verdicts, probes,
	message, superseded_by, created_at, started_at, ended_at, next_wake_at`

func (s deployments) addPlans(ctx context.Context, rows []deploymentRow) error {
	plans, err := plansOf(ctx, s.tx, rows, func(r deploymentRow) planKey { return planKey{r.ID, r.PlanDigest} })
	for i, plan := range plans {
		if plan == nil {
			rows[i].spoil(errPlan)
			continue
		}
		rows[i].Plan.V = copyOf(&s.s.decoded, *plan)
	}
	return err
}

func (s deployments) findOne(ctx context.Context, kind, name, condition string, args ...any) (slipway.Deployment, error) {
	rows, err := s.find(ctx, "read "+kind, condition, args...)
	if err != nil {
		return slipway.Deployment{}, err
	}
	return theOne(rows, kind, name)
}

// theOne is the only row, which is there and can be read.
func theOne(rows []deploymentRow, kind, name string) (slipway.Deployment, error) {
	if len(rows) == 0 {
		return slipway.Deployment{}, slipway.NotFound(kind, name)
	}
	if why := rows[0].why; why != nil {
		return slipway.Deployment{}, unreadable(rows[0].ID, why)
	}
	return rows[0].domain(), nil
}

func (s deployments) Get(ctx context.Context, id int64) (slipway.Deployment, error) {
	return s.findOne(ctx, "deployment", strconv.FormatInt(id, 10), ` WHERE id = ?`, id)
}

func (s deployments) List(ctx context.Context, f slipway.DeploymentFilter, page slipway.Page) ([]slipway.Deployment, string, error) {
	const list = "deployments"
	before, err := decodeID(list, page.Cursor)
	if err != nil {
		return nil, "", err
	}
	var w where
	w.equal("service", f.Service)
	w.equal("environment", f.Environment)
	w.equal("version", f.Version)
	w.equal("team", f.Team)
	w.equal("requested_by", f.RequestedBy)
	if len(f.States) > 0 {
		w.and("state IN ?", f.States)
	}
	if onlyActive(f.States) {
		w.and(activeStates)
	}
	if before > 0 {
		w.and("id < ?", before)
	}
	limit := limitOf(page)
	rows, err := s.find(ctx, "list deployments", s.by(wayToDeployments(f))+w.String()+` ORDER BY id DESC LIMIT ?`, append(w.args, limit+1)...)
	if err != nil {
		return nil, "", err
	}
	rows, more := cut(rows, limit)
	next := ""
	if more {
		next = encodeID(list, rows[len(rows)-1].ID)
	}
	// Ids go with the time, up to moments: who asked for what is new does not wait
	// for all that is old to be read.
	tooOld := func(r deploymentRow) bool { return r.why == nil && r.CreatedAt.Before(stampOf(f.Since).Time) }
	if len(rows) > 0 && tooOld(rows[len(rows)-1]) {
		next = ""
	}
	return domains(s.whole(ctx, slices.DeleteFunc(rows, tooOld)), deploymentRow.domain), next, nil
}

func (s deployments) Active(ctx context.Context, service, environment string) (slipway.Deployment, error) {
	return s.findOne(ctx, "active deployment of", service+" in "+environment,
		` WHERE service = ? AND environment = ? AND `+activeStates, service, environment)
}

func (s deployments) ActiveOf(ctx context.Context, services []string) ([]slipway.Deployment, error) {
	if len(services) == 0 {
		return []slipway.Deployment{}, nil
	}
	rows, err := s.find(ctx, "list active deployments", s.by("deployments_one_active")+` WHERE service IN ? AND `+activeStates+` ORDER BY id DESC`, services)
	return domains(s.whole(ctx, rows), deploymentRow.domain), err
}

func (s deployments) Insert(ctx context.Context, d slipway.Deployment) (slipway.Deployment, error) {
	d.ID, d.Epoch = 0, 1
	row := rowOfDeployment(d)
	added, err := s.insert(ctx, "insert deployment", &row)
	if err != nil {
		return slipway.Deployment{}, err
	}
	if !added {
		return slipway.Deployment{}, slipway.Conflict(
			fmt.Sprintf("A deployment of %s to %s is already under way.", d.Service, d.Environment),
			"Wait for it to end, or cancel it.")
	}
	s.wakeFor(ctx, row)
	return row.domain(), nil
}

// Save also refuses to bring a deployment that has ended back to life.
func (s deployments) Save(ctx context.Context, d slipway.Deployment) (slipway.Deployment, error) {
	row := rowOfDeployment(d)
	row.Epoch++
	// The plan is the largest part of the row and seldom another: what has the
	// digest that is there is there.
	const save, where = `UPDATE deployments SET epoch = ?, state = ?, replaced = ?, note = ?, runs = ?, phase = ?, ending = ?,
		verdicts = ?, probes = ?, message = ?, superseded_by = ?, started_at = ?, ended_at = ?, next_wake_at = ?`, `
		WHERE id = ? AND epoch = ? AND (state = ? OR ` + activeStates + `)`
	values := []any{row.Epoch, row.State, row.Replaced, row.Note, row.Runs, row.Phase, row.Ending,
		row.Verdicts, row.Probes, row.Message, row.SupersededBy, row.StartedAt, row.EndedAt, row.NextWakeAt}
	key := []any{row.ID, d.Epoch, row.State}
	n, err := s.exec(ctx, "save deployment", save+where+` AND plan_digest = ?`, slices.Concat(values, key, []any{row.PlanDigest})...)
	if err == nil && n == 0 {
		n, err = s.exec(ctx, "save deployment", save+`, plan = ?, plan_digest = ?`+where, slices.Concat(values, []any{row.Plan, row.PlanDigest}, key)...)
	}
	if err != nil {
		return slipway.Deployment{}, err
	}
	if n == 0 {
		if _, err := s.Get(ctx, d.ID); err != nil {
			return slipway.Deployment{}, err
		}
		return slipway.Deployment{}, slipway.Conflict(
			fmt.Sprintf("Deployment %d has moved on in the meantime.", d.ID),
			"Look at it again; somebody or something was quicker.")
	}
	s.wakeFor(ctx, row)
	return row.domain(), nil
}

// Look implements slipway.Wakes.
func (s *Store) Look(ctx context.Context, id int64) (d slipway.Deployment, logCursor string, err error) {
	err = s.alone(ctx, func(t *tx) error {
		rows, err := deployments{t}.findWith(ctx, "look at a deployment",
			`, (SELECT position FROM log_cursors WHERE deployment = deployments.id) AS log_cursor`, ` WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if d, err = theOne(rows, "deployment", strconv.FormatInt(id, 10)); err == nil && rows[0].LogCursor != nil {
			logCursor = *rows[0].LogCursor
		}
		return err
	})
	return d, logCursor, err
}

// Due implements slipway.Wakes.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]int64, error) {
	var ids []int64
	err := s.read(ctx, func(t *tx) error {
		rows, err := many[struct{ ID int64 }](ctx, t, "list due deployments",
			`SELECT id FROM (SELECT id FROM deployments WHERE next_wake_at <= ? ORDER BY next_wake_at LIMIT ?) due
			UNION ALL SELECT id FROM (SELECT id FROM deployments WHERE next_wake_at > ? ORDER BY next_wake_at LIMIT ?) far`,
			stampOf(now), limit, stampOf(now.Add(farOff)), limit)
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		return err
	})
	return ids[:min(limit, len(ids))], err
}

// farOff is further away than anything is put off. What is due only then was put
// off by a clock that went wrong.
const farOff = 24 * time.Hour
