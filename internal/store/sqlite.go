package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"

	gormsqlite "gorm.io/driver/sqlite"
)

// openSQLite opens the file twice: by one connection that writes, and by some
// that cannot. One writer means that writers queue here, see writers, instead of
// finding the file locked.
func (s *Store) openSQLite(ctx context.Context, path string) error {
	if path == "" || path == ":memory:" {
		return errors.New("store: an SQLite database needs a file: sqlite:PATH")
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("store: open the database: %w", err)
	}
	// SQLite gives its side files the mode of the main one.
	err = errors.Join(file.Chmod(0o600), file.Close())
	if err != nil {
		return fmt.Errorf("store: make the database private: %w", err)
	}
	writing, reading := sqliteDSNs(path)
	if s.writer, err = openStatements(writing); err != nil {
		return fault("open the database", err)
	}
	s.writer.SetMaxOpenConns(1)
	if err := s.writer.PingContext(ctx); err != nil { // before any reader: it sets up the WAL
		return fault("open the database", err)
	}
	if s.reader, err = openStatements(reading); err != nil {
		return fault("open the database", err)
	}
	readers := max(4, 2*runtime.GOMAXPROCS(0))
	s.reader.SetMaxOpenConns(readers)
	s.reader.SetMaxIdleConns(readers)
	if s.writeDB, err = session(gormsqlite.Dialector{Conn: s.writer}); err != nil {
		return fault("open the database", err)
	}
	if s.readDB, err = session(gormsqlite.Dialector{Conn: s.reader}); err != nil {
		return fault("open the database", err)
	}
	return nil
}

func sqliteDSNs(path string) (writing, reading string) {
	pragmas := []string{
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"temp_store(MEMORY)", "journal_size_limit(67108864)",
	}
	return sqliteDSN(path, "immediate", pragmas), sqliteDSN(path, "deferred", append(pragmas, "query_only(1)"))
}

func sqliteDSN(path, lock string, pragmas []string) string {
	query := url.Values{"_txlock": {lock}, "_pragma": pragmas}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

// tryToWrite says whether the disk takes anything again, after it did not: what
// can only be read is not ready. It writes what is there already.
func (s *Store) tryToWrite(ctx context.Context) error {
	var version int
	err := s.writer.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	if err == nil {
		_, err = s.writer.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
	}
	if err != nil {
		return fault("write to the database", err)
	}
	s.stuck.Store(false)
	return nil
}
