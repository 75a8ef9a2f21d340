// Package webhook asks a web service of somebody else's to be the deployer: one
// signed POST for each call, lines of JSON as the answer (see
// docs/deployer-protocol.md).
//
// It needs to reach that one address, by the client that it is given, and leaves
// nothing behind but what the service does. Which address that is, an
// administrator says in the configuration of the portal; no pipeline can.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/protocol"
)

// The headers of a request.
const (
	HeaderTimestamp = "X-Slipway-Timestamp"
	HeaderSignature = "X-Slipway-Signature"
)

// ShortestSecret is how much a secret needs: fewer bytes can be guessed from one
// signed message.
const ShortestSecret = 16

// DefaultTimeout is how long one call may take, if its context ends no sooner.
const DefaultTimeout = time.Minute

// Service is who answers.
type Service struct {
	URL     string
	Secret  deployers.Secret // signs every request
	Client  *http.Client     // follows no redirects
	Timeout time.Duration    // of one call; 0: DefaultTimeout
	Now     func() time.Time // nil: time.Now
}

// New makes a client of the service.
func New(s Service, o protocol.Options) (*protocol.Client, error) {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return nil, errors.New("it needs the http or https address of the service")
	case u.User != nil:
		return nil, errors.New("the address holds a name or a password; requests are signed instead")
	case len(s.Secret.Reveal()) < ShortestSecret:
		return nil, fmt.Errorf("its secret is at least %d bytes long: head -c 32 /dev/urandom | base64", ShortestSecret)
	case s.Client == nil:
		return nil, errors.New("it has no client to ask with")
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Timeout == 0 {
		s.Timeout = DefaultTimeout
	}
	return protocol.New(&caller{service: s, host: u.Host}, o), nil
}

// Sign is the signature of a body that is sent at a time, in seconds.
func Sign(secret deployers.Secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

type caller struct {
	service Service
	host    string
}

// Ask implements protocol.Transport.
func (c *caller) Ask(ctx context.Context, _ protocol.Call, body []byte, mask protocol.Mask, live func(protocol.Log)) (protocol.Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.service.Timeout, fmt.Errorf("%s did not answer within %s", c.host, c.service.Timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.service.URL, bytes.NewReader(body))
	if err != nil {
		return protocol.Answer{}, err
	}
	at := strconv.FormatInt(c.service.Now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/x-ndjson")
	request.Header.Set("User-Agent", "slipway-deployer")
	request.Header.Set(HeaderTimestamp, at)
	request.Header.Set(HeaderSignature, Sign(c.service.Secret, at, body))
	response, err := c.service.Client.Do(request)
	if err != nil {
		return protocol.Answer{}, c.unreached(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return protocol.Answer{}, fmt.Errorf("%s answered %d %s, not 200 OK", c.host, response.StatusCode, http.StatusText(response.StatusCode))
	}
	answer, err := protocol.ReadAnswer(response.Body, mask, live)
	if err != nil {
		// A result is followed by the end of the answer, or it may not be one.
		return protocol.Answer{Logs: answer.Logs}, c.unreached(ctx, err)
	}
	return answer, nil
}

// unreached says why there is no answer, without the address as a whole: its
// path or query may be all that keeps strangers out.
func (c *caller) unreached(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var told *url.Error
	if errors.As(err, &told) {
		return fmt.Errorf("%s could not be asked: %w", c.host, told.Err)
	}
	return err
}
