package store

import (
	"context"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type deliveryRow struct {
	ID           int64 `gorm:"primaryKey;autoIncrement"`
	Target       string
	Key          string
	Route        int64
	Person       string
	Channel      slipway.DeliveryChannel
	Thread       string
	Notice       doc[slipway.Notice]
	State        slipway.DeliveryState
	Attempts     int
	NextAt       stamp
	Claim        string
	ClaimedUntil *stamp
	Status       int
	Error        string
	CreatedAt    stamp `gorm:"autoCreateTime:false"`
	SentAt       *stamp
}

func (deliveryRow) TableName() string { return "notification_deliveries" }

func (r deliveryRow) domain() slipway.Delivery {
	return slipway.Delivery{
		ID: r.ID, Route: r.Route, Person: r.Person, Channel: r.Channel, Key: r.Key, Thread: r.Thread, Notice: r.Notice.V,
		State: r.State, Attempts: r.Attempts, NextAt: r.NextAt.Time, Claim: r.Claim, Status: r.Status, Error: r.Error,
		CreatedAt: r.CreatedAt.Time, SentAt: r.SentAt.orNil(),
	}
}

type deliveries struct{ *tx }

func (s deliveries) Add(ctx context.Context, d slipway.Delivery) (bool, error) {
	return s.insert(ctx, "plan a delivery", &deliveryRow{
		Target: d.Target(), Key: d.Key, Route: d.Route, Person: d.Person, Channel: d.Channel, Thread: d.Thread, Notice: docOf(d.Notice),
		State: d.State, Attempts: d.Attempts, NextAt: stampOf(d.NextAt), Status: d.Status, Error: d.Error, CreatedAt: stampOf(d.CreatedAt), SentAt: stampOrNil(d.SentAt),
	})
}

func (s deliveries) Get(ctx context.Context, id int64) (slipway.Delivery, error) {
	row, err := one[deliveryRow](ctx, s.tx, "delivery", strconv.FormatInt(id, 10), `SELECT * FROM notification_deliveries WHERE id = ?`, id)
	return row.domain(), err
}

func (s deliveries) List(ctx context.Context, f slipway.DeliveryFilter, page slipway.Page) ([]slipway.Delivery, string, error) {
	const list = "deliveries"
	before, err := decodeID(list, page.Cursor)
	if err != nil {
		return nil, "", err
	}
	var w where
	if len(f.Routes) > 0 {
		w.and("route IN ?", f.Routes)
	}
	w.equal("person", f.Person)
	w.equal("state", string(f.State))
	if before > 0 {
		w.and("id < ?", before)
	}
	limit := limitOf(page)
	rows, err := many[deliveryRow](ctx, s.tx, "list deliveries",
		`SELECT * FROM notification_deliveries`+w.String()+` ORDER BY id DESC LIMIT ?`, append(w.args, limit+1)...)
	if err != nil {
		return nil, "", err
	}
	rows, more := cut(rows, limit)
	next := ""
	if more {
		next = encodeID(list, rows[len(rows)-1].ID)
	}
	return domains(rows, deliveryRow.domain), next, nil
}

// Due goes by the index of what is pending, which holds little at any time.
func (s deliveries) Due(ctx context.Context, now time.Time, except []string, limit int) ([]slipway.Delivery, error) {
	var w where
	w.and(`d.state = 'pending' AND d.next_at <= ? AND (d.claimed_until IS NULL OR d.claimed_until <= ?)`, stampOf(now), stampOf(now))
	// What was never tried and has a later time is held for somebody's quiet hours:
	// that must not keep from them what is urgent.
	w.and(`(d.thread = '' OR NOT EXISTS (SELECT 1 FROM notification_deliveries e
		WHERE e.state = 'pending' AND e.target = d.target AND e.thread = d.thread AND e.id < d.id AND (e.attempts > 0 OR e.next_at <= ?)))`, stampOf(now))
	// Another replica may be at one of the same target: it goes on with the next.
	w.and(`NOT EXISTS (SELECT 1 FROM notification_deliveries e
		WHERE e.state = 'pending' AND e.target = d.target AND e.claimed_until > ?)`, stampOf(now))
	if len(except) > 0 {
		w.and(`d.target NOT IN ?`, except)
	}
	return lists(ctx, s.tx, deliveryRow.domain, "list deliveries that are due",
		`SELECT * FROM notification_deliveries WHERE id IN (SELECT min(d.id) FROM notification_deliveries d`+w.String()+` GROUP BY d.target)
			ORDER BY next_at, id LIMIT ?`, append(w.args, limit)...)
}

func (s deliveries) Claim(ctx context.Context, id int64, claim string, now, until time.Time) (bool, error) {
	n, err := s.exec(ctx, "claim a delivery", `UPDATE notification_deliveries SET claim = ?, claimed_until = ?
		WHERE id = ? AND state = 'pending' AND (claimed_until IS NULL OR claimed_until <= ?)`, claim, stampOf(until), id, stampOf(now))
	return n > 0, err
}

func (s deliveries) Save(ctx context.Context, d slipway.Delivery) error {
	n, err := s.exec(ctx, "keep the outcome of a delivery", `UPDATE notification_deliveries SET state = ?, attempts = ?, next_at = ?, claim = '',
		claimed_until = NULL, status = ?, error = ?, sent_at = ? WHERE id = ? AND claim = ?`,
		d.State, d.Attempts, stampOf(d.NextAt), d.Status, d.Error, stampOrNil(d.SentAt), d.ID, d.Claim)
	if err == nil && n == 0 {
		return slipway.Conflict("Another is at this delivery.", "Look at it again.")
	}
	return err
}
