package store

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"
)

// lookArgs is all a job says: look at this deployment of that team. The row is
// the truth, so a job that is lost, late or doubled does no harm.
type lookArgs struct {
	Deployment int64  `json:"deployment"`
	Team       string `json:"team"`
	Failed     int    `json:"failed,omitempty"` // looks in a row, before this one
}

// Kind names the job in the database.
func (lookArgs) Kind() string { return "look" }

// wake is a job to be inserted when the transaction is about to commit.
type wake struct {
	lookArgs
	at time.Time
}

// soon is up to when a wake-up becomes a job at once. The sweeper finds later
// ones when they are due, and thousands that wait cost the queue nothing.
const soon = time.Second

// inserter inserts jobs in a transaction.
type inserter func(ctx context.Context, t *tx, params []river.InsertManyParams) error

// newInserter makes a client that only inserts. It works nothing, so it may be
// older than the tables it inserts into.
func (s *Store) newInserter() (inserter, error) {
	config := &river.Config{Logger: s.riverLog(), Middleware: []rivertype.Middleware{river.JobInsertMiddlewareFunc(readyAtOnce)}}
	if s.postgres {
		client, err := river.NewClient(riverpgxv5.New(nil), config)
		return func(ctx context.Context, t *tx, params []river.InsertManyParams) error {
			return t.conn.Raw(func(any) error {
				_, err := client.InsertManyFastTx(ctx, t.begun, params)
				return err
			})
		}, fault("make the queue", err)
	}
	client, err := river.NewClient(riversqlite.New(s.writer), config)
	return func(ctx context.Context, t *tx, params []river.InsertManyParams) error {
		_, err := client.InsertManyFastTx(ctx, t.raw.(*sql.Tx), params)
		return err
	}, fault("make the queue", err)
}

// readyAtOnce makes a job of the near future one that workers fetch by
// themselves when its time comes. River would have its scheduler move the job
// first, which looks only every five seconds.
func readyAtOnce(ctx context.Context, params []*rivertype.JobInsertParams, next func(context.Context) ([]*rivertype.JobInsertResult, error)) ([]*rivertype.JobInsertResult, error) {
	for _, p := range params {
		p.State = rivertype.JobStateAvailable
	}
	return next(ctx)
}

// wakeFor remembers to wake the engine for a row that was just written. A look
// that saves its own deployment stays with it and needs nobody to wake it.
func (t *tx) wakeFor(ctx context.Context, row deploymentRow) {
	if at := lookIn(ctx); row.NextWakeAt == nil || (at != nil && at.args.Deployment == row.ID) {
		return
	}
	now := t.s.Now()
	if row.NextWakeAt.After(now.Add(soon)) {
		return
	}
	w := wake{lookArgs: lookArgs{Deployment: row.ID, Team: row.Team}}
	if row.NextWakeAt.After(now) {
		// Counted from now by the database's clock, which is the one workers go by.
		w.at = t.s.workersTime().Add(row.NextWakeAt.Sub(now))
	}
	t.wakes = append(t.wakes, w)
}

// flushWakes inserts the jobs. On PostgreSQL it also tells the workers, when
// the transaction commits. River does so as well, but at most ten times a
// second, and it counts the transactions that never committed. The payload is
// river's to the letter, so PostgreSQL sends it once where both do.
func (t *tx) flushWakes(ctx context.Context) error {
	if len(t.wakes) == 0 {
		return nil
	}
	params := make([]river.InsertManyParams, 0, len(t.wakes))
	for _, w := range t.wakes {
		if w.at.IsZero() {
			// River would take this machine's clock. Workers go by the database's, so a
			// machine that is ahead would put its wake-ups off.
			w.at = t.s.workersTime().Add(-believable)
		}
		params = append(params, river.InsertManyParams{
			Args: w.lookArgs, InsertOpts: &river.InsertOpts{ScheduledAt: w.at},
		})
	}
	t.wakes = nil
	if err := t.s.inserter(ctx, t, params); err != nil {
		return fault("insert wake-ups", err)
	}
	if t.s.postgres {
		t.later("tell the workers", `SELECT pg_notify(current_schema() || '.river_insert', '{"queue": "default"}')`)
	}
	return nil
}

// riverLog lets river speak up only when something is wrong.
func (s *Store) riverLog() *slog.Logger {
	return slog.New(atLeast{slog.LevelWarn, s.log.Handler()})
}

// atLeast drops records below a level.
type atLeast struct {
	level slog.Level
	slog.Handler
}

func (h atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level && h.Handler.Enabled(ctx, level)
}

func (h atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeast{h.level, h.Handler.WithAttrs(attrs)}
}

func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.level, h.Handler.WithGroup(name)}
}
