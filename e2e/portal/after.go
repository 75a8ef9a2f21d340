package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Signal sends the portal a signal, such as SIGSTOP.
func (p *Portal) Signal(s syscall.Signal) error { return p.command.Process.Signal(s) }

// VerifyAudit walks the chains of the audit in the portal's database, as the
// command does.
func (p *Portal) VerifyAudit(ctx context.Context) (string, error) {
	verify := exec.CommandContext(ctx, p.binary, "audit", "verify") // #nosec G204 -- our own program
	verify.Env = []string{"SLIPWAY_DATABASE_URL=sqlite:" + filepath.Join(p.Dir, "slipway.db")}
	out, err := verify.CombinedOutput()
	return string(out), err
}

// Leftovers are the processes that belong to this portal's directory: its own,
// its services and their proxies.
func (p *Portal) Leftovers() ([]string, error) {
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, dir := range processes {
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // it may be gone by now
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if bytes.Contains(append(line, environ...), []byte(p.Dir)) {
			found = append(found, filepath.Base(dir)+" "+string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return found, nil
}

// Target is what the process deployer has written down of a service in an
// environment.
type Target struct {
	Generation int64 `json:"generation"`
	Port       int   `json:"port"`
	Desired    []struct {
		Version string `json:"version"`
		Weight  int    `json:"weight"`
	} `json:"desired"`
}

// Target reads the deployer's own record, which is there whether the portal
// runs or not.
func (p *Portal) Target(service, environment string) (Target, error) {
	var t Target
	content, err := os.ReadFile(filepath.Join(p.Dir, "process", "targets", service+"@"+environment, "state.json"))
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(content, &t); err != nil {
		return t, fmt.Errorf("%w: %s", err, content)
	}
	return t, nil
}
