package example_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const scrapes = `
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: simulation-api
    static_configs:
      - {targets: ["127.0.0.1:%d"], labels: {stage: staging}}
      - {targets: ["127.0.0.1:%d"], labels: {stage: production}}
`

// startPrometheus runs the real one until the test ends, and returns its
// address.
func (e *example) startPrometheus() string {
	e.t.Helper()
	port := freePort(e.t)
	dir := filepath.Join(e.dir, "prometheus")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		e.t.Fatal(err)
	}
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, scrapes, e.ports["staging"], e.ports["production"]), 0o600); err != nil {
		e.t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	address := fmt.Sprintf("127.0.0.1:%d", port)
	command := exec.Command("prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address) // #nosec G204 -- of this test
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		e.t.Fatalf("Prometheus (of the Debian package of that name): %v", err)
	}
	e.t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	e.await("Prometheus is ready", 30*time.Second, func() bool {
		response, err := e.client.Get("http://" + address + "/-/ready")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return "http://" + address
}
