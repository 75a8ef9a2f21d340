// Package promtest gives tests a real Prometheus: Debian's program in a
// temporary directory, which scrapes what the test serves four times a second.
package promtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a Prometheus at work.
type Server struct {
	URL string
	dir string
}

// script runs the server until its standard input ends, which is at the end of
// the test, or of the test binary: well, by panic or by kill -9. Then it stops
// the server by its process id and cleans up.
const script = `
"$1" --config.file="$2/prometheus.yml" --storage.tsdb.path="$2/data" --web.listen-address="127.0.0.1:$3" \
	--log.level=warn >"$2/log" 2>&1 </dev/null &
server=$!
read -r _
kill -KILL "$server"
wait "$server"
rm -rf "$2"
`

const config = `
global: {scrape_interval: 250ms, scrape_timeout: 250ms}
scrape_configs:
  - job_name: test
    honor_labels: true
    static_configs: [{targets: [%s]}]
`

// readyWithin is generous: it takes a second, on a busy machine several.
const readyWithin = 60 * time.Second

// Start runs a Prometheus until the test ends, over targets such as
// "127.0.0.1:8080" that serve /metrics. Where the program is missing the test is
// skipped, except where CI=true.
func Start(t testing.TB, targets ...string) *Server {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	switch {
	case err != nil && os.Getenv("CI") != "true":
		t.Skip("Prometheus is not installed; apt-get install prometheus")
	case err != nil:
		t.Fatalf("Prometheus for tests: %v", err)
	}
	// Not t.TempDir: its end is the script's, which may outlive the test a little.
	dir, err := os.MkdirTemp("", "slipway-prometheus-")
	if err != nil {
		t.Fatal(err)
	}
	quoted := make([]string, len(targets))
	for i, target := range targets {
		quoted[i] = strconv.Quote(target)
	}
	text := fmt.Sprintf(config, strings.Join(quoted, ", "))
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	s := &Server{URL: fmt.Sprintf("http://127.0.0.1:%d", port), dir: dir}
	s.run(t, program, port)
	return s
}

func (s *Server) run(t testing.TB, program string, port int) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script, "sh", program, s.dir, strconv.Itoa(port))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // not to be hit by the terminal's Ctrl-C
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // killed, as meant
		close(ended)
	}()
	t.Cleanup(func() {
		_ = alive.Close()
		<-ended
	})
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	err = every(ctx, func() error {
		response, err := get(ctx, s.URL+"/-/ready")
		if err == nil && response.status != http.StatusOK {
			err = fmt.Errorf("%d: %s", response.status, response.body)
		}
		return err
	})
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log")) // whatever there is
		t.Fatalf("Prometheus is not ready: %v\n%s", err, log)
	}
}

// Wait waits until a query gives exactly one number, and ok says that it will
// do.
func (s *Server) Wait(t testing.TB, query string, ok func(float64) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	err := every(ctx, func() error {
		v, err := s.number(ctx, query)
		if err == nil && !ok(v) {
			err = fmt.Errorf("it is %v", v)
		}
		return err
	})
	if err != nil {
		t.Fatalf("waiting for %s: %v", query, err)
	}
}

func (s *Server) number(ctx context.Context, query string) (float64, error) {
	got, err := get(ctx, s.URL+"/api/v1/query?query="+url.QueryEscape(query))
	if err != nil {
		return 0, err
	}
	var a struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(got.body, &a); err != nil || len(a.Data.Result) != 1 {
		return 0, fmt.Errorf("the answer is not one number: %s", got.body)
	}
	text, _ := a.Data.Result[0].Value[1].(string)
	return strconv.ParseFloat(text, 64)
}

// Format has Prometheus read a query and write it again in its own form: what
// it understood, not what was meant.
func (s *Server) Format(ctx context.Context, query string) (string, error) {
	got, err := get(ctx, s.URL+"/api/v1/format_query?query="+url.QueryEscape(query))
	if err != nil {
		return "", err
	}
	var a struct{ Data, Error string }
	if err := json.Unmarshal(got.body, &a); err != nil {
		return "", err
	}
	if a.Error != "" {
		return "", errors.New(a.Error)
	}
	return a.Data, nil
}

type answer struct {
	status int
	body   []byte
}

func get(ctx context.Context, address string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return answer{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, body}, err
}

// every tries until it works or ctx ends.
func every(ctx context.Context, try func() error) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}
