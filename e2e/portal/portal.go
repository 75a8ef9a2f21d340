// Package portal starts the built binary for tests, the way a person would,
// and kills it the way an accident would.
package portal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Binary returns the slipway binary to test: SLIPWAY_TEST_BINARY, or one that
// is built into dir.
func Binary(dir string) (string, error) {
	if path := os.Getenv("SLIPWAY_TEST_BINARY"); path != "" {
		return path, nil
	}
	path := filepath.Join(dir, "slipway")
	build := exec.Command("go", "build", "-o", path, "github.com/slipway-dev/slipway/cmd/slipway") // #nosec G204 -- our own program
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build slipway: %w\n%s", err, out)
	}
	return path, nil
}

// Portal is a running `slipway dev`.
type Portal struct {
	Dir   string
	URL   string
	Token string

	binary  string
	command *exec.Cmd
	exited  chan error
}

// Start runs `slipway dev` over dir and returns once it is ready. Starting
// again over the same dir, at the same address, is a restart. env adds to a bare
// environment.
func Start(ctx context.Context, binary, dir, listen string, env ...string) (*Portal, error) {
	p := &Portal{Dir: dir, binary: binary, exited: make(chan error, 1)}
	p.command = exec.Command(binary, "dev", "--dir", dir, "--listen", listen, "--metrics-listen", "127.0.0.1:0", "--log-level", "debug") // #nosec G204 -- our own program
	p.command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir()}
	p.command.Env = append(p.command.Env, env...)
	stderr, err := os.OpenFile(filepath.Join(filepath.Dir(dir), "stderr.txt"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stderr.Close() }()
	p.command.Stderr = stderr
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	address := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), "Slipway is at "); ok {
				address <- url
			}
		}
		_, _ = io.Copy(io.Discard, out)
		p.exited <- p.command.Wait()
	}()
	select {
	case p.URL = <-address:
	case err := <-p.exited:
		said, _ := os.ReadFile(stderr.Name())
		return nil, fmt.Errorf("slipway dev ended before it was ready: %w\n%s", errors.Join(err), said)
	case <-ctx.Done():
		p.Kill()
		return nil, ctx.Err()
	}
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		return nil, err
	}
	p.Token = string(token)
	return p, p.awaitReady(ctx)
}

func (p *Portal) awaitReady(ctx context.Context) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/readyz", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the portal does not get ready: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}

// Listen is the address to start it at again.
func (p *Portal) Listen() string {
	return "127.0.0.1" + p.URL[strings.LastIndex(p.URL, ":"):]
}

// Kill ends the portal at once, with nothing said: kill -9.
func (p *Portal) Kill() {
	_ = p.command.Process.Signal(syscall.SIGKILL)
	ended := <-p.exited
	p.exited <- ended // for whoever asks again
}

// Stop asks the portal to end and waits for it.
func (p *Portal) Stop() error {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	err := <-p.exited
	p.exited <- nil
	return err
}

// StopServices ends what the process deployer runs for this portal, which
// outlives the portal on purpose. Call it after the portal has ended.
func (p *Portal) StopServices() error {
	out, err := exec.Command(p.binary, "dev", "--dir", p.Dir, "--remove").CombinedOutput() // #nosec G204 -- our own program
	if err != nil {
		return fmt.Errorf("slipway dev --remove: %w\n%s", err, out)
	}
	return nil
}

// Run starts a portal for a test in a directory of its own, and cleans up
// after it.
func Run(t testing.TB, binary string, env ...string) *Portal {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	p, err := Start(ctx, binary, filepath.Join(t.TempDir(), ".slipway"), "127.0.0.1:0", env...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if err := p.StopServices(); err != nil {
			t.Error(err)
		}
	})
	return p
}
