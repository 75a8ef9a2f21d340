package process

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

func replicaOn(t *testing.T, id, address string) routeReplica {
	t.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return routeReplica{ID: id, Port: n}
}

func plain() *http.Request { return httptest.NewRequest(http.MethodGet, "/", nil) }

// serveProxy puts a forwarder in front of the replicas of one track.
func serveProxy(t *testing.T, replicas ...routeReplica) (*balancer, *httptest.Server) {
	t.Helper()
	b := newBalancer()
	b.set(routes{Reason: "no replica is ready", Tracks: []routeTrack{{ID: "a", Weight: 100, Replicas: replicas}}})
	server := httptest.NewServer(newForwarder(b, false, log.New(io.Discard, "", 0)))
	t.Cleanup(server.Close)
	return b, server
}

func TestWeightsAreSmooth(t *testing.T) {
	t.Parallel()
	b := newBalancer()
	b.set(routes{Tracks: []routeTrack{
		{ID: "a", Weight: 75, Replicas: []routeReplica{{"a0", 1}, {"a1", 2}}},
		{ID: "b", Weight: 25, Replicas: []routeReplica{{"b0", 3}}},
		{ID: "c", Weight: 0, Replicas: []routeReplica{{"c0", 4}}},
	}})
	var order []string
	for range 8 {
		r, _ := b.pick(plain(), false, nil)
		b.release(r)
		order = append(order, r.id[:1])
	}
	if got := strings.Join(order, ""); got != "aabaaaba" {
		t.Errorf("order %s", got)
	}
}

// TestMatchesPick: any match is enough, the first track wins, and one without a
// ready replica leaves the request to the weights.
func TestMatchesPick(t *testing.T) {
	t.Parallel()
	b := newBalancer()
	table := routes{Tracks: []routeTrack{
		{ID: "a", Weight: 100, Replicas: []routeReplica{{"a", 1}}},
		{ID: "b", Replicas: []routeReplica{{"b", 2}}, Match: []deployers.Match{{Header: "x-region", Value: "eu"}, {Cookie: "user", Value: "7"}}},
		{ID: "c", Replicas: []routeReplica{{"c", 3}}, Match: []deployers.Match{{Header: "X-REGION", Value: "us"}, {Cookie: "user", Value: "7"}, {Header: "Host", Value: "new.example"}}},
	}}
	b.set(table)
	for request, want := range map[string]string{
		"":                               "a",
		"X-Region: eu":                   "b",
		"X-Region: us":                   "c",
		"X-Region: asia|X-Region: eu":    "b",
		"X-Region: EU":                   "a",
		"X-Region: eu, us":               "a",
		"X-Region: european":             "a",
		"Cookie: user=7":                 "b",
		"Cookie: other=1; user=7; x=y":   "b",
		"Cookie: user=77":                "a",
		"Cookie: User=7":                 "a",
		"X-Region: us|Cookie: user=7":    "b",
		"Host: new.example":              "c",
		"X-Region: eu|Host: new.example": "b",
	} {
		r := plain()
		for _, line := range strings.Split(request, "|") {
			name, value, _ := strings.Cut(line, ": ")
			if name == "Host" {
				r.Host = value
			} else if name != "" {
				r.Header.Add(name, value)
			}
		}
		if got, why := b.pick(r, false, nil); got == nil || got.id != want {
			t.Errorf("%q goes to %+v, want %s: %s", request, got, want, why)
		}
	}
	eu := plain()
	eu.Header.Set("X-Region", "eu")
	if got, _ := b.pick(eu, false, map[string]bool{"b": true}); got.id != "a" {
		t.Errorf("its only replica refused, it goes to %s", got.id)
	}
	table.Tracks[1].Replicas = nil
	b.set(table)
	if got, _ := b.pick(eu, false, nil); got.id != "a" {
		t.Errorf("nothing of the track is ready, it goes to %s", got.id)
	}
}

// TestMatchesSeeTheRequestAsItCame: forwarding takes headers away that the
// client marked as meant for the next hop only.
func TestMatchesSeeTheRequestAsItCame(t *testing.T) {
	t.Parallel()
	server := func(name string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, name+r.Header.Get("X-Region"))
		}))
		t.Cleanup(s.Close)
		return s
	}
	b, proxy := serveProxy(t)
	b.set(routes{Tracks: []routeTrack{
		{ID: "old", Weight: 100, Replicas: []routeReplica{replicaOn(t, "old", server("old").URL)}},
		{ID: "new", Match: []deployers.Match{{Header: "X-Region", Value: "eu"}}, Replicas: []routeReplica{replicaOn(t, "new", server("new").URL)}},
	}})
	for hop, want := range map[string]string{"": "neweu", "X-Region": "new"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, proxy.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Region", "eu")
		request.Header.Set("Connection", hop)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if string(body) != want {
			t.Errorf("with Connection: %q %q answered, want %q", hop, body, want)
		}
	}
}

func TestTheLeastBusyReplicaIsChosen(t *testing.T) {
	t.Parallel()
	b := newBalancer()
	table := routes{Tracks: []routeTrack{{ID: "a", Weight: 100, Replicas: []routeReplica{{"a0", 1}, {"a1", 2}, {"a2", 3}}}}}
	b.set(table)
	count := map[string]int{}
	for range 9 {
		r, _ := b.pick(plain(), false, nil)
		count[r.id]++
	}
	if count["a0"] != 3 || count["a1"] != 3 || count["a2"] != 3 {
		t.Errorf("requests in flight: %v", count)
	}
	table.Tracks[0].Replicas = table.Tracks[0].Replicas[:2]
	b.set(table)
	for range 9 {
		if r, _ := b.pick(plain(), false, nil); r.id == "a2" {
			t.Fatal("a removed replica was chosen")
		}
	}
	if n := b.inFlight()["a2"]; n != 3 {
		t.Errorf("the removed replica has %d requests in flight, want 3", n)
	}
}

// TestARefusedConnectionIsRetried: with a body, which must arrive whole.
func TestARefusedConnectionIsRetried(t *testing.T) {
	t.Parallel()
	alive := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	}))
	t.Cleanup(alive.Close)
	dead := httptest.NewServer(http.NotFoundHandler())
	deadReplica := replicaOn(t, "dead", dead.URL)
	dead.Close()
	b, proxy := serveProxy(t, deadReplica, replicaOn(t, "alive", alive.URL))
	want := strings.Repeat("body", 50_000)
	for range 20 {
		response, err := http.Post(proxy.URL, "text/plain", strings.NewReader(want))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || string(got) != want {
			t.Fatalf("status %d, %d bytes, %v", response.StatusCode, len(got), err)
		}
	}
	for id, n := range b.inFlight() {
		if n != 0 {
			t.Errorf("%s still counts %d requests", id, n)
		}
	}
	_, lonely := serveProxy(t, deadReplica)
	if response, err := http.Get(lonely.URL); err != nil || response.StatusCode != http.StatusBadGateway {
		t.Errorf("%v, %v", response, err)
	}
}

// TestUpgradedConnectionsCount: a websocket is one long request for the drain.
func TestUpgradedConnectionsCount(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		connection, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = connection.Close() }()
		_, _ = buffer.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = buffer.Flush()
		_, _ = io.Copy(connection, buffer)
	}))
	t.Cleanup(backend.Close)
	b, proxy := serveProxy(t, replicaOn(t, "one", backend.URL))
	connection, err := net.Dial("tcp", strings.TrimPrefix(proxy.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", response, err)
	}
	_, _ = io.WriteString(connection, "hello\n")
	if line, err := reader.ReadString('\n'); err != nil || line != "hello\n" {
		t.Errorf("echo %q, %v", line, err)
	}
	if n := b.inFlight()["one"]; n != 1 {
		t.Errorf("%d in flight, want 1", n)
	}
	_ = connection.Close()
	deployertest.Eventually(t, 10*time.Second, "the connection is no longer counted", func() (bool, string) {
		n := b.inFlight()["one"]
		return n == 0, strconv.Itoa(n)
	})
}

func TestRequestsInACircleEnd(t *testing.T) {
	t.Parallel()
	b, proxy := serveProxy(t)
	b.set(routes{Tracks: []routeTrack{{ID: "a", Weight: 100, Replicas: []routeReplica{replicaOn(t, "itself", proxy.URL)}}}})
	response, err := http.Get(proxy.URL)
	if err != nil || response.StatusCode != http.StatusLoopDetected {
		t.Errorf("%v, %v", response, err)
	}
}

func TestBackOffGrows(t *testing.T) {
	t.Parallel()
	tg := &target{attempts: map[string]*attempt{}}
	c := &child{exit: "exited with code 2", rec: record{Created: time.Now(), Track: trackSpec{ID: "x", Version: "1.0.0"}}}
	for range 20 {
		tg.countExit(c, "boom")
	}
	a := tg.attempts["x"]
	if a.next.Sub(a.last) != longBackOff || !a.terminal || a.reason != "version 1.0.0 exited with code 2 20 times: boom" {
		t.Errorf("%+v", a)
	}
}
