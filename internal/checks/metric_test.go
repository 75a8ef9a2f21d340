package checks_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/checks"
	"github.com/slipway-dev/slipway/internal/checks/promtest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	failing = `sum(rate(http_requests_total{service="${service}",version="${version}",code=~"5.."}[10s])) / sum(rate(http_requests_total{service="${service}",version="${version}"}[10s]))`
	before  = `sum(rate(http_requests_total{service="${service}",version="${stable}",code=~"5.."}[10s])) / sum(rate(http_requests_total{service="${service}",version="${stable}"}[10s]))`
	p95     = `histogram_quantile(0.95, sum by (le) (rate(http_seconds_bucket{version="${version}"}[10s])))`
	p50     = `histogram_quantile(0.5, sum by (le) (rate(http_seconds_bucket{version="${version}"}[10s])))`
)

// TestAgainstPrometheus asks a real one.
func TestAgainstPrometheus(t *testing.T) {
	t.Parallel()
	p := promtest.Start(t, exporter(t))
	ready(t, p)
	t.Run("metrics", func(t *testing.T) { t.Parallel(); metrics(t, p) })
	t.Run("headers", func(t *testing.T) { t.Parallel(); headers(t, p) })
	t.Run("gates", func(t *testing.T) { t.Parallel(); metricGates(t, p) })
	t.Run("budgets", func(t *testing.T) { t.Parallel(); budgets(t, p) })
	t.Run("escaping", func(t *testing.T) { t.Parallel(); escaping(t, p) })
}

func metrics(t *testing.T, p *promtest.Server) {
	const pass, fail, none, wrong = slipway.OutcomePass, slipway.OutcomeFail, slipway.OutcomeInconclusive, slipway.OutcomeError
	k := newChecks(t, checks.Config{Prometheus: checks.Prometheus{URL: p.URL}})
	for name, c := range map[string]struct {
		check   slipway.MetricCheck
		subject func(*slipway.CheckSubject)
		want    slipway.Outcome
		value   any
		stable  any
		says    string
	}{
		"good":                {check: slipway.MetricCheck{Query: failing, Success: "result < 0.06"}, want: pass, value: 0.05, says: "Result is 0.05: result < 0.06."},
		"failing":             {check: slipway.MetricCheck{Query: failing, Success: "result < 0.01"}, want: fail, value: 0.05, says: "Result is 0.05; wanted is result < 0.01."},
		"failure met":         {check: slipway.MetricCheck{Query: failing, Failure: "result > 0.01"}, want: fail, value: 0.05, says: "Result is 0.05: result > 0.01."},
		"failure not met":     {check: slipway.MetricCheck{Query: failing, Failure: "result > 0.1"}, want: pass, value: 0.05, says: "a failure is result > 0.1."},
		"both met":            {check: slipway.MetricCheck{Query: failing, Success: "result < 1", Failure: "result > 0"}, want: fail, value: 0.05},
		"success alone met":   {check: slipway.MetricCheck{Query: failing, Success: "result < 1", Failure: "result > 2"}, want: pass, value: 0.05},
		"neither met":         {check: slipway.MetricCheck{Query: failing, Success: "result < 0.01", Failure: "result > 0.1"}, want: none, value: 0.05, says: "neither result < 0.01 nor result > 0.1"},
		"no condition":        {check: slipway.MetricCheck{Query: failing}, want: none, value: 0.05, says: "no condition"},
		"provider by name":    {check: slipway.MetricCheck{Provider: "prometheus", Query: failing, Success: "result < 0.06"}, want: pass, value: 0.05},
		"unknown provider":    {check: slipway.MetricCheck{Provider: "graphite", Query: failing, Success: "result < 0.06"}, want: wrong, says: `no source of figures called "graphite"`},
		"like the live one":   {check: slipway.MetricCheck{Query: failing, Baseline: before, Success: "result <= stable * 2"}, want: fail, value: 0.05, stable: 0.001, says: "Result is 0.05; stable is 0.001; wanted is"},
		"compared and fine":   {check: slipway.MetricCheck{Query: failing, Baseline: before, Success: "result <= stable + 0.1"}, want: pass, value: 0.05, stable: 0.001},
		"nothing live":        {check: slipway.MetricCheck{Query: failing, Baseline: before, Success: "result < stable"}, subject: func(s *slipway.CheckSubject) { s.Stable = "" }, want: none, says: "Nothing is live yet"},
		"baseline for chart":  {check: slipway.MetricCheck{Query: failing, Baseline: "nothing", Success: "result < 0.06"}, want: pass, value: 0.05},
		"baseline without":    {check: slipway.MetricCheck{Query: failing, Baseline: "nothing", Success: "result < stable"}, want: none, value: 0.05, says: "No data: the query for stable gives nothing."},
		"stable and no query": {check: slipway.MetricCheck{Query: failing, Success: "result < stable"}, want: wrong, value: 0.05, says: "it needs a baseline"},
		"p95":                 {check: slipway.MetricCheck{Query: p95, Success: "result < 0.7 && result > 0.6"}, want: pass, value: 0.6625},
		"p50":                 {check: slipway.MetricCheck{Query: p50, Success: "result < 0.1"}, want: pass, value: 0.1 * 50 / 90},

		"no data":         {check: slipway.MetricCheck{Query: `up{job="nowhere"}`, Success: "result < 1"}, want: none, says: "No data: the query for result gives nothing."},
		"no data is good": {check: slipway.MetricCheck{Query: `up{job="nowhere"}`, Success: "result < 1", NoData: pass}, want: pass, says: "takes that as pass"},
		"no data is bad":  {check: slipway.MetricCheck{Query: `up{job="nowhere"}`, Success: "result < 1", NoData: fail}, want: fail, says: "takes that as fail"},
		"NaN":             {check: slipway.MetricCheck{Query: "vector(0) / vector(0)", Success: "result < 1"}, want: none, says: "not a number"},
		"NaN is fine":     {check: slipway.MetricCheck{Query: "vector(0) / vector(0)", Success: "isNaN(result) || result < 1"}, want: pass, says: "Result is NaN"},
		"NaN is not fine": {check: slipway.MetricCheck{Query: "vector(0) / vector(0)", Success: "result < 1", Failure: "isNaN(result)"}, want: fail},
		"infinite":        {check: slipway.MetricCheck{Query: "vector(1) / vector(0)", Success: "result < 1"}, want: fail, says: "Result is +Inf"},
		"no NaN of stable": {check: slipway.MetricCheck{Query: failing, Baseline: "vector(0) / vector(0)", Success: "result < stable"}, want: none, value: 0.05,
			says: "stable is not a number"},

		"scalar":           {check: slipway.MetricCheck{Query: "scalar(sum(queue_length))", Success: "result == 7"}, want: pass, value: 7.0},
		"several":          {check: slipway.MetricCheck{Query: "queue_length", Success: "result < 9"}, want: wrong, says: "takes result for one number, and the query gives 2"},
		"several as list":  {check: slipway.MetricCheck{Query: "sort(queue_length)", Success: "result[0] == 3 && result[1] == 4"}, want: pass, says: "Result is 3, 4"},
		"all of several":   {check: slipway.MetricCheck{Query: "queue_length", Success: "result.all(r, r < 4)"}, want: fail},
		"too few in list":  {check: slipway.MetricCheck{Query: "queue_length", Success: "result[5] < 9"}, want: wrong, says: "not so many figures"},
		"matrix":           {check: slipway.MetricCheck{Query: "vector(time())[20s:1s]", Baseline: "vector(time())", Success: "stable - result < 10"}, want: pass},
		"text":             {check: slipway.MetricCheck{Query: `"words"`, Success: "result < 9"}, want: wrong, says: "gives a text"},
		"too few events":   {check: slipway.MetricCheck{Query: failing, Success: "result < 0.06", Samples: "few_total", MinSamples: 100}, want: none, says: "Only 12 of at least 100 events."},
		"no events":        {check: slipway.MetricCheck{Query: "nothing", Success: "result < 0.06", Samples: "nothing", MinSamples: 1}, want: none, says: "Only 0 of at least 1 events."},
		"enough events":    {check: slipway.MetricCheck{Query: failing, Success: "result < 0.06", Samples: "few_total", MinSamples: 12}, want: pass, value: 0.05},
		"uncounted events": {check: slipway.MetricCheck{Query: failing, Success: "result < 0.06", MinSamples: 12}, want: wrong, says: "no query that counts them"},
		"events amiss":     {check: slipway.MetricCheck{Query: failing, Success: "result < 0.06", Samples: "sum(", MinSamples: 12}, want: wrong, says: "The events could not be counted: Prometheus does not understand"},

		"not PromQL":    {check: slipway.MetricCheck{Query: "rate(http_requests_total[", Success: "result < 1"}, want: wrong, says: "Prometheus does not understand the query: invalid parameter \"query\": 1:26: parse error"},
		"not workable":  {check: slipway.MetricCheck{Query: "http_requests_total * on (service) http_requests_total", Success: "result < 1"}, want: wrong, says: "Prometheus cannot work the query out: "},
		"bad condition": {check: slipway.MetricCheck{Query: failing, Success: "reslut < 1"}, want: wrong, says: `"reslut < 1": undeclared reference`},
		"bad failure":   {check: slipway.MetricCheck{Query: failing, Success: "result < 1", Failure: "result <"}, want: wrong, says: `"result <":`},
		"hostile version": {check: slipway.MetricCheck{Query: failing, Success: "result < 1"}, want: none, says: "No data",
			subject: func(s *slipway.CheckSubject) { s.Version = `1.42.0"} or vector(0) or up{x="` }},
	} {
		s := release()
		if c.subject != nil {
			c.subject(&s)
		}
		m := k.Measure(t.Context(), slipway.Check{Name: name, Metric: &c.check}, s)
		if m.Outcome != c.want || !strings.Contains(m.Message, c.says) || !m.At.Equal(s.Now) || m.Pending {
			t.Errorf("%s: %s %q", name, m.Outcome, m.Message)
		}
		if name != "matrix" { // whose figures are the time
			same(t, name+", result", figure(m.Value), c.value)
			same(t, name+", stable", figure(m.Stable), c.stable)
		}
		if strings.ContainsAny(m.Message, "\n") || m.Message == "" {
			t.Errorf("%s says %q", name, m.Message)
		}
	}
}

// same compares figures but for the last digits of floating point.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	g, isNumber := got.(float64)
	w, wanted := want.(float64)
	if isNumber != wanted || isNumber && (g-w > 1e-6 || w-g > 1e-6) {
		t.Errorf("%s is %v, not %v", what, got, want)
	}
}

// headers watches what is sent to a Prometheus with tenants and tokens.
func headers(t *testing.T, p *promtest.Server) {
	to, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen []string
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	front := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Method+" "+r.URL.Path, r.Header.Get("X-Scope-OrgID"), r.Header.Get("Authorization"))
		mu.Unlock()
		http.StripPrefix("/prometheus", proxy).ServeHTTP(w, r)
	})
	// Public addresses only: the configured one is trusted all the same.
	k, err := checks.New(checks.Config{Prometheus: checks.Prometheus{URL: front.URL + "/prometheus/", Token: "hush-hush", Org: "shop"}})
	if err != nil {
		t.Fatal(err)
	}
	m := k.Measure(t.Context(), slipway.Check{Metric: &slipway.MetricCheck{Query: "few_total", Success: "result == 12"}}, release())
	if m.Outcome != slipway.OutcomePass {
		t.Errorf("%s %q", m.Outcome, m.Message)
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(seen, []string{"POST /prometheus/api/v1/query", "shop", "Bearer hush-hush"}) {
		t.Errorf("sent %q", seen)
	}
}

// TestAnswersThatAreNoFigures asks what stands in front of a Prometheus, or in
// its place.
func TestAnswersThatAreNoFigures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"proxy's page":   {reply(502, "text/html", "<html>Bad Gateway</html>"), "answered 502 Bad Gateway with text/html, which is not how Prometheus answers"},
		"a page":         {reply(200, "text/html; charset=utf-8", "<html>Sign in</html>"), "answered 200 OK with text/html"},
		"other JSON":     {reply(200, "application/json", `{"ok":true}`), "not how Prometheus answers"},
		"empty":          {reply(200, "", ""), "not how Prometheus answers"},
		"login":          {reply(401, "text/plain", "no"), "does not let Slipway in (401 Unauthorized): check SLIPWAY_PROMETHEUS_TOKEN"},
		"redirect":       {reply(302, "", ""), "leads elsewhere, and redirects are not followed"},
		"wrong path":     {reply(404, "text/plain", "404"), "has no /api/v1/query (404 Not Found)"},
		"overloaded":     {reply(503, "application/json", `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`), "Prometheus gave the query up: query timed out in expression evaluation."},
		"internal":       {reply(500, "application/json", `{"status":"error","errorType":"internal","error":"out of\ndisk"}`), "answered 500 Internal Server Error: out of disk."},
		"no number":      {reply(200, "application/json", `{"status":"success","data":{"resultType":"scalar","result":[1,2]}}`), "no figures that Slipway can read"},
		"odd number":     {reply(200, "application/json", `{"status":"success","data":{"resultType":"scalar","result":[1,"two"]}}`), "no figures that Slipway can read"},
		"other kind":     {reply(200, "application/json", `{"status":"success","data":{"resultType":"tensor","result":[1,"2"]}}`), "no figures that Slipway can read"},
		"null":           {reply(200, "application/json", `null`), "not how Prometheus answers"},
		"deep":           {reply(200, "application/json", strings.Repeat("[", 100000)), "not how Prometheus answers"},
		"whole":          {reply(200, "application/json", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"1"}]}]}}`), "gives a whole histogram"},
		"huge":           {func(w http.ResponseWriter, _ *http.Request) { flood(w) }, "is longer than 4 MB"},
		"never":          {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "did not answer in time"},
		"drop by drop":   {drip, "did not answer in time"},
		"broken halfway": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "cannot be reached: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // or the server does not see the client go
				c.answer(w, r)
			})
			k := newChecks(t, checks.Config{Prometheus: checks.Prometheus{URL: s.URL, Token: "hush-hush"}})
			check := slipway.MetricCheck{Query: "up", Success: "result < 1"}
			if name == "never" || name == "drop by drop" {
				check.Within = slipway.Duration(100 * time.Millisecond)
			}
			m := k.Measure(t.Context(), slipway.Check{Metric: &check}, release())
			if m.Outcome != slipway.OutcomeError || !strings.Contains(m.Message, c.says) || strings.Contains(m.Message, "hush") || m.Value != nil {
				t.Errorf("%s %q", m.Outcome, m.Message)
			}
		})
	}
}

func reply(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{kind}
		w.Header().Set("Location", "https://elsewhere.example.com/")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func flood(w io.Writer) {
	piece := []byte(strings.Repeat(" ", 1<<16))
	for range 1 << 14 {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

// drip sends a header and then nothing more.
func drip(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte(`{"status":`))
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func TestFiguresWithWarnings(t *testing.T) {
	t.Parallel()
	var moments []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		moments = append(moments, r.PostFormValue("time"))
		reply(200, "application/json",
			`{"status":"success","warnings":["store b is down"],"infos":["not a counter"],"data":{"resultType":"vector","result":[{"value":[1795188600.123,"3"]}]}}`)(w, r)
	})
	k := newChecks(t, checks.Config{Prometheus: checks.Prometheus{URL: s.URL}})
	m := k.Measure(t.Context(), slipway.Check{Metric: &slipway.MetricCheck{Query: "up", Baseline: "up", Success: "result == stable"}}, release())
	if m.Outcome != slipway.OutcomePass || m.Message != "Result is 3; stable is 3: result == stable. Prometheus warns: store b is down; not a counter." {
		t.Errorf("%s %q", m.Outcome, m.Message)
	}
	if !slices.Equal(moments, []string{"", "1795188600.123"}) {
		t.Errorf("what is compared is of the moments %q", moments)
	}
}

func TestNobodyToAsk(t *testing.T) {
	t.Parallel()
	gone := serve(t, nil)
	gone.Close()
	check := slipway.Check{Metric: &slipway.MetricCheck{Query: "up", Success: "result < 1"}}
	m := newChecks(t, checks.Config{Prometheus: checks.Prometheus{URL: gone.URL}}).Measure(t.Context(), check, release())
	if m.Outcome != slipway.OutcomeError || !strings.HasSuffix(m.Message, "cannot be reached: connection refused.") {
		t.Errorf("%s %q", m.Outcome, m.Message)
	}
	m = newChecks(t, checks.Config{}).Measure(t.Context(), check, release())
	if m.Outcome != slipway.OutcomeError || !strings.Contains(m.Message, "set SLIPWAY_PROMETHEUS_URL") {
		t.Errorf("%s %q", m.Outcome, m.Message)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	m = newChecks(t, checks.Config{Prometheus: checks.Prometheus{URL: gone.URL}}).Measure(stopped, check, release())
	if m.Outcome != slipway.OutcomeError || !strings.Contains(m.Message, "interrupted") {
		t.Errorf("%s %q", m.Outcome, m.Message)
	}
	if _, err := checks.New(checks.Config{Prometheus: checks.Prometheus{URL: "prometheus:9090"}}); err == nil {
		t.Error("an address without a scheme was accepted")
	}
}

func TestATokenIsNotPrinted(t *testing.T) {
	t.Parallel()
	c := checks.Config{WebhookSecret: "hush", Prometheus: checks.Prometheus{Token: "hush"}}
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %q %x", c, c, c.WebhookSecret, c.WebhookSecret)} {
		if strings.Contains(text, "hush") || strings.Contains(text, "68757368") {
			t.Error(text)
		}
	}
}
