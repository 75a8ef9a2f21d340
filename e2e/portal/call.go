package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/demoapp"
)

// Call sends a request to the REST surface with a bearer token and returns the
// answer as it came. A body that is a string is sent as YAML, all else as JSON.
func (p *Portal) Call(ctx context.Context, token, method, path string, body any) (status int, answer []byte, err error) {
	var content io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case string:
		content, kind = bytes.NewReader([]byte(b)), "application/yaml"
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			return 0, nil, err
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, p.URL+path, content)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if content != nil {
		request.Header.Set("Content-Type", kind)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// Must is Call with the administrator's token, for a test that cannot go on
// without a 2xx; into, unless nil, takes the answer.
func (p *Portal) Must(t testing.TB, method, path string, body, into any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	status, answer, err := p.Call(ctx, p.Token, method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if status/100 != 2 {
		t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(answer, into); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, answer)
	}
}

// Bundle writes a release of the demo application and makes it known, as CI
// would.
func (p *Portal) Bundle(t testing.TB, dir string, b demoapp.Bundle) {
	t.Helper()
	path, digest, err := demoapp.WriteBundle(dir, b)
	if err != nil {
		t.Fatal(err)
	}
	p.Must(t, http.MethodPost, fmt.Sprintf("/api/v1/services/%s/releases", b.Service), map[string]any{
		"version":    b.Version,
		"artifacts":  []map[string]any{{"name": "app", "reference": "file://" + path, "digest": digest}},
		"reversible": true,
		"changes":    []map[string]any{{"commit": digest[7:47], "subject": "Change the colour to " + b.Colour, "author": "Jonas Lind"}},
	}, nil)
}

// AwaitLive waits until the version is live in the environment.
func (p *Portal) AwaitLive(t testing.TB, service, environment, version string, within time.Duration) {
	t.Helper()
	deadline := time.Now().Add(within)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		var running struct {
			Live   *struct{ Spec struct{ Version string } }
			Active *struct{ State, Message string }
		}
		p.Must(t, http.MethodGet, "/api/v1/services/"+service+"/environments/"+environment, nil, &running)
		if running.Live != nil && running.Live.Spec.Version == version && running.Active == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not live in %s of %s within %v: %+v", version, environment, service, within, running)
		}
		<-ticker.C
	}
}
