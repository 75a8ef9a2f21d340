package bench

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

func now() time.Time { return time.Now() }

// notify tells River's workers, as the store does.
const notify = `SELECT pg_notify(current_schema() || '.river_insert', '{"queue": "default"}')`

// addFloor adds what an approval costs at the very least: the request, a commit
// of the decision, a commit of the intent. And a bare River job beside it.
func addFloor(ctx context.Context, mux *http.ServeMux, p part) error {
	if p.Floor == "" {
		return nil
	}
	db, err := openBare(p.Floor, false)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `CREATE TABLE floor (id TEXT PRIMARY KEY, state TEXT NOT NULL)`); err != nil {
		return err
	}
	_, lite := strings.CutPrefix(p.Floor, "sqlite:")
	mux.HandleFunc("POST /floor", func(w http.ResponseWriter, r *http.Request) {
		at, err := twoCommits(r.Context(), db, r.FormValue("id"), !lite)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, at.UnixNano())
	})
	return addRiver(ctx, mux, p.Queue)
}

func twoCommits(ctx context.Context, db *sql.DB, id string, tell bool) (time.Time, error) {
	commit := func(statements ...string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		for _, statement := range statements {
			var args []any
			if statement != notify {
				args = append(args, id)
			}
			if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
	first := []string{`INSERT INTO floor (id, state) VALUES ($1, 'approved')`}
	if tell {
		first = append(first, notify)
	}
	if err := commit(first...); err != nil {
		return time.Time{}, err
	}
	err := commit(`UPDATE floor SET state = 'running' WHERE id = $1`)
	return time.Now(), err
}

type bareArgs struct {
	ID string `json:"id"`
}

func (bareArgs) Kind() string { return "bare" }

// inserter is the part of a River client that both databases share.
type inserter interface {
	InsertTx(ctx context.Context, tx *sql.Tx, args river.JobArgs, opts *river.InsertOpts) error
}

type insertFunc func(ctx context.Context, tx *sql.Tx, args river.JobArgs, opts *river.InsertOpts) error

func (f insertFunc) InsertTx(ctx context.Context, tx *sql.Tx, args river.JobArgs, opts *river.InsertOpts) error {
	return f(ctx, tx, args, opts)
}

// addRiver serves a job as bare as it can be: inserted in a transaction, worked
// once that is committed.
func addRiver(ctx context.Context, mux *http.ServeMux, address string) error {
	var worked sync.Map // id → chan time.Time
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(_ context.Context, job *river.Job[bareArgs]) error {
		at := time.Now()
		if done, ok := worked.Load(job.Args.ID); ok {
			done.(chan time.Time) <- at
		}
		return nil
	}))
	db, err := openBare(address, false)
	if err != nil {
		return err
	}
	insert, err := startRiver(ctx, db, address, riverConfig(workers))
	if err != nil {
		return err
	}
	mux.HandleFunc("POST /river", func(w http.ResponseWriter, r *http.Request) {
		id, done := r.FormValue("id"), make(chan time.Time, 1)
		worked.Store(id, done)
		if err := insertJob(r.Context(), db, insert, bareArgs{id}, !strings.HasPrefix(address, "sqlite:")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, (<-done).UnixNano())
	})
	return nil
}

// riverConfig has the settings of the store's queue.
func riverConfig(workers *river.Workers) *river.Config {
	return &river.Config{Workers: workers, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 32}},
		FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 100 * time.Millisecond}
}

func startRiver(ctx context.Context, db *sql.DB, address string, config *river.Config) (inserter, error) {
	if strings.HasPrefix(address, "sqlite:") {
		config.FetchPollInterval = 25 * time.Millisecond
		client, err := river.NewClient(riversqlite.New(db), config)
		if err != nil {
			return nil, err
		}
		return insertFunc(func(ctx context.Context, tx *sql.Tx, args river.JobArgs, opts *river.InsertOpts) error {
			_, err := client.InsertTx(ctx, tx, args, opts)
			return err
		}), client.Start(ctx)
	}
	inserting, err := river.NewClient(riverdatabasesql.New(db), &river.Config{})
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return nil, err
	}
	working, err := river.NewClient(riverpgxv5.New(pool), config)
	if err != nil {
		return nil, err
	}
	return insertFunc(func(ctx context.Context, tx *sql.Tx, args river.JobArgs, opts *river.InsertOpts) error {
		_, err := inserting.InsertTx(ctx, tx, args, opts)
		return err
	}), working.Start(ctx)
}

func insertJob(ctx context.Context, db *sql.DB, insert inserter, args river.JobArgs, tell bool) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := addJob(ctx, tx, insert, args, tell); err != nil {
		return err
	}
	return tx.Commit()
}

func addJob(ctx context.Context, tx *sql.Tx, insert inserter, args river.JobArgs, tell bool) error {
	if err := insert.InsertTx(ctx, tx, args, nil); err != nil || !tell {
		return err
	}
	_, err := tx.ExecContext(ctx, notify)
	return err
}
