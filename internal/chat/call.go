package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Dial makes a client that reaches one address and nothing beside it, with
// limits of its own: see package outbound.
type Dial func(address string) (*http.Client, error)

// RateLimitedError says that the chat system wants no more for a while.
type RateLimitedError struct{ After time.Duration }

func (e *RateLimitedError) Error() string {
	return fmt.Sprintf("the chat system takes no more for %s", e.After)
}

// RefusedError is a no of the chat system. Trying again gets the same answer
// unless somebody changes something there.
type RefusedError struct {
	Platform slipway.ChatPlatform
	Call     string
	Why      string // the chat system's own word, such as channel_not_found
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s refused %s: %s", e.Platform.Title(), e.Call, e.Why)
}

// ErrElsewhere says that an answer was to go to an address that is not of the
// chat system.
var ErrElsewhere = errors.New("the address to answer to is not of the chat system")

// maxAnswer is how much of an answer is read; the limits of the client are what
// counts.
const maxAnswer = 1 << 20

// usualPause is what a limit without a time means.
const usualPause = 30 * time.Second

// post sends JSON, or nothing if there is none, and returns the answer. Its errors name no address: those of
// answers are secrets.
func post(ctx context.Context, client *http.Client, method, address, token string, body any) (status int, answer []byte, err error) {
	var content io.Reader = http.NoBody
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return 0, nil, errors.New("the address cannot be used")
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return do(client, request)
}

func do(client *http.Client, request *http.Request) (status int, answer []byte, err error) {
	response, err := client.Do(request)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // without the address
		}
		return 0, nil, fmt.Errorf("the chat system does not answer: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("the chat system stopped in the middle of its answer: %w", err)
	}
	if response.StatusCode == http.StatusTooManyRequests {
		return response.StatusCode, answer, &RateLimitedError{After: pauseOf(response.Header)}
	}
	if response.StatusCode >= http.StatusInternalServerError {
		return response.StatusCode, answer, fmt.Errorf("the chat system failed with status %d", response.StatusCode)
	}
	return response.StatusCode, answer, nil
}

// pauseOf reads how long to wait: Slack says Retry-After, Mattermost
// X-Ratelimit-Reset, both in seconds.
func pauseOf(h http.Header) time.Duration {
	for _, name := range []string{"Retry-After", "X-Ratelimit-Reset"} {
		if seconds, err := strconv.Atoi(h.Get(name)); err == nil && seconds > 0 && seconds < 3600 {
			return time.Duration(seconds) * time.Second
		}
	}
	return usualPause
}

// within reports whether an address lies below a base: same scheme and host, and
// a path that begins alike.
func below(address, base string) bool {
	a, err := url.Parse(address)
	if err != nil || a.User != nil || a.Fragment != "" {
		return false
	}
	b, err := url.Parse(base)
	return err == nil && a.Scheme == b.Scheme && a.Host == b.Host &&
		strings.HasPrefix(a.Path, strings.TrimRight(b.Path, "/")+"/") && !strings.Contains(a.Path, "..")
}
