package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"modernc.org/sqlite"
)

// OpenRecorded is Open of an SQLite database, and tells record of each statement
// that a connection parses: of those it keeps it does only once.
func OpenRecorded(ctx context.Context, c Config, record func(query string)) (*Store, error) {
	s, err := Open(ctx, c)
	if err != nil {
		return nil, err
	}
	writing, reading := sqliteDSNs(strings.TrimPrefix(c.URL, "sqlite:"))
	for _, o := range []struct {
		db   **sql.DB
		dsn  string
		most int
	}{{&s.writer, writing, 1}, {&s.reader, reading, max(4, 2*runtime.GOMAXPROCS(0))}} {
		base, err := sqlite.NewConnector(o.dsn)
		if err == nil {
			err = (*o.db).Close()
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		*o.db = sql.OpenDB(connector{recorder{base, record}})
		(*o.db).SetMaxOpenConns(o.most)
		(*o.db).SetMaxIdleConns(o.most)
	}
	if s.inserter, err = s.newInserter(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

type recorder struct {
	driver.Connector
	record func(query string)
}

// Connect opens a connection whose statements are recorded.
func (r recorder) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	base, ok := opened.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T lacks a method", opened), opened.Close())
	}
	return recorded{base, r.record}, nil
}

type recorded struct {
	sqliteConn
	record func(query string)
}

// PrepareContext implements driver.ConnPrepareContext.
func (r recorded) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	r.record(query)
	return r.sqliteConn.PrepareContext(ctx, query)
}
