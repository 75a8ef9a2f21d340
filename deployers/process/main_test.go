package process

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// TestMain makes the test binary all the programs that the tests need: the
// proxy, the application that is deployed, and a Slipway that can be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		var err error
		switch os.Args[1] {
		case ProxyCommand:
			err = ProxyMain(context.Background(), os.Args[2:])
		case "testapp":
			err = testApp(os.Args[2])
		case "owner":
			err = owner(os.Args[2])
		case "churn":
			err = churn(os.Args[2])
		default:
			os.Exit(m.Run())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fixture is a deployer over a directory of its own; whatever a test does, its
// processes are gone in the end, which is checked.
type fixture struct {
	*Deployer
	dir    string
	log    *slog.Logger
	target deployers.Target
}

func newFixture(t deployertest.T, log *slog.Logger) *fixture {
	t.Helper()
	dir, err := os.MkdirTemp("", "slipway-process-")
	if err != nil {
		t.Fatalf("%v", err)
	}
	f := &fixture{dir: dir, log: log, target: deployers.Target{Service: "web", Environment: "production"}}
	f.open(t)
	t.Cleanup(func() { f.cleanUp(t) })
	return f
}

func (f *fixture) open(t deployertest.T) {
	t.Helper()
	d, err := New(f.dir, os.Args[0], f.log)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	f.Deployer = d
}

func (f *fixture) restart(t deployertest.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := f.Close(ctx); err != nil {
		t.Fatalf("Close: %v", err)
	}
	f.open(t)
}

func (f *fixture) cleanUp(t deployertest.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tokens := f.tokens(t)
	f.letGo(t)
	states, _ := filepath.Glob(filepath.Join(f.dir, "targets", "*", stateName))
	for _, path := range states {
		if s, _, err := readState(filepath.Dir(path)); err != nil {
			t.Errorf("%v", err)
		} else if err := f.Destroy(ctx, s.Target); err != nil {
			t.Errorf("Destroy: %v", err)
		}
	}
	for _, token := range tokens {
		if found := findByToken(token); len(found) > 0 {
			t.Errorf("orphans of %s: %v", token, found)
			killAll(token)
		}
	}
	if found := f.processes(); len(found) > 0 {
		t.Errorf("processes left: %v", found)
	}
	if err := f.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
	_ = os.RemoveAll(f.dir)
}

// tokens of all records, those of proxies included.
func (f *fixture) tokens(t deployertest.T) []string {
	t.Helper()
	var tokens []string
	for _, pattern := range []string{proxyName, childrenDir + "/*.json"} {
		files, _ := filepath.Glob(filepath.Join(f.dir, "targets", "*", pattern))
		for _, file := range files {
			var rec record
			if readJSON(file, &rec) == nil {
				tokens = append(tokens, rec.Token)
			}
		}
	}
	return tokens
}

// instances reads the records, not the memory of the deployer, and counts what
// runs by the process table.
func (f *fixture) instances(target deployers.Target) []string {
	var running []string
	files, _ := filepath.Glob(filepath.Join(targetDir(f.dir, target), childrenDir, "*.json"))
	for _, file := range files {
		var rec record
		if readJSON(file, &rec) == nil && rec.runs() {
			running = append(running, fmt.Sprintf("%s pid %d", rec.Token, rec.PID))
		}
	}
	slices.Sort(running)
	return running
}

// processes finds what runs for the fixture by its command line, which names
// the directory, whatever the records say.
func (f *fixture) processes() []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		data, err := os.ReadFile(file)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if _, runs := procStart(pid); err == nil && runs && strings.Contains(string(data), f.dir) {
			found = append(found, fmt.Sprintf("%d %s", pid, strings.ReplaceAll(string(data), "\x00", " ")))
		}
	}
	return found
}

type answer struct{ Version, Instance, Environment, Site, Base, Leak string }

func ask(ctx context.Context, address string) (answer, error) { return askWith(ctx, address, nil) }

func askWith(ctx context.Context, address string, header http.Header) (answer, error) {
	var a answer
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/version", nil)
	if err != nil {
		return a, err
	}
	for name, values := range header {
		request.Header[name] = values // in the spelling that is given
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return a, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, strings.TrimSpace(string(body)))
	}
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(body, &a)
}

func (f *fixture) apply(t deployertest.T, generation int64, tracks ...deployers.Track) {
	t.Helper()
	if err := f.Apply(context.Background(), f.target, deployers.Desired{Generation: generation, Tracks: tracks}); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

func (f *fixture) until(t deployertest.T, what string, holds func(deployers.Observed) bool) deployers.Observed {
	t.Helper()
	var o deployers.Observed
	deployertest.Eventually(t, 40*time.Second, what, func() (bool, string) {
		var err error
		if o, err = f.Observe(context.Background(), f.target); err != nil {
			return false, err.Error()
		}
		return holds(o), fmt.Sprintf("%+v, failure %+v", o, o.Failure)
	})
	return o
}

func (f *fixture) converged(t deployertest.T, generation int64) deployers.Observed {
	t.Helper()
	return f.until(t, fmt.Sprintf("generation %d converged", generation), func(o deployers.Observed) bool {
		return o.Converged && o.Generation == generation
	})
}
