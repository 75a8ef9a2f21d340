package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/slipway-dev/slipway/internal/outbound"
)

const long = 10 * time.Second

func onThisMachine(t *testing.T) *outbound.Dialer {
	t.Helper()
	allow, err := outbound.ParseAllow("loopback")
	if err != nil {
		t.Fatal(err)
	}
	return outbound.New(allow)
}

func get(t *testing.T, c *http.Client, address string) (*http.Response, []byte, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

func serve(t *testing.T, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s
}

func TestARedirectIsAnAnswer(t *testing.T) {
	t.Parallel()
	var followed atomic.Int32
	inner := serve(t, func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inner.URL, http.StatusFound) })
	for _, client := range clients(t, s.URL, outbound.Limits{Within: long, Body: 1 << 10}) {
		response, _, err := get(t, client, s.URL)
		if err != nil || response.StatusCode != http.StatusFound || followed.Load() > 0 {
			t.Errorf("the redirect was followed %d times: %v", followed.Load(), err)
		}
	}
}

// clients are both kinds of clients, for a server of the test.
func clients(t *testing.T, address string, l outbound.Limits) []*http.Client {
	t.Helper()
	only, err := outbound.ClientFor(address, l)
	if err != nil {
		t.Fatal(err)
	}
	return []*http.Client{onThisMachine(t).Client(l), only}
}

func TestAnAnswerHasALimit(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := 1000
		if r.URL.Path == "/long" {
			n = 1 << 30 // never read to its end
		}
		piece := []byte(strings.Repeat("x", 1000))
		for ; n > 0; n -= len(piece) {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	for _, client := range clients(t, s.URL, outbound.Limits{Within: long, Body: 1000}) {
		_, body, err := get(t, client, s.URL)
		if err != nil || len(body) != 1000 {
			t.Errorf("an answer that just fits: %d bytes, %v", len(body), err)
		}
		_, body, err = get(t, client, s.URL+"/long")
		if !errors.Is(err, outbound.ErrTooLarge) || len(body) > 1000 {
			t.Errorf("a huge answer: %d bytes, %v", len(body), err)
		}
	}
}

func TestAnAnswerTakesItsTime(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = w.Write([]byte("x"))
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	for _, client := range clients(t, s.URL, outbound.Limits{Within: 50 * time.Millisecond, Body: 1000}) {
		for _, path := range []string{"/headers", "/body"} {
			_, _, err := get(t, client, s.URL+path)
			var late net.Error
			if !errors.As(err, &late) || !late.Timeout() {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestOnlyTheWeb(t *testing.T) {
	t.Parallel()
	var refused *outbound.RefusedError
	client := onThisMachine(t).Client(outbound.Limits{Within: long, Body: 1000})
	for _, address := range []string{"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1:70/x", "unix:///run/x.sock"} {
		if _, _, err := get(t, client, address); !errors.As(err, &refused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, _, err := get(t, outbound.New(nil).Client(outbound.Limits{Within: long, Body: 1000}), "http://169.254.169.254/latest/meta-data/"); !errors.As(err, &refused) {
		t.Errorf("the metadata of a cloud: %v", err)
	}
}

func TestTheConfiguredAddressAndNoOther(t *testing.T) {
	t.Parallel()
	s, other := serve(t, func(http.ResponseWriter, *http.Request) {}), serve(t, func(http.ResponseWriter, *http.Request) {})
	client, err := outbound.ClientFor(s.URL+"/prometheus", outbound.Limits{Within: long, Body: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := get(t, client, s.URL+"/api"); err != nil {
		t.Error(err)
	}
	var refused *outbound.RefusedError
	for _, address := range []string{other.URL, strings.Replace(s.URL, "http:", "https:", 1)} {
		if _, _, err := get(t, client, address); !errors.As(err, &refused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, bad := range []string{"", "localhost:9090", "ftp://x", "http://", "http://%zz"} {
		if _, err := outbound.ClientFor(bad, outbound.Limits{}); err == nil {
			t.Errorf("%q is an address", bad)
		}
	}
}

func TestTheEnvironmentNamesNoProxy(t *testing.T) {
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") })
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	for _, client := range clients(t, "http://slipway.invalid", outbound.Limits{Within: long, Body: 1000}) {
		if _, _, err := get(t, client, "http://slipway.invalid/"); err == nil {
			t.Error("a name that does not exist was reached")
		}
	}
}

// TestANameWithSeveralAddresses resolves one name to two addresses of this
// machine, of which one may be connected to.
func TestANameWithSeveralAddresses(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Context().Value(http.LocalAddrContextKey))
	})
	port := strings.Split(s.Listener.Addr().String(), ":")[1]
	second, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Config.Serve(second) }()
	resolver := nameServer(t, [4]byte{127, 0, 0, 1}, [4]byte{127, 0, 0, 2})
	limits := outbound.Limits{Within: long, Body: 1000}

	allowed := outbound.WithResolver([]netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}, resolver)
	_, body, err := get(t, allowed.Client(limits), "http://billing.test:"+port)
	if err != nil || string(body) != "127.0.0.2:"+port {
		t.Errorf("connected to %s: %v", body, err)
	}

	var refused *outbound.RefusedError
	if _, _, err := get(t, outbound.WithResolver(nil, resolver).Client(limits), "http://billing.test:"+port); !errors.As(err, &refused) {
		t.Errorf("neither address is allowed: %v", err)
	}
	_ = second.Close()
	turned := outbound.WithResolver([]netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}, nameServer(t, [4]byte{127, 0, 0, 2}, [4]byte{127, 0, 0, 1}))
	if _, _, err := get(t, turned.Client(limits), "http://billing.test:"+port); !errors.As(err, &refused) {
		t.Errorf("one address is refused and the other does not answer: %v", err)
	}
}

// nameServer answers every question for an IPv4 address with the same ones.
func nameServer(t *testing.T, addresses ...[4]byte) *net.Resolver {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := socket.ReadFrom(packet)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if m.Questions[0].Type == dnsmessage.TypeA {
				for _, a := range addresses {
					m.Answers = append(m.Answers, dnsmessage.Resource{Body: &dnsmessage.AResource{A: a},
						Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 1}})
				}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = socket.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
}

func TestARequestThatIsRefusedIsClosed(t *testing.T) {
	t.Parallel()
	body := &closing{Reader: strings.NewReader("x")}
	u := url.URL{Scheme: "ftp", Host: "127.0.0.1"}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.String(), body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := onThisMachine(t).Client(outbound.Limits{Within: long}).Do(request); err == nil || !body.closed {
		t.Errorf("closed: %t, %v", body.closed, err)
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}
