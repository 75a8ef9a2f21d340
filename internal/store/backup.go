package store

import (
	"context"
	"fmt"
	"os"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Backup writes one consistent copy of an SQLite database to a new file, while
// it is in use. PostgreSQL has tools of its own for that, and is refused.
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.postgres {
		return &slipway.Error{Code: slipway.CodeInvalid, Message: "This database is PostgreSQL, which is backed up by its own tools.",
			Do: "pg_dump --format=custom --file=FILE \"$SLIPWAY_DATABASE_URL\""}
	}
	// VACUUM INTO would leave a half-written file readable by others; it takes
	// an empty one as its target, so that is made first, with our rights.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if _, err := s.writer.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return fault("back up", err)
	}
	return nil
}

// idJump is how far deployment ids leap after a restore: past all that may
// have been given out since the backup, with room for a billion restores.
const idJump = 1_000_000

// AfterRestore makes deployment ids go on from where no deployer has seen them.
// Generations are made of ids, deployers refuse older ones, and an older
// database would give out ids again.
func (s *Store) AfterRestore(ctx context.Context) error {
	jump := `UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'deployments'`
	if s.postgres {
		jump = `SELECT setval(pg_get_serial_sequence('deployments', 'id'), (SELECT coalesce(max(id), 0) FROM deployments) + $1)`
	}
	_, err := s.writer.ExecContext(ctx, jump, idJump)
	return fault("let deployment ids leap", err)
}
