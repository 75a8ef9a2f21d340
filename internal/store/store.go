package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Config says where everything is kept.
type Config struct {
	URL   string        // sqlite:PATH, or postgres://…
	Clock slipway.Clock // the time that all replicas go by (Now) if nil
	Wall  slipway.Clock // what this machine says; time.Now if nil
	Log   *slog.Logger  // discarded if nil
}

// Store keeps everything. It implements slipway.Store, slipway.Wakes and
// slipway.Feed, and may be used from any number of goroutines. A function
// given to Write must not call Write again: on SQLite it would wait for itself.
type Store struct {
	url      string
	postgres bool
	clock    slipway.Clock
	wall     slipway.Clock
	keeper   timekeeper
	log      *slog.Logger

	writers  writers // on SQLite, where they take turns
	shareFor time.Duration
	writer   *sql.DB
	reader   *sql.DB // the writer itself on PostgreSQL
	writeDB  *gorm.DB
	readDB   *gorm.DB
	readOpts *sql.TxOptions
	inserter inserter
	layouts  layouts
	decoded  decoded

	feed     feed
	migrated atomic.Bool // seen to be; saves Ping from asking again
	stuck    atomic.Bool // the last write found no room, or a broken disk
	stop     context.CancelFunc
	running  sync.WaitGroup
}

var (
	_ slipway.Store = (*Store)(nil)
	_ slipway.Wakes = (*Store)(nil)
	_ slipway.Feed  = (*Store)(nil)
)

// Open connects to the database. It creates the file of an SQLite database that
// does not exist yet, but no tables: that is what Migrate is for.
func Open(ctx context.Context, c Config) (*Store, error) {
	s := &Store{url: c.URL, clock: c.Clock, wall: c.Wall, keeper: timekeeper{steady: newSteady()}, log: c.Log,
		shareFor: sharedFor, readOpts: &sql.TxOptions{ReadOnly: true}}
	if s.wall == nil {
		s.wall = time.Now
	}
	if s.clock == nil {
		s.clock = s.keeper.now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	var err error
	switch scheme, rest, _ := strings.Cut(c.URL, ":"); scheme {
	case "sqlite":
		err = s.openSQLite(ctx, rest)
	case "postgres", "postgresql":
		err = s.openPostgres(ctx, background)
	default:
		err = fmt.Errorf("store: the database URL begins with sqlite: or postgres://, not with %q", scheme+":")
	}
	if err == nil {
		s.inserter, err = s.newInserter()
	}
	if err == nil {
		err = s.firstTime(ctx)
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	s.running.Go(func() { s.keepTime(background) })
	return s, nil
}

// Close ends all connections. Queues are to be stopped before.
func (s *Store) Close() error {
	s.stop()
	s.running.Wait()
	var err error
	if s.reader != nil && s.reader != s.writer {
		err = s.reader.Close()
	}
	if s.writer != nil {
		if closeErr := s.writer.Close(); err == nil {
			err = closeErr
		}
	}
	return err
}

// session makes a gorm handle; it takes its transactions from us.
func session(dialector gorm.Dialector) (*gorm.DB, error) {
	return gorm.Open(dialector, &gorm.Config{
		SkipDefaultTransaction: true, DisableNestedTransaction: true, DisableAutomaticPing: true,
		Logger: logger.Discard,
	})
}

// Read runs f on a snapshot that cannot write.
func (s *Store) Read(ctx context.Context, f func(slipway.Tx) error) error {
	return s.read(ctx, func(t *tx) error { return f(t) })
}

func (s *Store) read(ctx context.Context, f func(*tx) error) error {
	raw, err := s.reader.BeginTx(ctx, s.readOpts)
	if err != nil {
		return fault("begin to read", err)
	}
	defer func() { _ = raw.Rollback() }() // there is nothing to commit
	return f(s.newTx(ctx, raw, false))
}

// alone runs one query, which needs no transaction around it: every request
// begins with one, and on PostgreSQL two more ways there and back would take
// longer than the query.
func (s *Store) alone(ctx context.Context, f func(*tx) error) error {
	return f(&tx{s: s, reads: s.reader})
}

// Write runs f in a transaction, again if it came to grief on another one.
func (s *Store) Write(ctx context.Context, f func(slipway.Tx) error) error {
	return s.writeTx(ctx, func(t *tx) error { return f(t) })
}

// maxTries bounds how often a transaction is run.
const maxTries = 8

func (s *Store) writeTx(ctx context.Context, f func(*tx) error) error {
	once := s.writeOnce
	if !s.postgres {
		once = s.writeShared
	}
	for try := 1; ; try++ {
		err := once(ctx, f)
		s.stuck.Store(!s.postgres && err != nil && away(err))
		if err == nil || try == maxTries || !retryable(err) {
			return err
		}
		pause := time.NewTimer(time.Duration(rand.Int64N(int64(5*time.Millisecond) << try))) //nolint:gosec // jitter keeps no secret
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

func (s *Store) newTx(ctx context.Context, raw connection, write bool) *tx {
	db := s.readDB
	if write {
		db = s.writeDB
	}
	// The context makes gorm copy the statement, whose pool is then ours.
	db = db.Session(&gorm.Session{NewDB: true, Context: ctx})
	db.Statement.ConnPool = cleanPool{raw}
	return &tx{s: s, raw: raw, reads: raw, db: db, write: write}
}

// Ping says whether the store can serve: it answers, and its tables are those
// of this program.
func (s *Store) Ping(ctx context.Context) error {
	for _, db := range []*sql.DB{s.writer, s.reader} {
		if err := db.PingContext(ctx); err != nil {
			return &slipway.Error{Code: slipway.CodeUnavailable, Message: "The database does not answer.", Err: err}
		}
	}
	if s.stuck.Load() {
		if err := s.tryToWrite(ctx); err != nil {
			return err
		}
	}
	if s.migrated.Load() {
		return nil
	}
	pending, err := s.pending(ctx)
	if err != nil {
		return err
	}
	if pending {
		return &slipway.Error{Code: slipway.CodeUnavailable,
			Message: "The database has not been migrated to this version.", Do: "Run: slipway migrate"}
	}
	s.migrated.Store(true)
	return nil
}
