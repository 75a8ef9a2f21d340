package store

import (
	"context"
	"database/sql/driver"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// writeOnce is one try of a transaction on PostgreSQL. It is not one of
// database/sql, which would commit by itself: see commit.
func (s *Store) writeOnce(ctx context.Context, f func(*tx) error) error {
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return fault("begin to write", err)
	}
	defer func() { _ = conn.Close() }() // which gives it back
	t := s.newTx(ctx, conn, true)
	t.conn = conn
	if err := t.begin(ctx); err != nil {
		return fault("begin to write", err)
	}
	committed := false
	defer func() {
		if !committed { // or f panicked
			t.rollBack(ctx)
		}
	}()
	if err := f(t); err != nil {
		return err
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	if err := t.commit(ctx); err != nil {
		return err
	}
	committed = true
	if t.signal {
		s.feed.signal()
	}
	return nil
}

func (t *tx) begin(ctx context.Context) error {
	return t.conn.Raw(func(driver any) (err error) {
		t.begun, err = driver.(*stdlib.Conn).Conn().Begin(ctx)
		return err
	})
}

// rollBackWithin bounds how long a server is waited for that is to forget a
// transaction. It does so by itself if the connection ends.
const rollBackWithin = 5 * time.Second

func (t *tx) rollBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollBackWithin)
	defer cancel()
	_ = t.conn.Raw(func(any) error {
		if t.begun.Rollback(ctx) != nil {
			return driver.ErrBadConn // nobody is to have it
		}
		return nil
	})
}
