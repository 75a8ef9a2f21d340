// Package migrations holds the numbered SQL that builds and unbuilds the
// database, once for SQLite and once for PostgreSQL. Both directories have the
// same numbers and lead to the same tables, columns and rules.
//
// A released file is never edited. A change is a new number, and it leaves the
// tables usable by the release before, so that old and new replicas can run
// side by side while one is replaced by the other.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed sqlite/*.sql
var sqliteFiles embed.FS

//go:embed postgres/*.sql
var postgresFiles embed.FS

// SQLite returns the migrations for SQLite.
func SQLite() fs.FS { return sub(sqliteFiles, "sqlite") }

// Postgres returns the migrations for PostgreSQL.
func Postgres() fs.FS { return sub(postgresFiles, "postgres") }

func sub(files embed.FS, dir string) fs.FS {
	inner, err := fs.Sub(files, dir)
	if err != nil {
		panic("migrations: " + err.Error()) // only a directory name that is no path gets here
	}
	return inner
}
