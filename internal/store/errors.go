package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Codes of the databases for what is a person's business rather than a fault.
const (
	sqlitePrimaryKey = 1555
	sqliteUnique     = 2067
	sqliteForeignKey = 787

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
	default:
		return wrapped
	}
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
