// Package example_test plays the worked examples of docs/examples with the
// built binary and real servers.
package example_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crypto/sha256"
	"encoding/hex"

	"github.com/slipway-dev/slipway/e2e/portal"
)

const (
	service    = "simulation-api"
	source     = "../../docs/examples/simulation-api"
	goesOut    = 90 * time.Second // a whole promotion, with its load step and its bakes
	workFor    = 16               // seconds that a simulation takes
	backWithin = 10 * time.Second // is promised; the course asks for five minutes
)

// Set once by TestMain, before any test runs.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "slipway-example-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		binary, err = portal.Binary(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// TestSimulationAPI is the four demands of docs/examples/simulation-api.
func TestSimulationAPI(t *testing.T) {
	t.Parallel()
	e := newExample(t)
	e.release("1.0.0", "linear")
	e.portal.AwaitLive(t, service, "staging", "1.0.0", goesOut)
	e.promote("1.0.0")
	e.portal.AwaitLive(t, service, "production", "1.0.0", goesOut)
	load := e.startLoad()

	// 1 and 2: a release goes out under load while a simulation runs.
	e.release("1.1.0", "linear")
	e.portal.AwaitLive(t, service, "staging", "1.1.0", goesOut)
	e.promote("1.1.0")
	e.awaitShare("1.1.0")
	id, by := e.simulate()
	for by != "1.0.0" { // half of the traffic goes to the new one already
		id, by = e.simulate()
	}
	e.portal.AwaitLive(t, service, "production", "1.1.0", goesOut)
	if done := e.result(id); done != nil {
		t.Fatalf("the simulation ended before the release was live; make it longer: %+v", done)
	}
	e.await("the simulation ends", workFor*time.Second+20*time.Second, func() bool { return e.result(id) != nil })
	if got := e.result(id); got.Version != "1.0.0" || got.Steps == 0 {
		t.Errorf("the simulation was not finished by the version that began it: %+v", got)
	}

	// 3: what is slower goes back in staging and never gets further.
	e.release("1.2.0", "quadratic")
	slow := e.ended("staging", "1.2.0")
	if slow.State != "rolledBack" || !strings.Contains(slow.Message, "as-fast-as-before") {
		t.Errorf("the slow release ended %s: %s", slow.State, slow.Message)
	}
	if status := e.tryPromote("1.2.0"); status/100 == 2 {
		t.Error("the slow release may go to production")
	}
	e.portal.AwaitLive(t, service, "staging", "1.1.0", goesOut)

	// 4: going back by hand takes seconds.
	began := time.Now()
	var back deployment
	e.portal.Must(t, http.MethodPost, "/api/v1/services/"+service+"/environments/production/rollback", map[string]any{"reason": "to see how long it takes"}, &back)
	back = e.ended("production", "1.0.0")
	if back.State != "succeeded" || back.BackAfter == nil || *back.BackAfter > backWithin.Seconds() {
		t.Errorf("the rollback ended %s after %v: %s", back.State, back.BackAfter, back.Message)
	} else {
		t.Logf("rolled back in %.2f s until all traffic was on 1.0.0 (%.2f s with the ending of 1.1.0); the course asks for 300 s", *back.BackAfter, time.Since(began).Seconds())
	}
	sent, failed := load.stop()
	t.Logf("%d requests to production meanwhile, %d failed", sent, len(failed))
	if len(failed) > 0 || sent < 500 {
		t.Errorf("%d of %d requests failed: %q", len(failed), sent, failed[:min(len(failed), 5)])
	}
}

type deployment struct {
	ID        int64
	Version   string
	State     string
	Message   string
	Active    bool
	BackAfter *float64
}

// example is a portal with the service, its pipeline and a Prometheus that
// scrapes both stages.
type example struct {
	t      *testing.T
	portal *portal.Portal
	dir    string
	ports  map[string]int
	client *http.Client
}

func newExample(t *testing.T) *example {
	t.Helper()
	e := &example{t: t, dir: t.TempDir(), ports: map[string]int{"staging": freePort(t), "production": freePort(t)},
		client: &http.Client{Timeout: 10 * time.Second}}
	prometheus := e.startPrometheus()
	e.portal = portal.Run(t, binary, "SLIPWAY_PROMETHEUS_URL="+prometheus)
	e.build("./loadstep", "loadstep", "")
	text, err := os.ReadFile(filepath.Join(source, "slipway.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	pipeline := strings.NewReplacer("18081", fmt.Sprint(e.ports["staging"]), "18082", fmt.Sprint(e.ports["production"]),
		"bake: 10s", "bake: 3s", "bake: 15s", "bake: 1s", "-for, 10s", "-for, 6s", // nobody waits here for what could yet go wrong
		"/opt/simulation-api", e.dir, "/var/lib/simulation-api", e.dir).Replace(string(text))
	e.portal.Must(t, http.MethodPut, "/api/v1/services/"+service, map[string]any{"team": "payments", "title": "Simulations"}, nil)
	e.portal.Must(t, http.MethodPut, "/api/v1/services/"+service+"/pipeline", pipeline, nil)
	return e
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func (e *example) build(of, name, flags string) string {
	e.t.Helper()
	path := filepath.Join(e.dir, name)
	build := exec.Command("go", "build", "-o", path, "-ldflags", flags, of) // #nosec G204 -- our own example
	build.Dir = source
	if out, err := build.CombinedOutput(); err != nil {
		e.t.Fatalf("build %s: %v\n%s", of, err, out)
	}
	return path
}

// release builds a version and makes it known; staging takes it by itself.
func (e *example) release(version, algorithm string) {
	e.t.Helper()
	path := e.build(".", service+"-"+version, "-X main.version="+version+" -X main.algorithm="+algorithm)
	content, err := os.ReadFile(path)
	if err != nil {
		e.t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	e.portal.Must(e.t, http.MethodPost, "/api/v1/services/"+service+"/releases", map[string]any{"version": version, "reversible": true,
		"artifacts": []map[string]any{{"name": "app", "reference": "file://" + path, "digest": "sha256:" + hex.EncodeToString(sum[:])}}}, nil)
}

func (e *example) promote(version string) {
	e.t.Helper()
	e.portal.Must(e.t, http.MethodPost, "/api/v1/services/"+service+"/deployments", map[string]any{"environment": "production", "version": version}, nil)
}

func (e *example) tryPromote(version string) int {
	e.t.Helper()
	status, _, err := e.portal.Call(e.t.Context(), e.portal.Token, http.MethodPost, "/api/v1/services/"+service+"/deployments",
		map[string]any{"environment": "production", "version": version})
	if err != nil {
		e.t.Fatal(err)
	}
	return status
}

// ended waits until the newest deployment of a version to an environment ends.
func (e *example) ended(environment, version string) (last deployment) {
	e.t.Helper()
	e.await(version+" ends in "+environment, goesOut, func() bool {
		var list struct{ Items []deployment }
		e.portal.Must(e.t, http.MethodGet, "/api/v1/services/"+service+"/deployments?limit=10&environment="+environment, nil, &list)
		for _, d := range list.Items {
			if d.Version == version {
				last = d
				return !d.Active
			}
		}
		return false
	})
	return last
}

func (e *example) await(what string, within time.Duration, so func() bool) {
	e.t.Helper()
	deadline := time.Now().Add(within)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for !so() {
		if time.Now().After(deadline) {
			e.t.Fatalf("within %s it was never so that %s", within, what)
		}
		<-ticker.C
	}
}

func (e *example) url(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", e.ports["production"], path)
}

// awaitShare waits until production answers with a version at times.
func (e *example) awaitShare(version string) {
	e.t.Helper()
	e.await(version+" has a share of production", goesOut, func() bool {
		_, answer := e.ask(http.MethodGet, "/version", "")
		return strings.TrimSpace(answer) == version
	})
}

func (e *example) ask(method, path, body string) (int, string) {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), method, e.url(path), strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	response, err := e.client.Do(request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// simulate begins a simulation and tells which version took it.
func (e *example) simulate() (id, version string) {
	e.t.Helper()
	status, answer := e.ask(http.MethodPost, "/simulations", fmt.Sprintf(`{"seconds": %d}`, workFor))
	var begun struct{ ID, Version string }
	if err := json.Unmarshal([]byte(answer), &begun); err != nil || status != http.StatusAccepted {
		e.t.Fatalf("%d %s: %v", status, answer, err)
	}
	return begun.ID, begun.Version
}

type result struct {
	Steps   int
	Version string
}

// result is nil while the simulation is at work.
func (e *example) result(id string) *result {
	e.t.Helper()
	status, answer := e.ask(http.MethodGet, "/simulations/"+id, "")
	if status != http.StatusOK {
		return nil
	}
	var r result
	if err := json.Unmarshal([]byte(answer), &r); err != nil {
		e.t.Fatalf("%s: %v", answer, err)
	}
	return &r
}

// load asks production for prices and for its version, all the time.
type load struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	sent   atomic.Int64
	mu     sync.Mutex
	failed []string
}

func (e *example) startLoad() *load {
	e.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{cancel: cancel}
	e.t.Cleanup(func() { _, _ = l.stop() })
	for range 2 {
		l.done.Go(func() {
			ticker := time.NewTicker(50 * time.Millisecond)
			defer ticker.Stop()
			for ctx.Err() == nil {
				l.one(e)
				<-ticker.C
			}
		})
	}
	return l
}

func (l *load) one(e *example) {
	l.sent.Add(1)
	response, err := e.client.Get(e.url("/price")) // never given up: that is what is tested
	fault := ""
	if err != nil {
		fault = err.Error()
	} else {
		answer, err := io.ReadAll(response.Body)
		if _ = response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
			fault = fmt.Sprintf("%d %s %v", response.StatusCode, answer, err)
		}
	}
	if fault != "" {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failed = append(l.failed, time.Now().Format("15:04:05.000 ")+fault)
	}
}

func (l *load) stop() (sent int64, failed []string) {
	l.cancel()
	l.done.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent.Load(), l.failed
}
