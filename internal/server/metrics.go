package server

import (
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics counts requests. Labels are patterns of routes, methods and statuses,
// all of which are few: nobody from outside can make up a new one.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	limited  prometheus.Counter
}

func newMetrics(cfg Config, h *hub) (*metrics, error) {
	m := &metrics{
		registry: cfg.Metrics,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "slipway_http_requests_total", Help: "Requests answered."}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slipway_http_request_duration_seconds", Help: "Time to answer, without streams.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "slipway_http_requests_in_flight", Help: "Requests being answered, streams included."}),
		limited:  prometheus.NewCounter(prometheus.CounterOpts{Name: "slipway_http_rate_limited_total", Help: "Requests of strangers refused because there were too many."}),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "slipway_build_info", Help: "Which Slipway this is.",
		ConstLabels: prometheus.Labels{"version": cfg.Version, "go": runtime.Version()},
	}, func() float64 { return 1 })
	all := []prometheus.Collector{
		m.requests, m.duration, m.inFlight, m.limited, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "slipway_event_streams", Help: "Open event streams."}, func() float64 { return float64(h.count()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "slipway_event_last_id", Help: "Last event that streams were told of."}, func() float64 { return float64(h.lastID()) }),
	}
	for _, g := range cfg.Gauges {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.Name, Help: g.Help}, g.Value))
	}
	for _, c := range all {
		if err := m.registry.Register(c); err != nil {
			return nil, fmt.Errorf("server: metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) count(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	if route != eventsPath {
		m.duration.WithLabelValues(method, route).Observe(took.Seconds())
	}
}

func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}
