package portal

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// SignIn goes the way of a browser without one: the front door, the provider,
// the callback. The client that it returns has the session.
func SignIn(ctx context.Context, portalURL, person string) (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Jar: jar}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, portalURL+"/auth/login?login_hint="+url.QueryEscape(person), nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Request.URL.Path != "/" {
		return nil, fmt.Errorf("signing in as %s ended at %s with %s", person, response.Request.URL, response.Status)
	}
	return client, nil
}

// TokenOf signs somebody in and makes an API token with the form for it.
func TokenOf(ctx context.Context, portalURL, person string) (string, error) {
	client, err := SignIn(ctx, portalURL, person)
	if err != nil {
		return "", err
	}
	form := url.Values{"name": {"story"}, "days": {"1"}, "idempotency_key": {"token-of-" + person}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, portalURL+"/settings/tokens", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	token := regexp.MustCompile(`slp_[A-Za-z0-9_]+`).Find(body)
	if err != nil || token == nil {
		return "", fmt.Errorf("no token for %s: %s, %w", person, response.Status, err)
	}
	return string(token), nil
}
