package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"modernc.org/sqlite"
)

// SQLite's driver parses a statement anew each time it is run, which takes
// longer than running most of ours, and those of the queue. So each connection
// keeps what it has parsed, as pgx does for PostgreSQL. Everything else is as the
// driver does it.

const (
	maxStatements = 128  // of a connection
	maxStatement  = 4096 // bytes: longer ones are seldom the same twice
)

func openStatements(dsn string) (*sql.DB, error) {
	base, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector{base}), nil
}

type connector struct{ driver.Connector }

// Connect opens a connection that has parsed nothing yet.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	base, ok := opened.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("store: the SQLite driver lacks a method that is needed of %T", opened), opened.Close())
	}
	return &conn{sqliteConn: base, parsed: map[string]sqliteStatement{}}, nil
}

type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type sqliteStatement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// conn is used by one goroutine at a time, which database/sql sees to.
type conn struct {
	sqliteConn
	parsed map[string]sqliteStatement // those that nobody uses at the moment
	writes bool                       // a transaction that writes is under way
}

// BeginTx implements driver.ConnBeginTx.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	t, err := c.sqliteConn.BeginTx(ctx, o)
	if err != nil || o.ReadOnly {
		return t, err
	}
	c.writes = true
	return writing{t, c}, nil
}

type writing struct {
	driver.Tx
	c *conn
}

// Commit implements driver.Tx.
func (w writing) Commit() error {
	w.c.writes = false
	return w.Tx.Commit()
}

// Rollback implements driver.Tx.
func (w writing) Rollback() error {
	w.c.writes = false
	return w.Tx.Rollback()
}

// patient is the context to run a statement in. Of one that is interrupted while
// it writes SQLite undoes the whole transaction, and others have a part in that.
func (c *conn) patient(ctx context.Context) context.Context {
	if c.writes {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// take hands a statement over to one user: the same text may be run again while
// the rows of the first run are still being read.
func (c *conn) take(ctx context.Context, query string) (sqliteStatement, error) {
	if known, ok := c.parsed[query]; ok {
		delete(c.parsed, query)
		return known, nil
	}
	made, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s, ok := made.(sqliteStatement)
	if !ok {
		return nil, errors.Join(fmt.Errorf("store: the SQLite driver lacks a method that is needed of %T", made), made.Close())
	}
	return s, nil
}

// give takes it back. One that failed is not trusted again. What has to make
// room is picked at random.
func (c *conn) give(query string, s sqliteStatement, err error) error {
	if _, there := c.parsed[query]; there || err != nil || len(query) > maxStatement {
		if closed := s.Close(); err == nil {
			err = closed
		}
		return err
	}
	c.parsed[query] = s
	if len(c.parsed) <= maxStatements {
		return nil
	}
	for other, s := range c.parsed { // which come in no order
		delete(c.parsed, other)
		return s.Close()
	}
	return nil
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(c.patient(ctx), args)
	return result, c.give(query, s, err)
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	found, err := s.QueryContext(c.patient(ctx), args)
	if err != nil {
		return nil, c.give(query, s, err)
	}
	return &rows{Rows: found, done: func(err error) error { return c.give(query, s, err) }}, nil
}

// Close also ends what is kept: SQLite closes nothing that is still referred to.
func (c *conn) Close() error {
	var err error
	for _, s := range c.parsed {
		err = errors.Join(err, s.Close())
	}
	clear(c.parsed)
	return errors.Join(err, c.sqliteConn.Close())
}

// rows give their statement back when they are closed.
type rows struct {
	driver.Rows
	done   func(error) error
	failed error // while rows were read
}

// Next implements driver.Rows.
func (r *rows) Next(into []driver.Value) error {
	err := r.Rows.Next(into)
	if err != nil && err != io.EOF { //nolint:errorlint // io.EOF as such is what the interface asks for
		r.failed = err
	}
	return err
}

// Close implements driver.Rows.
func (r *rows) Close() error {
	done := r.done
	if done == nil {
		return nil // closed before
	}
	r.done = nil
	closed := r.Rows.Close()
	if r.failed != nil {
		_ = done(r.failed) // was told already
		return closed
	}
	return done(closed)
}
