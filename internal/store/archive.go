package store

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// A piece is what one transaction of the archive looks at, or removes. On SQLite
// nobody else writes meanwhile.
const (
	pieceOfEvents = 1000
	pieceOfLogs   = 200  // deployments
	pieceOfLines  = 5000 // of all of these together
	pieceOfKeys   = 1000
	pieceOfTold   = 1000 // deliveries
)

var _ slipway.Archive = (*Store)(nil)

// ForgetEvents walks by id, which is the order of time up to moments, and stops
// at the first piece that is young: so it needs no index, and reads little of
// what it keeps.
func (s *Store) ForgetEvents(ctx context.Context, before time.Time, after int64) (next int64, err error) {
	err = s.writeTx(ctx, func(t *tx) error {
		next = 0
		piece, err := many[struct {
			ID int64
			At stamp
		}](ctx, t, "list old events", `SELECT id, at FROM events WHERE id > ? ORDER BY id LIMIT ?`, after, pieceOfEvents)
		if err != nil || len(piece) == 0 {
			return err
		}
		last := piece[len(piece)-1]
		if len(piece) == pieceOfEvents && last.At.Before(before) {
			next = last.ID
		}
		_, err = t.exec(ctx, "forget events", `DELETE FROM events WHERE id > ? AND id <= ? AND at < ? AND id < (SELECT max(id) FROM events)
			AND NOT EXISTS (SELECT 1 FROM deployments d LEFT JOIN stage_states s ON s.service = d.service AND s.environment = d.environment
				WHERE d.id = events.deployment AND (d.`+activeStates+` OR s.live_deployment = d.id))`, after, last.ID, stampOf(before))
		return err
	})
	return next, err
}

// oldLog is a deployment of which lines are kept, and what its stage speaks of.
type oldLog struct {
	Deployment     int64
	State          slipway.State
	CreatedAt      stamp
	EndedAt        *stamp
	LiveDeployment *int64
	Partial        doc[*slipway.Partial]
	Failure        doc[*slipway.LastFailure]
}

func (o oldLog) needed() bool {
	live, partial, failure := o.LiveDeployment, o.Partial.V, o.Failure.V
	return o.State.Active() || live != nil && *live == o.Deployment ||
		partial != nil && partial.Deployment == o.Deployment || failure != nil && failure.Deployment == o.Deployment
}

// ForgetLogs walks by id as well: a deployment that was made later than before
// cannot have ended earlier.
func (s *Store) ForgetLogs(ctx context.Context, before time.Time, after int64) (next int64, err error) {
	err = s.writeTx(ctx, func(t *tx) error {
		next = 0
		piece, err := many[oldLog](ctx, t, "list old logs", `SELECT c.deployment, d.state, d.created_at, d.ended_at,
			s.live_deployment, s.partial, s.failure FROM log_cursors c JOIN deployments d ON d.id = c.deployment
			LEFT JOIN stage_states s ON s.service = d.service AND s.environment = d.environment
			WHERE c.deployment > ? ORDER BY c.deployment LIMIT ?`, after, pieceOfLogs)
		if err != nil {
			return err
		}
		left := int64(pieceOfLines)
		for _, o := range piece {
			if !o.CreatedAt.Before(before) {
				return nil
			}
			if o.EndedAt == nil || !o.EndedAt.Before(before) || o.needed() {
				continue
			}
			if left, err = t.forgetLines(ctx, o.Deployment, left); err != nil {
				return err
			}
			if left == 0 { // and perhaps this one has more
				if next = o.Deployment - 1; next == 0 {
					next = -1 // 0 says that there is no more
				}
				return nil
			}
		}
		if len(piece) == pieceOfLogs {
			next = piece[len(piece)-1].Deployment
		}
		return nil
	})
	return next, err
}

// forgetLines removes up to limit lines of a deployment, and with the last of
// them the cursor. It returns how many more might have been removed.
func (t *tx) forgetLines(ctx context.Context, deployment, limit int64) (left int64, err error) {
	n, err := t.exec(ctx, "forget lines", `DELETE FROM deployment_logs WHERE deployment = ? AND number <
		(SELECT min(number) FROM deployment_logs WHERE deployment = ?) + ?`, deployment, deployment, limit)
	if err != nil || n == limit {
		return 0, err
	}
	_, err = t.exec(ctx, "forget log cursor", `DELETE FROM log_cursors WHERE deployment = ?`, deployment)
	return limit - n, err
}

// ForgetKeys has an index to go by, and always begins at the oldest.
func (s *Store) ForgetKeys(ctx context.Context, before time.Time, _ int64) (next int64, err error) {
	err = s.writeTx(ctx, func(t *tx) error {
		next = 0
		n, err := t.exec(ctx, "forget idempotency keys", `DELETE FROM idempotency_keys WHERE (actor, key) IN
			(SELECT actor, key FROM idempotency_keys WHERE at < ? ORDER BY at LIMIT ?)`, stampOf(before), pieceOfKeys)
		if n == pieceOfKeys {
			next = n
		}
		return err
	})
	return next, err
}

// ForgetDeliveries always begins at the oldest: what it leaves there is pending,
// and not for long. It ends at the first that is young, by id as well.
func (s *Store) ForgetDeliveries(ctx context.Context, before time.Time, _ int64) (next int64, err error) {
	err = s.writeTx(ctx, func(t *tx) error {
		next = 0
		n, err := t.exec(ctx, "forget deliveries", `DELETE FROM notification_deliveries WHERE id IN
			(SELECT id FROM notification_deliveries WHERE state <> 'pending' AND created_at < ? AND id < coalesce(
				(SELECT id FROM notification_deliveries WHERE created_at >= ? ORDER BY id LIMIT 1), 9223372036854775807)
			ORDER BY id LIMIT ?)`, stampOf(before), stampOf(before), pieceOfTold)
		if n == pieceOfTold {
			next = n
		}
		return err
	})
	return next, err
}
