package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/checks"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// world is an installation under test: a database, portals over it, and the far
// end that they deploy to.
type world struct {
	t        *testing.T
	binary   string
	dir      string
	kind     string // sqlite, postgres
	url      string
	far      *far
	store    *store.Store // the test's own way in
	app      *app.App
	replicas []*replica
	tokens   map[string]string // by person
	client   *http.Client
	wrap     func(*replica, *exec.Cmd)
	front    string // where the crowd asks; any replica if empty
}

// kinds are the two databases that everything is tried on.
var kinds = []string{"sqlite", "postgres"}

// The people. Both are administrators, by the configuration: nobody approves
// what they asked for themselves.
var people = []slipway.User{
	{ID: "root", Issuer: "test", Subject: "root", Name: "Root", Groups: []string{"admins"}},
	{ID: "lead", Issuer: "test", Subject: "lead", Name: "Lead", Groups: []string{"admins"}},
}

func newWorld(t *testing.T, kind string, replicas int) *world {
	t.Helper()
	return newWorldAt(t, kind, "", replicas)
}

// newWorldAt is newWorld with a database that the test has made.
func newWorldAt(t *testing.T, kind, url string, replicas int) *world {
	t.Helper()
	w := &world{t: t, kind: kind, url: url, dir: memory(t), tokens: map[string]string{}}
	w.binary = breakableBinary(t)
	w.far = newFar(t, w.dir)
	if url == "" {
		if w.url = "sqlite:" + filepath.Join(w.dir, "slipway.db"); kind == "postgres" {
			w.url = pgtest.URL(t)
		}
	}
	w.client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	w.open()
	for i := range replicas {
		w.add(i)
	}
	t.Cleanup(w.close)
	return w
}

func (w *world) add(i int) *replica {
	w.t.Helper()
	r := &replica{w: w, n: i, address: address(w.t), metrics: address(w.t), data: filepath.Join(w.dir, fmt.Sprintf("data-%d", i))}
	if err := os.MkdirAll(r.data, 0o700); err != nil {
		w.t.Fatal(err)
	}
	w.replicas = append(w.replicas, r)
	return r
}

// memory is a directory where fsync costs nothing, if the system has one: a
// kill loses nothing that the kernel has. What a loss of power takes is asked
// elsewhere.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "slipway-faults-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (w *world) open() {
	w.t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{URL: w.url})
	w.ok(err)
	w.store = s
	w.ok(s.Migrate(ctx))
	expressions, err := checks.NewExpressions()
	w.ok(err)
	registry := engine.NewRegistry(map[string]deployers.Deployer{"far": w.far, "far-once": w.far})
	w.app = &app.App{Store: s, Deployers: registry, Expressions: expressions, Clock: time.Now, AdminGroup: "admins"}
	w.ok(s.Write(ctx, func(tx slipway.Tx) error {
		for _, u := range people {
			u.LastSeen = time.Now()
			if err := tx.People().PutUser(ctx, u); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, u := range people {
		plain, id, hash := identity.MintToken()
		_, err := w.app.CreateToken(ctx, w.actor(u.ID), app.CreateToken{ID: id, SecretHash: hash, Name: "faults"})
		w.ok(err)
		w.tokens[u.ID] = plain
	}
}

func (w *world) actor(person string) slipway.Actor {
	for _, u := range people {
		if u.ID == person {
			a := app.UserActor(u)
			a.Via = slipway.ViaBrowser
			return a
		}
	}
	w.t.Fatalf("nobody is called %s", person)
	return slipway.Actor{}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// close ends the portals and whatever jobs they left.
func (w *world) close() {
	for _, r := range w.replicas {
		r.signal(syscall.SIGCONT)
		r.kill()
		if w.t.Failed() {
			w.t.Logf("replica %d said:\n%s", r.n, r.said())
		}
	}
	w.killLeftovers()
	w.ok(w.store.Close())
}

// killLeftovers ends the jobs that outlive their portal: processes of this
// test's directory, each by its own number.
func (w *world) killLeftovers() {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if pid != os.Getpid() && (bytes.Contains(line, []byte(w.dir)) || bytes.Contains(environ, []byte("TMPDIR="+w.dir))) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// answer is what came back of a request.
type answer struct {
	status int
	body   []byte
}

// call sends a request to a portal as a person. The error is of the line, not
// of the portal.
func (w *world) call(ctx context.Context, base, person, method, path string, body any, key string) (answer, error) {
	var content io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case string:
		content, kind = strings.NewReader(b), "application/yaml"
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, base+"/api/v1/"+path, content)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+w.tokens[person])
	if content != nil {
		request.Header.Set("Content-Type", kind)
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := w.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, text}, err
}

// again sends a request until a portal answers, whatever happens to portals
// meanwhile: the same request under the same key. It gives up on answers that
// say that it is no use.
func (w *world) again(ctx context.Context, person, method, path string, body any) (answer, error) {
	key := fmt.Sprintf("%s-%d", strings.ReplaceAll(path, "/", "."), time.Now().UnixNano())
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for try := 0; ; try++ {
		r := w.replicas[try%len(w.replicas)]
		a, err := w.call(ctx, r.url(), person, method, path, body, key)
		if err == nil && a.status < 500 {
			return a, nil
		}
		select {
		case <-ctx.Done():
			return a, errors.Join(ctx.Err(), err, fmt.Errorf("%s %s: %d %s", method, path, a.status, a.body))
		case <-tick.C:
		}
	}
}

// must is again for a request that has to succeed.
func (w *world) must(person, method, path string, body any, into any) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a, err := w.again(ctx, person, method, path, body)
	w.ok(err)
	if a.status/100 != 2 {
		w.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	if into != nil {
		w.ok(json.Unmarshal(a.body, into))
	}
}
