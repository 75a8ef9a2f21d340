package checks_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/checks"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// at is a release that answers at an address.
func at(address string) slipway.CheckSubject {
	s := release()
	s.Address = address
	return s
}

// application is a release with a page for each way of answering.
func application(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/version":
		fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.Host, r.Header.Get("X-Version"), r.Header.Get("User-Agent"), r.URL.RawQuery)
	case "/healthz":
		fmt.Fprint(w, "ok: 1.42.0")
	case "/down":
		http.Error(w, "no database", http.StatusServiceUnavailable)
	case "/moved":
		http.Redirect(w, r, "/healthz", http.StatusFound)
	case "/long":
		flood(w)
	case "/never":
		<-r.Context().Done()
	case "/drip":
		drip(w, r)
	case "/cut":
		panic(http.ErrAbortHandler)
	default:
		http.NotFound(w, r)
	}
}

func TestHTTPChecks(t *testing.T) {
	t.Parallel()
	const pass, fail, wrong = slipway.OutcomePass, slipway.OutcomeFail, slipway.OutcomeError
	s := serve(t, application)
	k := newChecks(t, checks.Config{})
	host := strings.TrimPrefix(s.URL, "http://")
	soon := slipway.Duration(100 * time.Millisecond)
	for name, c := range map[string]struct {
		check slipway.HTTPCheck
		want  slipway.Outcome
		says  string // a regular expression
	}{
		"good":            {slipway.HTTPCheck{URL: "${address}/healthz"}, pass, `^200 OK in \d+ms\.$`},
		"with scheme":     {slipway.HTTPCheck{URL: "http://${address}/healthz"}, pass, "^200 OK"},
		"body":            {slipway.HTTPCheck{URL: "${address}/healthz", Body: "^ok: ${version}$"}, pass, `and the answer matches\.$`},
		"other body":      {slipway.HTTPCheck{URL: "${address}/healthz", Body: "^ok: ${stable}$"}, fail, `^The answer does not match "\^ok: 1\\.41\\.2\$"\.$`},
		"value is plain":  {slipway.HTTPCheck{URL: "${address}/healthz", Body: "ok: 1.42.0|${version}"}, pass, "matches"},
		"no pattern":      {slipway.HTTPCheck{URL: "${address}/healthz", Body: "("}, wrong, "missing closing"},
		"down":            {slipway.HTTPCheck{URL: "${address}/down"}, fail, `answered 503 Service Unavailable, not 200\.$`},
		"down on purpose": {slipway.HTTPCheck{URL: "${address}/down", Expect: 503}, pass, "^503 Service Unavailable"},
		"moved":           {slipway.HTTPCheck{URL: "${address}/moved"}, fail, `answered 302 Found, not 200\. Redirects are not followed\.$`},
		"moved, wanted":   {slipway.HTTPCheck{URL: "${address}/moved", Expect: 302}, pass, "^302 Found"},
		"too late":        {slipway.HTTPCheck{URL: "${address}/never", Within: soon}, fail, `did not answer within 100ms\.$`},
		"drop by drop":    {slipway.HTTPCheck{URL: "${address}/drip", Within: soon}, fail, `did not answer within 100ms\.$`},
		"cut off":         {slipway.HTTPCheck{URL: "${address}/cut"}, fail, `does not answer: EOF\.$`},
		"long":            {slipway.HTTPCheck{URL: "${address}/long"}, pass, "^200 OK"},
		"long to match":   {slipway.HTTPCheck{URL: "${address}/long", Body: "x"}, fail, "longer than 1 MB"},
		"method, header": {slipway.HTTPCheck{URL: "${address}/version?v=${version}", Method: "OPTIONS", Headers: map[string]string{"x-version": "v${version}", "Host": "billing.example.com"},
			Body: `^OPTIONS billing\.example\.com v${version} slipway-check v=1\.42\.0$`}, pass, "matches"},
		"no header":    {slipway.HTTPCheck{URL: "${address}/version", Headers: map[string]string{"X": "a\r\nY: b"}}, wrong, `header "X" cannot be sent`},
		"no method":    {slipway.HTTPCheck{URL: "${address}/version", Method: "GET IT"}, wrong, "method"},
		"no address":   {slipway.HTTPCheck{URL: "http://"}, wrong, "must be an http or https address"},
		"other scheme": {slipway.HTTPCheck{URL: "file:///etc/passwd"}, wrong, "must be an http or https address"},
		"TLS to plain": {slipway.HTTPCheck{URL: "https://" + host}, fail, `does not answer: `},
		"no such name": {slipway.HTTPCheck{URL: "http://billing.invalid/"}, fail, "does not answer: lookup billing.invalid.*no such host"},
	} {
		m := k.Measure(t.Context(), slipway.Check{HTTP: &c.check}, at(s.URL))
		if name == "no such name" && m.Outcome == wrong {
			continue // a machine without a name server cannot tell
		}
		if m.Outcome != c.want || !regexp.MustCompile(c.says).MatchString(m.Message) || !m.At.Equal(release().Now) || m.Value != nil {
			t.Errorf("%s: %s %q", name, m.Outcome, m.Message)
		}
	}
	if m := k.Measure(t.Context(), slipway.Check{HTTP: &slipway.HTTPCheck{URL: "${address}/"}}, release()); m.Outcome != wrong || !strings.Contains(m.Message, "stands for nothing") {
		t.Errorf("no address: %s %q", m.Outcome, m.Message)
	}
	if m := k.Measure(t.Context(), slipway.Check{Name: "newer"}, release()); m.Outcome != wrong {
		t.Errorf("a check of another kind: %s %q", m.Outcome, m.Message)
	}
}

func TestACertificateThatIsNotGood(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(application))
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	t.Cleanup(s.Close)
	m := newChecks(t, checks.Config{}).Measure(t.Context(), slipway.Check{HTTP: &slipway.HTTPCheck{URL: "${address}/healthz"}}, at(s.URL))
	if m.Outcome != slipway.OutcomeFail || !strings.Contains(m.Message, "certificate") {
		t.Errorf("%s %q", m.Outcome, m.Message)
	}
}

// TestWhatSaysNothingOfTheRelease is about addresses that must not be reached,
// and about a portal that stops.
func TestWhatSaysNothingOfTheRelease(t *testing.T) {
	t.Parallel()
	k := newChecks(t, checks.Config{Outbound: outbound.New(nil)})
	for _, address := range []string{"http://127.0.0.1:1", "http://169.254.169.254", "http://[::ffff:10.0.0.1]:80", "http://localhost:1"} {
		for _, check := range []slipway.Check{{HTTP: &slipway.HTTPCheck{URL: "${address}/"}}, {TCP: &slipway.TCPCheck{Address: "${address}"}}} {
			m := k.Measure(t.Context(), check, at(address))
			if m.Outcome != slipway.OutcomeError || !strings.Contains(m.Message, "where Slipway does not go unless SLIPWAY_OUTBOUND_ALLOW lets it.") {
				t.Errorf("%s: %s %q", address, m.Outcome, m.Message)
			}
		}
	}
	stopping, cancel := context.WithCancel(t.Context())
	cancel()
	for _, check := range []slipway.Check{{HTTP: &slipway.HTTPCheck{URL: "${address}/"}}, {TCP: &slipway.TCPCheck{Address: "${address}"}}} {
		m := newChecks(t, checks.Config{}).Measure(stopping, check, at("http://127.0.0.1:1"))
		if m.Outcome != slipway.OutcomeError || !strings.Contains(m.Message, "interrupted") {
			t.Errorf("stopping: %s %q", m.Outcome, m.Message)
		}
	}
}

func TestTCPChecks(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	k := newChecks(t, checks.Config{})
	for _, c := range []struct {
		check slipway.TCPCheck
		at    string
		want  slipway.Outcome
		says  string
	}{
		{slipway.TCPCheck{Address: listener.Addr().String()}, "", slipway.OutcomePass, "took the connection in"},
		{slipway.TCPCheck{Address: "${address}"}, "http://" + listener.Addr().String() + "/base", slipway.OutcomePass, "took the connection in"},
		{slipway.TCPCheck{Address: gone.Addr().String()}, "", slipway.OutcomeFail, gone.Addr().String() + " does not answer: connection refused."},
		{slipway.TCPCheck{Address: "nowhere"}, "", slipway.OutcomeError, `"nowhere" is no address; write host:port`},
	} {
		m := k.Measure(t.Context(), slipway.Check{TCP: &c.check}, at(c.at))
		if m.Outcome != c.want || !strings.Contains(m.Message, c.says) {
			t.Errorf("%+v: %s %q", c.check, m.Outcome, m.Message)
		}
	}
}

// TestAnAnswerComesFromWhatAnswersNow replaces a server by another at the same
// address: a check must not reach the first over a connection kept open.
func TestAnAnswerComesFromWhatAnswersNow(t *testing.T) {
	t.Parallel()
	first := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if fmt.Fprint(w, "first"); !r.Close {
			t.Error("the check keeps its connection")
		}
	})
	k := newChecks(t, checks.Config{})
	ask := func(body string) slipway.Measurement {
		return k.Measure(t.Context(), slipway.Check{HTTP: &slipway.HTTPCheck{URL: "${address}/", Body: body}}, at(first.URL))
	}
	if m := ask("first"); m.Outcome != slipway.OutcomePass {
		t.Fatalf("%s %q", m.Outcome, m.Message)
	}
	_ = first.Listener.Close() // what is connected stays connected
	listener, err := net.Listen("tcp", first.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	second := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "second") }), ReadHeaderTimeout: time.Minute}
	go func() { _ = second.Serve(listener) }()
	t.Cleanup(func() { _ = second.Close() })
	if m := ask("second"); m.Outcome != slipway.OutcomePass {
		t.Errorf("%s %q", m.Outcome, m.Message)
	}
}
