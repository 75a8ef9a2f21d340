package bench

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"
)

// growTogether is how many rows of history share a transaction.
const growTogether = 20_000

// grow copies the first row of deployments or audit until there are so many
// more, spread over the services of the world.
func grow(b *testing.B, d database, address, table string, world size, rows int) {
	b.Helper()
	began := time.Now()
	db, err := openBare(address, false)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for done := 0; done < rows && err == nil; done += growTogether {
		err = copyRows(b.Context(), db, d, table, world, min(growTogether, rows-done))
	}
	if err == nil && d.postgres() {
		_, err = db.ExecContext(b.Context(), "ANALYZE "+table) // autovacuum would, a minute later
	} else if err == nil {
		_, err = db.ExecContext(b.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	if err != nil {
		b.Fatal(err)
	}
	say(b, "grew %s by %d rows in %.1f s", table, rows, time.Since(began).Seconds())
}

func copyRows(ctx context.Context, db *sql.DB, d database, table string, world size, rows int) error {
	columns, err := columnsOf(ctx, db, table)
	if err != nil {
		return err
	}
	var last int64
	if err := db.QueryRowContext(ctx, `SELECT max(id) FROM `+table).Scan(&last); err != nil {
		return err
	}
	numbers := fmt.Sprintf(`WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < %d)`, rows)
	if d.postgres() {
		numbers = fmt.Sprintf(`WITH count (n) AS (SELECT generate_series(1, %d))`, rows)
	}
	numbered := func(what string, digits int, of string) string {
		if d.postgres() {
			return fmt.Sprintf(`concat('%s-', lpad((%s)::text, %d, '0'))`, what, of, digits)
		}
		return fmt.Sprintf(`printf('%s-%%0%dd', %s)`, what, digits, of)
	}
	placed := make([]string, len(columns))
	for i, column := range columns {
		placed[i] = `first."` + column + `"`
		switch column {
		case "service":
			placed[i] = numbered("service", 5, fmt.Sprintf("n %% %d", world.services))
		case "team":
			placed[i] = numbered("team", 3, fmt.Sprintf("n %% %d / %d", world.services, world.ofTeam()))
		case "chain":
			placed[i] = `'history'`
		case "seq":
			placed[i] = fmt.Sprintf("n + %d", last)
		}
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf(`%s INSERT INTO %s ("%s") SELECT %s FROM count JOIN %s first ON first.id = (SELECT min(id) FROM %s)`,
		numbers, table, strings.Join(columns, `", "`), strings.Join(placed, ", "), table, table))
	return err
}

// columnsOf lists all but the id, which comes by itself.
func columnsOf(ctx context.Context, db *sql.DB, table string) ([]string, error) {
	rows, err := db.QueryContext(ctx, `SELECT * FROM `+table+` WHERE id < 0`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	kept := columns[:0]
	for _, column := range columns {
		if column != "id" {
			kept = append(kept, column)
		}
	}
	return kept, rows.Err()
}
