package store

import (
	"context"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type secretViewRow struct {
	Service     string `gorm:"primaryKey"`
	Environment string `gorm:"primaryKey"`
	Seen        doc[slipway.SecretView]
}

func (secretViewRow) TableName() string { return "secret_views" }

type secretChangeRow struct {
	ID          int64 `gorm:"primaryKey;autoIncrement"`
	Service     string
	Environment string
	Path        string
	Version     int
	Action      string
	Keys        doc[[]string]
	MadeBy      string
	ByName      string
	At          stamp
}

func (secretChangeRow) TableName() string { return "secret_changes" }

func (r secretChangeRow) domain() slipway.SecretChange {
	return slipway.SecretChange{
		Service: r.Service, Environment: r.Environment, Path: r.Path, Version: r.Version, Action: r.Action,
		Keys: r.Keys.V, By: r.MadeBy, ByName: r.ByName, At: r.At.Time,
	}
}

type secretBook struct{ *tx }

func (s secretBook) View(ctx context.Context, service, environment string) (slipway.SecretView, error) {
	rows, err := many[secretViewRow](ctx, s.tx, "read what is known of secrets",
		`SELECT * FROM secret_views WHERE service = ? AND environment = ?`, service, environment)
	if err != nil || len(rows) == 0 {
		return slipway.SecretView{}, err
	}
	return rows[0].Seen.V, nil
}

type seenRow struct {
	Team        string
	Service     string
	Environment string
	Seen        doc[slipway.SecretView]
}

func (r seenRow) domain() slipway.SeenSecrets {
	return slipway.SeenSecrets{Team: r.Team, Service: r.Service, Environment: r.Environment, View: r.Seen.V}
}

func (s secretBook) Views(ctx context.Context) ([]slipway.SeenSecrets, error) {
	return lists(ctx, s.tx, seenRow.domain, "list what is known of secrets",
		`SELECT s.team, v.service, v.environment, v.seen FROM secret_views v JOIN services s ON s.name = v.service
		JOIN environments e ON e.name = v.environment ORDER BY v.service, e.rank, v.environment`)
}

func (s secretBook) PutView(ctx context.Context, service, environment string, v slipway.SecretView) error {
	row := secretViewRow{Service: service, Environment: environment, Seen: docOf(v)}
	return s.put(ctx, "keep what is known of secrets", &row, []string{"service", "environment"}, "seen")
}

func (s secretBook) AddChange(ctx context.Context, c slipway.SecretChange) error {
	if c.Keys == nil {
		c.Keys = []string{}
	}
	_, err := s.insert(ctx, "add change of secrets", &secretChangeRow{
		Service: c.Service, Environment: c.Environment, Path: c.Path, Version: c.Version, Action: c.Action,
		Keys: docOf(c.Keys), MadeBy: c.By, ByName: c.ByName, At: stampOf(c.At),
	})
	return err
}

func (s secretBook) Changes(ctx context.Context, path string, limit int) ([]slipway.SecretChange, error) {
	return lists(ctx, s.tx, secretChangeRow.domain, "list changes of secrets",
		`SELECT * FROM secret_changes WHERE path = ? ORDER BY id DESC LIMIT ?`, path, limit)
}
