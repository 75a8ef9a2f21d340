package store

import (
	"context"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type sealedRow struct {
	Path      string `gorm:"primaryKey"`
	Version   int    `gorm:"primaryKey"`
	Keys      doc[[]string]
	KeyID     string
	Wrapped   []byte
	Sealed    []byte
	At        stamp
	DeletedAt *stamp
	Destroyed bool
}

func (sealedRow) TableName() string { return "sealed_secrets" }

func (r sealedRow) domain() slipway.SealedRow {
	return slipway.SealedRow{
		Path: r.Path, Version: r.Version, Keys: r.Keys.V, KeyID: r.KeyID, Wrapped: r.Wrapped, Sealed: r.Sealed,
		At: r.At.Time, DeletedAt: r.DeletedAt.orNil(), Destroyed: r.Destroyed,
	}
}

type sealed struct{ *tx }

func (s sealed) Versions(ctx context.Context, path string) ([]slipway.SealedRow, error) {
	return lists(ctx, s.tx, sealedRow.domain, "list versions of secrets",
		`SELECT path, version, keys, key_id, at, deleted_at, destroyed FROM sealed_secrets WHERE path = ? ORDER BY version DESC`, path)
}

func (s sealed) Get(ctx context.Context, path string, version int) (slipway.SealedRow, error) {
	row, err := one[sealedRow](ctx, s.tx, "version of secrets", path+" "+strconv.Itoa(version),
		`SELECT * FROM sealed_secrets WHERE path = ? AND version = ?`, path, version)
	return row.domain(), err
}

func (s sealed) Add(ctx context.Context, r slipway.SealedRow) error {
	if r.Keys == nil {
		r.Keys = []string{}
	}
	added, err := s.insert(ctx, "add a version of secrets", &sealedRow{
		Path: r.Path, Version: r.Version, Keys: docOf(r.Keys), KeyID: r.KeyID, Wrapped: r.Wrapped, Sealed: r.Sealed,
		At: stampOf(r.At), DeletedAt: stampOrNil(r.DeletedAt), Destroyed: r.Destroyed,
	})
	if err == nil && !added {
		return slipway.Conflict("This version is there already.", "Look at it again.")
	}
	return err
}

func (s sealed) Mark(ctx context.Context, r slipway.SealedRow) error {
	drop := ""
	if r.Destroyed {
		drop = `, wrapped = NULL, sealed = NULL, keys = '[]'`
	}
	_, err := s.exec(ctx, "mark a version of secrets",
		`UPDATE sealed_secrets SET deleted_at = ?, destroyed = ?`+drop+` WHERE path = ? AND version = ?`,
		stampOrNil(r.DeletedAt), r.Destroyed, r.Path, r.Version)
	return err
}

func (s sealed) NotUnder(ctx context.Context, keyID string, limit int) ([]slipway.SealedRow, error) {
	return lists(ctx, s.tx, sealedRow.domain, "list what is sealed under other keys",
		`SELECT * FROM sealed_secrets WHERE key_id <> ? ORDER BY path, version LIMIT ?`, keyID, limit)
}

func (s sealed) Rewrap(ctx context.Context, r slipway.SealedRow) error {
	_, err := s.exec(ctx, "seal a key anew", `UPDATE sealed_secrets SET key_id = ?, wrapped = ? WHERE path = ? AND version = ?`,
		r.KeyID, r.Wrapped, r.Path, r.Version)
	return err
}
