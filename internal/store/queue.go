package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// QueueOptions tune a Queue; the zero value is fit for production.
type QueueOptions struct {
	Workers     int           // looks at the same time; 32 if 0
	LookTimeout time.Duration // after which a look's context ends; a minute if 0
}

// Queue calls the engine to look at deployments. Any number of replicas may run
// one; each wake-up goes to one of them.
//
// A job of river's is only the bell: it is done as soon as it was heard, and the
// look waits here for its team's turn. So what one team has waiting is in nobody
// else's way, neither in the database nor among the workers. A look that is lost
// with its process is found by the sweeper, as the row stays due.
type Queue struct {
	s       *Store
	look    func(ctx context.Context, deployment int64) error
	timeout time.Duration
	client  riverClient
	pool    *pgxpool.Pool // river's own, on PostgreSQL
	turns   *turns
	work    context.Context // of all looks
	cut     context.CancelFunc
	idle    context.Context // of those that wait for a turn or rest
	hurry   context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	looks    map[int64]*atWork // by deployment
	stopping bool
	left     []int64 // to be looked at by others
}

type riverClient interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

// NewQueue makes a queue that calls look, at the same time for different
// deployments; for the same one only other replicas do, so whoever looks saves
// over the epoch it read. A look that fails is repeated after a growing wait.
func (s *Store) NewQueue(look func(ctx context.Context, deployment int64) error, o QueueOptions) (*Queue, error) {
	if o.Workers <= 0 {
		o.Workers = 32
	}
	if o.LookTimeout <= 0 {
		o.LookTimeout = time.Minute
	}
	q := &Queue{s: s, look: look, timeout: o.LookTimeout, turns: newTurns(o.Workers), looks: map[int64]*atWork{}}
	q.work, q.cut = context.WithCancel(context.Background())
	q.idle, q.hurry = context.WithCancel(q.work)
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(_ context.Context, job *river.Job[lookArgs]) error {
		q.heard(job.Args)
		return nil
	}))
	config := &river.Config{
		Logger: s.riverLog(), Workers: workers,
		Queues:        map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.Workers}},
		FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 100 * time.Millisecond,
		CompletedJobRetentionPeriod: time.Minute, CancelledJobRetentionPeriod: time.Minute,
		DiscardedJobRetentionPeriod: time.Hour,
	}
	var err error
	if s.postgres {
		if q.pool, err = s.queuePool(); err == nil {
			q.client, err = river.NewClient(riverpgxv5.New(q.pool), config)
		}
	} else {
		config.FetchPollInterval = 25 * time.Millisecond // nothing notifies it
		q.client, err = river.NewClient(riversqlite.New(s.writer), config)
	}
	if err != nil {
		q.close()
		return nil, fault("make the queue", err)
	}
	return q, nil
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

func (q *Queue) close() {
	q.cut()
	if q.pool != nil {
		q.pool.Close()
	}
}

// Start begins to call look. The context only bounds the start. A database
// whose connections break just then is asked again for two seconds: river comes
// back by itself from such an end later on, and not from one while it starts.
func (q *Queue) Start(ctx context.Context) error {
	for backOff := 100 * time.Millisecond; ; backOff *= 2 {
		err := q.client.Start(context.WithoutCancel(ctx))
		if err == nil || !away(err) || backOff > time.Second || !wait(ctx, backOff) {
			return fault("start the queue", err)
		}
	}
}

// Stop lets the looks that are at work finish, until ctx ends, and starts no
// more. Those that wait or rest are handed to the other replicas. A queue that
// was stopped is not started again.
func (q *Queue) Stop(ctx context.Context) error {
	defer q.close()
	err := q.client.Stop(ctx)
	q.mu.Lock()
	q.stopping = true
	q.mu.Unlock()
	q.hurry()
	cut := context.AfterFunc(ctx, q.cut)
	q.running.Wait()
	if !cut() {
		err = errors.Join(err, ctx.Err())
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	handing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return fault("stop the queue", errors.Join(err, q.ring(handing, q.left)))
}

// Wake queues a look at each deployment for which none is queued yet. Looks at
// work do not count: they may have read the row before it changed, and those of
// a process that died seem to be at work for minutes.
func (q *Queue) Wake(ctx context.Context, ids []int64) error {
	return q.ring(ctx, q.unheard(ids))
}

// unheard leaves out those that are going to be looked at here in any case.
func (q *Queue) unheard(ids []int64) []int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(ids), func(id int64) bool {
		at := q.looks[id]
		return at != nil && (at.waits || at.rests)
	})
}

func (q *Queue) ring(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return q.s.writeTx(ctx, func(t *tx) error {
		// A job that only a clock set back has put off does not count.
		field, soon := `json_extract(args, '$.deployment')`, `julianday(scheduled_at) <= julianday('now', '+2 seconds')`
		if t.s.postgres {
			field, soon = `(args->>'deployment')::bigint`, `scheduled_at <= now() + interval '2 seconds'`
		}
		rows, err := many[lookArgs](ctx, t, "list looks to be queued", `SELECT id AS deployment, team FROM deployments
			WHERE id IN ? AND id NOT IN (SELECT `+field+` FROM river_job
				WHERE kind = 'look' AND state IN ('available', 'retryable', 'scheduled') AND `+soon+`)`, ids)
		for _, row := range rows {
			t.wakes = append(t.wakes, wake{lookArgs: row})
		}
		return err
	})
}
