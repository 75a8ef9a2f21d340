package chatops

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// kind is what somebody did.
type kind string

const (
	typed   kind = "command"
	pressed kind = "press"
	filled  kind = "dialog"
)

// request is what somebody asks for in chat, whichever system it is. It is what
// the intake keeps until it is done.
type request struct {
	Kind      kind             `json:"kind"`
	User      slipway.ChatUser `json:"user"`
	Name      string           `json:"name"` // as the chat system shows them
	Channel   string           `json:"channel,omitempty"`
	Private   bool             `json:"private,omitempty"` // a channel that only people are in
	Text      string           `json:"text,omitempty"`    // of a command, or typed into a dialog
	Press     string           `json:"press,omitempty"`   // the value of the button, or the state of the dialog
	Answer    string           `json:"answer,omitempty"`  // where answers go
	Trigger   string           `json:"trigger,omitempty"` // lets a dialog be shown
	At        time.Time        `json:"at"`
	RequestID string           `json:"requestId"`
	Address   string           `json:"address"`

	digest string
	since  time.Time         // it waits for a worker
	reply  chan chat.Message // whoever waits for what is said; nil: nobody does
	gone   <-chan struct{}   // until they have gone
}

// maxRequest is how much of a request is read. A click on a long message brings
// that message along.
const maxRequest = 256 << 10

const bodyKey = "slipway.chat.body"

// readBody reads the whole body, once: a signature is of all of it.
func readBody(c echo.Context) ([]byte, error) {
	r := c.Request()
	if r.ContentLength > maxRequest {
		return nil, &http.MaxBytesError{Limit: maxRequest}
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, r.Body, maxRequest))
	if err != nil {
		return nil, err
	}
	c.Set(bodyKey, body)
	return body, nil
}

func bodyOf(c echo.Context) []byte {
	body, _ := c.Get(bodyKey).([]byte)
	return body
}

// begin is a request with what is known of every one.
func (s *Surface) begin(c echo.Context, k kind, p slipway.ChatPlatform) request {
	return request{Kind: k, User: slipway.ChatUser{Platform: p}, At: s.App.Clock().UTC(), RequestID: server.RequestID(c.Request().Context()), Address: c.RealIP(),
		digest: chat.Digest(c.Path(), bodyOf(c))}
}

// kept is a request as the intake keeps it.
func (r request) kept() (slipway.ChatRequest, error) {
	body, err := json.Marshal(r)
	return slipway.ChatRequest{Digest: r.digest, Kind: string(r.Kind), Body: body, At: r.At}, err
}

// maxField bounds the single fields that a chat system sends.
const maxField = 2000

// sane reports whether a request names somebody, and nothing of it is absurd.
func (r request) sane() bool {
	for _, field := range []string{r.User.Workspace, r.User.ID} {
		if field == "" || len(field) > 100 {
			return false
		}
	}
	return len(r.Channel) <= 100 && len(r.Name) <= 200 && len(r.Answer) <= maxField && len(r.Trigger) <= maxField && len(r.Text) <= 8000 && len(r.Press) <= 4000
}

func contains(list []string, item string) bool {
	for _, each := range list {
		if each == item {
			return true
		}
	}
	return false
}
