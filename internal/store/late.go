package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// statement is one whose answer is of no use to what comes before the commit.
type statement struct {
	what, query string
	args        []any
	none        func() error // what it means that no row was written; nil: nothing
}

func (s statement) wrote(rows int64, err error) error {
	if err == nil && rows == 0 && s.none != nil {
		err = s.none()
	}
	return fault(s.what, err)
}

// later adds a statement that is run with others, see flushLate.
func (t *tx) later(what, query string, args ...any) {
	query, args = t.placed(query, args)
	t.late = append(t.late, statement{what: what, query: query, args: cleanArgs(args)})
}

// flushLate runs them in order. On PostgreSQL all are sent at once: the way there
// and back takes longer than each, and others wait for the locks meanwhile.
func (t *tx) flushLate(ctx context.Context) error {
	statements := t.late
	t.late = nil
	switch {
	case len(statements) == 0:
		return nil
	case t.conn != nil:
		return t.conn.Raw(func(driver any) error { return send(ctx, driver.(*stdlib.Conn).Conn(), statements) })
	}
	for _, s := range statements {
		result, err := t.raw.ExecContext(ctx, s.query, s.args...)
		if err != nil {
			return fault(s.what, err)
		}
		if err := s.wrote(result.RowsAffected()); err != nil {
			return err
		}
	}
	return nil
}

func send(ctx context.Context, conn *pgx.Conn, statements []statement) (err error) {
	var batch pgx.Batch
	for _, s := range statements {
		batch.Queue(s.query, s.args...)
	}
	results := conn.SendBatch(ctx, &batch)
	defer func() {
		if closed := results.Close(); err == nil {
			err = fault("write", closed)
		}
	}()
	for _, s := range statements {
		tag, err := results.Exec()
		if err := s.wrote(tag.RowsAffected(), err); err != nil {
			return err
		}
	}
	return nil
}
