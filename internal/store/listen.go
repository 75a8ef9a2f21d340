package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// eventChannel is where PostgreSQL tells of new events; the payload is the
	// schema, so that installations in one database do not wake each other.
	eventChannel = "slipway_events"
	// Our numbers among PostgreSQL's advisory locks.
	eventLock   = 7_541_001
	migrateLock = 7_541_002
	keyLock     = 7_541_003

	pollEvery  = 2 * time.Second
	maxBackOff = 5 * time.Second
)

// listen signals the feed when another replica has written events. It keeps a
// connection of its own and comes back when that breaks.
func (s *Store) listen(ctx context.Context) {
	for backOff := 100 * time.Millisecond; ctx.Err() == nil; backOff = min(2*backOff, maxBackOff) {
		err := s.listenOnce(ctx, func() { backOff = 100 * time.Millisecond })
		if ctx.Err() != nil {
			return
		}
		s.log.Warn("listening for events was interrupted", "error", err, "again in", backOff)
		if !wait(ctx, backOff) {
			return
		}
	}
}

func (s *Store) listenOnce(ctx context.Context, connected func()) error {
	config, err := s.pgConfig()
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	var schema string
	if err := conn.QueryRow(ctx, "SELECT coalesce(current_schema(), '')").Scan(&schema); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+eventChannel); err != nil {
		return err
	}
	connected()
	s.feed.signal() // for what was written while nobody listened
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if n.Payload == schema {
			s.feed.signal()
		}
	}
}

// poll signals the feed even if no notification arrives.
func (s *Store) poll(ctx context.Context) {
	var last int64
	for wait(ctx, pollEvery) {
		_ = s.read(ctx, func(t *tx) error { // an error: the next round comes soon
			id, err := events{t}.LastID(ctx)
			if err == nil && id != last {
				last = id
				s.feed.signal()
			}
			return err
		})
	}
}

// wait reports false if the context ended before the time was over.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
