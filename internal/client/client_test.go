package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// stub answers in turn and remembers what it was asked.
type stub struct {
	mu       sync.Mutex
	answers  []func(w http.ResponseWriter)
	requests []*http.Request
	bodies   []string
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	n := min(len(s.requests), len(s.answers)-1)
	s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
	s.answers[n](w)
}

func says(status int, kind, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func cut(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func stubbed(t *testing.T, answers ...func(http.ResponseWriter)) (*Client, *stub, *[]time.Duration) {
	t.Helper()
	s := &stub{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := New(server.URL+"/", " slp_token\n")
	if err != nil {
		t.Fatal(err)
	}
	var pauses []time.Duration
	c.pause = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
	return c, s, &pauses
}

const busy = `{"status":503,"code":"unavailable","detail":"Busy."}`

func TestARepeatedPostCarriesTheSameKey(t *testing.T) {
	t.Parallel()
	c, s, pauses := stubbed(t, cut, says(503, "application/problem+json", busy), says(202, "application/json", `{"id":7,"state":"waiting","later":true}`))
	d, err := c.Promote(t.Context(), "shop/x", Promotion{Environment: "prod", Version: "1.0.0"})
	if err != nil || d.Value.ID != 7 || d.Status != 202 || !strings.Contains(string(d.Raw), `"later":true`) {
		t.Fatalf("%+v, %v", d, err)
	}
	if len(s.requests) != 3 || len(*pauses) != 2 || (*pauses)[1] != 3*time.Second {
		t.Errorf("%d requests, pauses %v", len(s.requests), *pauses)
	}
	for i, r := range s.requests {
		key := r.Header.Get("Idempotency-Key")
		if key == "" || key != s.requests[0].Header.Get("Idempotency-Key") || s.bodies[i] != s.bodies[0] {
			t.Errorf("attempt %d: key %q, body %s", i, key, s.bodies[i])
		}
		if r.Header.Get("Authorization") != "Bearer slp_token" || r.URL.EscapedPath() != "/api/v1/services/shop%2Fx/deployments" {
			t.Errorf("%s with %q", r.URL.EscapedPath(), r.Header.Get("Authorization"))
		}
	}
}

func TestWhatCannotBeRepeatedIsAskedOnce(t *testing.T) {
	t.Parallel()
	c, s, _ := stubbed(t, says(503, "application/problem+json", busy))
	if _, err := c.CreateToken(t.Context(), NewToken{Name: "x"}); err == nil || len(s.requests) != 1 {
		t.Errorf("%d requests, %v", len(s.requests), err)
	}
	c, s, _ = stubbed(t, says(503, "application/problem+json", busy))
	if _, err := c.Me(t.Context()); err == nil || len(s.requests) != attempts {
		t.Errorf("%d requests, %v", len(s.requests), err)
	}
	c, s, _ = stubbed(t, says(409, "application/problem+json", `{"status":409,"code":"blocked","detail":"No.","blockedBy":[{"gate":"lock","reason":"Locked."}]}`))
	_, err := c.Promote(t.Context(), "shop", Promotion{Environment: "prod", Version: "1"})
	var p *Problem
	if !errors.As(err, &p) || p.Code != "blocked" || len(p.BlockedBy) != 1 || len(s.requests) != 1 {
		t.Errorf("%d requests, %+v", len(s.requests), err)
	}
}

func TestAnswersThatAreNotSlipways(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter){
		"a proxy's page": says(502, "text/html", "<h1>Bad gateway</h1>"),
		"a redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(302)
		},
		"no JSON": says(200, "text/html", "<html>"),
	} {
		c, s, _ := stubbed(t, answer)
		if _, err := c.Me(t.Context()); err == nil || len(s.requests) != 1 {
			t.Errorf("%s: %d requests, %v", name, len(s.requests), err)
		}
	}
	for _, address := range []string{"", "localhost:8080", "ftp://x", "https://user@x", "https://x?y=1"} {
		if _, err := New(address, "t"); err == nil {
			t.Errorf("%q is taken for an address", address)
		}
	}
}

func TestAGivenUpRequestIsNotRepeated(t *testing.T) {
	t.Parallel()
	c, s, _ := stubbed(t, says(503, "application/problem+json", busy))
	ctx, cancel := context.WithCancel(t.Context())
	c.pause = func(context.Context, time.Duration) error { cancel(); return ctx.Err() }
	if _, err := c.Me(ctx); !errors.Is(err, context.Canceled) || len(s.requests) != 1 {
		t.Errorf("%d requests, %v", len(s.requests), err)
	}
	var me Me
	if err := json.Unmarshal([]byte(`{"id":"x","unknown":1}`), &me); err != nil || me.ID != "x" {
		t.Error("a newer server must not break an older client")
	}
}
