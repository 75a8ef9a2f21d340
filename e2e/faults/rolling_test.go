package faults_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestRollingRestart (F13): two portals behind one address are restarted in
// turn, under load. No request fails, the one that goes is gone within fifteen
// seconds and says that it ended well, and what it had at work goes on with the
// other one at once rather than when somebody misses it.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	said := reported(t, "F13", "SIGTERM under load, rolling restart of two", "postgres")
	w := newWorld(t, "postgres", 2)
	w.startAll()
	w.front = w.balance()
	c := w.gather(counts(6, 20))
	cases := counts(4, 50)
	var longest, gap time.Duration
	for n := range cases {
		r := w.replicas[n%2]
		c.all(1, time.Minute)
		began := time.Now()
		r.signal(syscall.SIGTERM)
		select {
		case <-r.running():
		case <-time.After(20 * time.Second):
			t.Fatalf("it is still there 20 s after SIGTERM:\n%s", r.said())
		}
		longest = max(longest, time.Since(began))
		if r.err != nil {
			t.Errorf("the portal ended with %v:\n%s", r.err, r.said())
		}
		began = time.Now()
		c.all(1, time.Minute) // with one portal
		gap = max(gap, time.Since(began))
		w.ok(r.start())
	}
	found := c.judged()
	if longest > 15*time.Second {
		t.Errorf("once it took %v until the portal had ended", longest)
	}
	// Errors between people and the address, as opposed to between it and a portal.
	if lines := c.complaints(); len(lines) > 0 {
		t.Errorf("%d of %d requests failed, first %s", len(lines), c.asked.Load(), lines[0])
	}
	said(cases, "%d requests, %d failed; gone within %v at most, all went on within %v; %s", c.asked.Load(), len(c.complaints()),
		longest.Round(time.Millisecond), gap.Round(time.Millisecond), found)
}

// balance is one address for all portals, as a load balancer is: it asks one
// after the other, and the next one if one cannot be reached. A request that a
// portal may have begun is sent again only if that is safe.
func (w *world) balance() string {
	inner := &http.Transport{MaxIdleConnsPerHost: 64}
	next := atomic.Int64{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme = "http" },
		Transport: tripper(func(r *http.Request) (*http.Response, error) {
			var body []byte
			if r.Body != nil {
				var err error
				if body, err = io.ReadAll(r.Body); err != nil {
					return nil, err
				}
			}
			safe := r.Method != http.MethodPost || r.Header.Get("Idempotency-Key") != ""
			first := int(next.Add(1)) // others count on meanwhile, and must not lead back to the one that is away
			for try := 0; ; try++ {
				one := r.Clone(r.Context())
				one.URL.Host = w.replicas[(first+try)%len(w.replicas)].address
				one.Body, one.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
				answer, err := inner.RoundTrip(one)
				if err == nil || try > 3 || !errors.Is(err, syscall.ECONNREFUSED) && !safe {
					return answer, err
				}
			}
		}),
	}
	server := httptest.NewServer(proxy)
	w.t.Cleanup(server.Close)
	return server.URL
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestHandsOver: a portal that is told to go hands over what it had begun: the
// audit shows that the other one took it on within the time of a look, not of
// the sweeper's round.
func TestHandsOver(t *testing.T) {
	t.Parallel()
	said := reported(t, "F13", "SIGTERM with deployments at work", "postgres")
	w := newWorld(t, "postgres", 2)
	w.startAll()
	w.organise()
	const many = 20
	names := make([]string, many)
	for i := range names {
		names[i] = "hand-" + strings.Repeat("x", i+1)
		w.service(names[i], stage("prod", "far", "strategy: {type: canary, steps: [{weight: 30, bake: 800ms}, {weight: 60, bake: 800ms}, {weight: 100}]}"))
		w.release(names[i], "1.0") // the first one bakes nothing, as nothing is there before it
		w.promote(names[i], "1.0", "prod")
	}
	for _, name := range names {
		w.live(name, "prod", "1.0", time.Minute)
	}
	cases := counts(1, 10)
	var slowest time.Duration
	for n := range cases {
		version := "1." + strings.Repeat("1", n+1)
		var ids []int64
		for _, name := range names {
			w.release(name, version)
			ids = append(ids, w.promote(name, version, "prod"))
		}
		began := time.Now()
		w.replicas[n%2].signal(syscall.SIGTERM)
		for _, id := range ids {
			if d := w.ended(id, 30*time.Second); d.State != "succeeded" {
				t.Errorf("deployment %d ended %s: %s", id, d.State, d.Message)
			}
		}
		slowest = max(slowest, time.Since(began))
		w.replicas[n%2].gone()
		w.ok(w.replicas[n%2].start())
	}
	if limit := resumeWithin + 2*800*time.Millisecond; slowest > limit {
		t.Errorf("once it took %v until all deployments had ended, more than %v", slowest, limit)
	}
	found := audit(t, source{url: w.url, ledger: w.far.ledger, moving: true})
	for _, v := range found.Violations {
		t.Error(v)
	}
	if found.Applied < 3*many*cases {
		t.Error("nothing was called: that proves nothing")
	}
	said(cases*many, "all ended %v after the SIGTERM at most; %s", slowest.Round(time.Millisecond), found)
}
