package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
)

// chainArgs is a bare River job that commits once and begets the next one.
type chainArgs struct {
	ID   string `json:"id"`
	Step int    `json:"step"`
	Of   int    `json:"of"`
}

func (chainArgs) Kind() string { return "chain" }

// chained is a step that was committed.
type chained struct {
	ID   string
	Step int
	At   int64 // Unix time in nanoseconds
}

// chains is what engines are measured beside: jobs as bare as they can be, each
// with one durable commit, which makes the next one.
type chains struct {
	db     *sql.DB
	tell   bool
	insert inserter

	mu   sync.Mutex
	done []chained
}

func playChains(ctx context.Context, p part) error {
	db, err := openBare(p.Queue, false)
	if err != nil {
		return err
	}
	c := &chains{db: db, tell: !strings.HasPrefix(p.Queue, "sqlite:")}
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(c.work))
	if c.insert, err = startRiver(ctx, db, p.Queue, riverConfig(workers)); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chain", func(w http.ResponseWriter, r *http.Request) {
		of, err := strconv.Atoi(r.URL.Query().Get("of"))
		if err == nil {
			err = insertJob(r.Context(), c.db, c.insert, chainArgs{r.URL.Query().Get("id"), 1, of}, c.tell)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /steps", func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.Atoi(r.URL.Query().Get("after"))
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = json.NewEncoder(w).Encode(c.done[min(after, len(c.done)):])
	})
	address, err := listenAndServe(mux)
	if err != nil {
		return err
	}
	return announce(ready{URL: address, Control: address})
}

func (c *chains) work(ctx context.Context, job *river.Job[chainArgs]) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, `INSERT INTO chain_steps (id, step) VALUES ($1, $2)`, job.Args.ID, job.Args.Step); err != nil {
		return err
	}
	if job.Args.Step < job.Args.Of {
		if err := addJob(ctx, tx, c.insert, chainArgs{job.Args.ID, job.Args.Step + 1, job.Args.Of}, c.tell); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = append(c.done, chained{job.Args.ID, job.Args.Step, time.Now().UnixNano()})
	return nil
}

// bareJobs drives such processes, on a database of their own.
type bareJobs struct {
	b       *testing.B
	workers []child
	client  *http.Client
	read    []int // of each worker's steps
	rounds  int
}

func startChains(b *testing.B, d database, replicas int) *bareJobs {
	b.Helper()
	queue := d.fresh(b)
	migrate(b, queue)
	db, err := openBare(queue, false)
	if err == nil {
		_, err = db.ExecContext(b.Context(), `CREATE TABLE chain_steps (id TEXT NOT NULL, step INTEGER NOT NULL, PRIMARY KEY (id, step))`)
	}
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	j := &bareJobs{b: b, client: client(), read: make([]int, replicas)}
	for range replicas {
		j.workers = append(j.workers, start(b, part{Role: "chains", Queue: queue}))
	}
	return j
}

// run starts so many chains at once and returns when each of their steps was
// done, beginning with the first request.
func (j *bareJobs) run(n, of int) (began time.Time, steps []chained) {
	j.b.Helper()
	j.rounds++
	began = time.Now()
	err := atOnce(j.b.Context(), n, hands, func(ctx context.Context, i int) error {
		return post(ctx, j.client, fmt.Sprintf("%s/chain?id=%d-%d&of=%d", j.workers[i%len(j.workers)].URL, j.rounds, i, of), http.Header{}, "", http.StatusOK)
	})
	if err != nil {
		j.b.Fatal(err)
	}
	for len(steps) < n*of {
		wait(j.b.Context(), 20*time.Millisecond)
		for i, w := range j.workers {
			steps = append(steps, j.news(i, w)...)
		}
		if time.Since(began) > 5*time.Minute {
			j.b.Fatalf("%d of %d bare steps in five minutes", len(steps), n*of)
		}
	}
	return began, steps
}

func (j *bareJobs) news(i int, w child) (steps []chained) {
	j.b.Helper()
	request, err := http.NewRequestWithContext(j.b.Context(), http.MethodGet, fmt.Sprintf("%s/steps?after=%d", w.URL, j.read[i]), nil)
	if err != nil {
		j.b.Fatal(err)
	}
	response, err := j.client.Do(request)
	if err != nil {
		j.b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(&steps); err != nil {
		j.b.Fatal(err)
	}
	j.read[i] += len(steps)
	return steps
}
