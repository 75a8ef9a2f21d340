package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestReadinessTellsDeadFromDegraded(t *testing.T) {
	t.Parallel()
	var database, chat atomic.Bool
	var runs atomic.Int64
	check := func(down *atomic.Bool) func(context.Context) error {
		return func(context.Context) error {
			runs.Add(1)
			if down.Load() {
				return errors.New("s3cret address refused")
			}
			return nil
		}
	}
	r := newRig(t, func(c *Config) {
		c.Ready = []Check{{Name: "database", Run: check(&database)}, {Name: "chat", Run: check(&chat), Optional: true},
			{Name: "odd", Run: func(context.Context) error { panic("odd") }, Optional: true}}
	})
	b := r.browser()
	ask := func() (int, string, string) {
		r.advance(readyFor)
		response, body := b.get("/readyz")
		var report readyReport
		if err := json.Unmarshal([]byte(body), &report); err != nil || len(report.Checks) != 3 || strings.Contains(body, "s3cret") {
			t.Fatalf("%v %s", err, body)
		}
		return response.StatusCode, report.Status, report.Checks[0].Status + " " + report.Checks[1].Status
	}
	for _, step := range []struct {
		database, chat bool
		status         int
		says, checks   string
	}{
		{false, false, 200, "degraded", "ok ok"}, // the odd one
		{false, true, 200, "degraded", "ok degraded"},
		{true, true, 503, "failing", "failing degraded"},
		{true, false, 503, "failing", "failing ok"},
	} {
		database.Store(step.database)
		chat.Store(step.chat)
		if status, says, checks := ask(); status != step.status || says != step.says || checks != step.checks {
			t.Errorf("%+v: %d %s (%s)", step, status, says, checks)
		}
	}
	before := runs.Load()
	for range 20 {
		b.get("/readyz")
	}
	if runs.Load()-before > 2 {
		t.Errorf("20 questions ran %d checks", runs.Load()-before)
	}
	if response, body := b.get("/healthz"); response.StatusCode != 200 || !strings.Contains(body, `"1.2.3"`) {
		t.Errorf("alive: %s %s", response.Status, body)
	}
}

func TestMetricsHaveFewLabels(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) {
		c.Gauges = []Gauge{{Name: "slipway_queue_jobs", Help: "Jobs waiting.", Value: func() float64 { return 7 }}}
	})
	b := r.browser()
	for _, path := range []string{"/sign-in", "/s/one", "/s/two", "/x1", "/x2", "/api/x3", "/panic"} {
		b.get(path)
	}
	b.do("BREW", "/coffee", nil)
	scrape := func() string {
		recorder := httptest.NewRecorder()
		r.server.MetricsHandler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return recorder.Body.String()
	}
	eventually(t, "the last request to be counted", func() bool { return strings.Contains(scrape(), `method="other"`) })
	text := scrape()
	for _, want := range []string{
		`slipway_http_requests_total{method="GET",route="/s/:service",status="303"} 2`,
		`slipway_http_requests_total{method="GET",route="unmatched",status="404"} 3`,
		`slipway_http_requests_total{method="other",route="unmatched",status="404"} 1`,
		`slipway_http_requests_total{method="GET",route="/panic",status="500"} 1`,
		`slipway_http_request_duration_seconds_count{method="GET",route="/sign-in"} 1`,
		`slipway_build_info{`, `version="1.2.3"`, "slipway_queue_jobs 7", "slipway_event_streams 0", "go_goroutines", "process_resident_memory_bytes",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, "x1") || strings.Contains(text, "BREW") {
		t.Error("a client made up a label")
	}
	if response, _ := b.get("/metrics"); response.StatusCode != 404 {
		t.Errorf("metrics on the main listener: %s", response.Status)
	}
}

func TestSlowClientsAreBounded(t *testing.T) {
	t.Parallel()
	s := (&Server{log: newRig(t).server.log}).HTTPServer(":0", http.NotFoundHandler())
	for name, d := range map[string]time.Duration{"headers": s.ReadHeaderTimeout, "request": s.ReadTimeout, "answer": s.WriteTimeout, "idle": s.IdleTimeout} {
		if d <= 0 {
			t.Errorf("no bound for the %s", name)
		}
	}
}
