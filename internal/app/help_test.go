package app_test

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Shared by the tests of this package: what is expected of answers.

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must returns what a use case answered, and ends the test if it refused.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

// refused ends the test unless err has the code and says all the words.
func refused(t *testing.T, err error, code slipway.Code, words ...string) slipway.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("it was allowed, and not refused as %s", code)
	}
	if got := slipway.CodeOf(err); got != code {
		t.Fatalf("it was refused as %s and not as %s: %v", got, code, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Fatalf("the refusal does not say %q: %v", w, err)
		}
	}
	var e *slipway.Error
	if !errors.As(err, &e) {
		t.Fatalf("it is no error that people read: %v", err)
	}
	return *e
}

func of[T any](_ T, err error) error { return err }

// gate is the verdict of a gate among those of a refusal.
func gate(t *testing.T, verdicts []slipway.Verdict, name string) slipway.Verdict {
	t.Helper()
	i := slices.IndexFunc(verdicts, func(v slipway.Verdict) bool { return v.Gate == name })
	if i < 0 {
		t.Fatalf("no gate %s in %+v", name, verdicts)
	}
	return verdicts[i]
}

// audit is the newest entries of the audit, newest first.
func (r *rig) audit(n int) (out []slipway.AuditEntry) {
	r.t.Helper()
	r.read(func(tx slipway.Tx) (err error) {
		out, _, err = tx.Audit().List(r.ctx, slipway.AuditFilter{}, slipway.Page{Limit: n})
		return err
	})
	return out
}

// eventsAfter are the events after an id.
func (r *rig) eventsAfter(id int64) (out []slipway.DomainEvent) {
	r.t.Helper()
	r.read(func(tx slipway.Tx) (err error) { out, err = tx.Events().After(r.ctx, id, 200); return err })
	return out
}

func (r *rig) lastEvent() (id int64) {
	r.t.Helper()
	r.read(func(tx slipway.Tx) (err error) { id, err = tx.Events().LastID(r.ctx); return err })
	return id
}

// count is how many rows a table has.
func (r *rig) count(table string) (n int) {
	r.t.Helper()
	db := r.sql()
	defer func() { _ = db.Close() }()
	ok(r.t, db.QueryRowContext(r.ctx, "SELECT count(*) FROM "+table).Scan(&n))
	return n
}

func versions(releases []slipway.Release) (out []string) {
	for _, r := range releases {
		out = append(out, r.Version)
	}
	return out
}

// all is every row of every table but the queue's, as text: two that are equal
// are the same state.
func (r *rig) all() string {
	r.t.Helper()
	db := r.sql()
	defer func() { _ = db.Close() }()
	var out strings.Builder
	for _, table := range rows(r, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'river%' AND name NOT LIKE 'sqlite%' ORDER BY name`) {
		out.WriteString(table + "\n")
		for _, row := range rows(r, db, "SELECT * FROM "+table) {
			out.WriteString("  " + row + "\n")
		}
	}
	return out.String()
}

func rows(r *rig, db *sql.DB, query string) (out []string) {
	r.t.Helper()
	found, err := db.QueryContext(r.ctx, query)
	ok(r.t, err)
	defer func() { _ = found.Close() }()
	columns := must(found.Columns())(r.t)
	for found.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.NullString)
		}
		ok(r.t, found.Scan(values...))
		var parts []string
		for _, v := range values {
			parts = append(parts, v.(*sql.NullString).String)
		}
		out = append(out, strings.Join(parts, "|"))
	}
	if err := found.Err(); err != nil {
		r.t.Fatal(err)
	}
	return out
}
