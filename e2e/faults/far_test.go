package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
)

// far is what the portals of a test deploy to, check and ask: it stays when
// they die. Its deployer writes a ledger of every call before the call takes
// effect, which is what the auditor believes.
type far struct {
	*fake.Deployer
	url    string
	ledger string

	mu      sync.Mutex
	line    func(verb string, c farCall) string // "", drop, panic, hang, refuse, late: what the line does with a call
	status  map[string]int                      // of what checks ask for, by name; 200 if there is none
	closed  string                              // why the gate is shut; open if empty
	begun   map[string]int                      // jobs that said that they began, by name
	checked int
	forgets map[string]bool // services whose secrets are forgotten until they are handed over again
}

// lateBy is long enough for the portal to look what a call does meanwhile.
const lateBy = 3 * time.Second

// farCall and farAnswer go over the line (see cmd/slipway/faults_calls.go).
type farCall struct {
	Target  deployers.Target
	Desired deployers.Desired
	Cursor  string
	Limit   int
}

type farAnswer struct {
	Error    string
	Terminal bool
	Panic    bool
	Preview  deployers.Preview
	Observed deployers.Observed
	Lines    []deployers.LogLine
	Cursor   string
}

func newFar(t *testing.T, dir string) *far {
	f := &far{ledger: filepath.Join(dir, "ledger"), status: map[string]int{}, begun: map[string]int{}, forgets: map[string]bool{}}
	f.Deployer = fake.New(fake.Options{Ledger: f.ledger})
	mux := http.NewServeMux()
	for _, verb := range []string{"apply", "observe", "preview", "logs"} {
		mux.HandleFunc("POST /"+verb, func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, verb) })
	}
	mux.HandleFunc("GET /check/{name}", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.checked++
		if status := f.status[r.PathValue("name")]; status != 0 {
			w.WriteHeader(status)
		}
	})
	mux.HandleFunc("POST /begun/{name}", func(_ http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.begun[r.PathValue("name")]++
	})
	mux.HandleFunc("POST /told", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /gate", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"allow": f.closed == "", "reason": "The far end says: " + f.closed})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	f.url = server.URL
	return f
}

func (f *far) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *far) script(t *testing.T, version string, s fake.Script) {
	t.Helper()
	if err := f.SetScript(t.Context(), deployers.Target{}, version, s); err != nil {
		t.Fatal(err)
	}
}

func (f *far) serve(w http.ResponseWriter, r *http.Request, verb string) {
	var c farCall
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	line := f.line
	f.mu.Unlock()
	fault := ""
	if line != nil {
		fault = line(verb, c)
	}
	switch fault {
	case "hang":
		<-r.Context().Done()
		return
	case "refuse":
		hangUp(w)
		return
	}
	answer := f.answer(r.Context(), verb, c)
	if fault == "drop" { // it was done, and nobody hears of it
		hangUp(w)
		return
	}
	if fault == "late" { // it was done, and is still told of
		select {
		case <-time.After(lateBy):
		case <-r.Context().Done():
		}
	}
	answer.Panic = fault == "panic"
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func (f *far) answer(ctx context.Context, verb string, c farCall) (a farAnswer) {
	var err error
	switch verb {
	case "apply":
		if err = f.Apply(ctx, c.Target, c.Desired); err == nil {
			f.set(func() { delete(f.forgets, c.Target.Service) })
		}
	case "observe":
		a.Observed, err = f.Observe(ctx, c.Target)
		f.set(func() { a.Observed.Forgot = f.forgets[c.Target.Service] })
	case "preview":
		a.Preview, err = f.Preview(ctx, c.Target, c.Desired)
	case "logs":
		a.Lines, a.Cursor, err = f.Logs(ctx, c.Target, c.Cursor, c.Limit)
	default:
		err = errors.New("no such verb: " + verb)
	}
	if err != nil {
		a.Error, a.Terminal = err.Error(), deployers.IsTerminal(err)
	}
	return a
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}
