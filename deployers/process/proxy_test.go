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

// serveProxy puts a forwarder in front of the replicas of one track.
func serveProxy(t *testing.T, replicas ...routeReplica) (*balancer, *httptest.Server) {
	t.Helper()
	b := newBalancer()
	b.set(routes{Reason: "no replica is ready", Tracks: []routeTrack{{ID: "a", Weight: 100, Replicas: replicas}}})
	server := httptest.NewServer(newForwarder(b, log.New(io.Discard, "", 0)))
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
		r, _ := b.pick(nil)
		b.release(r)
		order = append(order, r.id[:1])
	}
	if got := strings.Join(order, ""); got != "aabaaaba" {
		t.Errorf("order %s", got)
	}
}

func TestTheLeastBusyReplicaIsChosen(t *testing.T) {
	t.Parallel()
	b := newBalancer()
	table := routes{Tracks: []routeTrack{{ID: "a", Weight: 100, Replicas: []routeReplica{{"a0", 1}, {"a1", 2}, {"a2", 3}}}}}
	b.set(table)
	count := map[string]int{}
	for range 9 {
		r, _ := b.pick(nil)
		count[r.id]++
	}
	if count["a0"] != 3 || count["a1"] != 3 || count["a2"] != 3 {
		t.Errorf("requests in flight: %v", count)
	}
	table.Tracks[0].Replicas = table.Tracks[0].Replicas[:2]
	b.set(table)
	for range 9 {
		if r, _ := b.pick(nil); r.id == "a2" {
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
