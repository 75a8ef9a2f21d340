//go:build linux

package jobs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startPortal runs a portal in a process of its own, which starts the job d42-r3
// and is killed: at a step, or else once it has said that the job is started, and
// then with its whole process group, as by a terminal.
func (g *rig) startPortal(step, script string) {
	g.t.Helper()
	cmd := exec.Command(os.Args[0], "portal", g.root, step, "sh", "-c", script)
	var said strings.Builder
	cmd.Stderr = &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	started := bufio.NewScanner(out).Scan()
	if started == (step != "") {
		g.t.Errorf("the portal was not killed at %q", step)
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if err := cmd.Wait(); err == nil || said.Len() > 0 {
		g.t.Errorf("portal: %v %s", err, said.String())
	}
}

// TestKill9OfThePortal kills it between every two steps of Start. The next
// portal is told the truth, and to start the job once more never runs it twice.
func TestKill9OfThePortal(t *testing.T) {
	t.Parallel()
	never := Status{State: Failed, ExitCode: -1}
	for step, want := range map[string]Status{
		stepPrepared: {State: Unknown, ExitCode: -1, Message: "this host has no record of the job"},
		stepClaimed:  never, stepSpawned: never,
		stepHanded: {State: Succeeded, Message: "exited with code 0"},
		"":         {State: Succeeded, Message: "exited with code 0"},
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			script := "echo run >>" + g.ledger
			g.startPortal(step, script)
			s := g.ended("d42-r3")
			if began := !s.StartedAt.IsZero(); began != (s.State == Succeeded) || began != (g.runs() == 1) {
				t.Errorf("%+v after %d runs", s, g.runs())
			}
			if s.State != want.State || s.ExitCode != want.ExitCode ||
				want == never && !strings.Contains(s.Message, "Slipway ended") || want != never && s.Message != want.Message {
				t.Errorf("%+v", s)
			}
			g.start(g.sh("d42-r3", script))
			again := g.ended("d42-r3")
			if s.State == Unknown { // nothing had happened: now it runs for the first time
				s, want = again, Status{State: Succeeded}
			}
			if again.State != s.State || again.Message != s.Message || again.State == Succeeded && g.runs() != 1 || again.State != Succeeded && g.runs() != 0 {
				t.Errorf("%+v, then %+v after %d runs", s, again, g.runs())
			}
		})
	}
}

// TestKill9AtAnyTime kills one portal after the other in the middle of its work,
// each of which begins again with the first job. The ledger knows how often a
// job ran, and Status must say just that.
func TestKill9AtAnyTime(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	for range rounds {
		cmd := exec.Command(os.Args[0], "churn", g.root, g.ledger)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		<-time.After(rand.N(50 * time.Millisecond))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	jobs := len(g.all())
	if jobs < rounds/2 {
		t.Errorf("only %d jobs: this tests nothing", jobs)
	}
	for i := range jobs {
		g.start(numbered(i, g.ledger))
	}
	var want []string
	for i := range jobs {
		if s := g.ended(fmt.Sprintf("d%d", i)); s.State == Succeeded {
			want = append(want, fmt.Sprintf("d%d", i))
		} else if s.State != Failed || !s.StartedAt.IsZero() {
			t.Errorf("d%d: %+v", i, s)
		}
	}
	data, err := os.ReadFile(g.ledger)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(data))
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("ran: %v\nsaid to have run: %v", got, want)
	}
	t.Logf("%d of %d jobs ran", len(want), jobs)
}

// TestHalfOfTheEnvironmentStartsNothing is a portal that is killed while it
// hands over.
func TestHalfOfTheEnvironmentStartsNothing(t *testing.T) {
	t.Parallel()
	var whole bytes.Buffer
	if err := gob.NewEncoder(&whole).Encode(handover{Env: []string{"A=1", "B=2"}, Redact: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	for n := range whole.Len() {
		if n%9 != 0 && n < whole.Len()-2 {
			continue
		}
		g := newRig(t)
		job := g.sh("d1", `echo run >>"$LEDGER"`)
		job.Command[2] = "echo run >>" + g.ledger
		lock, err := g.claim(g.path("d1"), newIntent(job))
		if err != nil {
			t.Fatal(err)
		}
		_, stdin, err := g.spawn(g.path("d1"), lock)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stdin.Write(whole.Bytes()[:n]); err != nil {
			t.Fatal(err)
		}
		_, _ = stdin.Close(), lock.Close()
		if s := g.ended("d1"); s.State != Failed || !s.StartedAt.IsZero() || g.runs() != 0 {
			t.Fatalf("%d of %d bytes: %+v after %d runs", n, whole.Len(), s, g.runs())
		}
	}
}

// TestANewPortalGoesOn kills the portal while the job runs.
func TestANewPortalGoesOn(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.startPortal("", "echo run >>"+g.ledger+"; mkfifo go; echo ready; read -r x <go; echo done")
	g.printed("d42-r3", "ready")
	if s := g.status("d42-r3"); s.State != Running || s.StartedAt.IsZero() || !s.EndedAt.IsZero() {
		t.Errorf("%+v", s)
	}
	g.write("d42-r3", "go")
	if s := g.ended("d42-r3"); s.State != Succeeded || g.runs() != 1 || !slices.Equal(g.texts("d42-r3"), []string{"ready", "done"}) {
		t.Errorf("%+v after %d runs: %q", s, g.runs(), g.texts("d42-r3"))
	}
}

// TestKill9OfTheSupervisor kills it at each of its steps.
func TestKill9OfTheSupervisor(t *testing.T) {
	t.Parallel()
	for step, want := range map[string]string{
		stepOwned: Failed, stepBegan: Unknown, stepRuns: Unknown, stepEnded: Unknown, stepWritten: Succeeded,
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			if err := os.WriteFile(filepath.Join(g.root, killFile), []byte(step), 0o600); err != nil {
				t.Fatal(err)
			}
			job := g.sh("d1", `echo run >>"$LEDGER"`)
			if err := g.Start(t.Context(), job); err != nil && step != stepOwned {
				t.Errorf("Start: %v", err)
			}
			s := g.ended("d1")
			if s.State != want || s.StartedAt.IsZero() != (step == stepOwned) {
				t.Errorf("%+v", s)
			}
			if want == Unknown && !strings.HasPrefix(s.Message, "its supervisor was killed or the host restarted; how far") {
				t.Errorf("%+v", s)
			}
			if err := os.Remove(filepath.Join(g.root, killFile)); err != nil {
				t.Fatal(err)
			}
			runs := g.runs()
			g.start(job)
			if again := g.ended("d1"); again.Message != s.Message || again.State != s.State || !again.EndedAt.Equal(s.EndedAt) {
				t.Errorf("%+v, then %+v", s, again)
			}
			if g.runs() != runs || runs > 1 || step == stepOwned && runs > 0 || step == stepEnded && runs != 1 {
				t.Errorf("%d runs, then %d", runs, g.runs())
			}
		})
	}
}

// TestNothingGoesOnUnseen kills the supervisor of a family. The kernel kills the
// command, and the next look what that had started.
func TestNothingGoesOnUnseen(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.start(g.sh("d1", `setsid sleep 600 & sleep 600 & echo ready; wait`))
	g.printed("d1", "ready")
	eventually(t, "the whole family runs", func() (bool, string) {
		found := g.atWork()
		return len(found) == 3, fmt.Sprint(found)
	})
	g.kill9(g.supervisor("d1"))
	eventually(t, "the command itself is killed, though nobody looks", func() (bool, string) {
		found := g.atWork()
		return len(found) == 2, fmt.Sprint(found)
	})
	if s := g.ended("d1"); s.State != Unknown || !strings.HasSuffix(s.Message, "what was left of it was killed") {
		t.Errorf("%+v", s)
	}
	if found := g.atWork(); len(found) > 0 {
		t.Errorf("it goes on: %v", found)
	}
}

// family prints its last line at SIGTERM, and so does a child of another process
// group that nobody waits for.
const family = `
	setsid env -i sleep 600 &
	sh -c 'trap "" HUP TERM; sleep 600' &
	(trap 'echo tidied up >>"$LEDGER"; exit 0' TERM; echo ready; while :; do sleep 0.01; done) &
	wait`

func (g *rig) noFamily() {
	g.t.Helper()
	if found := g.atWork(); len(found) > 0 {
		g.t.Errorf("left: %v", found)
	}
	if g.runs() != 1 {
		g.t.Errorf("a process of the group was given no time")
	}
}

func TestDeadlineEndsEverything(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	job := g.sh("d1", family)
	job.Timeout, job.Grace = 500*time.Millisecond, 500*time.Millisecond
	g.start(job)
	s := g.ended("d1")
	if s.State != Failed || s.ExitCode != -1 || !strings.HasPrefix(s.Message, "killed after its 500ms deadline") {
		t.Errorf("%+v", s)
	}
	if d := s.EndedAt.Sub(s.StartedAt); d < time.Second || d > 10*time.Second {
		t.Errorf("it took %v", d)
	}
	g.noFamily()
}

func TestStop(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.start(g.sh("d1", family))
	g.printed("d1", "ready")
	for range 2 {
		if err := g.Stop(t.Context(), "d1"); err != nil {
			t.Errorf("Stop: %v", err)
		}
	}
	if s := g.ended("d1"); s.State != Failed || s.ExitCode != -1 || !strings.HasPrefix(s.Message, "stopped on request: ") {
		t.Errorf("%+v", s)
	}
	g.noFamily()
	for _, key := range []string{"d1", "nobody knows it"} {
		if err := g.Stop(t.Context(), key); err != nil {
			t.Errorf("Stop: %v", err)
		}
	}
}

// TestStopComesFirst stops a job whose supervisor waits for its environment.
func TestStopComesFirst(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.at = func(step string) {
		if step == stepSpawned {
			if err := g.Stop(t.Context(), "d1"); err != nil {
				t.Errorf("Stop: %v", err)
			}
		}
	}
	g.start(g.sh("d1", `echo run >>"$LEDGER"`))
	if s := g.ended("d1"); s.State != Failed || !s.StartedAt.IsZero() || s.Message != "was never started: it was stopped first" || g.runs() != 0 {
		t.Errorf("%+v after %d runs", s, g.runs())
	}
}

// TestTheEndOfTheHost is SIGTERM to all that runs, as when a machine is shut down.
func TestTheEndOfTheHost(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.start(g.sh("d1", family))
	g.printed("d1", "ready")
	if err := syscall.Kill(g.supervisor("d1"), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if s := g.ended("d1"); s.State != Failed || !strings.HasPrefix(s.Message, "stopped together with its supervisor") {
		t.Errorf("%+v", s)
	}
	g.noFamily()
}

// TestWhatItLeavesRunningIsKilled has a command that ends before its children,
// which hold its output open.
func TestWhatItLeavesRunningIsKilled(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.start(g.sh("d1", `(trap "" TERM; setsid env -i sleep 600) & sleep 600 & (sleep 600 &) ; echo done`))
	if s := g.ended("d1"); s.State != Succeeded || s.EndedAt.Sub(s.StartedAt) > 10*time.Second {
		t.Errorf("%+v", s)
	}
	if found := g.atWork(); len(found) > 0 {
		t.Errorf("left: %v", found)
	}
}

// TestAPipeMayFinish has a command that ends before what writes for it.
func TestAPipeMayFinish(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.start(g.sh("d1", `(sleep 0.2; echo written late) & echo done`))
	if s := g.ended("d1"); s.State != Succeeded || !slices.Equal(g.texts("d1"), []string{"done", "written late"}) {
		t.Errorf("%+v, %q", s, g.texts("d1"))
	}
}

// TestNobodyElseStartsIt runs supervisors by hand.
func TestNobodyElseStartsIt(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.start(g.sh("d1", `echo run >>"$LEDGER"`))
	g.ended("d1")
	ownLock, err := os.OpenFile(filepath.Join(g.path("d1"), lockName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ownLock.Close() }()
	eventually(t, "its own supervisor has let go", func() (bool, string) {
		return syscall.Flock(int(ownLock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil, ""
	})
	for want, files := range map[string][]*os.File{
		"this is not the lock":     nil,
		"the job was begun before": {ownLock},
	} {
		cmd := exec.Command(os.Args[0], SupervisorCommand, "--dir", g.path("d1"))
		cmd.ExtraFiles = files
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) || !strings.Contains(string(out), "is run by Slipway itself") {
			t.Errorf("%v %s, wanted %q", err, out, want)
		}
	}
	if g.runs() != 1 {
		t.Errorf("%d runs", g.runs())
	}
}

// TestACancelledStart has a supervisor that is slow to read.
func TestACancelledStart(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	job := g.sh("d1", `echo run >>"$LEDGER"`)
	for _, name := range []string{"A", "B"} { // together more than a pipe holds
		job.Env[name] = strings.Repeat("x", 100_000)
	}
	g.at = func(step string) {
		if step == stepSpawned {
			if err := syscall.Kill(g.supervisor("d1"), syscall.SIGSTOP); err != nil {
				t.Error(err)
			}
			cancel()
		}
	}
	if err := g.Start(ctx, job); err == nil {
		t.Error("Start succeeded")
	}
	if err := syscall.Kill(g.supervisor("d1"), syscall.SIGCONT); err != nil {
		t.Error(err)
	}
	if s := g.ended("d1"); s.State != Failed || !s.StartedAt.IsZero() || g.runs() > 0 {
		t.Errorf("%+v after %d runs", s, g.runs())
	}
	g.at = func(string) {}
	if err := g.Start(ctx, g.sh("d2", "true")); err == nil || g.status("d2").State != Unknown {
		t.Errorf("%v", err)
	}
}
