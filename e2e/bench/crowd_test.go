package bench

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
)

// crowd promotes many services at once, and reads in the ledger of the deployer
// what became of that.
type crowd struct {
	b       *testing.B
	world   size
	part    part // of a portal, to start another
	portals []child
	client  *http.Client
	db      *sql.DB // to look at rows, not measured
	ledger  *ledger
	other   map[int]bool // services whose newest release is live
}

// crowded seeds a world and starts portals on it that share what runs.
func crowded(b *testing.B, d database, world size, replicas int) *crowd {
	b.Helper()
	address, state := d.fresh(b), shared(b)
	seed(b, address, world)
	db, err := openBare(address, true)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	pinGenerator(b)
	c := &crowd{b: b, world: world, client: client(), db: db, ledger: &ledger{path: filepath.Join(state, "ledger")}, other: map[int]bool{}}
	c.part = part{Role: "portal", Database: address, State: state, Ledger: c.ledger.path}
	for range replicas {
		c.portals = append(c.portals, start(b, c.part))
	}
	return c
}

// shared is a directory in memory, if there is one: what the fake deployer
// keeps is not measured, and a real one keeps it elsewhere.
func shared(b *testing.B) string {
	b.Helper()
	if dir, err := os.MkdirTemp("/dev/shm", "slipway-bench-"); err == nil {
		b.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir
	}
	return b.TempDir()
}

// environment is the one that is promoted to: it has no gates.
func (c *crowd) environment() string { return c.world.environments()[0].Name }

// promote asks for the release of a service that is not live there.
func (c *crowd) promote(ctx context.Context, n int) error {
	portal := c.portals[n%len(c.portals)]
	body := fmt.Sprintf(`{"environment":%q,"version":%q}`, c.environment(), c.next(n))
	return post(ctx, c.client, portal.URL+"/api/v1/services/"+serviceName(n)+"/deployments", bearer(portal, "jonas"), body, http.StatusAccepted)
}

func (c *crowd) next(n int) string {
	if c.other[n] {
		return versions()[3]
	}
	return versions()[4]
}

// settledEvery is how seldom it is looked whether all have ended: counting takes
// the database as long as a step, and has its processors while others are measured.
const settledEvery = 250 * time.Millisecond

// settled waits until nothing is at work any more, and turns the releases of
// those around that were promoted.
func (c *crowd) settled(services ...int) {
	c.b.Helper()
	for _, n := range services {
		c.other[n] = !c.other[n]
	}
	c.until("deployments to end", func() bool {
		wait(c.b.Context(), settledEvery)
		return c.number(`SELECT count(*) FROM deployments WHERE state IN ('running', 'reverting')
		OR (state = 'waiting' AND environment = '`+c.environment()+`')`) == 0
	})
	var failed string
	if err := c.db.QueryRowContext(c.b.Context(), `SELECT coalesce(min(service || ' ' || state || ': ' || message), '') FROM deployments
		WHERE state IN ('failed', 'rolledBack', 'cancelled', 'rejected', 'expired', 'superseded')`).Scan(&failed); err != nil || failed != "" {
		c.b.Fatalf("a deployment did not succeed: %s %v", failed, err)
	}
}

// idle says that nothing is at work any more.
func (c *crowd) idle() bool {
	return c.number(`SELECT count(*) FROM deployments WHERE state IN ('waiting', 'running', 'paused', 'reverting')
		AND (state <> 'waiting' OR environment = '`+c.environment()+`')`) == 0
}

func (c *crowd) number(query string, args ...any) (n int64) {
	c.b.Helper()
	if err := c.db.QueryRowContext(c.b.Context(), query, args...).Scan(&n); err != nil {
		c.b.Fatal(err)
	}
	return n
}

// until waits for something that is looked at from outside.
func (c *crowd) until(what string, done func() bool) {
	c.b.Helper()
	for began := time.Now(); !done(); wait(c.b.Context(), 20*time.Millisecond) {
		if time.Since(began) > 5*time.Minute {
			c.b.Fatalf("waited five minutes for %s", what)
		}
	}
}

// atOnce does something n times with so many hands.
func atOnce(ctx context.Context, n, hands int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	var all sync.WaitGroup
	for range hands {
		all.Go(func() {
			for i := range next {
				if err := do(ctx, i); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func post(ctx context.Context, c *http.Client, address string, header http.Header, body string, want int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = header.Clone()
	request.Header.Set("Content-Type", jsonKind)
	response, err := c.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("%s: %s, want %d: %.500s", address, response.Status, want, answer)
	}
	return err
}

// call is one call of the deployer that had an effect, or repeated one.
type call struct {
	fake.Entry
	service string
}

// ledger is read as it grows.
type ledger struct {
	path   string
	offset int64
	calls  []call
}

// read takes in what has come since it last did, and returns all.
func (l *ledger) read(b *testing.B) []call {
	b.Helper()
	file, err := os.Open(l.path)
	if err != nil {
		return l.calls
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(l.offset, io.SeekStart); err != nil {
		b.Fatal(err)
	}
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return l.calls
		}
		l.offset += int64(len(line))
		var c call
		if err := json.Unmarshal(line, &c.Entry); err != nil {
			b.Fatal(err)
		}
		c.service, _, _ = strings.Cut(c.Key, "/")
		if c.What == fake.Applied || c.What == fake.Again {
			l.calls = append(l.calls, c)
		}
	}
}

// first returns when each service was first called from a place of the ledger on.
func (l *ledger) first(b *testing.B, from int) map[string]time.Time {
	b.Helper()
	first := map[string]time.Time{}
	for _, c := range l.read(b)[from:] {
		if _, known := first[c.service]; !known {
			first[c.service] = c.Time
		}
	}
	return first
}

// used is the time that a process has had of processors.
func used(b *testing.B, p *os.Process) time.Duration {
	b.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(p.Pid) + "/stat")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before may hold anything
	fields := strings.Fields(rest)
	ticks := 0
	for _, field := range fields[11:13] { // in user mode, in the kernel
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}
