// Package vaulttest gives tests a real Vault server, built from its own modules
// by .ci/testbed. Nothing of it is part of Slipway.
package vaulttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// version is that of the go.mod in testdata; a test compares them. The edition is
// that of .ci/testbed.
const (
	version = "v1.21.0"
	edition = "-audit"
)

// binary is where .ci/testbed puts the server.
func binary() (string, error) {
	cache, err := os.UserCacheDir() // obeys XDG_CACHE_HOME
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "slipway", "testbed", "vault-"+version+edition, "vault")
	if _, err := os.Stat(path); err != nil {
		return "", errors.New("no Vault for tests here: run .ci/testbed vault, which builds it once")
	}
	return path, nil
}

// Server is a Vault at work, unsealed, with KV version 2 at secret/.
type Server struct {
	Address string
	Root    string // a token that may do anything
	unseal  string
	client  *http.Client
}

// Start starts a server that keeps everything in memory and ends with the test.
// Where there is no binary the test is skipped, except where CI=true.
func Start(t testing.TB) *Server {
	t.Helper()
	return begin(t, "http://", http.DefaultClient)
}

func begin(t testing.TB, scheme string, client *http.Client, files ...string) *Server {
	t.Helper()
	path, err := binary()
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for try := 1; ; try++ {
		s, err := start(t, path, scheme, client, files)
		if err == nil {
			return s
		}
		if try == 3 { // another process may have taken the port
			t.Fatal(err)
		}
	}
}

func start(t testing.TB, path, scheme string, client *http.Client, files []string) (*Server, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	_ = listener.Close()
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "vault.log"))
	if err != nil {
		return nil, err
	}
	command := exec.Command(path, append([]string{address}, files...)...)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		if err := <-ended; err == nil {
			t.Error("vault had ended before it was killed")
		}
		_ = log.Close()
	})
	s := &Server{Address: scheme + address, client: client}
	return s, s.prepare(t.Context(), ended, log.Name())
}

// startsWithin is generous: it takes two seconds on a machine with nothing else
// to do.
const startsWithin = 2 * time.Minute

func (s *Server) prepare(ctx context.Context, ended chan error, log string) error {
	ctx, cancel := context.WithTimeout(ctx, startsWithin)
	defer cancel()
	for {
		var keys struct {
			Keys  []string `json:"keys"`
			Token string   `json:"root_token"`
		}
		err := s.call(ctx, http.MethodPut, "sys/init", map[string]any{"secret_shares": 1, "secret_threshold": 1}, &keys)
		if err == nil {
			s.Root, s.unseal = keys.Token, keys.Keys[0]
			break
		}
		select {
		case end := <-ended:
			ended <- end
			text, _ := os.ReadFile(log)
			return fmt.Errorf("vault ended: %w\n%s", end, text)
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err := s.Unseal(ctx); err != nil {
		return err
	}
	if err := s.Admin(ctx, http.MethodPost, "sys/mounts/secret", map[string]any{"type": "kv", "options": map[string]string{"version": "2"}}, nil); err != nil {
		return err
	}
	return s.until(ctx, "secret/config")
}

// until waits for a path to answer. Right after a mount or an unseal the KV engine
// says for a moment that it is upgrading.
func (s *Server) until(ctx context.Context, path string) error {
	for {
		err := s.call(ctx, http.MethodGet, path, nil, nil)
		if err == nil || strings.Contains(err.Error(), "no handler for route") {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Seal seals the server: it answers nothing but that until Unseal.
func (s *Server) Seal(ctx context.Context) error {
	return s.Admin(ctx, http.MethodPut, "sys/seal", nil, nil)
}

// Unseal unseals it, and returns once it serves.
func (s *Server) Unseal(ctx context.Context) error {
	if err := s.call(ctx, http.MethodPut, "sys/unseal", map[string]any{"key": s.unseal}, nil); err != nil {
		return err
	}
	if err := s.until(ctx, "sys/health"); err != nil {
		return err
	}
	return s.until(ctx, "secret/config")
}

// Admin calls the HTTP API with the root token.
func (s *Server) Admin(ctx context.Context, method, path string, body, into any) error {
	return s.call(ctx, method, path, body, into)
}

func (s *Server) call(ctx context.Context, method, path string, body, into any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, s.Address+"/v1/"+path, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	request.Header.Set("X-Vault-Token", s.Root)
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}
