package checks_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/checks"
	"github.com/slipway-dev/slipway/internal/checks/promtest"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func metricGates(t *testing.T, p *promtest.Server) {
	k := newChecks(t, checks.Config{Prometheus: checks.Prometheus{URL: p.URL}})
	for name, c := range map[string]struct {
		metric slipway.MetricCheck
		want   slipway.Result
		who    string
		says   string
	}{
		"good":      {slipway.MetricCheck{Query: failing, Baseline: before, Success: "result < 0.06 && stable < 0.01"}, slipway.Pass, "", "Result is 0.05; stable is 0.001"},
		"bad":       {slipway.MetricCheck{Query: failing, Success: "result < 0.01"}, slipway.Wait, "the team payments", "wanted is result < 0.01"},
		"no data":   {slipway.MetricCheck{Query: "nothing", Success: "result < 0.01"}, slipway.Wait, "the team payments", "No data"},
		"no PromQL": {slipway.MetricCheck{Query: "sum(", Success: "result < 0.01"}, slipway.Unknown, "who runs Slipway", "does not understand the query"},
	} {
		got := k.Probe(t.Context(), slipway.Gate{Metric: &slipway.MetricGate{Metric: c.metric}}, subject())
		if got.Result != c.want || got.Who != c.who || !strings.Contains(got.Reason, c.says) || !got.At.Equal(subject().Now) || got.PlanDigest != "sha256:plan" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func budgets(t *testing.T, p *promtest.Server) {
	const (
		good  = `sum(increase(http_requests_total{service="${service}",version="1.41.2",code!~"5.."}[${window}]))`
		total = `sum(increase(http_requests_total{service="${service}",version="1.41.2"}[${window}]))`
	)
	k := newChecks(t, checks.Config{Prometheus: checks.Prometheus{URL: p.URL}})
	minute := slipway.Duration(time.Minute)
	for name, c := range map[string]struct {
		gate slipway.BudgetGate
		want slipway.Result
		who  string
		says string
	}{
		"half left":    {slipway.BudgetGate{Objective: 99.8, Good: good, Total: total}, slipway.Pass, "", "50 % of the budget of 99.8 % over 30 days is left: 0.1 % failed."},
		"enough left":  {slipway.BudgetGate{Objective: 99.8, Good: good, Total: total, Remaining: 40, Window: minute}, slipway.Pass, "", "50 % of the budget of 99.8 % over 1m is left: 0.1 % failed."},
		"too few left": {slipway.BudgetGate{Objective: 99.8, Good: good, Total: total, Remaining: 60}, slipway.Wait, "time, or the team payments", "50 % of the budget of 99.8 % over 30 days is left, and 60 % has to be: 0.1 % failed."},
		"spent":        {slipway.BudgetGate{Objective: 99.95, Good: good, Total: total}, slipway.Wait, "time, or the team payments", "The budget of 99.95 % over 30 days is spent: 0.1 % failed."},
		"all spent":    {slipway.BudgetGate{Objective: 99.9, Good: `sum(nothing)`, Total: total}, slipway.Wait, "time, or the team payments", "is spent: 100 % failed."},
		"no events":    {slipway.BudgetGate{Objective: 99.9, Good: "vector(0)", Total: "vector(0)"}, slipway.Unknown, "the team payments", "No data: nothing was counted over 30 days"},
		"no total":     {slipway.BudgetGate{Objective: 99.9, Good: good, Total: "nothing"}, slipway.Unknown, "who may apply the pipeline of billing-api", "The query for total gives 0 figures and has to give one"},
		"not summed":   {slipway.BudgetGate{Objective: 99.9, Good: "queue_length", Total: total}, slipway.Unknown, "who may apply the pipeline of billing-api", "The query for good gives 2 figures"},
		"no PromQL":    {slipway.BudgetGate{Objective: 99.9, Good: "sum(", Total: total}, slipway.Unknown, "who runs Slipway", "The good events could not be counted: Prometheus does not understand"},
		"no budget":    {slipway.BudgetGate{Objective: 100, Good: good, Total: total}, slipway.Unknown, "who may apply the pipeline of billing-api", "leaves no budget"},
		"no source":    {slipway.BudgetGate{Provider: "graphite", Objective: 99.9, Good: good, Total: total}, slipway.Unknown, "who runs Slipway", "This portal knows no source"},
	} {
		got := k.Probe(t.Context(), slipway.Gate{ErrorBudget: &c.gate}, subject())
		if got.Result != c.want || got.Who != c.who || !strings.Contains(got.Reason, c.says) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestExternalGate plays a change board that checks what it is sent.
func TestExternalGate(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	until := subject().Now.Add(time.Hour)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   slipway.Result
		until  *time.Time
		says   string
	}{
		"yes":              {reply(200, "application/json", `{"allow":true}`), slipway.Pass, nil, "agrees."},
		"yes, and why":     {reply(200, "application/json", `{"allow":true,"reason":"CHG-7 is approved"}`), slipway.Pass, nil, "agrees: CHG-7 is approved."},
		"no":               {reply(200, "application/json", `{"allow":false,"reason":"no change ticket"}`), slipway.Fail, nil, "says no: no change ticket."},
		"not yet":          {reply(200, "application/json", `{"allow":false,"reason":"wait!","until":"2026-11-20T17:30:00+01:00"}`), slipway.Wait, &until, "says no: wait!"},
		"not yet, long":    {reply(200, "application/json", `{"allow":false,"until":"2020-01-01T00:00:00Z"}`), slipway.Fail, nil, "says no."},
		"no answer":        {reply(200, "application/json", `{"reason":"hm"}`), slipway.Unknown, nil, `says neither {"allow": true} nor`},
		"a word":           {reply(200, "application/json", `{"allow":"yes"}`), slipway.Unknown, nil, "says neither"},
		"a page":           {reply(200, "text/html", "<html>"), slipway.Unknown, nil, "says neither"},
		"nothing":          {reply(204, "", ""), slipway.Unknown, nil, "answered 204 No Content, not 200 OK"},
		"an error":         {reply(500, "application/json", `{"allow":true}`), slipway.Unknown, nil, "answered 500 Internal Server Error"},
		"a redirect":       {reply(307, "application/json", `{"allow":true}`), slipway.Unknown, nil, "answered 307"},
		"too much":         {func(w http.ResponseWriter, _ *http.Request) { flood(w) }, slipway.Unknown, nil, "too long"},
		"too late":         {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, slipway.Unknown, nil, "did not answer within 100ms"},
		"cut off":          {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, slipway.Unknown, nil, "does not answer"},
		"lines of reasons": {reply(200, "application/json", `{"allow":false,"reason":"a\n\u0000\u001b[31mb `+strings.Repeat("x", 1000)+`"}`), slipway.Fail, nil, "says no: a [31mb xxx"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				at := r.Header.Get("X-Slipway-Timestamp")
				if err != nil || r.Method != http.MethodPost || at != strconv.FormatInt(subject().Now.Unix(), 10) ||
					r.Header.Get("X-Slipway-Signature") != "sha256="+checks.Sign(secret, at, body) {
					t.Errorf("the request is not signed: %v %v", r.Header, err)
				}
				c.answer(w, r)
			})
			k := newChecks(t, checks.Config{WebhookSecret: secret})
			gate := slipway.ExternalGate{Name: "change board", URL: s.URL + "/slipway"}
			if name == "too late" {
				gate.Within = slipway.Duration(100 * time.Millisecond)
			}
			got := k.Probe(t.Context(), slipway.Gate{External: &gate}, subject())
			host := strings.TrimPrefix(s.URL, "http://")
			who := "who runs " + host
			if c.want == slipway.Pass {
				who = ""
			}
			if got.Result != c.want || got.Who != who || !strings.Contains(got.Reason, c.says) || len(got.Reason) > 420 || strings.ContainsAny(got.Reason, "\n\x1b\x00") {
				t.Errorf("%+v", got)
			}
			if (got.Until == nil) != (c.until == nil) || c.until != nil && !got.Until.Equal(*c.until) {
				t.Errorf("until %v, not %v", got.Until, c.until)
			}
		})
	}
}

// TestWhatAnExternalGateSends pins names that other systems read.
func TestWhatAnExternalGateSends(t *testing.T) {
	t.Parallel()
	var sent map[string]any
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		reply(200, "application/json", `{"allow":true}`)(w, r)
	})
	k := newChecks(t, checks.Config{WebhookSecret: "0123456789abcdef"})
	if got := k.Probe(t.Context(), slipway.Gate{External: &slipway.ExternalGate{URL: s.URL}}, subject()); got.Result != slipway.Pass {
		t.Fatalf("%+v", got)
	}
	text, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"artifacts":[{"digest":"sha256:` + strings.Repeat("a", 64) + `","name":"app","reference":"registry.example.com/billing:1.42.0"}],` +
		`"askedAt":"2026-11-20T15:30:00Z","cause":"promote","commit":"4f1c","deployment":42,"environment":"production","gate":"external",` +
		`"note":"fixes the invoice","plan":"sha256:plan","previous":"1.41.2","requester":{"id":"u1","kind":"user","name":"Ana Nordin"},` +
		`"reversible":true,"service":"billing-api","team":"payments","version":"1.42.0"}`
	if string(text) != want {
		t.Errorf("sent %s\nnot  %s", text, want)
	}
	// What openssl dgst -sha256 -hmac makes of the same.
	if got := checks.Sign("0123456789abcdef", "1795188600", []byte(`{"service":"billing-api"}`)); got != "2f4d2437eb74f398a4d9eb0e4ed7101ee875385cb40e7e9f6d1c06ac33b7a346" {
		t.Error(got)
	}
}

func TestAnExternalGateThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked") })
	public := outbound.New(nil)
	for _, c := range []struct {
		config    checks.Config
		url, says string
		who       string
	}{
		{checks.Config{}, s.URL, "set SLIPWAY_WEBHOOK_SECRET", "who runs Slipway"},
		{checks.Config{WebhookSecret: "0123456789abcdef", Outbound: public}, s.URL, "127.0.0.1 is this machine, where Slipway does not go unless SLIPWAY_OUTBOUND_ALLOW lets it.", "who runs Slipway"},
		{checks.Config{WebhookSecret: "0123456789abcdef"}, "ftp://board.example.com", "must be an http or https address", "who may apply the pipeline of billing-api"},
	} {
		got := newChecks(t, c.config).Probe(t.Context(), slipway.Gate{External: &slipway.ExternalGate{URL: c.url}}, subject())
		if got.Result != slipway.Unknown || !strings.Contains(got.Reason, c.says) || got.Who != c.who {
			t.Errorf("%+v", got)
		}
	}
}

func TestExpressionGate(t *testing.T) {
	t.Parallel()
	k := newChecks(t, checks.Config{})
	for _, c := range []struct {
		gate      slipway.ExpressionGate
		want      slipway.Result
		says, who string
	}{
		{slipway.ExpressionGate{When: "release.reversible"}, slipway.Pass, "It is so that release.reversible.", ""},
		{slipway.ExpressionGate{When: "size(release.changes) < 2"}, slipway.Fail, "It is not so that size(release.changes) < 2.", "who may apply the pipeline of billing-api"},
		{slipway.ExpressionGate{When: "size(release.changes) < 2", Message: "At most one change at a time."}, slipway.Fail, "At most one change at a time.", "who may apply the pipeline of billing-api"},
		{slipway.ExpressionGate{When: "now.getDayOfWeek() != 5", Message: "Not on Fridays."}, slipway.Wait, "Not on Fridays.", "time, or who may apply the pipeline of billing-api"},
		{slipway.ExpressionGate{When: "release.verison == '1'"}, slipway.Unknown, "undefined field", "who may apply the pipeline of billing-api"},
		{slipway.ExpressionGate{When: "release.config['NO'] == ''"}, slipway.Unknown, "no such key: NO", "who may apply the pipeline of billing-api"},
	} {
		got := k.Probe(t.Context(), slipway.Gate{Expression: &c.gate}, subject())
		if got.Result != c.want || !strings.Contains(got.Reason, c.says) || got.Who != c.who {
			t.Errorf("%+v", got)
		}
	}
}

// signed is a checker of provenance that says the same of everything.
type signed slipway.Result

func (s signed) Verify(context.Context, slipway.ProvenanceGate, slipway.Release) (slipway.Result, string) {
	return slipway.Result(s), "as the test says"
}

func TestProvenanceGate(t *testing.T) {
	t.Parallel()
	gate := slipway.Gate{Provenance: &slipway.ProvenanceGate{}}
	if got := newChecks(t, checks.Config{}).Probe(t.Context(), gate, subject()); got.Result != slipway.Unknown || got.Who != "who runs Slipway" {
		t.Errorf("%+v", got)
	}
	if got := newChecks(t, checks.Config{Provenance: signed(slipway.Pass)}).Probe(t.Context(), gate, subject()); got.Result != slipway.Pass || got.Who != "" {
		t.Errorf("%+v", got)
	}
	got := newChecks(t, checks.Config{Provenance: signed(slipway.Fail)}).Probe(t.Context(), gate, subject())
	if got.Result != slipway.Fail || got.Who != "who builds billing-api" || got.Reason != "as the test says" {
		t.Errorf("%+v", got)
	}
	if got := newChecks(t, checks.Config{}).Probe(t.Context(), slipway.Gate{Soak: &slipway.SoakGate{}}, subject()); got.Result != slipway.Unknown {
		t.Errorf("%+v", got)
	}
}
