package faults_test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// replica is one portal of a test: a process that dies and rises at the same
// address, over the same directory.
type replica struct {
	w       *world
	n       int
	address string
	metrics string
	data    string
	public  string // database URL, if it is not the world's
	binary  string // if it is not the world's

	mu      sync.Mutex
	command *exec.Cmd
	ended   chan struct{}
	err     error
}

func (r *replica) url() string { return "http://" + r.address }

// spawn starts the process, with more in its environment, and does not wait.
func (r *replica) spawn(more ...string) error {
	log, err := os.OpenFile(filepath.Join(r.w.dir, fmt.Sprintf("replica-%d.log", r.n)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	url := r.w.url
	if r.public != "" {
		url = r.public
	}
	binary := cmp.Or(r.binary, r.w.binary)
	command := exec.Command(binary, "serve") // #nosec G204 -- our own program
	command.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.data, "TMPDIR=" + r.w.dir,
		"SLIPWAY_DATABASE_URL=" + url, "SLIPWAY_LISTEN=" + r.address, "SLIPWAY_METRICS_LISTEN=" + r.metrics,
		"SLIPWAY_PUBLIC_URL=http://localhost" + r.address[strings.LastIndex(r.address, ":"):],
		"SLIPWAY_OIDC_ISSUER=http://127.0.0.1:1", "SLIPWAY_OIDC_CLIENT_ID=slipway", "SLIPWAY_ADMIN_GROUP=admins",
		"SLIPWAY_DATA_DIR=" + r.data, "SLIPWAY_OUTBOUND_ALLOW=loopback", "SLIPWAY_WEBHOOK_SECRET=not-a-secret-at-all",
		"SLIPWAY_TEST_FAR=" + r.w.far.url,
	}, more...)
	command.Stdout, command.Stderr = log, log
	if wrap := r.w.wrap; wrap != nil {
		wrap(r, command)
	}
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	r.mu.Lock()
	r.command, r.ended = command, ended
	r.mu.Unlock()
	go func() {
		err := command.Wait()
		r.mu.Lock()
		r.err = err
		r.mu.Unlock()
		close(ended)
	}()
	return nil
}

func (r *replica) running() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// start starts the process and waits until it is ready. It says so if the
// process ends before.
func (r *replica) start(more ...string) error {
	if err := r.spawn(more...); err != nil {
		return err
	}
	return r.ready(30 * time.Second)
}

var errEnded = errors.New("the portal ended before it was ready")

func (r *replica) ready(within time.Duration) error {
	ended := r.running()
	deadline := time.After(within)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if r.readyz() == http.StatusOK {
			return nil
		}
		select {
		case <-ended:
			return errEnded
		case <-deadline:
			return fmt.Errorf("replica %d is not ready within %v:\n%s", r.n, within, r.said())
		case <-tick.C:
		}
	}
}

// readyz is the status of its answer; 0 if there is none.
func (r *replica) readyz() int {
	client := http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(r.url() + "/readyz")
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// readiness is what /readyz says in words.
func (r *replica) readiness() string {
	response, err := r.w.client.Get(r.url() + "/readyz")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	return string(text)
}

func (r *replica) signal(s syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.command != nil {
		_ = r.command.Process.Signal(s)
	}
}

// kill ends the process at once and waits until it is gone.
func (r *replica) kill() {
	r.signal(syscall.SIGKILL)
	r.gone()
}

func (r *replica) gone() {
	if ended := r.running(); ended != nil {
		<-ended
	}
}

// said is the end of the replica's log.
func (r *replica) said() string {
	text, _ := os.ReadFile(filepath.Join(r.w.dir, fmt.Sprintf("replica-%d.log", r.n)))
	return string(text[max(0, len(text)-4000):])
}

// address is a free one. It is free for the moment only, which is long enough.
func address(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
