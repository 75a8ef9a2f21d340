package bench

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// writers is how many requests, or connections, write at the same time. They
// write to nine teams of ten services: the chain of a team's audit has one
// writer at a time.
const writers = 8

// BenchmarkB3Write measures how many releases become known in a second: each is
// a release, an audit entry and an event in one transaction. Beside it the same
// statements are run by pgbench, or by a loop over SQLite's driver.
func BenchmarkB3Write(b *testing.B) {
	for _, d := range databases() {
		b.Run(d.name, func(b *testing.B) {
			address, theirs, world := d.fresh(b), d.fresh(b), size{services: 90, perTeam: 10, only: 1}
			seed(b, address, world)
			seed(b, theirs, world)
			pinGenerator(b)
			portal := start(b, part{Role: "portal", Database: address})
			limit := rawWrites(b, d, theirs)
			conditions(b, d, world.String())
			profile(b, portal, "b3-"+d.name, 15)
			w := &releasing{b: b, portal: portal, client: client()}
			w.rate() // warm
			limit()
			before, made := used(b, portal.process), w.made.Load()
			a, l, ratio := beside(w.rate, limit)
			each := float64((used(b, portal.process) - before).Microseconds()) / float64(w.made.Load()-made)
			b.ReportMetric(each, "core-µs/write")
			b.ReportMetric(a.median, "writes/s")
			b.ReportMetric(l.median, "limit-writes/s")
			b.ReportMetric(ratio.median, "ratio")
			tell(b, result{"B3 " + d.name + ", a release with audit entry and event", fmt.Sprintf("%s/s, %.0f µs of the core each", a.format(0), each),
				limitOf(d) + " " + l.format(0) + "/s, ratio " + ratio.format(2), []string{goal(ratio.median >= 0.5, "≥0.5×")}, validity(b, a, l)})
			w.check(address)
		})
	}
}

func limitOf(d database) string {
	if d.postgres() {
		return fmt.Sprintf("pgbench -c %d", writers)
	}
	return "raw transactions"
}

type releasing struct {
	b      *testing.B
	portal child
	client *http.Client
	made   atomic.Int64
}

func (w *releasing) rate() float64 {
	w.b.Helper()
	began, before := time.Now(), w.made.Load()
	err := atOnce(w.b.Context(), writers, writers, func(ctx context.Context, _ int) error {
		for time.Since(began) < slice() {
			if err := w.release(ctx, w.made.Add(1)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.b.Fatal(err)
	}
	return float64(w.made.Load()-before) / time.Since(began).Seconds()
}

func (w *releasing) release(ctx context.Context, n int64) error {
	body := fmt.Sprintf(`{"version":"9.0.%d","artifacts":[{"name":"app","reference":"registry.example.com/app","digest":"sha256:%s"}]}`, n, strings.Repeat("ab", 32))
	return post(ctx, w.client, w.portal.URL+"/api/v1/services/"+serviceName(int(n%90))+"/releases", bearer(w.portal, "jonas"), body, http.StatusCreated)
}

// check finds everything that was acknowledged, three times over.
func (w *releasing) check(address string) {
	w.b.Helper()
	db, err := openBare(address, true)
	if err != nil {
		w.b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, count := range []string{`SELECT count(*) FROM releases WHERE version LIKE '9.%'`,
		`SELECT count(*) FROM audit WHERE action = 'release.created'`, `SELECT count(*) FROM events WHERE kind = 'release.created'`} {
		var n int64
		if err := db.QueryRowContext(w.b.Context(), count).Scan(&n); err != nil || n != w.made.Load() {
			w.b.Fatalf("%s: %d, but %d were acknowledged: %v", count, n, w.made.Load(), err)
		}
	}
}

// rawWrites returns what runs the bare transactions for a while.
func rawWrites(b *testing.B, d database, address string) func() float64 {
	b.Helper()
	if d.postgres() {
		return pgbench(b, address)
	}
	bare := start(b, part{Role: "writer", Database: address})
	c := &http.Client{}
	return func() float64 {
		b.Helper()
		l := target{url: fmt.Sprintf("%s/write?ms=%d", bare.URL, slice().Milliseconds())}
		rate, err := l.number(b.Context(), c)
		if err != nil {
			b.Fatal(err)
		}
		return rate
	}
}

// pgbench comes with PostgreSQL, and has both cores to itself and the server.
func pgbench(b *testing.B, address string) func() float64 {
	b.Helper()
	program, err := exec.LookPath("pgbench")
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench"); err != nil && len(found) > 0 {
		program = found[len(found)-1]
	} else if err != nil {
		b.Skip("pgbench is not installed; apt-get install postgresql")
	}
	script := filepath.Join(b.TempDir(), "release.sql")
	if err := os.WriteFile(script, []byte(pgbenchScript()), 0o600); err != nil {
		b.Fatal(err)
	}
	tps := regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)
	return func() float64 {
		b.Helper()
		seconds := max(1, int(slice().Seconds()+0.5))
		cmd := pinned(serverCore+","+generatorCore, program, "-n", "-M", "prepared", "-c", strconv.Itoa(writers), "-j", "2", "-T", strconv.Itoa(seconds), "-f", script, address)
		out, err := cmd.CombinedOutput()
		found := tps.FindSubmatch(out)
		if err != nil || found == nil || strings.Contains(string(out), "ERROR") {
			b.Fatalf("pgbench: %v\n%s", err, out)
		}
		rate, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			b.Fatal(err)
		}
		return rate
	}
}

// playWriter is the limit on SQLite: one process, its one writing connection,
// prepared statements.
func playWriter(ctx context.Context, p part) error {
	db, err := openBare(p.Database, false)
	if err != nil {
		return err
	}
	var statements []*sql.Stmt
	for _, text := range sqliteScript() {
		statement, err := db.PrepareContext(ctx, text) //nolint:sqlclosecheck // is kept as long as the process
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		statements = append(statements, statement)
	}
	written := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET /write", func(w http.ResponseWriter, r *http.Request) {
		during, err := strconv.Atoi(r.FormValue("ms"))
		began, before := time.Now(), written
		for err == nil && time.Since(began) < time.Duration(during)*time.Millisecond {
			err = writeRaw(r.Context(), db, statements, written)
			written++
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, float64(written-before)/time.Since(began).Seconds())
	})
	address, err := listenAndServe(mux)
	if err != nil {
		return err
	}
	return announce(ready{URL: address, Control: address})
}

func writeRaw(ctx context.Context, db *sql.DB, statements []*sql.Stmt, n int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	values := []any{sql.Named("service", serviceName(n%90)), sql.Named("team", fmt.Sprintf("team-%03d", n%90/10)), sql.Named("version", fmt.Sprintf("9.0.%d", n))}
	for _, statement := range statements {
		if err := exhaust(ctx, tx, statement, values); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// exhaust runs a statement to its end: an insert that returns rows is not done
// before.
func exhaust(ctx context.Context, tx *sql.Tx, statement *sql.Stmt, values []any) error {
	rows, err := tx.StmtContext(ctx, statement).QueryContext(ctx, values...) //nolint:sqlclosecheck // the statement ends with the transaction
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
	}
	return rows.Err()
}
