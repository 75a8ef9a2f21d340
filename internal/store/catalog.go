package store

import (
	"context"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type teamRow struct {
	Name      string `gorm:"primaryKey"`
	Title     string
	OnCall    string
	CreatedAt stamp `gorm:"autoCreateTime:false"`
}

func (teamRow) TableName() string { return "teams" }

func (r teamRow) domain() slipway.Team {
	return slipway.Team{Name: r.Name, Title: r.Title, OnCall: r.OnCall, CreatedAt: r.CreatedAt.Time}
}

type teams struct{ *tx }

func (s teams) Get(ctx context.Context, name string) (slipway.Team, error) {
	return rememberedOne(ctx, s.tx, teamRow.domain, "team", name, `SELECT * FROM teams WHERE name = ?`, name)
}

func (s teams) List(ctx context.Context) ([]slipway.Team, error) {
	return remembered(ctx, s.tx, teamRow.domain, "list teams", `SELECT * FROM teams ORDER BY name`)
}

func (s teams) Put(ctx context.Context, t slipway.Team) error {
	row := teamRow{Name: t.Name, Title: t.Title, OnCall: t.OnCall, CreatedAt: stampOf(t.CreatedAt)}
	return s.put(ctx, "put team", &row, []string{"name"}, "title", "on_call")
}

type environmentRow struct {
	Name  string `gorm:"primaryKey"`
	Title string
	Rank  int
	Tier  slipway.Tier
	Lock  doc[*slipway.Lock]
}

func (environmentRow) TableName() string { return "environments" }

func (r environmentRow) domain() slipway.Environment {
	return slipway.Environment{Name: r.Name, Title: r.Title, Rank: r.Rank, Tier: r.Tier, Lock: r.Lock.V}
}

type environments struct{ *tx }

func (s environments) Get(ctx context.Context, name string) (slipway.Environment, error) {
	return rememberedOne(ctx, s.tx, environmentRow.domain, "environment", name, `SELECT * FROM environments WHERE name = ?`, name)
}

func (s environments) List(ctx context.Context) ([]slipway.Environment, error) {
	return remembered(ctx, s.tx, environmentRow.domain, "list environments",
		`SELECT * FROM environments ORDER BY rank, name`)
}

func (s environments) Put(ctx context.Context, e slipway.Environment) error {
	row := environmentRow{Name: e.Name, Title: e.Title, Rank: e.Rank, Tier: e.Tier, Lock: docOf(e.Lock)}
	return s.put(ctx, "put environment", &row, []string{"name"}, "title", "rank", "tier", "lock")
}
