// Package client speaks to a Slipway over its REST API. It is what the command
// line is made of. It knows the API's wire forms and nothing of the server.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client speaks in the name of one token. Its methods are safe for concurrent
// use.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
	// pause waits between attempts; tests have no time for that.
	pause func(ctx context.Context, d time.Duration) error
}

const (
	requestTimeout = 30 * time.Second
	maxAnswer      = 64 << 20
	attempts       = 4
	firstPause     = 200 * time.Millisecond
	longestPause   = 5 * time.Second
)

// New makes a client of the Slipway at an address.
func New(address, token string) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("%q is no address of a Slipway; write https://host", address)
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("the address of a Slipway has no user, query or fragment")
	}
	return &Client{base: base, token: strings.TrimSpace(token), pause: pause, http: &http.Client{
		Timeout: requestTimeout,
		// A redirect leads to a sign-in page or to somebody else; the token is
		// for neither.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Page returns the address of one of the portal's pages, for people.
func (c *Client) Page(parts ...string) string { return c.base.JoinPath(parts...).String() }

// Answer is what the server said, as a type and as it was.
type Answer[T any] struct {
	Value  T
	Raw    json.RawMessage
	ETag   string
	Status int
}

// request is one call. Body is JSON unless Kind says otherwise.
type request struct {
	method string
	path   []string
	query  url.Values
	body   any
	text   []byte
	kind   string
	accept string
	// once says that a second attempt would do it twice: no key can prevent it.
	once bool
}

func get[T any](ctx context.Context, c *Client, query url.Values, path ...string) (Answer[T], error) {
	return call[T](ctx, c, request{method: http.MethodGet, path: path, query: query})
}

func post[T any](ctx context.Context, c *Client, body any, path ...string) (Answer[T], error) {
	return call[T](ctx, c, request{method: http.MethodPost, path: path, body: body})
}

func call[T any](ctx context.Context, c *Client, r request) (Answer[T], error) {
	var a Answer[T]
	answer, err := c.do(ctx, r)
	if err != nil {
		return a, err
	}
	a.Raw, a.ETag, a.Status = answer.content, answer.header.Get("ETag"), answer.status
	if len(bytes.TrimSpace(answer.content)) == 0 {
		return a, nil
	}
	if err := json.Unmarshal(answer.content, &a.Value); err != nil {
		return a, fmt.Errorf("the answer of %s is no answer of a Slipway: %w", c.base, err)
	}
	return a, nil
}

// reply is an answer that has been read whole. The zero reply is none.
type reply struct {
	status  int
	header  http.Header
	content []byte
}

// do sends a request until it is answered, a few times at most. A POST or DELETE
// carries a key that makes it safe to repeat, the same key each time.
func (c *Client) do(ctx context.Context, r request) (reply, error) {
	content := r.text
	if r.body != nil {
		var err error
		if content, err = json.Marshal(r.body); err != nil {
			return reply{}, err
		}
		r.kind = "application/json"
	}
	key := ""
	if r.method == http.MethodPost || r.method == http.MethodDelete {
		key = rand.Text()
	}
	wait := firstPause
	for attempt := 1; ; attempt++ {
		answer, err := c.send(ctx, r, content, key)
		again := retryable(answer, err) && !r.once
		if err == nil && answer.status >= http.StatusMultipleChoices {
			err = problem(answer)
		}
		if err == nil || !again || attempt == attempts || ctx.Err() != nil {
			return answer, err
		}
		if err := c.pause(ctx, max(wait, retryAfter(answer))); err != nil {
			return reply{}, err
		}
		wait *= 2
	}
}

func (c *Client) send(ctx context.Context, r request, content []byte, key string) (reply, error) {
	address := c.base.JoinPath("api", "v1").JoinPath(escaped(r.path)...)
	address.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, address.String(), bytes.NewReader(content))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("User-Agent", "slipway-cli")
	req.Header.Set("Accept", "application/json")
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	if len(content) > 0 {
		req.Header.Set("Content-Type", r.kind)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	response, err := c.http.Do(req)
	if err != nil {
		return reply{}, fmt.Errorf("%s cannot be reached: %w", c.base, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(answer) > maxAnswer {
		err = errors.New("the answer is too large")
	}
	if err != nil {
		return reply{}, fmt.Errorf("the answer of %s broke off: %w", c.base, err)
	}
	return reply{response.StatusCode, response.Header, answer}, nil
}

// escaped keeps a name with a slash in it one part of the path.
func escaped(path []string) []string {
	out := make([]string, len(path))
	for i, part := range path {
		out[i] = url.PathEscape(part)
	}
	return out
}

// retryable says that nothing was decided: no answer came, or the server asks
// to come again. Every request of ours may be repeated: a POST or DELETE has its key.
func retryable(answer reply, err error) bool {
	return err != nil || answer.status == http.StatusServiceUnavailable
}

func retryAfter(answer reply) time.Duration {
	seconds, err := strconv.Atoi(answer.header.Get("Retry-After"))
	if err != nil {
		return 0
	}
	return min(max(0, time.Duration(seconds)*time.Second), longestPause)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
