package stories_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/e2e/portal"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// Two replicas over one PostgreSQL, set up as the operations guide has it:
// migrate, serve, a provider of its own. What somebody does at one replica is
// seen live at the other, with the same session.
func TestTwoReplicasOverPostgreSQL(t *testing.T) {
	t.Parallel()
	const ana = "ana"
	a, b, provider := address(t), address(t), address(t)
	common := []string{
		"SLIPWAY_DATABASE_URL=" + pgtest.URL(t), "SLIPWAY_PUBLIC_URL=" + local(a), "SLIPWAY_OIDC_ISSUER=" + local(provider),
		"SLIPWAY_OIDC_CLIENT_ID=slipway", "SLIPWAY_OIDC_CLIENT_SECRET=not-a-secret", "SLIPWAY_ADMIN_GROUP=platform-admins", "SLIPWAY_DATA_DIR=" + t.TempDir(),
		"SLIPWAY_METRICS_LISTEN=127.0.0.1:0",
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	serve := exec.CommandContext(ctx, binary, "serve") // #nosec G204 -- our own program
	serve.Env = slices.Concat(common, []string{"SLIPWAY_LISTEN=" + a})
	if out, err := serve.CombinedOutput(); err == nil || !strings.Contains(string(out), "slipway migrate up") {
		t.Errorf("serve over an empty database: %v\n%s", err, out)
	}
	migrate := exec.CommandContext(ctx, binary, "migrate", "up") // #nosec G204 -- our own program
	migrate.Env = common
	if out, err := migrate.CombinedOutput(); err != nil {
		t.Fatalf("migrate up: %v\n%s", err, out)
	}
	spawn(t, common, "dev-issuer", "--listen", provider, "--issuer", local(provider), "--redirect", local(a)+"/auth/callback")
	await(ctx, t, local(provider)+"/.well-known/openid-configuration")
	for _, replica := range []string{a, b} {
		spawn(t, slices.Concat(common, []string{"SLIPWAY_LISTEN=" + replica}), "serve")
		await(ctx, t, local(replica)+"/readyz")
	}

	token, err := portal.TokenOf(ctx, local(a), ana)
	if err != nil {
		t.Fatal(err)
	}
	person, err := portal.SignIn(ctx, local(a), ana)
	if err != nil {
		t.Fatal(err)
	}
	news := follow(ctx, t, person, local(b)+"/events?topics=board")

	p := &portal.Portal{URL: local(a), Token: token}
	p.Must(t, http.MethodPut, "/api/v1/teams/payments", map[string]any{"title": "Payments"}, nil)
	p.Must(t, http.MethodPut, "/api/v1/environments/production", map[string]any{"rank": 30, "tier": "production"}, nil)
	p.Must(t, http.MethodPut, "/api/v1/services/parcels", map[string]any{"team": "payments"}, nil)
	p.Must(t, http.MethodPut, "/api/v1/services/parcels/pipeline",
		"apiVersion: slipway/v1\nservice: parcels\nstages:\n- environment: production\n  deployer: {name: process, config: {}}\n  gates: [{approval: {count: 1}}]\n", nil)
	p.Must(t, http.MethodPost, "/api/v1/services/parcels/releases", map[string]any{"version": "1.0.0",
		"artifacts": []map[string]any{{"name": "app", "reference": "file:///nowhere", "digest": "sha256:" + strings.Repeat("0", 64)}}}, nil)
	var d struct{ ID int64 }
	p.Must(t, http.MethodPost, "/api/v1/services/parcels/deployments", map[string]any{"environment": "production", "version": "1.0.0"}, &d)

	select {
	case line := <-news:
		if !strings.Contains(line, `"topic":"board"`) {
			t.Errorf("the other replica tells %s", line)
		}
	case <-time.After(10 * time.Second):
		t.Error("the other replica tells nothing")
	}
	other := &portal.Portal{URL: local(b), Token: token}
	var seen struct{ Version, Environment string }
	other.Must(t, http.MethodGet, fmt.Sprintf("/api/v1/deployments/%d", d.ID), nil, &seen)
	if seen.Version != "1.0.0" || seen.Environment != "production" {
		t.Errorf("the other replica knows %+v", seen)
	}
}

// follow reads an event stream and hands on its data.
func follow(ctx context.Context, t *testing.T, client *http.Client, url string) <-chan string {
	t.Helper()
	response := stream(ctx, t, client, url)
	t.Cleanup(func() { _ = response.Body.Close() })
	lines := make(chan string, 100)
	go func() {
		for scan := bufio.NewScanner(response.Body); scan.Scan(); {
			if data, ok := strings.CutPrefix(scan.Text(), "data: "); ok && data != "{}" {
				lines <- data
			}
		}
	}()
	return lines
}

// stream opens an event stream. A replica that has only just started may say for
// a moment that it has none yet; browsers try again as well.
func stream(ctx context.Context, t *testing.T, client *http.Client, url string) *http.Response {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for range 50 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode == http.StatusOK {
			return response
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("%s: %s", url, response.Status)
		}
		<-ticker.C
	}
	t.Fatalf("%s has no live updates", url)
	return nil
}

// spawn runs the binary until the test ends, and then asks it to end.
func spawn(t *testing.T, environ []string, args ...string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, args...) // #nosec G204 -- our own program
	command.Env, command.Stdout, command.Stderr = environ, file, file
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil {
			t.Errorf("%s: %v", strings.Join(args, " "), err)
		}
		_ = file.Close()
		if content, err := os.ReadFile(log); err == nil && t.Failed() {
			t.Logf("%s said:\n%s", args[0], content)
		}
	})
}

func await(ctx context.Context, t *testing.T, url string) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not answer", url)
		case <-ticker.C:
		}
	}
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

func local(address string) string {
	return "http://localhost" + address[strings.LastIndex(address, ":"):]
}
