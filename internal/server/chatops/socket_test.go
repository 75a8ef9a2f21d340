package chatops_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/server/chatops"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// sockets is Slack's Socket Mode: it hands out an address, sends envelopes, and
// notes which are acknowledged and when.
type sockets struct {
	t     *testing.T
	url   string
	sends chan []byte
	mu    sync.Mutex
	acks  map[string]int
	opens int
}

func newSockets(t *testing.T) *sockets {
	s := &sockets{t: t, sends: make(chan []byte, 100), acks: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/apps.connections.open", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "Bearer xapp-test" {
			_, _ = w.Write([]byte(`{"ok":false,"error":"invalid_auth"}`))
			return
		}
		_, _ = w.Write([]byte(`{"ok":true,"url":"` + strings.Replace(s.url, "http", "ws", 1) + `/link/?ticket=secret"}`))
	})
	mux.HandleFunc("GET /link/", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *sockets) serve(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer func() { _ = conn.CloseNow() }()
	s.mu.Lock()
	s.opens++
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel()
		for {
			_, message, err := conn.Read(ctx)
			if err != nil {
				return
			}
			var ack struct {
				ID string `json:"envelope_id"`
			}
			_ = json.Unmarshal(message, &ack)
			s.mu.Lock()
			s.acks[ack.ID]++
			s.mu.Unlock()
		}
	}()
	_ = conn.Write(ctx, websocket.MessageText, []byte(`{"type":"hello","num_connections":1}`))
	for {
		select {
		case message := <-s.sends:
			_ = conn.Write(ctx, websocket.MessageText, message)
			if strings.Contains(string(message), `"disconnect"`) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// send sends an envelope and waits until it is acknowledged.
func (s *sockets) send(id, kind string, payload any) {
	s.t.Helper()
	encoded, err := json.Marshal(map[string]any{"type": kind, "envelope_id": id, "payload": payload, "accepts_response_payload": true})
	ok(s.t, err)
	s.mu.Lock()
	before := s.acks[id]
	s.mu.Unlock()
	s.sends <- encoded
	eventually(s.t, "the acknowledgement of "+id, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.acks[id] > before
	})
}

func fields(form url.Values) map[string]string {
	out := map[string]string{}
	for name := range form {
		out[name] = form.Get(name)
	}
	return out
}

// TestTheSocket: the same requests by a socket that Slipway opens, with the same
// answers, once each, also after Slack has closed it.
func TestTheSocket(t *testing.T) {
	t.Parallel()
	s := newSockets(t)
	allow, err := outbound.ParseAllow("loopback")
	ok(t, err)
	dialer := &http.Client{Transport: &http.Transport{DialContext: outbound.New(allow).DialContext}}
	dial := func(address string) (*http.Client, error) {
		return outbound.ClientFor(address, outbound.Limits{Within: 5 * time.Second, Body: 1 << 20})
	}
	r := newRig(t, func(c *chatops.Config) {
		c.Slack.Secret = slipway.Secret{} // nothing comes by HTTP
		c.Slack.AppToken, c.Slack.Dialer = slipway.NewSecret("xapp-test"), dialer
		c.Slack.Client = must(chat.NewSlack(s.url+"/api", slipway.Secret{}, dial))(t)
	})
	r.link("ana")
	if status, body := r.visit("", r.url+"/hooks/slack/command", url.Values{}); status != http.StatusNotFound || !strings.Contains(body, "not set up") {
		t.Errorf("by HTTP it is answered with %d %s", status, body)
	}
	locks := func() int { return strings.Count(r.all(), "|environment.locked|") }
	form, _ := r.slack.CommandForm("UANA", "lock staging by the socket")
	form.Del("response_url") // of the other stand-in
	for range 3 {
		s.send("e1", "slash_commands", fields(form)) // Slack sends again what it thinks was lost
	}
	eventually(t, "the lock", func() bool { return locks() == 2 })
	s.sends <- []byte(`{"type":"disconnect","reason":"refresh_requested"}`)
	other, _ := r.slack.CommandForm("UANA", "lock production by the next one")
	other.Del("response_url")
	s.send("e2", "slash_commands", fields(other))
	eventually(t, "the other lock", func() bool { return locks() == 4 })
	strange, _ := r.slack.CommandForm("UANA", "unlock production")
	strange.Set("team_id", "T2")
	strange.Del("response_url")
	s.send("e3", "slash_commands", fields(strange))
	s.send("e4", "events_api", map[string]any{"type": "message"})
	s.mu.Lock()
	opens := s.opens
	s.mu.Unlock()
	r.end()
	if opens != 2 || locks() != 4 || strings.Contains(r.all(), "|environment.unlocked|") {
		t.Errorf("%d sockets, %d locks", opens, locks())
	}
	if log := r.log.String(); strings.Contains(log, "ticket=secret") || strings.Contains(log, "xapp-test") || !strings.Contains(log, "does not work with that workspace") {
		t.Errorf("the log says\n%s", log)
	}
}
