package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/client"
)

// ciLogin is how a CI job signs in: by the token that its CI system gives it.
type ciLogin struct {
	address  string
	audience string // empty: the address
	rule     int64
	print    bool
	env      func(string) string
}

const (
	ciAttempts  = 3
	ciPause     = 2 * time.Second
	ciWithin    = 20 * time.Second
	ciMaxAnswer = 64 << 10
)

// run keeps the token where later steps of the job find it and nobody else: it
// is in no file of ours.
func (l ciLogin) run(ctx context.Context, c *cli) error {
	file := l.env("GITHUB_ENV")
	if !l.print && file == "" {
		return usageError("there is no GITHUB_ENV to hand the token on in.\nWhat to do: SLIPWAY_TOKEN=\"$(slipway login --ci --print-token)\" && export SLIPWAY_TOKEN")
	}
	granted, err := l.exchange(ctx)
	if err != nil {
		return ciExplained(err)
	}
	if l.print {
		_, err := fmt.Fprintln(c.out, granted.Token)
		return err
	}
	// The runner replaces it in every log from now on.
	fmt.Fprintf(c.out, "::add-mask::%s\n", granted.Token)
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "SLIPWAY_URL=%s\nSLIPWAY_TOKEN=%s\n", l.address, granted.Token)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "Signed in to %s for %s; it may %s.\n", l.address, time.Duration(granted.ExpiresIn)*time.Second, tame(granted.Scope))
	return nil
}

// exchange tries again where nothing was decided, each time with a token that
// was not sent before if the CI system gives another.
func (l ciLogin) exchange(ctx context.Context) (client.Granted, error) {
	portal, err := client.New(l.address, "")
	if err != nil {
		return client.Granted{}, usageError("the address: %w", err)
	}
	for attempt := 1; ; attempt++ {
		token, err := l.idToken(ctx)
		if err != nil {
			return client.Granted{}, err
		}
		granted, err := portal.Exchange(ctx, token, l.rule)
		var refusal *client.GrantError
		if err == nil || attempt == ciAttempts || !errors.As(err, &refusal) || !refusal.Temporary() {
			return granted, err
		}
		if err := pauseFor(ctx, ciPause); err != nil {
			return client.Granted{}, err
		}
	}
}

// idToken is the token of the job: the one that GitLab put into the environment,
// or one that GitHub's runner makes on demand.
func (l ciLogin) idToken(ctx context.Context) (string, error) {
	if token := strings.TrimSpace(l.env("SLIPWAY_ID_TOKEN")); token != "" {
		return token, nil
	}
	address, bearer := l.env("ACTIONS_ID_TOKEN_REQUEST_URL"), l.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	if address == "" || bearer == "" {
		return "", exitError{exitDenied, errors.New("this job has no token of its CI system.\nWhat to do: on GitHub, permissions: {id-token: write}; on GitLab, id_tokens: {SLIPWAY_ID_TOKEN: {aud: ADDRESS OF SLIPWAY}}")}
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", errors.New("ACTIONS_ID_TOKEN_REQUEST_URL is no address")
	}
	query := u.Query()
	query.Set("audience", l.audience)
	u.RawQuery = query.Encode()
	ctx, cancel := context.WithTimeout(ctx, ciWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	request.Header.Set("Accept", "application/json")
	runner := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := runner.Do(request)
	if err != nil {
		return "", fmt.Errorf("the runner gives no token: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	var said struct {
		Value string `json:"value"`
	}
	err = json.NewDecoder(io.LimitReader(response.Body, ciMaxAnswer)).Decode(&said)
	if response.StatusCode != http.StatusOK || err != nil || said.Value == "" {
		return "", fmt.Errorf("the runner gives no token: it answers %s", response.Status)
	}
	return said.Value, nil
}

// ciExplained gives a refusal the exit code of one.
func ciExplained(err error) error {
	var refusal *client.GrantError
	if !errors.As(err, &refusal) {
		return explained(err)
	}
	text := refusal.Error()
	if refusal.RequestID != "" {
		text += "\nRequest " + refusal.RequestID
	}
	if refusal.Code == "invalid_grant" || refusal.Code == "access_denied" {
		return exitError{exitDenied, errors.New(text)}
	}
	return exitError{exitFailed, errors.New(text)}
}

func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
