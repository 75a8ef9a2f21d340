package chatops

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Socket Mode: the same requests over a WebSocket that Slipway opens, for
// portals that Slack cannot reach. The app token proves us to Slack, and TLS
// proves Slack to us; nothing is signed. Every replica opens one, and Slack sends
// each request to one of them.

// socketPause is between two attempts to open it, and doubles up to the longest.
const (
	socketPause        = time.Second
	longestSocketPause = time.Minute
)

// socket keeps a socket open until ctx ends.
func (s *Surface) socket(ctx context.Context) {
	pause := socketPause
	for ctx.Err() == nil {
		began := time.Now()
		err := s.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > longestSocketPause {
			pause = socketPause
		}
		var limited *chat.RateLimitedError
		if errors.As(err, &limited) {
			pause = max(pause, limited.After)
		}
		if err != nil {
			s.Log.WarnContext(ctx, "the socket to Slack is down", "again", pause.String(), "error", err.Error())
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
			pause = min(2*pause, longestSocketPause)
		}
	}
}

// ofSlack reports whether an address is one that Slack hands out.
func (s *Surface) ofSlack(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return false
	}
	if u.Scheme == "wss" && (strings.HasSuffix(u.Hostname(), ".slack.com") || strings.HasSuffix(u.Hostname(), ".slack-gov.com")) {
		return true
	}
	return s.Slack.Client.Beside(strings.Replace(address, "ws", "http", 1))
}

// listen opens a socket and takes in what comes until it is closed. Slack closes
// one every few hours, and says so; that is no error.
func (s *Surface) listen(ctx context.Context) error {
	address, err := s.Slack.Client.Socket(ctx, s.Slack.AppToken)
	if err != nil {
		return err
	}
	if !s.ofSlack(address) {
		return chat.ErrElsewhere
	}
	opening, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(opening, address, &websocket.DialOptions{HTTPClient: s.Slack.Dialer}) //nolint:bodyclose // the library closes it
	if err != nil {
		return errors.New("it could not be opened") // the address is a secret, and the error holds it
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxRequest)
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return errors.New("it was closed: " + websocket.CloseStatus(err).String())
		}
		again, err := s.hear(ctx, conn, message)
		if err != nil || again {
			return err
		}
	}
}

// envelope is what comes by the socket.
type envelope struct {
	Type    string          `json:"type"`
	ID      string          `json:"envelope_id"`
	Payload json.RawMessage `json:"payload"`
}

// hear takes one message in, and acknowledges it once it is on record. What is not
// acknowledged comes again.
func (s *Surface) hear(ctx context.Context, conn *websocket.Conn, message []byte) (again bool, err error) {
	var e envelope
	if json.Unmarshal(message, &e) != nil {
		return false, nil
	}
	r := request{Kind: typed, User: slipway.ChatUser{Platform: slipway.Slack}, At: s.App.Clock().UTC(), RequestID: rand.Text(), digest: chat.Digest("socket "+e.Type, e.Payload)}
	known := false
	switch e.Type {
	case "disconnect":
		return true, nil
	case "slash_commands":
		var fields map[string]any
		if err = json.Unmarshal(e.Payload, &fields); err == nil {
			known = true
			r, err = s.readSlackCommand(r, formOf(fields))
		}
	case "interactive":
		r.Kind = pressed
		r, known, err = s.readSlackPayload(r, e.Payload)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "what came by the socket to Slack is not taken", "error", err.Error())
	} else if known {
		if _, err := s.intake.take(ctx, r); err != nil {
			return false, err
		}
	}
	if e.ID == "" {
		return false, nil
	}
	answer, err := json.Marshal(map[string]string{"envelope_id": e.ID})
	if err != nil {
		return false, err
	}
	writing, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return false, conn.Write(writing, websocket.MessageText, answer)
}

// formOf is a command as HTTP brings it.
func formOf(fields map[string]any) url.Values {
	form := url.Values{}
	for name, value := range fields {
		if text, ok := value.(string); ok {
			form.Set(name, text)
		}
	}
	return form
}
