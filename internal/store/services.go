package store

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type serviceRow struct {
	Name        string `gorm:"primaryKey"`
	Title       string
	Team        string
	Description string
	Repository  string
	Links       doc[[]slipway.Link]
	Tags        doc[[]string]
	Version     int64
	CreatedAt   stamp `gorm:"autoCreateTime:false"`
	UpdatedAt   stamp `gorm:"autoUpdateTime:false"`
}

func (serviceRow) TableName() string { return "services" }

func rowOfService(s slipway.Service) serviceRow {
	return serviceRow{
		Name: s.Name, Title: s.Title, Team: s.Team, Description: s.Description,
		Repository: s.Repository, Links: docOf(s.Links), Tags: docOf(s.Tags), Version: s.Version,
		CreatedAt: stampOf(s.CreatedAt), UpdatedAt: stampOf(s.UpdatedAt),
	}
}

func (r serviceRow) domain() slipway.Service {
	return slipway.Service{
		Name: r.Name, Title: r.Title, Team: r.Team, Description: r.Description,
		Repository: r.Repository, Links: r.Links.V, Tags: r.Tags.V, Version: r.Version,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

type services struct{ *tx }

func (s services) Get(ctx context.Context, name string) (slipway.Service, error) {
	return rememberedOne(ctx, s.tx, serviceRow.domain, "service", name, `SELECT * FROM services WHERE name = ?`, name)
}

func (s services) List(ctx context.Context, filter slipway.ServiceFilter, page slipway.Page) ([]slipway.Service, string, error) {
	const list = "services"
	var w where
	w.equal("team", filter.Team)
	w.anyOf("team", filter.Teams)
	w.contains(filter.Query, "name", "title")
	after, err := decodeCursor(list, page.Cursor, 2)
	if err != nil {
		return nil, "", err
	}
	if after != nil {
		w.and("(team, name) > (?, ?)", after[0], after[1])
	}
	limit := limitOf(page)
	rows, err := remembered(ctx, s.tx, serviceRow.domain, "list services",
		`SELECT * FROM services`+w.String()+` ORDER BY team, name LIMIT ?`, append(w.args, limit+1)...)
	if err != nil {
		return nil, "", err
	}
	rows, more := cut(rows, limit)
	next := ""
	if more {
		last := rows[len(rows)-1]
		next = encodeCursor(list, last.Team, last.Name)
	}
	return rows, next, nil
}

// Insert begins the service at version 1.
func (s services) Insert(ctx context.Context, v slipway.Service) error {
	v.Version = 1
	row := rowOfService(v)
	added, err := s.insert(ctx, "insert service", &row)
	if err == nil && !added {
		return slipway.Conflict(fmt.Sprintf("There is already a service %q.", v.Name), "Choose another name.")
	}
	return err
}

func (s services) Update(ctx context.Context, v slipway.Service) (slipway.Service, error) {
	row := rowOfService(v)
	n, err := s.exec(ctx, "update service", `UPDATE services SET title = ?, team = ?, description = ?,
		repository = ?, links = ?, tags = ?, updated_at = ?, version = version + 1
		WHERE name = ? AND version = ?`,
		row.Title, row.Team, row.Description, row.Repository, row.Links, row.Tags, row.UpdatedAt, row.Name, row.Version)
	if err != nil {
		return slipway.Service{}, err
	}
	if n == 0 {
		if _, err := s.Get(ctx, v.Name); err != nil {
			return slipway.Service{}, err
		}
		return slipway.Service{}, slipway.Conflict(
			fmt.Sprintf("Somebody else changed the service %q in the meantime.", v.Name), "Look at it again, and repeat your change.")
	}
	v.Version++
	return v, nil
}
