package faults_test

import (
	"bufio"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// The auditor looks at an installation from outside: the tables by plain SQL,
// the ledger line by line. It shares no code with what it judges, so that it
// does not share its mistakes. What it knows of the house is its contract:
// generations are deployment × 4096 + number, docs/deployment-states.md lists
// the transitions, the audit is a chain of SHA-256.

// record is a deployment as the database has it.
type record struct {
	ID                            int64
	Epoch                         int64
	Service, Environment, Version string
	State, Digest, Requester      string
	Plan                          string
	Started, Ended, Wake          sql.NullString
	Runs                          []struct {
		Generation int64
		State      string
		ReadyAt    *time.Time
		EndedAt    *time.Time
		Back       int
		Desired    struct {
			Site string
			Hook *struct {
				Name  string
				Again string
			}
		}
	}
}

// entry is a line of the ledger.
type entry struct {
	Key    string
	What   string
	Detail string
}

// finding is what an audit saw, besides violations.
type finding struct {
	Deployments, Applied, Again, Refused, Entries, Events, Votes, Sets int
	Violations                                                         []string
}

func (f *finding) bad(format string, args ...any) {
	f.Violations = append(f.Violations, fmt.Sprintf(format, args...))
}

func (f *finding) String() string {
	return fmt.Sprintf("%d deployments, %d calls that took effect, %d repeats, %d stale calls refused, %d audit entries, %d events, %d votes, %d sets, %d violations",
		f.Deployments, f.Applied, f.Again, f.Refused, f.Entries, f.Events, f.Votes, f.Sets, len(f.Violations))
}

// source is what an auditor reads.
type source struct {
	url    string // of the database
	ledger string // file; may be missing
	jobs   string // file: a line for each run of a hook's job; may be missing
	acks   []ack
	moving bool // portals are at work: what is due may be late for a moment only
}

// ack is something that a portal has said yes to.
type ack struct {
	Deployment   int64
	Voter, Plan  string // of an approval
	Acknowledged time.Time
}

// audit compares the ledger with the database, the audit and the events.
func audit(t testing.TB, s source) *finding {
	t.Helper()
	db := openRaw(t, s.url)
	defer func() { _ = db.Close() }()
	f := &finding{}
	records := readRecords(t, db)
	f.Deployments = len(records)
	f.oneAtATime(records)
	f.nothingStuck(t, db, s)
	f.ledger(t, s.ledger, records)
	f.ranOnce(t, s.jobs, records)
	f.chains(t, db)
	f.replay(t, db, records)
	f.approvals(t, db, records, s.acks)
	f.together(t, db, readLedger(t, s.ledger), records)
	return f
}

// openRaw opens the database past the store.
func openRaw(t testing.TB, url string) *sql.DB {
	t.Helper()
	return openSQL(t, url, "&_pragma=query_only(1)")
}

// openWritable is openRaw for a test that meddles.
func openWritable(t testing.TB, url string) *sql.DB {
	t.Helper()
	return openSQL(t, url, "")
}

func openSQL(t testing.TB, url, more string) *sql.DB {
	t.Helper()
	driver, name := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"+more
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

// rowsOf reads rows of texts; a NULL is one, too.
func rowsOf(t testing.TB, db *sql.DB, query string, each func(column []sql.NullString)) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	column, into := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range column {
		into[i] = &column[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		each(column)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

func number(text sql.NullString) int64 {
	n, _ := strconv.ParseInt(text.String, 10, 64)
	return n
}

func readRecords(t testing.TB, db *sql.DB) (out []record) {
	t.Helper()
	rowsOf(t, db, `SELECT id, epoch, service, environment, version, state, plan_digest, requested_by, plan, runs,
		CAST(started_at AS TEXT), CAST(ended_at AS TEXT), CAST(next_wake_at AS TEXT) FROM deployments ORDER BY id`, func(c []sql.NullString) {
		r := record{ID: number(c[0]), Epoch: number(c[1]), Service: c[2].String, Environment: c[3].String, Version: c[4].String,
			State: c[5].String, Digest: c[6].String, Requester: c[7].String, Plan: c[8].String, Started: c[10], Ended: c[11], Wake: c[12]}
		if c[9].Valid {
			if err := json.Unmarshal([]byte(c[9].String), &r.Runs); err != nil {
				t.Errorf("deployment %d cannot be read: %v", r.ID, err)
			}
		}
		out = append(out, r)
	})
	return out
}

// active are the states that have something to do.
func active(state string) bool {
	return state == "waiting" || state == "running" || state == "paused" || state == "reverting"
}

// oneAtATime: in each stage one deployment at a time is active (I1), one after
// the other is at work, and each asks for more and more.
func (f *finding) oneAtATime(records []record) {
	type stage struct{ service, environment string }
	busy, until := map[stage]int64{}, map[stage]record{}
	for _, r := range records {
		at := stage{r.Service, r.Environment}
		if active(r.State) {
			if other, two := busy[at]; two {
				f.bad("deployments %d and %d of %s to %s are both active", other, r.ID, r.Service, r.Environment)
			}
			busy[at] = r.ID
		}
		if r.Started.Valid {
			if before, ok := until[at]; ok && (!before.Ended.Valid || before.Ended.String > r.Started.String) {
				f.bad("deployment %d began at %s, and %d before it ended at %s", r.ID, r.Started.String, before.ID, before.Ended.String)
			}
			until[at] = r
		}
		for i, run := range r.Runs {
			if run.Generation != r.ID*4096+int64(i)+1 {
				f.bad("deployment %d asked for generation %d as its number %d", r.ID, run.Generation, i+1)
			}
		}
		if sum := sha256.Sum256([]byte(r.Plan)); "sha256:"+hex.EncodeToString(sum[:]) != r.Digest {
			f.bad("the digest of deployment %d is not that of its plan", r.ID)
		}
	}
}

// farOff is further away than what is active is ever looked at: what waits for
// people is, every half hour and up to five minutes.
const farOff = 36 * time.Minute

// nothingStuck is the sweeper's query (I6): nothing active is without a time to
// be looked at, or with one that nobody came for, or with one that is too far
// off; nothing that has ended has one.
func (f *finding) nothingStuck(t testing.TB, db *sql.DB, s source) {
	t.Helper()
	late := time.Now().UTC().Add(-30 * time.Second).Format("2006-01-02T15:04:05.000000Z")
	far := time.Now().UTC().Add(farOff).Format("2006-01-02T15:04:05.000000Z")
	condition := `state IN ('waiting', 'running', 'paused', 'reverting') AND (next_wake_at IS NULL OR next_wake_at > '` + far + `'`
	if s.moving {
		condition += ` OR next_wake_at < '` + late + `'`
	}
	rowsOf(t, db, `SELECT id, state, CAST(next_wake_at AS TEXT) FROM deployments WHERE `+condition+`)
		OR (next_wake_at IS NOT NULL AND state NOT IN ('waiting', 'running', 'paused', 'reverting'))`, func(c []sql.NullString) {
		f.bad("deployment %s is %s and is looked at %q: nobody comes for it", c[0].String, c[1].String, c[2].String)
	})
}

func readLedger(t testing.TB, path string) (out []entry) {
	t.Helper()
	eachLine(t, path, func(line []byte) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("ledger: %v: %s", err, line)
		}
		out = append(out, e)
	})
	return out
}

func eachLine(t testing.TB, path string, each func([]byte)) {
	t.Helper()
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		each(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}
