package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type pipelineRow struct {
	Service   string `gorm:"primaryKey"`
	Revision  int    `gorm:"primaryKey;autoIncrement:false"`
	Team      string
	Stages    doc[[]slipway.Stage]
	Source    string
	AppliedBy string
	AppliedAt stamp
}

func (pipelineRow) TableName() string { return "pipelines" }

func (r pipelineRow) domain() slipway.Pipeline {
	return slipway.Pipeline{
		Service: r.Service, Team: r.Team, Revision: r.Revision, Stages: r.Stages.V,
		Source: r.Source, AppliedBy: r.AppliedBy, AppliedAt: r.AppliedAt.Time,
	}
}

func (r pipelineRow) head() pipelineHead { return pipelineHead{r.Service, r.Revision} }

type pipelineHead struct {
	Service  string
	Revision int
}

func (h pipelineHead) key() string { return h.Service + " " + strconv.Itoa(h.Revision) }

type pipelines struct{ *tx }

func (s pipelines) Latest(ctx context.Context, service string) (slipway.Pipeline, error) {
	found, err := s.LatestOf(ctx, []string{service})
	p, ok := found[service]
	if err == nil && !ok {
		err = slipway.NotFound("pipeline of", service)
	}
	return p, err
}

// LatestOf reads those pipelines that are not known already: a revision never
// changes, and pages ask for the same ones again and again.
func (s pipelines) LatestOf(ctx context.Context, services []string) (map[string]slipway.Pipeline, error) {
	found := make(map[string]slipway.Pipeline, len(services))
	if len(services) == 0 {
		return found, nil
	}
	heads, err := remembered(ctx, s.tx, asIs[pipelineHead], "read pipelines",
		`SELECT service, max(revision) AS revision FROM pipelines WHERE service IN ? GROUP BY service`, services)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, head := range heads {
		if known, ok := find[slipway.Pipeline](&s.s.decoded, head.key()); ok {
			found[head.Service] = copyOf(&s.s.decoded, *known)
		} else {
			missing = append(missing, head.Service)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	rows, err := many[pipelineRow](ctx, s.tx, "read pipelines", `SELECT p.* FROM pipelines p
		WHERE p.service IN ? AND p.revision = (SELECT max(q.revision) FROM pipelines q WHERE q.service = p.service)`, missing)
	for _, row := range rows {
		found[row.Service] = row.domain()
		keep(&s.s.decoded, row.head().key(), row.domain(), len(row.Source)+row.Stages.size)
	}
	return found, err
}

func (s pipelines) Revision(ctx context.Context, service string, revision int) (slipway.Pipeline, error) {
	row, err := one[pipelineRow](ctx, s.tx, "pipeline revision", fmt.Sprintf("%s/%d", service, revision),
		`SELECT * FROM pipelines WHERE service = ? AND revision = ?`, service, revision)
	return row.domain(), err
}

func (s pipelines) List(ctx context.Context, service string) ([]slipway.Pipeline, error) {
	return lists(ctx, s.tx, pipelineRow.domain, "list pipelines", `SELECT service, revision, team, source, applied_by, applied_at
		FROM pipelines WHERE service = ? ORDER BY revision DESC`, service)
}

func (s pipelines) Add(ctx context.Context, p slipway.Pipeline) error {
	if p.Stages == nil {
		p.Stages = []slipway.Stage{}
	}
	row := pipelineRow{
		Service: p.Service, Revision: p.Revision, Team: p.Team, Stages: docOf(p.Stages),
		Source: p.Source, AppliedBy: p.AppliedBy, AppliedAt: stampOf(p.AppliedAt),
	}
	added, err := s.insert(ctx, "add pipeline", &row)
	if err == nil && !added {
		return slipway.Conflict(fmt.Sprintf("Revision %d of the pipeline of %q is taken.", p.Revision, p.Service),
			"Somebody applied another one in the meantime; look at the difference again.")
	}
	return err
}
