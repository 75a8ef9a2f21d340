package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

// openTwo opens two handles on one database, each of one connection.
func openTwo(t *testing.T) (a, b *sql.DB) {
	t.Helper()
	dsn := sqliteDSN(filepath.Join(t.TempDir(), "s.db"), "deferred", []string{"journal_mode(WAL)", "busy_timeout(5000)"})
	for _, into := range []**sql.DB{&a, &b} {
		db, err := openStatements(dsn)
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		*into = db
	}
	run(t, a, `CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE)`)
	run(t, a, `INSERT INTO words (word) VALUES ('one'), ('two'), ('three')`)
	return a, b
}

type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func run(t *testing.T, db executor, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// kept is what the one connection of a handle has parsed.
func kept(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.Raw(func(driver any) error { n = len(driver.(*conn).parsed); return nil })
	return n
}

func TestAStatementWithinItsOwnRows(t *testing.T) {
	t.Parallel()
	db, _ := openTwo(t)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	var seen []string
	var walk func(after int)
	walk = func(after int) {
		rows, err := tx.QueryContext(t.Context(), `SELECT id, word FROM words WHERE id > ? ORDER BY id`, after)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id int
			var word string
			if err := rows.Scan(&id, &word); err != nil {
				t.Fatal(err)
			}
			seen = append(seen, word)
			walk(id)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	walk(0)
	if got := fmt.Sprint(seen); got != "[one two three three two three three]" {
		t.Errorf("each row leads to those after it: %s", got)
	}
}

func TestAStatementAfterItFailed(t *testing.T) {
	t.Parallel()
	db, _ := openTwo(t)
	insert := `INSERT INTO words (word) VALUES (?)`
	for i := range 3 {
		if _, err := db.ExecContext(t.Context(), insert, "one"); err == nil {
			t.Fatal("a word is there twice")
		}
		run(t, db, insert, fmt.Sprint(i))
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.ExecContext(cancelled, insert, "cancelled"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	run(t, db, insert, "after all")
}

// TestAStatementOfAnOlderTable: a migration by another process changes what a
// statement that was parsed before it returns.
func TestAStatementOfAnOlderTable(t *testing.T) {
	t.Parallel()
	db, other := openTwo(t)
	columns := func() (columns []string) {
		t.Helper()
		rows, err := db.QueryContext(t.Context(), `SELECT * FROM words ORDER BY id`)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		columns, err = rows.Columns()
		for rows.Next() {
			into := make([]any, len(columns))
			for i := range into {
				into[i] = new(any)
			}
			err = errors.Join(err, rows.Scan(into...))
		}
		if err = errors.Join(err, rows.Err()); err != nil {
			t.Fatal(err)
		}
		return columns
	}
	if got := columns(); len(got) != 2 {
		t.Fatalf("columns before: %v", got)
	}
	run(t, other, `ALTER TABLE words ADD COLUMN meaning TEXT`)
	if got := columns(); len(got) != 3 {
		t.Errorf("columns after another was added: %v", got)
	}
	run(t, other, `DROP TABLE words`)
	if _, err := db.QueryContext(t.Context(), `SELECT * FROM words ORDER BY id`); err == nil { //nolint:rowserrcheck,sqlclosecheck // there are none
		t.Error("a table that is gone was read")
	}
}

func TestStatementsAreBounded(t *testing.T) {
	t.Parallel()
	db, _ := openTwo(t)
	for i := range 3 * maxStatements {
		run(t, db, fmt.Sprintf(`UPDATE words SET word = word WHERE id = %d`, i))
	}
	if n := kept(t, db); n != maxStatements {
		t.Errorf("%d statements are kept, want %d", n, maxStatements)
	}
	run(t, db, fmt.Sprintf(`UPDATE words SET word = word WHERE word = '%*d'`, maxStatement, 1))
	if n := kept(t, db); n != maxStatements {
		t.Errorf("%d statements are kept after a long one, want %d", n, maxStatements)
	}
}
