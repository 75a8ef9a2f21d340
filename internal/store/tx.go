package store

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// tx is one transaction. Wake-ups, audit entries and events are gathered and
// written at its very end (see flush), everything else at once.
type tx struct {
	s       *Store
	conn    *sql.Conn // that the transaction is on, if it writes on PostgreSQL
	begun   pgx.Tx    // then
	raw     connection
	reads   reader
	db      *gorm.DB
	write   bool
	wakes   []wake
	entries []slipway.AuditEntry
	events  []eventRow
	late    []statement
	signal  bool // events were written: tell the feed after the commit
	stands  *standing
}

// connection is a transaction, or on PostgreSQL the connection that one that writes
// has to itself.
type connection interface {
	reader
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// reader is a transaction, or the database itself for a single query.
type reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

var _ slipway.Tx = (*tx)(nil)

func (t *tx) Teams() slipway.Teams                   { return teams{t} }
func (t *tx) Environments() slipway.Environments     { return environments{t} }
func (t *tx) Services() slipway.Services             { return services{t} }
func (t *tx) Pipelines() slipway.Pipelines           { return pipelines{t} }
func (t *tx) Releases() slipway.Releases             { return releases{t} }
func (t *tx) Deployments() slipway.Deployments       { return deployments{t} }
func (t *tx) Stages() slipway.Stages                 { return stages{t} }
func (t *tx) Sets() slipway.Sets                     { return sets{t} }
func (t *tx) Votes() slipway.Votes                   { return votes{t} }
func (t *tx) Bypasses() slipway.Bypasses             { return bypasses{t} }
func (t *tx) Freezes() slipway.Freezes               { return freezes{t} }
func (t *tx) Calendars() slipway.CalendarBook        { return freezeCalendars{t} }
func (t *tx) Line() slipway.Line                     { return line{t} }
func (t *tx) People() slipway.People                 { return people{t} }
func (t *tx) Bindings() slipway.Bindings             { return bindings{t} }
func (t *tx) Tokens() slipway.Tokens                 { return tokens{t} }
func (t *tx) Audit() slipway.AuditLog                { return audit{t} }
func (t *tx) Events() slipway.Events                 { return events{t} }
func (t *tx) Logs() slipway.Logs                     { return logs{t} }
func (t *tx) Keys() slipway.IdempotencyKeys          { return keys{t} }
func (t *tx) Secrets() slipway.SecretBook            { return secretBook{t} }
func (t *tx) SecretMarks() slipway.SecretMarkBook    { return secretMarks{t} }
func (t *tx) Sealed() slipway.SealedRows             { return sealed{t} }
func (t *tx) Routes() slipway.NotificationRoutes     { return routes{t} }
func (t *tx) Deliveries() slipway.Deliveries         { return deliveries{t} }
func (t *tx) NoticeCursor() slipway.NoticeCursor     { return noticeCursor{t} }
func (t *tx) Preferences() slipway.NoticePreferences { return preferences{t} }

func (t *tx) ChatAccounts() slipway.ChatAccounts   { return chatAccounts{t} }
func (t *tx) ChatRequests() slipway.ChatRequests   { return chatRequests{t} }
func (t *tx) Announcements() slipway.Announcements { return announcements{t} }
func (t *tx) Proposals() slipway.SecretProposals   { return proposals{t} }

func (t *tx) Trust() slipway.TrustBook    { return trust{t} }
func (t *tx) Devices() slipway.DeviceBook { return devices{t} }

// flush writes what was gathered, or leaves it for the end (see late). What makes
// others wait until the commit comes last, because that time is to be short: a
// chain of the audit, and then the order of events, which on PostgreSQL is
// everybody's.
func (t *tx) flush(ctx context.Context) error {
	if err := t.flushWakes(ctx); err != nil {
		return err
	}
	if err := t.flushAudit(ctx); err != nil {
		return err
	}
	t.flushEvents()
	return nil
}

// forUpdate locks the rows a query reads, where the database can: in SQLite the
// writing transaction is alone anyway.
func (t *tx) forUpdate(strength string) string {
	if t.write && t.s.postgres {
		return " FOR " + strength
	}
	return ""
}

func (t *tx) exec(ctx context.Context, what, query string, args ...any) (int64, error) {
	query, args = t.placed(query, args)
	result, err := t.raw.ExecContext(ctx, query, cleanArgs(args)...)
	if err != nil {
		return 0, fault(what, err)
	}
	n, err := result.RowsAffected()
	return n, fault(what, err)
}

// insert adds a row. It reports false, and no error, if a row with the same
// key is there already.
func (t *tx) insert(ctx context.Context, what string, row any) (bool, error) {
	result := t.db.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(row)
	if result.Error != nil {
		return false, fault(what, result.Error)
	}
	return result.RowsAffected > 0, nil
}

// put adds a row, or replaces the columns of the one with the same key.
func (t *tx) put(ctx context.Context, what string, row any, key []string, columns ...string) error {
	conflict := clause.OnConflict{DoUpdates: clause.AssignmentColumns(columns)}
	for _, name := range key {
		conflict.Columns = append(conflict.Columns, clause.Column{Name: name})
	}
	return fault(what, t.db.WithContext(ctx).Clauses(conflict).Create(row).Error)
}

// one reads a row, or says that there is no such kind of thing by that name.
func one[R any](ctx context.Context, t *tx, kind, name, query string, args ...any) (R, error) {
	rows, err := many[R](ctx, t, "read "+kind, query, args...)
	if err != nil {
		var none R
		return none, err
	}
	if len(rows) == 0 {
		var none R
		return none, slipway.NotFound(kind, name)
	}
	return rows[0], nil
}

// domains turns rows into what the ports speak of. The result is never nil, so
// that an empty list is shown as one.
func domains[R, D any](rows []R, convert func(R) D) []D {
	out := make([]D, 0, len(rows))
	for _, row := range rows {
		out = append(out, convert(row))
	}
	return out
}

// lists does both at once.
func lists[R, D any](ctx context.Context, t *tx, convert func(R) D, what, query string, args ...any) ([]D, error) {
	rows, err := many[R](ctx, t, what, query, args...)
	if err != nil {
		return nil, err
	}
	return domains(rows, convert), nil
}

// cleanPool hands statements to a transaction with their text cleaned.
type cleanPool struct{ connection }

func (p cleanPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.connection.ExecContext(ctx, query, cleanArgs(args)...)
}

func (p cleanPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.connection.QueryContext(ctx, query, cleanArgs(args)...)
}

func (p cleanPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.connection.QueryRowContext(ctx, query, cleanArgs(args)...)
}
