//go:build linux

package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes the test binary all the programs that the tests need: the
// supervisor, and a portal that starts one job. Both can be told to be killed at
// a step.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 {
		os.Exit(m.Run())
	}
	var err error
	switch os.Args[1] {
	case SupervisorCommand:
		// Its environment is not ours to choose, so a file says where it is killed.
		wanted, _ := os.ReadFile(filepath.Join(filepath.Dir(os.Args[3]), killFile))
		err = supervise(context.Background(), os.Args[2:], killAt(string(wanted)))
	case "churn":
		err = churn(os.Args[2], os.Args[3])
	case "portal":
		err = portal(os.Args[2], os.Args[3], os.Args[4:])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

const killFile = "kill-supervisor-at"

func killAt(wanted string) func(string) {
	return func(step string) {
		if step == wanted {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

// portal starts a job as a portal does, and is killed at a step of that, or
// otherwise waits to be killed once it has said that the job is started.
func portal(root, step string, argv []string) error {
	r, err := New(root, os.Args[0], nil)
	if err != nil {
		return err
	}
	r.at = killAt(step)
	if err := r.Start(context.Background(), Job{Key: "d42-r3", Command: argv, Timeout: time.Minute, Grace: time.Second}); err != nil {
		return err
	}
	fmt.Println("started")
	select {}
}

// churn starts one job after the other until it is killed.
func churn(root, ledger string) error {
	r, err := New(root, os.Args[0], nil)
	if err != nil {
		return err
	}
	fmt.Println("running")
	for i := 0; ; i++ {
		if err := r.Start(context.Background(), numbered(i, ledger)); err != nil {
			return err
		}
	}
}

// numbered is a job that writes its key to a ledger.
func numbered(i int, ledger string) Job {
	key := fmt.Sprintf("d%d", i)
	return Job{Key: key, Command: []string{"sh", "-c", fmt.Sprintf("echo %s >>%s", key, ledger)}, Timeout: time.Minute}
}

// rig is a runner over a directory of its own; whatever a test does, its
// processes are gone in the end, which is checked.
type rig struct {
	*Runner
	t      *testing.T
	root   string
	ledger string // commands of tests write down there that they ran
}

func newRig(t *testing.T) *rig {
	t.Helper()
	base := t.TempDir()
	g := &rig{t: t, root: filepath.Join(base, "jobs"), ledger: filepath.Join(base, "ledger")}
	g.Runner = g.another()
	t.Cleanup(func() {
		if t.Failed() {
			g.show()
		}
		keys, err := g.AtWork(context.Background())
		for _, key := range keys {
			err = errors.Join(err, g.Stop(context.Background(), key))
		}
		if err != nil {
			t.Error(err)
		}
		eventually(t, "nothing of the test runs", func() (bool, string) {
			found := processes(base)
			return len(found) == 0, fmt.Sprint(found)
		})
	})
	return g
}

// another is what a restarted portal has.
func (g *rig) another() *Runner {
	g.t.Helper()
	r, err := New(g.root, os.Args[0], slog.New(slog.DiscardHandler))
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

func (g *rig) all() []string {
	var keys []string
	entries, _ := os.ReadDir(g.root)
	for _, e := range entries {
		if key, ok := strings.CutPrefix(e.Name(), jobPrefix); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// show prints what the directory holds, for whoever reads a failed test.
func (g *rig) show() {
	_ = filepath.WalkDir(g.root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			data, _ := os.ReadFile(path)
			g.t.Logf("%s: %.300q", path, data)
		}
		return nil
	})
}

// sh is a job that runs a script. $LEDGER is the ledger.
func (g *rig) sh(key, script string) Job {
	return Job{
		Key: key, Command: []string{"sh", "-c", script}, Env: map[string]string{"LEDGER": g.ledger},
		Timeout: time.Minute, Grace: time.Second,
	}
}

func (g *rig) start(job Job) {
	g.t.Helper()
	if err := g.Start(g.t.Context(), job); err != nil {
		g.t.Fatalf("Start: %v", err)
	}
}

func (g *rig) status(key string) Status {
	g.t.Helper()
	s, err := g.Status(g.t.Context(), key)
	if err != nil {
		g.t.Fatalf("Status: %v", err)
	}
	return s
}

func (g *rig) until(key string, what string, holds func(Status) bool) Status {
	g.t.Helper()
	var s Status
	eventually(g.t, what, func() (bool, string) {
		s = g.status(key)
		return holds(s), fmt.Sprintf("%+v", s)
	})
	return s
}

func (g *rig) ended(key string) Status {
	g.t.Helper()
	return g.until(key, key+" has ended", func(s Status) bool { return s.State != Running })
}

// printed waits until the job printed a line.
func (g *rig) printed(key, text string) {
	g.t.Helper()
	eventually(g.t, key+" prints "+text, func() (bool, string) {
		all := g.texts(key)
		for _, line := range all {
			if line == text {
				return true, ""
			}
		}
		return false, strings.Join(all, "\n")
	})
}

func (g *rig) lines(key string) []Line {
	g.t.Helper()
	lines, _, err := g.Output(g.t.Context(), key, "", maxLines)
	if err != nil {
		g.t.Fatalf("Output: %v", err)
	}
	return lines
}

func (g *rig) texts(key string) []string {
	g.t.Helper()
	var texts []string
	for _, line := range g.lines(key) {
		texts = append(texts, line.Text)
	}
	return texts
}

// runs counts the runs in the ledger, whatever the runner says.
func (g *rig) runs() int {
	g.t.Helper()
	data, err := os.ReadFile(g.ledger)
	if err != nil && !os.IsNotExist(err) {
		g.t.Fatal(err)
	}
	return bytes.Count(data, []byte("\n"))
}

// processes finds what runs for a test by command line and environment, which
// name its directory, and by where it runs.
func processes(base string) map[int]string {
	found := map[int]string{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		cwd, _ := os.Readlink(filepath.Join(dir, "cwd"))
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if strings.Contains(string(cmdline)+string(environ), base) || strings.HasPrefix(cwd, base) {
			found[pid] = string(bytes.ReplaceAll(cmdline, []byte{0}, []byte(" ")))
		}
	}
	return found
}

// atWork is what runs for the jobs, apart from supervisors.
func (g *rig) atWork() map[int]string {
	found := processes(g.root)
	maps.DeleteFunc(found, func(_ int, cmdline string) bool { return strings.Contains(cmdline, SupervisorCommand) })
	return found
}

// supervisor is the process that looks after a job.
func (g *rig) supervisor(key string) int {
	g.t.Helper()
	for pid, cmdline := range processes(g.root) {
		if strings.Contains(cmdline, SupervisorCommand+" --dir "+g.path(key)+" ") {
			return pid
		}
	}
	g.t.Fatalf("%s has no supervisor", key)
	return 0
}

func (g *rig) kill9(pid int) {
	g.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		g.t.Fatal(err)
	}
}

// write lets a command go on that reads a pipe in its directory.
func (g *rig) write(key, pipe string) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.path(key), workName, pipe), []byte("go\n"), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, done func() (bool, string)) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		ok, last := done()
		if ok {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("not in time: %s; last seen: %s", what, last)
		}
	}
}
