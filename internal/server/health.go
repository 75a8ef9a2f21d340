package server

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
	staticPath = "/static/*"
	issuerPath = "/dev/issuer/*"
	keysPath   = "/.well-known/jwks.json"

	// readyFor is how long an answer about readiness stands: anybody may ask,
	// and must not be able to keep the database busy with it.
	readyFor     = time.Second
	readyTimeout = 2 * time.Second
)

// machinery is the surface of what needs no person: probes and assets. It is
// not rate-limited, because none of it costs more than memory.
type machinery struct{ s *Server }

func (m *machinery) Routes() []Route {
	routes := []Route{
		{Method: http.MethodGet, Path: healthPath, Access: Public(), Handler: m.healthz},
		{Method: http.MethodGet, Path: readyPath, Access: Public(), Handler: m.readyz},
	}
	if m.s.cfg.Assets != nil {
		routes = append(routes, Route{Method: http.MethodGet, Path: staticPath, Access: Public(), Handler: echo.WrapHandler(m.s.cfg.Assets)})
	}
	if m.s.cfg.VouchKeys != nil {
		routes = append(routes, Route{Method: http.MethodGet, Path: keysPath, Access: Public(), Handler: m.keys})
	}
	if m.s.cfg.DevIssuer != nil {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			routes = append(routes, Route{Method: method, Path: issuerPath, Access: Public(), Handler: echo.WrapHandler(m.s.cfg.DevIssuer)})
		}
	}
	return routes
}

// keys tells the world the public keys; who checks signatures asks anew for a key
// that it does not know.
func (m *machinery) keys(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "public, max-age=300")
	return c.Blob(http.StatusOK, "application/json", m.s.cfg.VouchKeys)
}

func (m *machinery) Authenticate(echo.Context) error { return nil }

func (m *machinery) ShowError(c echo.Context, err error) error { return m.s.showToPeople(c, err) }

// healthz says that the process answers, and nothing about what it depends on:
// a restart would not mend that.
func (m *machinery) healthz(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, map[string]string{"status": "ok", "version": m.s.cfg.Version})
}

func (m *machinery) readyz(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	report := m.s.ready.report(c.Request().Context(), m.s.logCheck)
	status := http.StatusOK
	if report.Status == "failing" {
		status = http.StatusServiceUnavailable
	}
	return c.JSON(status, report)
}

// logCheck keeps the text of a failure, which strangers do not get to see.
func (s *Server) logCheck(ctx context.Context, name string, err error) {
	s.log.WarnContext(ctx, "not ready", "check", name, "error", err.Error())
}

// readyReport is the answer of /readyz.
type readyReport struct {
	Status string        `json:"status"` // ok, degraded, failing
	Checks []checkReport `json:"checks"`
}

type checkReport struct {
	Name   string  `json:"name"`
	Status string  `json:"status"`
	MS     float64 `json:"ms"`
}

// readiness runs the checks for whoever asks, at most once in a while.
type readiness struct {
	checks []Check
	clock  func() time.Time

	mu   sync.Mutex
	last readyReport
	at   time.Time
}

func (r *readiness) report(ctx context.Context, failed func(context.Context, string, error)) readyReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.clock(); r.at.IsZero() || now.Sub(r.at).Abs() >= readyFor {
		// Who asked may go away; the answer is for the others too.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
		defer cancel()
		r.last, r.at = r.run(ctx, failed), now
	}
	return r.last
}

func (r *readiness) run(ctx context.Context, failed func(context.Context, string, error)) readyReport {
	report := readyReport{Status: "ok", Checks: make([]checkReport, len(r.checks))}
	errs := make([]error, len(r.checks))
	var all sync.WaitGroup
	for i, check := range r.checks {
		all.Go(func() {
			began := time.Now()
			errs[i] = runCheck(ctx, check)
			report.Checks[i] = checkReport{Name: check.Name, Status: "ok", MS: float64(time.Since(began).Microseconds()) / 1000}
		})
	}
	all.Wait()
	for i, check := range r.checks {
		if errs[i] == nil {
			continue
		}
		failed(ctx, check.Name, errs[i])
		if report.Checks[i].Status = "failing"; check.Optional {
			report.Checks[i].Status = "degraded"
		}
		if report.Status != "failing" {
			report.Status = report.Checks[i].Status
		}
	}
	return report
}

// runCheck keeps a check that panics from taking the process with it.
func runCheck(ctx context.Context, check Check) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return check.Run(ctx)
}
