// Package faults_test kills the built binary at bad moments and looks whether
// anybody would notice: deployments go on where they were, traffic never fails,
// and nothing is left behind.
package faults_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/e2e/portal"
	"github.com/slipway-dev/slipway/internal/demoapp"
)

// Set once by TestMain, before any test runs.
var binary, scratch string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	// Most of what these tests do is to wait for processes.
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := chosen(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "slipway-faults-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		scratch = dir
		binary, err = portal.Binary(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// chosen has only the rows run that are asked for, and refuses to run hours for
// a report that cannot be written in the end.
func chosen() error {
	if rows := os.Getenv("FAULTS_ROWS"); rows != "" {
		tests, err := testsLike(rows)
		if err != nil {
			return err
		}
		if err := flag.Set("test.run", tests); err != nil {
			return err
		}
	}
	_, err := readReport(os.Getenv("FAULTS_REPORT"))
	return err
}

const (
	service  = "parcels"
	bake     = 500 * time.Millisecond
	strategy = "{type: canary, steps: [{weight: 20, bake: 500ms}, {weight: 60, bake: 500ms}, {weight: 100}]}"
	// resumeWithin is what is promised after a restart, on top of the bakes.
	resumeWithin = 10 * time.Second
)

// rig is a portal that dies and rises, over one directory and address, with a
// service that is under load all the time.
type rig struct {
	t        *testing.T
	portal   *portal.Portal
	bundles  string
	releases int
	load     *load
	fence    *fence
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, bundles: filepath.Join(t.TempDir(), "artifacts")}
	dir := filepath.Join(t.TempDir(), ".slipway")
	t.Cleanup(func() { r.removed() })
	r.start(dir, "127.0.0.1:0")
	r.portal.Must(t, http.MethodPut, "/api/v1/services/"+service, map[string]any{"team": "payments", "title": "Parcels"}, nil)
	r.portal.Must(t, http.MethodPut, "/api/v1/services/"+service+"/pipeline", r.portal.Pipeline(service, strategy), nil)
	r.ends(r.promote(r.toStaging()).ID, time.Now().Add(resumeWithin))
	target, err := r.portal.Target(service, "production")
	if err != nil {
		t.Fatal(err)
	}
	r.fence = watchFence(t, r.portal)
	r.load = startLoad(t, fmt.Sprintf("http://127.0.0.1:%d/version", target.Port))
	return r
}

func (r *rig) start(dir, listen string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	p, err := portal.Start(ctx, binary, dir, listen)
	if err != nil {
		r.t.Fatal(err)
	}
	r.portal = p
}

// restart starts the portal again where it was, after it was killed.
func (r *rig) restart() {
	r.t.Helper()
	r.start(r.portal.Dir, r.portal.Listen())
}

type deployment struct {
	ID      int64
	State   string
	Active  bool
	Version string
	Message string
	Phases  []struct{ State string }
}

// toStaging makes a new release, which goes to dev by itself, and brings it to
// where production takes it from. It returns its version.
func (r *rig) toStaging() string {
	r.t.Helper()
	r.releases++
	version := fmt.Sprintf("1.0.%d", r.releases)
	r.portal.Bundle(r.t, r.bundles, demoapp.Bundle{Service: service, Version: version, Colour: "teal"})
	r.portal.AwaitLive(r.t, service, "dev", version, resumeWithin)
	r.portal.Must(r.t, http.MethodPost, "/api/v1/services/"+service+"/deployments", map[string]any{"environment": "staging", "version": version}, nil)
	r.portal.AwaitLive(r.t, service, "staging", version, resumeWithin)
	return version
}

// promote takes a version to production.
func (r *rig) promote(version string) deployment {
	r.t.Helper()
	var d deployment
	r.portal.Must(r.t, http.MethodPost, "/api/v1/services/"+service+"/deployments", map[string]any{"environment": "production", "version": version}, &d)
	return d
}

func (r *rig) deployment(id int64) deployment {
	r.t.Helper()
	var d deployment
	r.portal.Must(r.t, http.MethodGet, fmt.Sprintf("/api/v1/deployments/%d", id), nil, &d)
	return d
}

// ends waits until the deployment has succeeded.
func (r *rig) ends(id int64, deadline time.Time) {
	r.t.Helper()
	d := r.until(id, deadline, func(d deployment) bool { return !d.Active })
	if d.State != "succeeded" {
		r.t.Fatalf("deployment %d of %s ended %s: %s", id, d.Version, d.State, d.Message)
	}
}

func (r *rig) until(id int64, deadline time.Time, enough func(deployment) bool) deployment {
	r.t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		d := r.deployment(id)
		if enough(d) {
			return d
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("deployment %d is still %s at its deadline: %s %+v", id, d.State, d.Message, d.Phases)
		}
		<-ticker.C
	}
}

// removed ends the portal and its services, and looks that nothing is left.
func (r *rig) removed() {
	if r.portal == nil {
		return
	}
	if err := r.portal.Stop(); err != nil {
		r.t.Error("stop:", err)
	}
	if err := r.portal.StopServices(); err != nil {
		r.t.Error(err)
	}
	left, err := r.portal.Leftovers()
	if err != nil || len(left) > 0 {
		r.t.Errorf("left behind: %q, %v", left, err)
	}
}

// load asks the service again and again, at a bounded rate.
type load struct {
	url    string
	asked  atomic.Int64
	mu     sync.Mutex
	failed []string
	stop   context.CancelFunc
	group  sync.WaitGroup
}

func startLoad(t *testing.T, url string) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{url: url, stop: cancel}
	for i := range 4 {
		// Half of them come with a new connection each time.
		client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: i%2 == 1}}
		l.group.Go(func() {
			ticker := time.NewTicker(20 * time.Millisecond)
			defer ticker.Stop()
			for ctx.Err() == nil {
				l.ask(ctx, client)
				<-ticker.C
			}
		})
	}
	t.Cleanup(func() { l.stop(); l.group.Wait() })
	return l
}

func (l *load) ask(ctx context.Context, client *http.Client) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return
	}
	response, err := client.Do(request)
	if ctx.Err() != nil {
		return // the test is over
	}
	l.asked.Add(1)
	problem := ""
	if err != nil {
		problem = err.Error()
	} else {
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			problem = response.Status
		}
	}
	if problem != "" {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failed = append(l.failed, time.Now().Format("15:04:05.000 ")+problem)
	}
}

// check reports what failed so far.
func (l *load) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.failed) > 0 {
		t.Errorf("%d of %d requests failed, first %s", len(l.failed), l.asked.Load(), l.failed[0])
	}
}

// fence watches the generation that the deployer has accepted: it only grows.
type fence struct {
	newest atomic.Int64
	back   atomic.Int64
}

func watchFence(t *testing.T, p *portal.Portal) *fence {
	f := &fence{}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			target, err := p.Target(service, "production")
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err) // half a file: it has to be replaced at once
				return
			}
			if err == nil && target.Generation < f.newest.Load() {
				f.back.Add(1)
			}
			f.newest.Store(max(f.newest.Load(), target.Generation))
			<-ticker.C
		}
	})
	t.Cleanup(func() { cancel(); group.Wait() })
	return f
}
