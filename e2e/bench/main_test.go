// Package bench measures Slipway beside what it could be at best: each figure
// stands next to that of a bare program that does the least that the task
// needs, taken in the same run, in turns. Without -bench the parts are started
// once, and the queries of a page are counted.
package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// roleVariable makes this test binary one of the programs that are measured:
// they are processes of their own, so that each can have a core of its own.
const roleVariable = "BENCH_PART"

// part is what such a process is told.
type part struct {
	Role     string // portal, bare, chains, writer or hooks
	Database string // as the store names it
	Quiet    bool   // portal: without engine and queue, for counting
	Ledger   string // portal: the file that the calls of its deployer go to
	State    string // portal: the directory of what runs, where several portals share it
	Queue    string // bare: a migrated database for the bare River job
	Floor    string // bare: where the floor's rows are written
	Token    string // bare: opens the rungs that ask for one
	Chat     string // portal: Slack's Web API; empty: chat is not set up
}

func TestMain(m *testing.M) {
	told := os.Getenv(roleVariable)
	if told == "" {
		os.Exit(runAll(m))
	}
	var p part
	err := json.Unmarshal([]byte(told), &p)
	if err == nil {
		err = p.play(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (p part) play(ctx context.Context) error {
	switch p.Role {
	case "portal":
		return playPortal(ctx, p)
	case "bare":
		return playBare(ctx, p)
	case "writer":
		return playWriter(ctx, p)
	case "hooks":
		return playHooks(ctx, p)
	case "chains":
		return playChains(ctx, p)
	default:
		return fmt.Errorf("there is no part %q", p.Role)
	}
}

// say prints a line of the report. The testing package keeps ten lines of a
// benchmark's log and drops the others.
func say(b testing.TB, format string, args ...any) {
	b.Helper()
	fmt.Fprintf(os.Stdout, "  "+format+"\n", args...)
}

// conditions is what a figure means nothing without.
func conditions(b *testing.B, d database, rows string) {
	b.Helper()
	load, _ := os.ReadFile("/proc/loadavg")
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	machine := fmt.Sprintf("%s, %d cores, Linux %s; %s; drivers: %s", runtime.Version(), runtime.NumCPU(), strings.TrimSpace(string(kernel)), pinning(), drivers())
	database := fmt.Sprintf("%s; %s; load %s", d.durability(b), rows, strings.TrimSpace(string(load)))
	if os.Getenv(quickVariable) != "" {
		machine += "; QUICK, so that no figure says anything"
	}
	say(b, "conditions: %s", machine)
	say(b, "conditions: %s", database)
	gather(b, "conditions", "- "+b.Name()+": "+database+".")
	gather(b, "machine", machine+".")
}

// drivers asks the go command: a test binary does not know its modules.
func drivers() string {
	out, err := exec.Command("go", "list", "-m", "modernc.org/sqlite", "github.com/jackc/pgx/v5", "gorm.io/gorm", "github.com/riverqueue/river",
		"github.com/labstack/echo/v4").Output()
	if err != nil {
		return "unknown"
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", ", ")
}

// database is a kind of database to measure on.
type database struct {
	name  string
	fresh func(b testing.TB) string // a store URL nobody has used yet
}

func databases() []database {
	return []database{{"sqlite", sqliteURL}, {"postgres", postgresURL}}
}

func (d database) postgres() bool { return d.name == "postgres" }

func (d database) durability(b *testing.B) string {
	if !d.postgres() {
		return "SQLite WAL, synchronous=FULL, one writer"
	}
	db, err := sql.Open("pgx", postgresURL(b))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var version, fsync, commit string
	err = db.QueryRowContext(b.Context(), `SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')`).
		Scan(&version, &fsync, &commit)
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Sprintf("PostgreSQL %s, fsync=%s, synchronous_commit=%s, not pinned: it shares both cores", version, fsync, commit)
}
