package store

import (
	"context"
	"database/sql"
	"time"
)

// A transaction of SQLite is shared by those that wait for one another to write
// anyway: each has a part of it, behind a savepoint, and one commit at the end,
// which waits for the disk for longer than most parts take, makes all of it last.
// Nobody is told that something was written before that.
//
// A part is serial as a transaction is: it sees what the parts before it wrote,
// and should the commit fail, all of them fail.
type shared struct {
	raw   *sql.Tx
	began time.Time
	parts int
	fault error         // that undid all of it
	done  chan struct{} // closed at the end; then fault stays as it is
}

const (
	// sharedFor is how long a shared transaction lets others in. It is about what a
	// commit takes: the first part waits for the last.
	sharedFor = 5 * time.Millisecond
	sharedBy  = 64 // parts at most
)

// writeShared is writeOnce on SQLite.
func (s *Store) writeShared(ctx context.Context, f func(*tx) error) error {
	together, err := s.writers.take(ctx)
	if err != nil {
		return fault("begin to write", err)
	}
	if together == nil {
		raw, err := s.writer.BeginTx(context.WithoutCancel(ctx), nil) // others may go on with it
		if err != nil {
			s.writers.pass()
			return fault("begin to write", err)
		}
		together = &shared{raw: raw, began: time.Now(), done: make(chan struct{})}
	}
	signal, err := s.part(ctx, together, f)
	<-together.done
	if together.fault != nil {
		return together.fault
	}
	if signal {
		s.feed.signal()
	}
	return err
}

// part has f write its part, and passes the turn on.
func (s *Store) part(ctx context.Context, together *shared, f func(*tx) error) (signal bool, err error) {
	defer s.goOn(together) // even if f panics
	together.parts++
	together.exec(ctx, "SAVEPOINT part")
	if together.fault != nil {
		return false, nil // which is told to all
	}
	whole := false
	defer func() {
		if !whole {
			together.undo(ctx, err)
		}
	}()
	t := s.newTx(ctx, together.raw, true)
	if err = f(t); err == nil {
		err = t.flush(ctx)
	}
	if err == nil {
		err = t.flushLate(ctx)
	}
	if err == nil {
		err = fault("commit", ctx.Err())
	}
	if err != nil {
		return false, err
	}
	whole = true
	together.exec(ctx, "RELEASE part")
	return t.signal, nil
}

// undo undoes a part. Where the disk is full, or fails, the database has undone
// everything by itself and knows of no savepoint: then that is what all are told.
func (c *shared) undo(ctx context.Context, why error) {
	c.exec(ctx, "ROLLBACK TO part")
	if c.fault != nil && away(why) {
		c.fault = why
	}
	if c.fault == nil {
		c.exec(ctx, "RELEASE part")
	}
}

// exec runs a statement that has to succeed, or all is lost.
func (c *shared) exec(ctx context.Context, statement string) {
	if _, err := c.raw.ExecContext(context.WithoutCancel(ctx), statement); err != nil {
		c.fault = fault("write", err)
	}
}

// goOn lets the next one in, or ends the transaction.
func (s *Store) goOn(together *shared) {
	open := together.fault == nil && together.parts < sharedBy && time.Since(together.began) < s.shareFor
	if open && s.writers.join(together) {
		return
	}
	if together.fault == nil {
		together.fault = fault("commit", together.raw.Commit())
	} else {
		_ = together.raw.Rollback() // what is left of it
	}
	s.writers.pass()
	close(together.done)
}
