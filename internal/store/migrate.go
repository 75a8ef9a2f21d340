package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/slipway-dev/slipway/migrations"
)

// Migration is one numbered change of the tables.
type Migration struct {
	Number    int64
	Name      string
	AppliedAt *time.Time // nil: pending
}

// String is a line of `slipway migrate status`.
func (m Migration) String() string {
	if m.AppliedAt == nil {
		return m.Name + "  pending"
	}
	return m.Name + "  applied " + m.AppliedAt.UTC().Format(time.RFC3339)
}

// riverMigrator is rivermigrate.Migrator without its type parameter, which is
// *sql.Tx for both of our drivers.
type riverMigrator = rivermigrate.Migrator[*sql.Tx]

func (s *Store) riverMigrator() (*riverMigrator, error) {
	config := &rivermigrate.Config{Logger: s.riverLog()}
	if s.postgres {
		return rivermigrate.New(riverdatabasesql.New(s.writer), config)
	}
	return rivermigrate.New(riversqlite.New(s.writer), config)
}

func (s *Store) files() (goose.Dialect, fs.FS) {
	if s.postgres {
		return goose.DialectPostgres, migrations.Postgres()
	}
	return goose.DialectSQLite3, migrations.SQLite()
}

func (s *Store) provider() (*goose.Provider, error) {
	dialect, files := s.files()
	return goose.NewProvider(dialect, s.writer, files, goose.WithDisableGlobalRegistry(true))
}

// Migrate brings the tables up to this program, the queue's own included.
// Replicas that start together take turns.
func (s *Store) Migrate(ctx context.Context) error {
	return s.migrating(ctx, "migrate", func(p *goose.Provider, river *riverMigrator) error {
		if _, err := p.Up(ctx); err != nil {
			return err
		}
		_, err := river.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	})
}

// MigrateDown takes the newest migration back. With the first one the tables of
// the queue go too. It is an error if nothing is left to take back.
func (s *Store) MigrateDown(ctx context.Context) error {
	return s.migrating(ctx, "migrate down", func(p *goose.Provider, river *riverMigrator) error {
		s.migrated.Store(false)
		if _, err := p.Down(ctx); err != nil {
			return err
		}
		version, err := p.GetDBVersion(ctx)
		if err != nil || version > 0 {
			return err
		}
		_, err = river.Migrate(ctx, rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{TargetVersion: -1})
		return err
	})
}

// MigrationStatus lists our migrations, oldest first.
func (s *Store) MigrationStatus(ctx context.Context) ([]Migration, error) {
	var list []Migration
	err := s.migrating(ctx, "list migrations", func(p *goose.Provider, _ *riverMigrator) error {
		status, err := p.Status(ctx)
		for _, m := range status {
			one := Migration{Number: m.Source.Version, Name: m.Source.Path}
			if m.State == goose.StateApplied {
				at := m.AppliedAt.UTC()
				one.AppliedAt = &at
			}
			list = append(list, one)
		}
		return err
	})
	return list, err
}

// migrating runs f while no other replica migrates.
func (s *Store) migrating(ctx context.Context, what string, f func(*goose.Provider, *riverMigrator) error) (err error) {
	defer func() { err = fault(what, err) }()
	if s.postgres {
		conn, err := s.writer.Conn(ctx)
		if err != nil {
			return err
		}
		// A bad connection is closed for good, which gives the lock back come what may.
		defer func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }()
		if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1, hashtext(current_schema()))`, migrateLock); err != nil {
			return err
		}
	}
	p, err := s.provider()
	if err != nil {
		return err
	}
	river, err := s.riverMigrator()
	if err != nil {
		return err
	}
	return f(p, river)
}

// pending reports whether the database lacks migrations. Unlike goose it asks
// without creating anything.
func (s *Store) pending(ctx context.Context) (bool, error) {
	_, files := s.files()
	names, err := fs.Glob(files, "*.sql")
	if err != nil || len(names) == 0 {
		return false, errors.Join(err, errors.New("store: no migrations are built in"))
	}
	var newest, have int64
	if _, err := fmt.Sscanf(names[len(names)-1], "%05d_", &newest); err != nil {
		return false, fault("read the number of a migration", err)
	}
	const applied = `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`
	if err := s.reader.QueryRowContext(ctx, applied).Scan(&have); err != nil {
		if ctx.Err() != nil {
			return false, fault("look for migrations", err)
		}
		return true, nil // there is no such table yet
	}
	if have < newest {
		return true, nil
	}
	river, err := s.riverMigrator()
	if err != nil {
		return false, fault("look for migrations", err)
	}
	result, err := river.Validate(ctx)
	if err != nil {
		return false, fault("look for migrations", err)
	}
	return !result.OK, nil
}
