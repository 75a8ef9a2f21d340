package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type releaseRow struct {
	Service   string `gorm:"primaryKey"`
	Version   string `gorm:"primaryKey"`
	Seq       int64
	Content   doc[slipway.ReleaseContent]
	Blocked   doc[*slipway.Block]
	CreatedBy string
	CreatedAt stamp `gorm:"autoCreateTime:false"`
}

func (releaseRow) TableName() string { return "releases" }

func (r releaseRow) domain() slipway.Release {
	return slipway.Release{
		Service: r.Service, Version: r.Version, Seq: r.Seq, Content: r.Content.V,
		Blocked: r.Blocked.V, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.Time,
	}
}

type releases struct{ *tx }

func (s releases) Get(ctx context.Context, service, version string) (slipway.Release, error) {
	row, err := one[releaseRow](ctx, s.tx, "release", service+" "+version,
		`SELECT * FROM releases WHERE service = ? AND version = ?`, service, version)
	return row.domain(), err
}

func (s releases) List(ctx context.Context, service string, page slipway.Page) ([]slipway.Release, string, error) {
	const list = "releases"
	before, err := decodeID(list, page.Cursor)
	if err != nil {
		return nil, "", err
	}
	var w where
	w.and("service = ?", service)
	if before > 0 {
		w.and("seq < ?", before)
	}
	limit := limitOf(page)
	rows, err := many[releaseRow](ctx, s.tx, "list releases",
		`SELECT * FROM releases`+w.String()+` ORDER BY seq DESC LIMIT ?`, append(w.args, limit+1)...)
	if err != nil {
		return nil, "", err
	}
	rows, more := cut(rows, limit)
	next := ""
	if more {
		next = encodeCursor(list, strconv.FormatInt(rows[len(rows)-1].Seq, 10))
	}
	return domains(rows, releaseRow.domain), next, nil
}

func (s releases) Newest(ctx context.Context, service string) (slipway.Release, error) {
	row, err := one[releaseRow](ctx, s.tx, "release of", service,
		`SELECT * FROM releases WHERE service = ? ORDER BY seq DESC LIMIT 1`, service)
	return row.domain(), err
}

// Add holds the service's row while it counts, so that two releases made at
// once get different numbers with none left out. The statement that counts is one
// of its own: it sees what those did who held the row before.
func (s releases) Add(ctx context.Context, r slipway.Release) (slipway.Release, error) {
	_, err := one[struct{ Name string }](ctx, s.tx, "service", r.Service,
		`SELECT name FROM services WHERE name = ?`+s.forUpdate("NO KEY UPDATE"), r.Service)
	if err != nil {
		return slipway.Release{}, err
	}
	added, err := many[releaseRow](ctx, s.tx, "add release", `INSERT INTO releases (service, version, seq, content, blocked, created_by, created_at)
		VALUES (?, ?, (SELECT coalesce(max(seq), 0) + 1 FROM releases WHERE service = ?), ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING *`,
		r.Service, r.Version, r.Service, docOf(r.Content), docOf(r.Blocked), r.CreatedBy, stampOf(r.CreatedAt))
	if err != nil {
		return slipway.Release{}, err
	}
	if len(added) == 0 {
		return slipway.Release{}, slipway.Conflict(fmt.Sprintf("%s already has a release %s.", r.Service, r.Version),
			"A release never changes; choose another version.")
	}
	return added[0].domain(), nil
}

func (s releases) SetBlocked(ctx context.Context, service, version string, b *slipway.Block) error {
	n, err := s.exec(ctx, "block release", `UPDATE releases SET blocked = ? WHERE service = ? AND version = ?`,
		docOf(b), service, version)
	if err == nil && n == 0 {
		return slipway.NotFound("release", service+" "+version)
	}
	return err
}
