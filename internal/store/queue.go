package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"
)

// QueueOptions tune a Queue; the zero value is fit for production.
type QueueOptions struct {
	Workers     int           // looks at the same time; 32 if 0
	LookTimeout time.Duration // after which a look's context ends; a minute if 0
}

// Queue calls the engine to look at deployments. Any number of replicas may run
// one; each wake-up goes to one of them.
type Queue struct {
	s      *Store
	client riverClient
	pool   *pgxpool.Pool // river's own, on PostgreSQL
}

type riverClient interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

// NewQueue makes a queue that calls look, at the same time for different
// deployments and perhaps for the same one: whoever looks saves over the epoch
// it read. A look that fails is repeated after a growing wait.
func (s *Store) NewQueue(look func(ctx context.Context, deployment int64) error, o QueueOptions) (*Queue, error) {
	if o.Workers <= 0 {
		o.Workers = 32
	}
	if o.LookTimeout <= 0 {
		o.LookTimeout = time.Minute
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[lookArgs]) error {
		return look(ctx, job.Args.Deployment)
	}))
	config := &river.Config{
		Logger: s.riverLog(), Workers: workers, RetryPolicy: lookAgain{},
		Queues:     map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.Workers}},
		JobTimeout: o.LookTimeout, RescueStuckJobsAfter: o.LookTimeout + 5*time.Minute,
		FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 100 * time.Millisecond,
		CompletedJobRetentionPeriod: time.Minute, CancelledJobRetentionPeriod: time.Minute,
		DiscardedJobRetentionPeriod: time.Hour,
	}
	if !s.postgres {
		config.FetchPollInterval = 25 * time.Millisecond // nothing notifies it
		client, err := river.NewClient(riversqlite.New(s.writer), config)
		return &Queue{s: s, client: client}, fault("make the queue", err)
	}
	pool, err := s.queuePool()
	if err != nil {
		return nil, err
	}
	client, err := river.NewClient(riverpgxv5.New(pool), config)
	if err != nil {
		pool.Close()
		return nil, fault("make the queue", err)
	}
	return &Queue{s: s, client: client, pool: pool}, nil
}

// queuePool is small: river fetches and completes in batches.
func (s *Store) queuePool() (*pgxpool.Pool, error) {
	conn, err := s.pgConfig()
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(s.url)
	if err != nil {
		return nil, fault("read the database URL", err)
	}
	config.ConnConfig = conn
	config.MaxConns = 6
	pool, err := pgxpool.NewWithConfig(context.Background(), config) // connects when first used
	return pool, fault("make the queue", err)
}

// Start begins to call look. The context only bounds the start.
func (q *Queue) Start(ctx context.Context) error {
	return fault("start the queue", q.client.Start(context.WithoutCancel(ctx)))
}

// Stop lets the looks that are at work finish, until ctx ends, and starts no
// more. A queue that was stopped is not started again.
func (q *Queue) Stop(ctx context.Context) error {
	err := q.client.Stop(ctx)
	if q.pool != nil {
		q.pool.Close()
	}
	return fault("stop the queue", err)
}

// Wake queues a look at each deployment for which none is queued yet. Looks at
// work do not count: they may have read the row before it changed, and those
// of a process that died seem to be at work for minutes.
func (q *Queue) Wake(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return q.s.writeTx(ctx, func(t *tx) error {
		field := `json_extract(args, '$.deployment')`
		if t.s.postgres {
			field = `(args->>'deployment')::bigint`
		}
		rows, err := many[struct{ ID int64 }](ctx, t, "list queued looks",
			`SELECT DISTINCT `+field+` AS id FROM river_job WHERE kind = 'look' AND state IN ('available', 'retryable', 'scheduled')`)
		if err != nil {
			return err
		}
		queued := make(map[int64]bool, len(rows))
		for _, row := range rows {
			queued[row.ID] = true
		}
		for _, id := range ids {
			if !queued[id] {
				queued[id] = true
				t.wakes = append(t.wakes, wake{deployment: id})
			}
		}
		return nil
	})
}

// lookAgain spaces the repeats of a failed look: 1, 2, 4, 8 seconds.
type lookAgain struct{}

// NextRetry implements river.ClientRetryPolicy.
func (lookAgain) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(time.Second << min(max(job.Attempt-1, 0), 4))
}
