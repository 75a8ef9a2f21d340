package faults_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// TestOldAndNewTogether (F14): the program of before, whose commit is in
// testdata/previous, and this one work over one database, which this one has
// migrated: as long as replicas are replaced one by one, and after a new one was
// taken back. It takes a history of commits, which a shallow clone has not, so
// only `make faults` does it.
func TestOldAndNewTogether(t *testing.T) {
	t.Parallel()
	if !full() {
		return
	}
	said := reported(t, "F14", "the previous and this version over one database", "postgres")
	w := newWorld(t, "postgres", 2)
	previous := previousBinary(t)
	before, after := w.replicas[0], w.replicas[1]
	before.binary = previous
	w.startAll()
	c := w.gather(4)
	cases := 0
	both := func() { c.all(2, time.Minute); cases++ }
	both()
	for range 10 { // forward, and back again
		before.signal(syscall.SIGTERM)
		before.gone()
		before.binary = ""
		w.ok(before.start())
		both()
		before.signal(syscall.SIGTERM)
		before.gone()
		before.binary = previous
		w.ok(before.start())
		both()
		after.kill()
		c.all(1, time.Minute) // the previous one alone
		w.ok(after.start())
		cases++
	}
	said(cases, "%d requests sent again; %s", c.again.Load(), c.judged())
}

// TestMigrationIsInterrupted (F14): a migration from the version before to this
// one is killed at random times. Whoever starts it again brings it to its end, and
// until then the previous program goes on.
func TestMigrationIsInterrupted(t *testing.T) {
	t.Parallel()
	if !full() {
		return
	}
	previous := previousBinary(t)
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			said := reported(t, "F14", "kill -9 of a migration", kind)
			random, killed := seeded(t), 0
			const cases = 20
			for n := range cases {
				url := "sqlite:" + filepath.Join(memory(t), fmt.Sprintf("%d.db", n))
				if kind == "postgres" {
					url = pgtest.URL(t)
				}
				if out, err := migrateUp(t, previous, url, 0); err != nil {
					t.Fatalf("the previous program: %v\n%s", err, out)
				}
				if _, err := migrateUp(t, breakableBinary(t), url, time.Duration(random.Int64N(int64(150*time.Millisecond)))+time.Millisecond); err != nil {
					killed++
				}
				if out, err := migrateUp(t, breakableBinary(t), url, 0); err != nil {
					t.Errorf("after it was killed the migration says %v\n%s", err, out)
				}
				for _, binary := range []string{previous, breakableBinary(t)} {
					w := newWorldAt(t, kind, url, 1)
					w.replicas[0].binary = binary
					w.startAll()
					w.replicas[0].kill()
				}
			}
			if killed == 0 {
				t.Error("no migration was killed: that proves nothing")
			}
			said(cases, "%d were killed", killed)
		})
	}
}

// migrateUp migrates by a program, which is killed after some time if there is
// one.
func migrateUp(t *testing.T, binary, url string, kill time.Duration) (string, error) {
	t.Helper()
	ctx := t.Context()
	if kill > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, kill)
		defer cancel()
	}
	up := exec.CommandContext(ctx, binary, "migrate", "up") // #nosec G204 -- our own program
	up.Env = []string{"PATH=" + os.Getenv("PATH"), "SLIPWAY_DATABASE_URL=" + url}
	out, err := up.CombinedOutput()
	return string(out), err
}

// previousBinary builds the previous version, once.
func previousBinary(t *testing.T) string {
	t.Helper()
	path, err := buildPrevious()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildPrevious = sync.OnceValues(func() (string, error) {
	commit, err := os.ReadFile("testdata/previous")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(scratch, "previous")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	archive := exec.Command("git", "archive", "--format=tar", "-o", dir+".tar", strings.TrimSpace(string(commit))) // #nosec G204 -- a commit of ours
	archive.Dir = "../.."
	for _, c := range []*exec.Cmd{archive, exec.Command("tar", "-xf", dir+".tar", "-C", dir)} { // #nosec G204 -- our own files
		if out, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("fetch the previous version: %w\n%s", err, out)
		}
	}
	return buildIn(dir, filepath.Join(scratch, "slipway-previous"))
})
