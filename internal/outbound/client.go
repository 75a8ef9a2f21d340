package outbound

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Limits bound one call. Both are needed.
type Limits struct {
	Within time.Duration // from the call to the last byte of the answer
	Body   int64         // bytes of the answer that are read
}

// ErrTooLarge is what reading the body of an answer gives once it is longer
// than its limit.
var ErrTooLarge = errors.New("the answer is too long")

const (
	maxHeaders   = 64 << 10
	tlsWithin    = 10 * time.Second
	keepIdle     = 30 * time.Second
	maxIdleConns = 4
)

// Client makes a client for addresses out of pipelines. Each call opens its own
// connection: a check is to reach what answers now, not what answered before.
func (d *Dialer) Client(l Limits) *http.Client {
	t := newTransport()
	t.DialContext, t.DisableKeepAlives = d.DialContext, true
	return newClient(&guarded{next: t, limit: l.Body}, l)
}

// ClientFor makes a client for one address that the configuration names. Such
// an address is trusted, wherever it lies, and nothing beside it is reached.
func ClientFor(address string, l Limits) (*http.Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("is no http or https address")
	}
	return newClient(&guarded{next: newTransport(), limit: l.Body, only: u}, l), nil
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // not the environment's: it would connect elsewhere
		TLSHandshakeTimeout:    tlsWithin,
		MaxResponseHeaderBytes: maxHeaders,
		MaxIdleConns:           maxIdleConns,
		IdleConnTimeout:        keepIdle,
		ForceAttemptHTTP2:      true,
	}
}

func newClient(t http.RoundTripper, l Limits) *http.Client {
	return &http.Client{Transport: t, Timeout: l.Within,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// guarded lets calls through that keep to the rules, and cuts their answers.
type guarded struct {
	next  http.RoundTripper
	limit int64
	only  *url.URL // nil: any http or https address
}

func (g *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.check(r.URL); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper has to, and nobody read it
		}
		return nil, err
	}
	response, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &capped{body: response.Body, left: g.limit}
	return response, nil
}

func (g *guarded) check(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return &RefusedError{Address: u.Redacted(), Why: fmt.Sprintf("is %q, neither http nor https", u.Scheme)}
	}
	if g.only != nil && (u.Scheme != g.only.Scheme || u.Host != g.only.Host) {
		return &RefusedError{Address: u.Redacted(), Why: "is not the address that is configured"}
	}
	return nil
}

// capped is a body that ends with ErrTooLarge at its limit, so that nobody
// takes a part of an answer for all of it.
type capped struct {
	body io.ReadCloser
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1] // one byte more than allowed tells a long answer from one that just fits
	}
	n, err := c.body.Read(p)
	c.left -= int64(n)
	if c.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}

func (c *capped) Close() error { return c.body.Close() }
