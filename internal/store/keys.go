package store

import (
	"context"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type keyRow struct {
	Actor       string `gorm:"primaryKey"`
	Key         string `gorm:"primaryKey"`
	Fingerprint string
	Answer      []byte
	At          stamp
}

func (keyRow) TableName() string { return "idempotency_keys" }

type keys struct{ *tx }

// Get waits, in a transaction that writes, for another that answers the same
// request: who sends something twice at once gets the same answer twice, and not
// a conflict with their own doing.
func (s keys) Get(ctx context.Context, actor, key string) (slipway.KeptAnswer, error) {
	if s.write && s.s.postgres { // on SQLite there is no other
		if _, err := s.exec(ctx, "wait for the same request",
			`SELECT pg_advisory_xact_lock(?, hashtext(concat_ws(' ', current_schema(), ?::text, ?::text)))`, keyLock, actor, key); err != nil {
			return slipway.KeptAnswer{}, err
		}
	}
	row, err := one[keyRow](ctx, s.tx, "idempotency key", key,
		`SELECT * FROM idempotency_keys WHERE actor = ? AND key = ?`, actor, key)
	return slipway.KeptAnswer{Fingerprint: row.Fingerprint, Answer: row.Answer, At: row.At.Time}, err
}

// Put never replaces: of two requests with the same key at the same time one
// finds a conflict, and with it everything else it was about to do is undone.
func (s keys) Put(ctx context.Context, actor, key string, a slipway.KeptAnswer) error {
	if a.Answer == nil {
		a.Answer = []byte{}
	}
	row := keyRow{Actor: actor, Key: key, Fingerprint: a.Fingerprint, Answer: a.Answer, At: stampOf(a.At)}
	added, err := s.insert(ctx, "put idempotency key", &row)
	if err == nil && !added {
		return slipway.Conflict("A request with the same idempotency key is being answered.", "Send it again to get its answer.")
	}
	return err
}
