package process

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
	"strings"
)

// proxyClient speaks to the proxy of a target. Each call opens a connection of
// its own, so that nothing is left open between a restart and the next one.
type proxyClient struct{ dir string }

func (c proxyClient) status(ctx context.Context) (proxyStatus, error) {
	var s proxyStatus
	err := c.call(ctx, http.MethodGet, "/status", nil, &s)
	return s, err
}

// setRoutes returns when the routes are in force.
func (c proxyClient) setRoutes(ctx context.Context, r routes) error {
	return c.call(ctx, http.MethodPut, "/routes", r, nil)
}

// dial may outlive the call that asked for it, so the directory is its own.
func (c proxyClient) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	dir, err := os.Open(c.dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	return (&net.Dialer{}).DialContext(ctx, "unix", socketAddress(dir))
}

func (c proxyClient) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: c.dial}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://proxy"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("the proxy does not answer: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxControl))
	if err != nil {
		return fmt.Errorf("the proxy does not answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(answer)))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}
