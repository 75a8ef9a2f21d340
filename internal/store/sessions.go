package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Sessions keeps browser sessions. It has the methods that scs asks of a store
// (Store, CtxStore and their iterable forms). Tokens are kept as their SHA-256,
// so that who can read the database cannot walk in with what they find.
type Sessions struct{ s *Store }

// Sessions returns the store of browser sessions.
func (s *Store) Sessions() Sessions { return Sessions{s} }

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

type sessionRow struct {
	TokenHash string `gorm:"primaryKey"`
	Data      []byte
	ExpiresAt stamp
}

func (sessionRow) TableName() string { return "sessions" }

// FindCtx returns the data of a session that has not expired.
func (v Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	err = v.s.alone(ctx, func(t *tx) error {
		row, err := one[sessionRow](ctx, t, "session", "", `SELECT * FROM sessions WHERE token_hash = ? AND expires_at > ?`,
			hashToken(token), stampOf(v.s.Now()))
		if slipway.IsNotFound(err) {
			return nil
		}
		data, found = row.Data, err == nil
		return err
	})
	return data, found, err
}

// CommitCtx keeps a session, or replaces it.
func (v Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	if data == nil {
		data = []byte{}
	}
	return v.s.writeTx(ctx, func(t *tx) error {
		row := sessionRow{TokenHash: hashToken(token), Data: data, ExpiresAt: stampOf(expiry)}
		return t.put(ctx, "keep session", &row, []string{"token_hash"}, "data", "expires_at")
	})
}

// DeleteCtx removes a session; one that does not exist is no error.
func (v Sessions) DeleteCtx(ctx context.Context, token string) error {
	return v.s.writeTx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, "delete session", `DELETE FROM sessions WHERE token_hash = ?`, hashToken(token))
		return err
	})
}

// AllCtx returns the data of every session that has not expired. The keys are
// hashes and open nothing.
func (v Sessions) AllCtx(ctx context.Context) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := v.s.read(ctx, func(t *tx) error {
		rows, err := many[sessionRow](ctx, t, "list sessions", `SELECT * FROM sessions WHERE expires_at > ?`, stampOf(v.s.Now()))
		for _, row := range rows {
			all[row.TokenHash] = row.Data
		}
		return err
	})
	return all, err
}

// DeleteExpired removes the sessions that have run out.
func (v Sessions) DeleteExpired(ctx context.Context) error {
	return v.s.writeTx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, "delete expired sessions", `DELETE FROM sessions WHERE expires_at <= ?`, stampOf(v.s.Now()))
		return err
	})
}

// Find is FindCtx without a context.
func (v Sessions) Find(token string) ([]byte, bool, error) {
	return v.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (v Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return v.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context.
func (v Sessions) Delete(token string) error { return v.DeleteCtx(context.Background(), token) }

// All is AllCtx without a context.
func (v Sessions) All() (map[string][]byte, error) { return v.AllCtx(context.Background()) }
