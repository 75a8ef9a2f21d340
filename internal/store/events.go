package store

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/slipway"
)

type eventRow struct {
	ID          int64
	At          stamp
	Kind        string
	Team        string
	Service     string
	Environment string
	Deployment  int64
	Actor       string
	Message     string
	Detail      *string
}

func (r eventRow) domain() slipway.DomainEvent {
	return slipway.DomainEvent{
		ID: r.ID, At: r.At.Time, Kind: r.Kind, Team: r.Team, Service: r.Service, Environment: r.Environment,
		Deployment: r.Deployment, Actor: r.Actor, Message: r.Message, Detail: rawOf(r.Detail),
	}
}

type events struct{ *tx }

// Add only gathers: see flushEvents. A reader of the same transaction sees it
// all the same.
func (s events) Add(_ context.Context, e slipway.DomainEvent) error {
	if !s.write {
		return fmt.Errorf("store: add event: the transaction only reads")
	}
	s.events = append(s.events, eventRow{
		At: stampOf(e.At), Kind: e.Kind, Team: e.Team, Service: e.Service, Environment: e.Environment,
		Deployment: e.Deployment, Actor: e.Actor, Message: e.Message, Detail: rawOrNil(e.Detail),
	})
	return nil
}

// flushEvents writes the events in the order of the commits: whoever has read
// up to an id never finds a smaller one later. SQLite has one writer, so that
// comes by itself; PostgreSQL gives ids out before the commit, so there a lock
// is held from here to the commit. The notification queues behind the same
// kind of lock of PostgreSQL's own, so this costs little more.
func (t *tx) flushEvents() {
	if len(t.events) == 0 {
		return
	}
	if t.s.postgres {
		t.later("order events", `SELECT pg_advisory_xact_lock(?, hashtext(current_schema())), pg_notify(?, current_schema())`, eventLock, eventChannel)
	}
	for _, r := range t.events {
		t.later("add event", `INSERT INTO events (at, kind, team, service, environment, deployment, actor, message, detail)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, r.At, r.Kind, r.Team, r.Service, r.Environment, r.Deployment, r.Actor, r.Message, r.Detail)
	}
	t.events, t.signal = nil, true
}

// settled writes what was gathered, for a reader of the same transaction.
func (s events) settled(ctx context.Context) error {
	s.flushEvents()
	return s.flushLate(ctx)
}

func (s events) After(ctx context.Context, id int64, limit int) ([]slipway.DomainEvent, error) {
	if err := s.settled(ctx); err != nil {
		return nil, err
	}
	return lists(ctx, s.tx, eventRow.domain, "read events",
		`SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?`, id, limitOf(slipway.Page{Limit: limit}))
}

func (s events) OfDeployment(ctx context.Context, deployment int64) ([]slipway.DomainEvent, error) {
	if err := s.settled(ctx); err != nil {
		return nil, err
	}
	return lists(ctx, s.tx, eventRow.domain, "read events of a deployment",
		`SELECT * FROM events WHERE deployment = ? ORDER BY id`, deployment)
}

func (s events) LastID(ctx context.Context) (int64, error) {
	if !s.write {
		stands, err := s.standing(ctx)
		return stands.News, err
	}
	if err := s.settled(ctx); err != nil {
		return 0, err
	}
	rows, err := many[struct{ ID int64 }](ctx, s.tx, "read the last event", `SELECT coalesce(max(id), 0) AS id FROM events`)
	if err != nil {
		return 0, err
	}
	return rows[0].ID, nil
}
