package store

import (
	"context"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type trustRow struct {
	ID           int64 `gorm:"primaryKey;autoIncrement"`
	Name         string
	Kind         slipway.TrustKind
	Issuer       string
	Audience     string
	Claims       doc[map[string]string]
	Immutable    string
	ScopeKind    slipway.ScopeKind
	ScopeName    string
	Permissions  doc[[]slipway.Permission]
	Environments doc[[]string]
	Lifetime     doc[slipway.Duration]
	MadeBy       string
	CreatedAt    stamp `gorm:"autoCreateTime:false"`
}

func (trustRow) TableName() string { return "trust_rules" }

func (r trustRow) domain() slipway.TrustRule {
	return slipway.TrustRule{
		ID: r.ID, Name: r.Name, Kind: r.Kind, Issuer: r.Issuer, Audience: r.Audience, Claims: r.Claims.V, Immutable: r.Immutable,
		Scope: slipway.Scope{Kind: r.ScopeKind, Name: r.ScopeName}, Permissions: r.Permissions.V, Environments: r.Environments.V,
		Lifetime: r.Lifetime.V, By: r.MadeBy, CreatedAt: r.CreatedAt.Time,
	}
}

type trustUseRow struct {
	Key       string `gorm:"primaryKey"`
	ExpiresAt stamp
}

func (trustUseRow) TableName() string { return "trust_uses" }

type trust struct{ *tx }

func (s trust) List(ctx context.Context) ([]slipway.TrustRule, error) {
	return lists(ctx, s.tx, trustRow.domain, "list trust rules", `SELECT * FROM trust_rules ORDER BY id`)
}

func (s trust) Of(ctx context.Context, issuer string) ([]slipway.TrustRule, error) {
	return lists(ctx, s.tx, trustRow.domain, "list trust rules", `SELECT * FROM trust_rules WHERE issuer = ? ORDER BY id`, issuer)
}

func (s trust) Get(ctx context.Context, id int64) (slipway.TrustRule, error) {
	row, err := one[trustRow](ctx, s.tx, "trust rule", strconv.FormatInt(id, 10), `SELECT * FROM trust_rules WHERE id = ?`, id)
	return row.domain(), err
}

func (s trust) Add(ctx context.Context, r slipway.TrustRule) (slipway.TrustRule, error) {
	row := trustRow{
		Name: r.Name, Kind: r.Kind, Issuer: r.Issuer, Audience: r.Audience, Claims: docOf(r.Claims), Immutable: r.Immutable,
		ScopeKind: r.Scope.Kind, ScopeName: r.Scope.Name, Permissions: docOf(r.Permissions), Environments: docOf(r.Environments),
		Lifetime: docOf(r.Lifetime), MadeBy: r.By, CreatedAt: stampOf(r.CreatedAt),
	}
	_, err := s.insert(ctx, "add trust rule", &row)
	return row.domain(), err
}

func (s trust) Remove(ctx context.Context, id int64, at time.Time) error {
	n, err := s.exec(ctx, "remove trust rule", `DELETE FROM trust_rules WHERE id = ?`, id)
	if err != nil {
		return err
	}
	if n == 0 {
		return slipway.NotFound("trust rule", strconv.FormatInt(id, 10))
	}
	_, err = s.exec(ctx, "revoke tokens of a trust rule", `UPDATE tokens SET revoked_at = ? WHERE owner_id = ? AND owner_kind = ? AND revoked_at IS NULL AND expires_at > ?`,
		stampOf(at), slipway.TrustRule{ID: id}.Account(), slipway.ActorServiceAccount, stampOf(at))
	return err
}

// trustTokensFor is how long tokens of rules are kept after their end, for those
// who look an entry of the audit up.
const trustTokensFor = 30 * 24 * time.Hour

func (s trust) Use(ctx context.Context, u slipway.TrustUse, now time.Time) error {
	if _, err := s.exec(ctx, "forget used tokens", `DELETE FROM trust_uses WHERE expires_at < ?`, stampOf(now)); err != nil {
		return err
	}
	// By the index of owners: ";" follows ":".
	if _, err := s.exec(ctx, "forget tokens of trust rules", `DELETE FROM tokens WHERE owner_id >= 'ci:' AND owner_id < 'ci;' AND owner_kind = ? AND expires_at < ?`,
		slipway.ActorServiceAccount, stampOf(now.Add(-trustTokensFor))); err != nil {
		return err
	}
	added, err := s.insert(ctx, "use a token", &trustUseRow{Key: u.Key, ExpiresAt: stampOf(u.Until)})
	if err == nil && !added {
		return slipway.Conflict("This token was used before.", "Ask the CI system for a new one: each opens the door once.")
	}
	return err
}
