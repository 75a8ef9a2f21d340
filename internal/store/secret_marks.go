package store

import (
	"context"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type secretMarkRow struct {
	Service     string `gorm:"primaryKey"`
	Environment string `gorm:"primaryKey"`
	Key         string `gorm:"primaryKey"`
	Restricted  bool
	OpenFrom    int
	Pending     int
	MadeBy      string
	ByName      string
	At          stamp
}

func (secretMarkRow) TableName() string { return "secret_marks" }

func (r secretMarkRow) domain() slipway.SecretMark {
	return slipway.SecretMark{Service: r.Service, Environment: r.Environment, Key: r.Key, Restricted: r.Restricted, OpenFrom: r.OpenFrom,
		Pending: r.Pending, By: r.MadeBy, ByName: r.ByName, At: r.At.Time}
}

type secretMarks struct{ *tx }

func (s secretMarks) Of(ctx context.Context, service, environment string) (slipway.SecretMarks, error) {
	return lists(ctx, s.tx, secretMarkRow.domain, "list restricted keys",
		`SELECT * FROM secret_marks WHERE service = ? AND environment = ? ORDER BY key`, service, environment)
}

func (s secretMarks) Put(ctx context.Context, m slipway.SecretMark) error {
	row := secretMarkRow{Service: m.Service, Environment: m.Environment, Key: m.Key, Restricted: m.Restricted, OpenFrom: m.OpenFrom,
		Pending: m.Pending, MadeBy: m.By, ByName: m.ByName, At: stampOf(m.At)}
	return s.put(ctx, "keep a restricted key", &row, []string{"service", "environment", "key"},
		"restricted", "open_from", "pending", "made_by", "by_name", "at")
}
