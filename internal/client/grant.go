package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Granted is a token that the portal gave for something else.
type Granted struct {
	Token     string `json:"access_token"`
	ExpiresIn int64  `json:"expires_in"` // seconds
	Scope     string `json:"scope"`
}

// DeviceCode is how a command line that asks to be signed in goes on.
type DeviceCode struct {
	Secret    string `json:"device_code"`
	UserCode  string `json:"user_code"`
	URI       string `json:"verification_uri"`
	ExpiresIn int64  `json:"expires_in"` // seconds
	Interval  int64  `json:"interval"`   // seconds between two questions
}

// GrantError is a refusal in the words of OAuth.
type GrantError struct {
	Status      int    `json:"-"`
	Code        string `json:"error"`
	Description string `json:"error_description"`
	RequestID   string `json:"request_id"`
}

func (e *GrantError) Error() string {
	if e.Description == "" {
		return e.Code
	}
	return e.Description
}

// Temporary reports whether nothing was decided.
func (e *GrantError) Temporary() bool {
	return e.Code == "temporarily_unavailable" || e.Status == http.StatusTooManyRequests || e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout
}

// Exchange gives the token of a CI system for one of ours. It is asked once:
// that token opens the door once, and an answer that was lost was an answer.
func (c *Client) Exchange(ctx context.Context, subjectToken string, rule int64) (Granted, error) {
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {subjectToken}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"}}
	if rule > 0 {
		form.Set("rule", strconv.FormatInt(rule, 10))
	}
	return form1[Granted](ctx, c, "token", form)
}

// BeginDevice asks for a code that a person confirms in the portal.
func (c *Client) BeginDevice(ctx context.Context, name string, scopes []string, days int) (DeviceCode, error) {
	form := url.Values{"client_id": {"slipway-cli"}, "client_name": {name}, "scope": {strings.Join(scopes, " ")}}
	if days > 0 {
		form.Set("days", strconv.Itoa(days))
	}
	return form1[DeviceCode](ctx, c, "device", form)
}

// TakeDevice fetches the token once the person has said yes; until then the
// error is a *GrantError with authorization_pending or slow_down.
func (c *Client) TakeDevice(ctx context.Context, secret string) (Granted, error) {
	return form1[Granted](ctx, c, "token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {secret}, "client_id": {"slipway-cli"}})
}

// form1 sends a form once, without the client's token.
func form1[T any](ctx context.Context, c *Client, path string, form url.Values) (T, error) {
	var out T
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath("auth", path).String(), strings.NewReader(form.Encode()))
	if err != nil {
		return out, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "slipway-cli")
	response, err := c.http.Do(request)
	if err != nil {
		return out, fmt.Errorf("%s cannot be reached: %w", c.base, err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return out, fmt.Errorf("the answer of %s broke off: %w", c.base, err)
	}
	if response.StatusCode != http.StatusOK {
		refusal := &GrantError{Status: response.StatusCode}
		if json.Unmarshal(content, refusal) == nil && refusal.Code != "" {
			return out, refusal
		}
		return out, problem(reply{response.StatusCode, response.Header, content})
	}
	if err := json.Unmarshal(content, &out); err != nil {
		return out, errors.New("the answer of " + c.base.String() + " is no answer of a Slipway")
	}
	return out, nil
}
