package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"time"
)

const (
	hopsHeader   = "Slipway-Hops"
	maxHops      = 8
	dialTimeout  = 2 * time.Second
	idlePerHost  = 64
	idleTimeout  = 2 * time.Minute
	headerLimit  = 10 * time.Second
	headerBytes  = 1 << 20
	flushAtOnce  = -1
	proxyIdleOut = 30 * time.Second
)

// errNoReplica ends a request that no replica could take; its text is for the
// people who see the answer.
type errNoReplica struct{ reason string }

func (e errNoReplica) Error() string { return e.reason }

// forwarder is the data path of the proxy process, for one of its addresses.
type forwarder struct {
	balancer  *balancer
	preview   bool
	transport *http.Transport
	proxy     *httputil.ReverseProxy
}

func newForwarder(b *balancer, preview bool, errorLog *log.Logger) *forwarder {
	f := &forwarder{balancer: b, preview: preview, transport: &http.Transport{
		// No Proxy: an HTTP_PROXY of the host must not come between us and a child.
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		DisableCompression:  true,
		MaxIdleConnsPerHost: idlePerHost,
		IdleConnTimeout:     proxyIdleOut,
	}}
	f.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "replica"
			r.Out.Host = r.In.Host
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			r.SetXForwarded()
			r.Out.Header.Set(hopsHeader, strconv.Itoa(hops(r.In)+1))
		},
		Transport:     f,
		FlushInterval: flushAtOnce,
		ErrorLog:      errorLog,
		ErrorHandler:  f.failed,
	}
	return f
}

func hops(r *http.Request) int {
	n, err := strconv.Atoi(r.Header.Get(hopsHeader))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

type leaseKey struct{}

// lease holds the replica that a request is counted at, from the choice until
// the last byte of the answer, or of the upgraded connection. What is matched
// is the request as it came in, before anything was taken from its headers.
type lease struct {
	in      *http.Request
	replica *replica
}

func (f *forwarder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if hops(r) >= maxHops {
		http.Error(w, "this request went round in a circle", http.StatusLoopDetected)
		return
	}
	l := &lease{in: r}
	defer func() {
		if l.replica != nil {
			f.balancer.release(l.replica)
		}
	}()
	f.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), leaseKey{}, l)))
}

// RoundTrip sends the request to one replica. If the connection could not even
// be opened, nothing was sent, so that another replica may be asked.
func (f *forwarder) RoundTrip(r *http.Request) (*http.Response, error) {
	l, ok := r.Context().Value(leaseKey{}).(*lease)
	if !ok {
		return nil, errors.New("a request without a lease")
	}
	tried := map[string]bool{}
	var last error
	for {
		chosen, reason := f.balancer.pick(l.in, f.preview, tried)
		if chosen == nil {
			if last != nil {
				return nil, last
			}
			return nil, errNoReplica{reason}
		}
		l.replica = chosen
		tried[chosen.id] = true
		response, err := f.transport.RoundTrip(aim(r, chosen.host))
		var dial *net.OpError
		if err == nil || !errors.As(err, &dial) || dial.Op != "dial" || r.Context().Err() != nil {
			return response, err
		}
		last = err
		l.replica = nil
		f.balancer.release(chosen)
	}
}

// aim copies the request with another host.
func aim(r *http.Request, host string) *http.Request {
	out := r.WithContext(r.Context())
	url := *r.URL
	url.Host = host
	out.URL = &url
	if r.Body != nil && r.Body != http.NoBody {
		out.Body = &sharedBody{body: r.Body, left: r.ContentLength}
	}
	return out
}

// sharedBody is a request body as the transport may have it. It is not closed
// with an attempt, since another replica may be asked; ReverseProxy closes the
// real one in the end. And once all of it was read it is not touched again: the
// transport reads once more to see whether too much comes, while our server
// closes the real body as soon as the answer begins. That read would fail, and
// break off an answer that is already on its way.
type sharedBody struct {
	body io.Reader
	left int64 // negative: not known
	end  bool
}

func (b *sharedBody) Read(p []byte) (int, error) {
	if b.end {
		return 0, io.EOF
	}
	n, err := b.body.Read(p)
	if b.left >= 0 {
		b.left = max(b.left-int64(n), 0)
		b.end = b.left == 0
	}
	if errors.Is(err, io.EOF) {
		b.end = true
	}
	return n, err
}

func (*sharedBody) Close() error { return nil }

func (f *forwarder) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client is gone
	}
	status, text := http.StatusBadGateway, "the service did not answer"
	var none errNoReplica
	if errors.As(err, &none) {
		status, text = http.StatusServiceUnavailable, none.reason
		w.Header().Set("Retry-After", "1")
	} else {
		f.proxy.ErrorLog.Printf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, fmt.Sprintf("%d: %s", status, text), status)
}
