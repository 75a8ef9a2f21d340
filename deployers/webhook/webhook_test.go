package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/deployers/protocol"
	"github.com/slipway-dev/slipway/deployers/protocol/protocoltest"
	"github.com/slipway-dev/slipway/deployers/webhook"
)

var (
	secret = deployers.NewSecret("0123456789abcdef")
	target = deployers.Target{Service: "billing", Environment: "test"}
)

func client(t deployertest.T, address string, timeout time.Duration, log *slog.Logger) *protocol.Client {
	t.Helper()
	c, err := webhook.New(webhook.Service{URL: address, Secret: secret, Timeout: timeout, Client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, protocol.Options{Name: "far", Strict: true, Log: log})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return c
}

// service is what a stranger writes: it checks the signature before it reads.
func service(d deployers.Deployer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		at := r.Header.Get("X-Slipway-Timestamp")
		seconds, _ := strconv.ParseInt(at, 10, 64)
		want := webhook.Sign(secret, at, body)
		if err != nil || !hmac.Equal([]byte(want), []byte(r.Header.Get("X-Slipway-Signature"))) || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
			http.Error(w, "not signed", http.StatusUnauthorized)
			return
		}
		protocoltest.Serve(r.Context(), d, body, w)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	deployertest.Run(t, deployertest.Harness{
		New: func(dt deployertest.T, log *slog.Logger) deployertest.Subject {
			o := fake.Options{Dir: t.TempDir(), Forgetful: true}
			whole := func(dt deployertest.T) deployers.Deployer {
				s := httptest.NewServer(service(fake.New(o)))
				dt.Cleanup(s.Close)
				c := client(dt, s.URL, 0, log)
				if err := c.Introduce(context.Background()); err != nil {
					dt.Fatalf("%v", err)
				}
				return c.Whole()
			}
			return deployertest.Subject{Deployer: whole(dt), Restart: whole}
		},
		Release: func(_ deployertest.T, kind deployertest.Kind, version string) deployers.Track {
			script := map[deployertest.Kind]string{deployertest.Good: `{"readyAfter":2}`, deployertest.NeverReady: `{"neverReady":true}`,
				deployertest.Exits: `{"fail":"exited with code 1 three times"}`, deployertest.Lingers: `{"drainFor":30}`}[kind]
			return deployers.Track{ID: version + strconv.Itoa(int(kind)), Version: version,
				Config: json.RawMessage(`{"replicas":2,"scripts":{"` + version + `":` + script + `}}`)}
		},
		Lingers:   true,
		Forgets:   true,
		BadConfig: json.RawMessage(`{"replicas":0,"scripts":{"1":{"readyAfter":-1}}}`),
		BadPaths:  []string{"replicas", "scripts.1.readyAfter"},
	})
}

const offer = `{"result":{"apiVersion":"slipway.deployer/v1","summary":"far away"}}`

func TestWhatMayGoWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"refused": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "answered 403 Forbidden"},
		"broken":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "answered 502 Bad Gateway"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		}, "answered 307"},
		"a page":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "is no line of the protocol"},
		"nothing": {func(http.ResponseWriter, *http.Request) {}, "without a result"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "{\"result\":{}}\n")
		}, "unexpected EOF"},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			line := []byte(`{"log":{"text":"` + strings.Repeat("again ", 1000) + "\"}}\n")
			for r.Context().Err() == nil {
				if _, err := w.Write(line); err != nil {
					return
				}
			}
		}, "longer than 16 MiB"},
		"silent": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "did not answer within 2s"},
		"in words": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"error":{"message":"the till is closed"}}`)
		}, "deployer far: the till is closed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if bytes.Contains(body, []byte(`"call":"capabilities"`)) {
					_, _ = io.WriteString(w, offer)
					return
				}
				c.answer(w, r)
			}))
			t.Cleanup(s.Close)
			within := time.Minute
			if name == "silent" {
				within = 2 * time.Second
			}
			err := client(t, s.URL+"/hidden-path", within, nil).Apply(t.Context(), target, deployers.Desired{Generation: 1})
			if err == nil || !strings.Contains(err.Error(), c.want) || deployers.IsTerminal(err) || strings.Contains(err.Error(), "hidden-path") {
				t.Errorf("wanted an error that may be retried and says %q, got %v", c.want, err)
			}
		})
	}
}

// TestProgressIsToldAtOnce, while the call goes on.
func TestProgressIsToldAtOnce(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte(`"call":"capabilities"`)) {
			_, _ = io.WriteString(w, offer)
			return
		}
		_, _ = io.WriteString(w, `{"log":{"text":"pulling the image"}}`+"\n")
		_ = http.NewResponseController(w).Flush()
		<-goOn
		_, _ = io.WriteString(w, `{"result":{}}`)
	}))
	t.Cleanup(s.Close)
	c := client(t, s.URL, 0, nil)
	done := make(chan error, 1)
	go func() { done <- c.Apply(t.Context(), target, deployers.Desired{Generation: 1}) }()
	deployertest.Eventually(t, 20*time.Second, "the line is there before the call has ended", func() (bool, string) {
		lines, _, err := c.Logs(t.Context(), target, "", 10)
		return len(lines) == 1 && lines[0].Text == "pulling the image", fmt.Sprint(lines, err)
	})
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if lines, _, err := c.Logs(t.Context(), target, "", 10); len(lines) != 1 || err != nil {
		t.Errorf("told twice: %v, %v", lines, err)
	}
}

func TestATerminalError(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte(`"call":"capabilities"`)) {
			_, _ = io.WriteString(w, offer)
			return
		}
		_, _ = io.WriteString(w, `{"error":{"message":"there is no such region","terminal":true}}`)
	}))
	t.Cleanup(s.Close)
	if err := client(t, s.URL, 0, nil).Apply(t.Context(), target, deployers.Desired{Generation: 1}); !deployers.IsTerminal(err) {
		t.Errorf("got %v", err)
	}
}

// TestTheSignature has the value that any other implementation must come to.
func TestTheSignature(t *testing.T) {
	t.Parallel()
	got := webhook.Sign(secret, "1772366400", []byte(`{"call":"observe"}`))
	if want := "sha256=7660aa9df82efe6604a189c0dbd43577d90e409327648245f8bde2c43ba376a4"; got != want {
		t.Errorf("signed %s, wanted %s", got, want)
	}
}

func TestWhatIsNoService(t *testing.T) {
	t.Parallel()
	for _, s := range []webhook.Service{
		{URL: "ftp://example.com", Secret: secret, Client: http.DefaultClient},
		{URL: "https://me:hush@example.com", Secret: secret, Client: http.DefaultClient},
		{URL: "https://example.com", Secret: deployers.NewSecret("short"), Client: http.DefaultClient},
		{URL: "https://example.com", Secret: secret},
	} {
		if _, err := webhook.New(s, protocol.Options{}); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%+v was taken: %v", s, err)
		}
	}
}
