package exec_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
	"github.com/slipway-dev/slipway/deployers/exec"
	"github.com/slipway-dev/slipway/deployers/protocol"
)

var (
	target = deployers.Target{Service: "billing", Environment: "test"}
	wanted = deployers.Desired{Generation: 7, Tracks: []deployers.Track{{ID: "a", Version: "1.0.0", Weight: 100, Replicas: 1,
		Secrets: map[string]deployers.Secret{"KEY": deployers.NewSecret("hush-hush-7")}}}}
)

// client asks this very test binary; see TestMain.
func client(t deployertest.T, env map[string]string, timeout time.Duration, log *slog.Logger) *protocol.Client {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatalf("%v", err)
	}
	env = maps.Clone(env)
	env["GORACE"] = "atexit_sleep_ms=0" // with the race detector every call would end a second late
	c, err := exec.New(exec.Program{Path: self, Env: env, Timeout: timeout}, protocol.Options{Name: "till", Strict: true, Log: log})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return c
}

func TestConformance(t *testing.T) {
	t.Parallel()
	deployertest.Run(t, deployertest.Harness{
		New: func(dt deployertest.T, log *slog.Logger) deployertest.Subject {
			env := map[string]string{"PROGRAM_DIR": t.TempDir()}
			whole := func(dt deployertest.T) deployers.Deployer {
				c := client(dt, env, 0, log)
				if err := c.Introduce(context.Background()); err != nil {
					dt.Fatalf("%v", err)
				}
				return c.Whole()
			}
			return deployertest.Subject{Deployer: whole(dt), Restart: whole}
		},
		Release: func(_ deployertest.T, kind deployertest.Kind, version string) deployers.Track {
			script := map[deployertest.Kind]string{deployertest.Good: `{"readyAfter":2}`, deployertest.NeverReady: `{"neverReady":true}`,
				deployertest.Exits: `{"fail":"exited with code 1 three times"}`, deployertest.Lingers: `{"drainFor":30}`}[kind]
			return deployers.Track{ID: version + strconv.Itoa(int(kind)), Version: version,
				Config: json.RawMessage(`{"replicas":2,"scripts":{"` + version + `":` + script + `}}`)}
		},
		Lingers:   true,
		BadConfig: json.RawMessage(`{"replicas":0,"scripts":{"1":{"readyAfter":-1}}}`),
		BadPaths:  []string{"replicas", "scripts.1.readyAfter"},
		Wait:      90 * time.Second,
	})
}

func TestWhatMayGoWrong(t *testing.T) {
	t.Parallel()
	for way, want := range map[string]string{
		"binary":                "is no line of the protocol",
		"half":                  `deployer till: it printed "{\"result\":{\"te", which is no line`,
		"nothing":               "it ended without a result",
		"two":                   "two results",
		"both":                  "one of log, result and error",
		"wrong type":            "the result of preview cannot be read",
		"endless":               "it printed more than Slipway reads",
		"endless line":          "it printed more than Slipway reads",
		"signal":                `ended by the signal "killed"`,
		"dies after the result": "exited with code 7",
		"code 1":                "exited with code 1: the till is closed",
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			_, err := client(t, map[string]string{"PROGRAM_WAY": way}, 0, nil).Preview(t.Context(), target, wanted)
			if err == nil || !strings.Contains(err.Error(), want) || deployers.IsTerminal(err) {
				t.Errorf("wanted an error that may be retried and says %q, got %v", want, err)
			}
		})
	}
}

func TestTheExitCodeDecides(t *testing.T) {
	t.Parallel()
	err := client(t, map[string]string{"PROGRAM_WAY": "code 2"}, 0, nil).Apply(t.Context(), target, wanted)
	if !deployers.IsTerminal(err) || !strings.Contains(err.Error(), "the till is closed") {
		t.Errorf("code 2 is terminal, got %v", err)
	}
	err = client(t, map[string]string{"PROGRAM_WAY": "terminal in words only"}, 0, nil).Apply(t.Context(), target, wanted)
	if err == nil || deployers.IsTerminal(err) {
		t.Errorf("code 1 may be retried, got %v", err)
	}
}

func TestTheDeadlineKillsTheFamily(t *testing.T) {
	t.Parallel()
	note := filepath.Join(t.TempDir(), "pid")
	c := client(t, map[string]string{"PROGRAM_WAY": "family", "PROGRAM_NOTE": note}, 0, nil)
	if err := c.Introduce(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Apply(ctx, target, wanted) }()
	pid := noted(t, note)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || deployers.IsTerminal(err) {
		t.Errorf("a call that was given up says so, got %v", err)
	}
	deployertest.Eventually(t, 10*time.Second, "the child of the program is gone", func() (bool, string) {
		return !runs(pid), "it runs"
	})
}

func TestItsOwnDeadline(t *testing.T) {
	t.Parallel()
	c := client(t, map[string]string{"PROGRAM_WAY": "hangs"}, 3*time.Second, nil)
	err := c.Apply(t.Context(), target, wanted)
	if err == nil || !strings.Contains(err.Error(), "killed after its 3s deadline") {
		t.Errorf("got %v", err)
	}
}

func TestAChildThatHoldsTheOutput(t *testing.T) {
	t.Parallel()
	note := filepath.Join(t.TempDir(), "pid")
	c := client(t, map[string]string{"PROGRAM_WAY": "holder", "PROGRAM_NOTE": note}, 0, nil)
	if err := c.Apply(t.Context(), target, wanted); err != nil {
		t.Errorf("the answer was whole: %v", err)
	}
	pid := noted(t, note)
	if !runs(pid) {
		t.Error("what left the group must go on")
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	c := client(t, map[string]string{"PROGRAM_WAY": "tells"}, 0, nil)
	err := c.Apply(t.Context(), target, wanted)
	if err == nil || err.Error() != "deployer till: cannot log in with ***" {
		t.Errorf("got %v", err)
	}
	lines, next, err := c.Logs(t.Context(), target, "", 100)
	var said []string
	for _, l := range lines {
		said = append(said, l.Source+" "+l.Stream+" "+l.Text)
	}
	if got, want := strings.Join(said, "\n"), "till stdout using *** now\ntill stderr the key is ***, and half a line"; got != want || err != nil {
		t.Errorf("logs %q, wanted %q, %v", got, want, err)
	}
	if lines, again, err := c.Logs(t.Context(), target, next, 100); len(lines) != 0 || again != next || err != nil {
		t.Errorf("read twice: %v, %v", lines, err)
	}
}

// TestProgressIsToldAtOnce, while the call goes on, and once.
func TestProgressIsToldAtOnce(t *testing.T) {
	t.Parallel()
	note := filepath.Join(t.TempDir(), "go-on")
	c := client(t, map[string]string{"PROGRAM_WAY": "progress", "PROGRAM_NOTE": note}, 0, nil)
	done := make(chan error, 1)
	go func() { done <- c.Apply(t.Context(), target, wanted) }()
	var said []string
	cursor := ""
	read := func() (bool, string) {
		lines, next, err := c.Logs(t.Context(), target, cursor, 100)
		if err != nil {
			t.Fatal(err)
		}
		for cursor = next; len(lines) > 0; lines = lines[1:] {
			said = append(said, lines[0].Stream+" "+lines[0].Text)
		}
		return len(said) >= 2, strings.Join(said, ", ")
	}
	deployertest.Eventually(t, 20*time.Second, "both lines are there before the call has ended", read)
	select {
	case err := <-done:
		t.Fatalf("the call has ended: %v", err)
	default:
	}
	if err := os.WriteFile(note, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	read()
	slices.Sort(said)
	if want := []string{"stderr 3 of 5 layers", "stdout done", "stdout pulling the image"}; !slices.Equal(said, want) {
		t.Errorf("it said %q, not %q", said, want)
	}
}

func TestTheEnvironmentIsBare(t *testing.T) {
	t.Setenv("SLIPWAY_SECRET_KEY", "of the portal")
	c := client(t, map[string]string{"PROGRAM_WAY": "environment", "REGION": "eu"}, 0, nil)
	p, err := c.Preview(t.Context(), target, wanted)
	if err != nil || strings.Contains(p.Text, "SLIPWAY_") || !strings.Contains(p.Text, "REGION=eu") || !strings.HasSuffix(p.Text, "\npreview") {
		t.Errorf("%q, %v", p.Text, err)
	}
}

func TestAProgramThatIsSilent(t *testing.T) {
	t.Parallel()
	c := client(t, map[string]string{"PROGRAM_WAY": "silent"}, 2*time.Second, nil)
	if err := c.Introduce(t.Context()); err == nil {
		t.Fatal("it said nothing")
	}
	if got := c.Capabilities(); !strings.HasPrefix(got.Summary, "does not answer: ") || got != (deployers.Capabilities{Summary: got.Summary}) {
		t.Errorf("a deployer that does not answer promises nothing: %+v", got)
	}
	if err := c.Apply(t.Context(), target, wanted); err == nil || deployers.IsTerminal(err) {
		t.Errorf("nothing is asked of a deployer that nobody knows, for now: %v", err)
	}
}

func TestWhatIsNoProgram(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"deployer", "/", "/etc/passwd", "/does/not/exist"} {
		if _, err := exec.New(exec.Program{Path: path}, protocol.Options{}); err == nil {
			t.Errorf("%s was taken for a program", path)
		}
	}
}

func noted(t *testing.T, path string) int {
	t.Helper()
	pid := 0
	deployertest.Eventually(t, 20*time.Second, "the program has started a child", func() (bool, string) {
		text, err := os.ReadFile(path)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid > 0, string(text) + " " + strconv.FormatBool(err == nil)
	})
	return pid
}

// runs is false for a zombie, which does nothing any more.
func runs(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}
