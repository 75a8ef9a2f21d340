package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// connections of the closed loop.
const connections = 4

// slice is how long one arm of a pair lasts.
func slice() time.Duration { return time.Duration(count(1200, 300)) * time.Millisecond }

// BenchmarkPages measures reading: B1, the board of 5,000 services in the
// browser, and B2, the REST surface, on the same data.
func BenchmarkPages(b *testing.B) {
	for _, d := range databases() {
		b.Run(d.name, func(b *testing.B) {
			address, world := d.fresh(b), size{services: count(5000, 300), history: 120, waiting: 100}
			seed(b, address, world)
			pinGenerator(b)
			portal := start(b, part{Role: "portal", Database: address})
			bare := start(b, part{Role: "bare", Database: address, Token: portal.Tokens["ben"]})
			conditions(b, d, world.String())
			b.Run("B1-board", func(b *testing.B) { board(b, d, portal, bare) })
			b.Run("B2-service", func(b *testing.B) { readService(b, d, portal, bare) })
			b.Run("B2-deployments", func(b *testing.B) { readDeployments(b, d, portal, bare) })
		})
	}
}

func board(b *testing.B, d database, portal, bare child) {
	c := client()
	ours := aim(b, c, portal.URL+"/", signIn(b, portal.URL, "ben"), serviceName(shown-1))
	limit := aim(b, c, fmt.Sprintf("%s/board?bytes=%d", bare.URL, ours.length), nil, serviceName(0))
	say(b, "B1 %s: page of %d bytes, %d services with %d cells, both arms; no compression", d.name, ours.length, shown, shown*len(environments()))
	profile(b, portal, "b1-"+d.name, 15)
	rate := compare(b, "B1 "+d.name, c, portal, ours, limit, 0.5)
	openLoop(b, "B1 "+d.name, c, ours, limit, rate/2)
}

// BenchmarkB1Wide measures what somebody waits for who draws the whole board of
// a large organisation at once: 1,000 services in three environments.
func BenchmarkB1Wide(b *testing.B) {
	for _, d := range databases() {
		b.Run(d.name, func(b *testing.B) {
			address, world := d.fresh(b), size{services: 1000, waiting: 50, without: 1}
			seed(b, address, world)
			pinGenerator(b)
			portal := start(b, part{Role: "portal", Database: address})
			bare := start(b, part{Role: "bare", Database: address, Token: portal.Tokens["sam"]})
			conditions(b, d, world.String())
			wide(b, d, portal, bare)
		})
	}
}

// wide asks one after the other: a whole board is no page of which many people
// ask for one at the same moment.
func wide(b *testing.B, d database, portal, bare child) {
	c := client()
	ours := aim(b, c, portal.URL+"/api/v1/board?limit=1000", bearer(portal, "sam"), serviceName(999))
	limit := aim(b, c, fmt.Sprintf("%s/wide?bytes=%d", bare.URL, ours.length), nil, serviceName(0))
	profile(b, portal, "wide-"+d.name, 10)
	once := func(t target) func() float64 {
		return func() float64 {
			body, took := &bytes.Buffer{}, make([]time.Duration, 0, 20)
			for range 20 {
				began := time.Now()
				if err := t.hit(b.Context(), c, body); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			return ms(percentile(took, 0.5))
		}
	}
	_, _ = once(ours)(), once(limit)() // warm
	a, l, ratio := beside(once(ours), once(limit))
	b.ReportMetric(a.median, "p50-ms")
	b.ReportMetric(l.median, "limit-p50-ms")
	tell(b, result{fmt.Sprintf("B1 wide %s: 1,000 services × 3 environments, %d bytes, p50", d.name, ours.length), a.format(1) + " ms",
		l.format(1) + " ms, ratio " + ratio.format(1), []string{goal(a.median <= 20, "≤20 ms")}, validity(b, a, l)})
}

// BenchmarkB1Queries counts what one board asks the database, on PostgreSQL's
// wire. SQLite is asked by the same code.
func BenchmarkB1Queries(b *testing.B) {
	address := postgresURL(b)
	seed(b, address, size{services: count(500, 100), waiting: 50})
	n := countQueries(b, address, 50)
	b.ReportMetric(n, "queries/page")
	tell(b, result{"B1 queries per page, BEGIN and COMMIT apart", fmt.Sprintf("%.0f", n), "1", []string{goal(n <= 4, "≤4")}, ""})
}

// compare measures the throughput of ours beside the limit.
func compare(b *testing.B, name string, c *http.Client, portal child, ours, limit target, want float64) float64 {
	b.Helper()
	var spent time.Duration
	answers := 0.0
	for _, t := range []target{ours, limit} { // warm
		throughput(b, c, t, connections, slice()/2)
	}
	a, l, ratio := beside(
		func() float64 {
			began, before := time.Now(), used(b, portal.process)
			rate := throughput(b, c, ours, connections, slice())
			answers += rate * time.Since(began).Seconds()
			spent += used(b, portal.process) - before
			return rate
		},
		func() float64 { return throughput(b, c, limit, connections, slice()) })
	each := float64(spent.Microseconds()) / answers
	b.ReportMetric(each, "core-µs/req")
	b.ReportMetric(a.median, "req/s")
	b.ReportMetric(l.median, "limit-req/s")
	b.ReportMetric(ratio.median, "ratio")
	tell(b, result{name, fmt.Sprintf("%s/s, %.0f µs of the core each", a.format(0), each), l.format(0) + "/s, ratio " + ratio.format(2),
		[]string{goal(ratio.median >= want, fmt.Sprintf("≥%.1f×", want))}, validity(b, a, l)})
	return a.median
}

// openLoop measures the latencies at a rate that both arms get.
func openLoop(b *testing.B, name string, c *http.Client, ours, limit target, rate float64) {
	b.Helper()
	var p99s, limits []float64
	for range 3 {
		took, beside := latencies(b, c, ours, rate, 5*slice()/2), latencies(b, c, limit, rate, 5*slice()/2)
		p99s, limits = append(p99s, ms(percentile(took, 0.99))), append(limits, ms(percentile(beside, 0.99)))
		say(b, "%s: at %.0f req/s %s beside %s", name, rate, times(took), times(beside))
	}
	p99, limited := spreadOf(p99s), spreadOf(limits)
	b.ReportMetric(p99.median, "p99-ms")
	b.ReportMetric(limited.median, "limit-p99-ms")
	tell(b, result{fmt.Sprintf("%s, p99 at %.0f/s", name, rate), p99.format(1) + " ms", limited.format(1) + " ms", []string{goal(p99.median <= 20, "≤20 ms")}, ""})
}

func readService(b *testing.B, d database, portal, bare child) {
	c, token := client(), bearer(portal, "ben")
	ours := aim(b, c, portal.URL+"/api/v1/services/"+serviceName(7), token, serviceName(7))
	query := fmt.Sprintf("?service=%s&bytes=%d", serviceName(7), ours.length)
	limit := aim(b, c, bare.URL+"/service"+query, nil, serviceName(7))
	compare(b, "B2 "+d.name+", one service", c, portal, ours, limit, 0.6)
	for _, rung := range []string{"echo", "authn", "usecase"} {
		step := aim(b, c, bare.URL+"/rung/"+rung+query, token, serviceName(7))
		a, l, ratio := beside(
			func() float64 { return throughput(b, c, step, connections, slice()/4) },
			func() float64 { return throughput(b, c, limit, connections, slice()/4) })
		say(b, "B2 ladder, raw → %s: %s req/s beside %s, ratio %s", rung, a.format(0), l.format(0), ratio.format(2))
	}
}

func readDeployments(b *testing.B, d database, portal, bare child) {
	c, token := client(), bearer(portal, "ben")
	list := portal.URL + "/api/v1/services/" + serviceName(7) + "/deployments?limit=50"
	first := ask(b, c, list, token)
	var oldest int64
	for _, d := range first.Items {
		oldest = d.ID
	}
	ours := aim(b, c, list+"&cursor="+url.QueryEscape(first.Next), token, serviceName(7))
	limit := aim(b, c, fmt.Sprintf("%s/deployments?service=%s&before=%d&bytes=%d", bare.URL, serviceName(7), oldest, ours.length), nil, serviceName(7))
	compare(b, "B2 "+d.name+", 50 deployments by keyset", c, portal, ours, limit, 0.6)
}

func bearer(portal child, person string) http.Header {
	return http.Header{"Authorization": {"Bearer " + portal.Tokens[person]}}
}

// signIn goes the whole way through the provider, as a browser would.
func signIn(b testing.TB, portal, person string) http.Header {
	b.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, portal+"/auth/login?login_hint="+person, nil)
	if err != nil {
		b.Fatal(err)
	}
	response, err := c.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK || strings.Contains(response.Request.URL.Path, "sign-in") {
		b.Fatalf("sign-in ended at %s: %s\n%.500s", response.Request.URL, response.Status, body)
	}
	var cookies []string
	for _, cookie := range jar.Cookies(request.URL) {
		cookies = append(cookies, cookie.Name+"="+cookie.Value)
	}
	return http.Header{"Cookie": {strings.Join(cookies, "; ")}}
}
