package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// statement is one whose answer is of no use to what comes before the commit.
type statement struct {
	what, query string
	args        []any
	taken       error // what it means that the row is there already; nil: nothing special
}

func (s statement) fault(err error) error {
	if s.taken != nil && hasCode(err, []int{sqlitePrimaryKey, sqliteUnique}, pgUnique) {
		return errors.Join(s.taken, err)
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
		if _, err := t.raw.ExecContext(ctx, s.query, s.args...); err != nil {
			return s.fault(err)
		}
	}
	return nil
}

// commit ends a transaction of PostgreSQL. It is sent with what is late: the
// locks that others wait for are taken and given back without the portal having
// to answer in between, however busy it is. What fails before it keeps it from
// being carried out.
func (t *tx) commit(ctx context.Context) error {
	t.late = append(t.late, statement{what: "commit", query: commitNow})
	return t.flushLate(ctx)
}

const commitNow = "COMMIT"

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
		if err == nil && s.query == commitNow && tag.String() != commitNow {
			err = pgx.ErrTxCommitRollback // something failed before, and nobody minded
		}
		if err != nil {
			return s.fault(err)
		}
	}
	return nil
}
