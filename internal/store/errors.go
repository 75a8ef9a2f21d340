package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Codes of the databases for what is a person's business rather than a fault.
const (
	sqlitePrimaryKey = 1555
	sqliteUnique     = 2067
	sqliteForeignKey = 787
	sqliteReadOnly   = 8
	sqliteIO         = 10
	sqliteFull       = 13
	sqliteCannotOpen = 14

	pgUnique        = "23505"
	pgForeignKey    = "23503"
	pgSerialization = "40001"
	pgDeadlock      = "40P01"
)

// fault puts what went wrong into words. Errors of our own pass as they are.
func fault(what string, err error) error {
	if err == nil {
		return nil
	}
	var ours *slipway.Error
	if errors.As(err, &ours) {
		return err
	}
	wrapped := fmt.Errorf("store: %s: %w", what, err)
	switch {
	case hasCode(err, []int{sqlitePrimaryKey, sqliteUnique}, pgUnique):
		return &slipway.Error{Code: slipway.CodeConflict, Err: wrapped,
			Message: "Something by that name or number already exists.", Do: "Look at it again, and choose another."}
	case hasCode(err, []int{sqliteForeignKey}, pgForeignKey):
		return &slipway.Error{Code: slipway.CodeConflict, Err: wrapped,
			Message: "This names something that does not exist, or takes away what something else still needs.",
			Do:      "Check the names of the team, service, environment and release."}
	case away(err):
		return &slipway.Error{Code: slipway.CodeUnavailable, Err: wrapped,
			Message:  "The database cannot be used at the moment.",
			Affected: "What was asked for was not done, or nobody can tell.",
			Do:       "Send it again in a moment: under the same idempotency key it is done once."}
	default:
		return wrapped
	}
}

// away reports whether the database is out of reach or out of room, rather than
// displeased with what it was told.
func away(err error) bool {
	var fromPG *pgconn.PgError
	if errors.As(err, &fromPG) {
		// Connections, resources (the disk is full), shutting down, the system.
		// 25P03: it took too long within a transaction, a frozen machine for one.
		return slices.ContainsFunc([]string{"08", "25P03", "53", "57P", "58"}, func(class string) bool { return strings.HasPrefix(fromPG.Code, class) })
	}
	var fromSQLite *sqlite.Error
	if errors.As(err, &fromSQLite) {
		return slices.Contains([]int{sqliteIO, sqliteFull, sqliteCannotOpen, sqliteReadOnly}, fromSQLite.Code()&0xff)
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connecting) || errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// retryable reports whether the same transaction may well succeed if run again.
func retryable(err error) bool { return hasCode(err, nil, pgSerialization, pgDeadlock) }

func hasCode(err error, lite []int, pg ...string) bool {
	var fromPG *pgconn.PgError
	if errors.As(err, &fromPG) {
		for _, code := range pg {
			if fromPG.Code == code {
				return true
			}
		}
		return false
	}
	var fromSQLite *sqlite.Error
	if errors.As(err, &fromSQLite) {
		for _, code := range lite {
			if fromSQLite.Code() == code {
				return true
			}
		}
	}
	return false
}
