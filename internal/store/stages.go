package store

import (
	"context"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type stageRow struct {
	Service        string `gorm:"primaryKey"`
	Environment    string `gorm:"primaryKey"`
	Team           string
	LiveDeployment *int64
	LiveSpec       doc[*slipway.Spec]
	LiveSince      *stamp
	Observed       report
	ObservedAt     *stamp
	Partial        doc[*slipway.Partial]
	Hold           doc[*slipway.Hold]
	Failure        doc[*slipway.LastFailure]
}

// report is a column with what a deployer saw. Its text begins with the time,
// which is another each time, while the rest stays the same for days: so the
// rest is what is remembered.
type report struct{ doc[*slipway.Observed] }

func reportOf(o *slipway.Observed) report { return report{docOf(o)} }

// Scan decodes the content.
func (r *report) Scan(from any) error {
	text, ok := from.(string)
	rest, timed := strings.CutPrefix(text, `{"at":"`)
	at, rest, cut := strings.Cut(rest, `",`)
	seen, err := time.Parse(time.RFC3339Nano, at)
	if !ok || !timed || !cut || err != nil {
		return r.doc.Scan(from)
	}
	if err := decode(r.known, rest, "{"+rest, &r.V); err != nil {
		return err
	}
	r.V.At = seen
	return nil
}

func (stageRow) TableName() string { return "stage_states" }

func (r stageRow) domain() slipway.StageState {
	state := slipway.StageState{
		Team: r.Team, Service: r.Service, Environment: r.Environment,
		Observed: r.Observed.V, Partial: r.Partial.V, Hold: r.Hold.V, Failure: r.Failure.V,
	}
	if r.LiveDeployment != nil && r.LiveSpec.V != nil && r.LiveSince != nil {
		state.Live = &slipway.Live{Deployment: *r.LiveDeployment, Spec: *r.LiveSpec.V, Since: r.LiveSince.Time}
	}
	return state
}

type stages struct{ *tx }

// Get holds the row in a writing transaction on PostgreSQL: who is about to
// Put what it read must not undo what another put in the meantime.
func (s stages) Get(ctx context.Context, service, environment string) (slipway.StageState, error) {
	rows, err := many[stageRow](ctx, s.tx, "read stage",
		`SELECT * FROM stage_states WHERE service = ? AND environment = ?`+s.forUpdate("UPDATE"), service, environment)
	if err != nil || len(rows) == 0 {
		return slipway.StageState{Service: service, Environment: environment}, err
	}
	return rows[0].domain(), nil
}

func (s stages) Of(ctx context.Context, services []string) ([]slipway.StageState, error) {
	if len(services) == 0 {
		return []slipway.StageState{}, nil
	}
	return lists(ctx, s.tx, stageRow.domain, "list stages",
		`SELECT * FROM stage_states WHERE service IN ? ORDER BY service, environment`, services)
}

func (s stages) All(ctx context.Context) ([]slipway.StageState, error) {
	return lists(ctx, s.tx, stageRow.domain, "list stages",
		`SELECT * FROM stage_states WHERE live_deployment IS NOT NULL ORDER BY service, environment`)
}

func (s stages) Put(ctx context.Context, v slipway.StageState) error {
	row := stageRow{
		Service: v.Service, Environment: v.Environment, Team: v.Team,
		Observed: reportOf(v.Observed), Partial: docOf(v.Partial), Hold: docOf(v.Hold), Failure: docOf(v.Failure),
	}
	if v.Live != nil {
		row.LiveDeployment, row.LiveSpec, row.LiveSince = &v.Live.Deployment, docOf(&v.Live.Spec), stampOrNil(&v.Live.Since)
	}
	if v.Observed != nil {
		row.ObservedAt = stampOrNil(&v.Observed.At)
	}
	return s.put(ctx, "put stage", &row, []string{"service", "environment"}, "team", "live_deployment",
		"live_spec", "live_since", "observed", "observed_at", "partial", "hold", "failure")
}

// PutObserved leaves everything else as it is, and never replaces a report by
// an older one.
func (s stages) PutObserved(ctx context.Context, service, environment string, o slipway.Observed) error {
	_, err := s.exec(ctx, "put observed", `INSERT INTO stage_states (service, environment, team, observed, observed_at)
		SELECT name, ?, team, ?, ? FROM services WHERE name = ?
		ON CONFLICT (service, environment) DO UPDATE SET observed = excluded.observed, observed_at = excluded.observed_at
		WHERE stage_states.observed_at IS NULL OR stage_states.observed_at <= excluded.observed_at`,
		environment, reportOf(&o), stampOf(o.At), service)
	return err
}
