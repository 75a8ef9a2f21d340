package store

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type tokenRow struct {
	ID         string `gorm:"primaryKey"`
	Name       string
	OwnerKind  slipway.ActorKind
	OwnerID    string
	SecretHash string
	Scopes     doc[[]slipway.Permission]
	CreatedAt  stamp `gorm:"autoCreateTime:false"`
	ExpiresAt  stamp
	LastUsedAt *stamp
	RevokedAt  *stamp
}

func (tokenRow) TableName() string { return "tokens" }

func (r tokenRow) domain() slipway.Token {
	return slipway.Token{
		ID: r.ID, Name: r.Name, OwnerKind: r.OwnerKind, OwnerID: r.OwnerID, SecretHash: r.SecretHash,
		Scopes: r.Scopes.V, CreatedAt: r.CreatedAt.Time, ExpiresAt: r.ExpiresAt.Time,
		LastUsedAt: r.LastUsedAt.orNil(), RevokedAt: r.RevokedAt.orNil(),
	}
}

type tokens struct{ *tx }

func (s tokens) Get(ctx context.Context, id string) (slipway.Token, error) {
	row, err := one[tokenRow](ctx, s.tx, "token", id, `SELECT * FROM tokens WHERE id = ?`, id)
	return row.domain(), err
}

func (s tokens) List(ctx context.Context, ownerID string) ([]slipway.Token, error) {
	var w where
	w.equal("owner_id", ownerID)
	return lists(ctx, s.tx, tokenRow.domain, "list tokens",
		`SELECT * FROM tokens`+w.String()+` ORDER BY created_at DESC, id`, w.args...)
}

func (s tokens) Add(ctx context.Context, v slipway.Token) error {
	row := tokenRow{
		ID: v.ID, Name: v.Name, OwnerKind: v.OwnerKind, OwnerID: v.OwnerID, SecretHash: v.SecretHash,
		Scopes: docOf(v.Scopes), CreatedAt: stampOf(v.CreatedAt), ExpiresAt: stampOf(v.ExpiresAt),
		LastUsedAt: stampOrNil(v.LastUsedAt), RevokedAt: stampOrNil(v.RevokedAt),
	}
	added, err := s.insert(ctx, "add token", &row)
	if err == nil && !added {
		return slipway.Conflict("There is already a token with this id.", "Make another one.")
	}
	return err
}

// Revoke keeps the time of the first revocation.
func (s tokens) Revoke(ctx context.Context, id string, at time.Time) error {
	n, err := s.exec(ctx, "revoke token",
		`UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?`, stampOf(at), id)
	if err == nil && n == 0 {
		return slipway.NotFound("token", id)
	}
	return err
}

// Touch never moves the time of last use backwards.
func (s tokens) Touch(ctx context.Context, id string, at time.Time) error {
	_, err := s.exec(ctx, "touch token", `UPDATE tokens SET last_used_at = ?
		WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`, stampOf(at), id, stampOf(at))
	return err
}
