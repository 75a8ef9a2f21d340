package demoapp

import (
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"time"
)

const (
	slowPage = 2 * time.Second
	maxSlow  = 60 * time.Second
)

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.page)
	mux.HandleFunc("GET /healthz", a.health)
	mux.HandleFunc("GET /version", a.version)
	mux.HandleFunc("GET /slow", a.slow)
	mux.HandleFunc("POST /break", a.breakIt)
	// A page of another site must not be able to press /break for somebody.
	return a.logged(http.NewCrossOriginProtection().Handler(mux))
}

// logged prints one line per request, but none for the readiness checks, which
// would drown the rest.
func (a *app) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			next.ServeHTTP(w, r)
			return
		}
		start := time.Now()
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		a.log.Info("request", "method", r.Method, "path", r.URL.Path,
			"status", seen.status, "ms", time.Since(start).Milliseconds())
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (a *app) page(w http.ResponseWriter, r *http.Request) {
	if a.bundle.Fail == FailSlow && !wait(r, slowPage) {
		return
	}
	// Every second page, so that an error budget and a canary have something
	// to measure between "all good" and "all bad".
	if a.bundle.Fail == FailErrors && a.requests.Add(1)%2 == 1 || a.errors.Load() {
		a.log.Error("cannot make the page", "reason", "this instance is made to fail")
		http.Error(w, "the ledger did not answer", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Slipway-Version", a.bundle.Version)
	err := pageTemplate().Execute(w, map[string]any{
		"Service": a.bundle.Service, "Version": a.bundle.Version, "Environment": a.environment,
		"Instance": a.instance,
		// check() admits only names and #rrggbb, which are safe in CSS.
		"Colour": template.CSS(a.bundle.Colour), //nolint:gosec // checked when the bundle was read: a name or #rrggbb
	})
	if err != nil {
		a.log.Warn("page", "error", err)
	}
}

func (a *app) health(w http.ResponseWriter, _ *http.Request) {
	if a.bundle.Fail == FailNeverReady || a.unready.Load() {
		http.Error(w, "not ready: the ledger is not reachable", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

func (a *app) version(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{
		"service": a.bundle.Service, "version": a.bundle.Version,
		"environment": a.environment, "instance": a.instance, "colour": a.bundle.Colour,
	})
}

// slow answers after ?ms=, at most a minute: requests that a drain must wait for.
func (a *app) slow(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.Atoi(r.FormValue("ms"))
	if err != nil || ms < 0 {
		http.Error(w, "ms must be a number of milliseconds", http.StatusBadRequest)
		return
	}
	if wait(r, min(time.Duration(ms)*time.Millisecond, maxSlow)) {
		_, _ = w.Write([]byte(a.bundle.Version + "\n"))
	}
}

// breakIt breaks this one running instance on purpose: ?how=errors makes every
// page answer 500, ?how=unready makes /healthz fail. It is there for the demo
// only, needs no login, and ends with the process.
func (a *app) breakIt(w http.ResponseWriter, r *http.Request) {
	switch how := r.FormValue("how"); how {
	case "errors":
		a.errors.Store(true)
	case "unready":
		a.unready.Store(true)
	default:
		http.Error(w, "how must be errors or unready", http.StatusBadRequest)
		return
	}
	a.log.Warn("broken on purpose", "how", r.FormValue("how"))
	_, _ = w.Write([]byte("broken\n"))
}

// wait reports whether the whole time passed before the client went away.
func wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func pageTemplate() *template.Template {
	return template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Service}} {{.Version}}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; --version: {{.Colour}}; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center;
  font: 16px/1.5 system-ui, sans-serif; background: light-dark(#f6f7f9, #14171c); color: light-dark(#1c2026, #e8eaee); }
main { padding: 2.5rem 3rem; border-radius: 12px; border-top: 12px solid var(--version);
  background: light-dark(#fff, #1e232b); box-shadow: 0 2px 16px #0002; min-width: 18rem; }
h1 { margin: 0; font-size: 1.2rem; font-weight: 600; }
.version { display: flex; align-items: center; gap: .6rem; margin: .4rem 0 1rem; font-size: 3rem; font-weight: 700; }
.version::before { content: ""; width: .6em; height: .6em; border-radius: 50%; background: var(--version); }
p { margin: 0; } code { font-size: .85em; opacity: .75; }
</style></head>
<body><main><h1>{{.Service}}</h1><p class="version">{{.Version}}</p>
<p>{{.Environment}}</p><p><code>{{.Instance}}</code></p></main></body></html>
`))
}
