package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// The headers of a delivery. The signature is over the timestamp, a full stop and
// the body as it is, so that neither can be changed, nor the whole be sent again
// later by somebody else.
const (
	headerDelivery  = "X-Slipway-Delivery"
	headerEvent     = "X-Slipway-Event"
	headerAttempt   = "X-Slipway-Attempt"
	headerTimestamp = "X-Slipway-Timestamp"
	headerSignature = "X-Slipway-Signature"
)

// maxReply is how much of an answer is read: nothing of it is of interest but that
// it is over, so that the connection can be used again.
const maxReply = 64 << 10

// Webhook posts to addresses that people wrote into routes.
type Webhook struct {
	client *http.Client
	source string // the portal's own address
}

// NewWebhook makes a sender that goes where the dialer lets it.
func NewWebhook(out *outbound.Dialer, publicURL string) *Webhook {
	return &Webhook{client: out.Client(outbound.Limits{Within: sendWithin, Body: maxReply}), source: publicURL}
}

// message is the body in our own format.
type message struct {
	ID          string                    `json:"id"` // the same for everybody who is told of it
	Kind        string                    `json:"kind"`
	At          time.Time                 `json:"at"`
	Team        string                    `json:"team,omitempty"`
	Service     string                    `json:"service,omitempty"`
	Environment string                    `json:"environment,omitempty"`
	Actor       string                    `json:"actor,omitempty"`
	Message     string                    `json:"message"`
	URL         string                    `json:"url"`
	Urgent      bool                      `json:"urgent"`
	Deployment  *slipway.NoticeDeployment `json:"deployment,omitempty"`
}

// Send implements Sender.
func (w *Webhook) Send(ctx context.Context, l Letter) Outcome {
	var body []byte
	var header http.Header
	var err error
	if l.To.Format == slipway.FormatCDEvents && l.Delivery.Notice.Form != "" {
		body, header, err = cdevent(w.source, l)
	} else {
		body, header, err = ownMessage(l)
	}
	if err != nil {
		return Outcome{Problem: "The notification could not be written.", Final: true}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.To.Address, bytes.NewReader(body))
	if err != nil {
		return Outcome{Problem: "The address is none.", Final: true}
	}
	at := strconv.FormatInt(l.At.Unix(), 10)
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("User-Agent", "slipway-notify")
	request.Header.Set(headerDelivery, strconv.FormatInt(l.Delivery.ID, 10))
	request.Header.Set(headerEvent, l.Delivery.Notice.Event.Kind)
	request.Header.Set(headerAttempt, strconv.Itoa(l.Delivery.Attempts+1))
	request.Header.Set(headerTimestamp, at)
	request.Header.Set(headerSignature, "sha256="+sign(l.Secret, at, body))
	return post(w.client, request)
}

func ownMessage(l Letter) ([]byte, http.Header, error) {
	n := l.Delivery.Notice
	e := n.Event
	body, err := json.Marshal(message{ID: eventID(l.Delivery), Kind: e.Kind, At: e.At, Team: e.Team, Service: e.Service, Environment: e.Environment,
		Actor: e.Actor, Message: e.Message, URL: l.Page, Urgent: n.Urgent, Deployment: n.Deployment})
	return body, http.Header{"Content-Type": {"application/json"}}, err
}

// eventID is the same for all who are told of the same thing.
func eventID(d slipway.Delivery) string {
	if d.Notice.Event.ID == 0 {
		return fmt.Sprintf("delivery-%d", d.ID)
	}
	id := fmt.Sprintf("event-%d", d.Notice.Event.ID)
	if d.Notice.Form != "" {
		id += "-" + d.Notice.Form
	}
	return id
}

// sign is the HMAC-SHA256 of a body sent at a time, in hex.
func sign(secret slipway.Secret, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// post sends a request and says what came of it, without the other side's words:
// they may hold anything.
func post(client *http.Client, request *http.Request) Outcome {
	response, err := client.Do(request)
	if err != nil {
		return unsent(request.URL.Hostname(), err)
	}
	defer func() { _ = response.Body.Close() }()
	host, status := request.URL.Hostname(), response.StatusCode
	o := Outcome{Status: status}
	switch {
	case status >= 200 && status < 300:
		return o
	case status >= 300 && status < 400:
		o.Problem, o.Final = fmt.Sprintf("%s answered %s. Slipway follows no redirects: give the route the address that it leads to.", host, statusWords(status)), true
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		o.Problem, o.Wait = fmt.Sprintf("%s answered %s.", host, statusWords(status)), retryAfter(response)
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooEarly:
		o.Problem, o.Final = fmt.Sprintf("%s answered %s, which another attempt would not change.", host, statusWords(status)), true
	default:
		o.Problem = fmt.Sprintf("%s answered %s.", host, statusWords(status))
	}
	return o
}

func statusWords(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprintf("%d %s", status, text)
	}
	return strconv.Itoa(status)
}

// longestWait is how long the other side may ask to be left alone.
const longestWait = time.Hour

func retryAfter(r *http.Response) time.Duration {
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, longestWait)
}

// unsent says why nothing was answered. An address that Slipway does not go to
// stays one.
func unsent(host string, err error) Outcome {
	var refused *outbound.RefusedError
	var name *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &refused):
		return Outcome{Problem: refused.Error() + ".", Final: true}
	case errors.As(err, &name) && name.IsNotFound:
		return Outcome{Problem: "There is no host " + host + "."}
	case errors.As(err, &timeout) && timeout.Timeout():
		return Outcome{Problem: fmt.Sprintf("%s did not answer within %s.", host, sendWithin)}
	case errors.Is(err, outbound.ErrTooLarge):
		return Outcome{Problem: "The answer of " + host + " is too long to be one."}
	default:
		return Outcome{Problem: host + " cannot be reached: " + cause(err) + "."}
	}
}

// cause is the last of a chain of errors: those around it repeat the address,
// which may hold a key.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
