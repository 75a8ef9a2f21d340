package checks_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/checks"
	"github.com/slipway-dev/slipway/internal/checks/promtest"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// onThisMachine lets checks reach servers of the test.
func onThisMachine(t testing.TB) *outbound.Dialer {
	t.Helper()
	allow, err := outbound.ParseAllow("loopback")
	if err != nil {
		t.Fatal(err)
	}
	return outbound.New(allow)
}

func newChecks(t testing.TB, c checks.Config) *checks.Checks {
	t.Helper()
	if c.Outbound == nil {
		c.Outbound = onThisMachine(t)
	}
	k, err := checks.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func serve(t testing.TB, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s
}

// exporter plays two releases of billing-api: 1.42.0 fails 1 of 20 requests and
// 1.41.2 fails 1 of 1,000. Both count on by the same at every scrape, so shares
// of rates are exact. In a hundred requests, 1.42.0 answers 90 within 100 ms, 8
// within a second and 2 later.
func exporter(t testing.TB) string {
	t.Helper()
	var scrapes atomic.Int64
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n := scrapes.Add(1)
		var out strings.Builder
		count := func(version, code string, each int64) {
			fmt.Fprintf(&out, "http_requests_total{service=\"billing-api\",version=%q,code=%q} %d\n", version, code, n*each)
		}
		count("1.42.0", "200", 950)
		count("1.42.0", "500", 50)
		count("1.41.2", "200", 999)
		count("1.41.2", "500", 1)
		for le, each := range map[string]int64{"0.1": 90, "1": 98, "+Inf": 100} {
			fmt.Fprintf(&out, "http_seconds_bucket{service=\"billing-api\",version=\"1.42.0\",le=%q} %d\n", le, n*each)
		}
		fmt.Fprintf(&out, "few_total{service=\"billing-api\"} 12\nqueue_length{service=\"billing-api\",shard=\"a\"} 3\nqueue_length{service=\"billing-api\",shard=\"b\"} 4\n")
		fmt.Fprint(w, out.String())
	})
	return strings.TrimPrefix(s.URL, "http://")
}

// ready waits until rates can be had.
func ready(t testing.TB, p *promtest.Server) {
	t.Helper()
	p.Wait(t, `min(count_over_time(http_requests_total[10s]))`, func(n float64) bool { return n >= 4 })
}

// release is what a check is about.
func release() slipway.CheckSubject {
	return slipway.CheckSubject{Now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), Service: "billing-api", Environment: "production",
		Version: "1.42.0", Stable: "1.41.2", Key: "m1"}
}

func figure(m *float64) any {
	if m == nil {
		return nil
	}
	return *m
}

// quiet is where servers complain of clients that do not trust them.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
