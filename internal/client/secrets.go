package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

func stage(service, environment string, more ...string) []string {
	return append([]string{"services", service, "environments", environment, "secrets"}, more...)
}

// Secrets tells which keys a service has in which environment.
func (c *Client) Secrets(ctx context.Context, service string) (Answer[KeyMatrix], error) {
	return get[KeyMatrix](ctx, c, nil, "services", service, "secrets")
}

// SecretVersions lists the versions in an environment.
func (c *Client) SecretVersions(ctx context.Context, service, environment string) (Answer[KeyVersions], error) {
	return get[KeyVersions](ctx, c, nil, stage(service, environment, "versions")...)
}

// ChangeSecrets sets and removes keys, or says what that would do.
func (c *Client) ChangeSecrets(ctx context.Context, service, environment string, change ChangeKeys, dryRun bool) (Answer[KeysChanged], error) {
	return call[KeysChanged](ctx, c, request{method: http.MethodPatch, path: stage(service, environment), query: dry(dryRun), body: change})
}

// CompareSecrets compares two environments.
func (c *Client) CompareSecrets(ctx context.Context, service, from, to string) (Answer[List[KeyDifference]], error) {
	return get[List[KeyDifference]](ctx, c, url.Values{"from": {from}, "to": {to}}, "services", service, "secrets", "compare")
}

// CompareSecretVersions says which keys differ between two versions.
func (c *Client) CompareSecretVersions(ctx context.Context, service, environment string, from, to int) (Answer[List[KeyDifference]], error) {
	return get[List[KeyDifference]](ctx, c, url.Values{"from": {strconv.Itoa(from)}, "to": {strconv.Itoa(to)}}, stage(service, environment, "versions", "compare")...)
}

// FindSecrets finds keys of all services by a part of their names.
func (c *Client) FindSecrets(ctx context.Context, key string) (Answer[List[FoundKey]], error) {
	return get[List[FoundKey]](ctx, c, url.Values{"key": {key}}, "secrets")
}

// RestrictSecrets takes the sight of keys away.
func (c *Client) RestrictSecrets(ctx context.Context, service, environment string, keys []string) (Answer[KeysRestricted], error) {
	return post[KeysRestricted](ctx, c, map[string]any{"keys": keys}, stage(service, environment, "restrict")...)
}

// RestoreSecrets makes an older version, or one key of it, the newest again.
func (c *Client) RestoreSecrets(ctx context.Context, service, environment string, version int, key string) (Answer[KeysChanged], error) {
	body := map[string]any{"version": version}
	if key != "" {
		body["key"] = key
	}
	return post[KeysChanged](ctx, c, body, stage(service, environment, "rollback")...)
}

// RemoveSecrets deletes, undeletes or destroys versions.
func (c *Client) RemoveSecrets(ctx context.Context, service, environment, verb string, versions []int) (Answer[KeysChanged], error) {
	return post[KeysChanged](ctx, c, map[string]any{"versions": versions}, stage(service, environment, verb)...)
}

// RolloutSecrets gives what runs today's values of its keys, by a deployment.
func (c *Client) RolloutSecrets(ctx context.Context, service, environment, note string) (Answer[Deployment], error) {
	body := map[string]any{}
	if note != "" {
		body["note"] = note
	}
	return post[Deployment](ctx, c, body, "services", service, "environments", environment, "rotate")
}

// RevealSecret returns the value of a key; version 0 is the newest.
func (c *Client) RevealSecret(ctx context.Context, service, environment, key string, version int) (Answer[KeyValue], error) {
	query := url.Values{}
	if version > 0 {
		query.Set("version", strconv.Itoa(version))
	}
	return get[KeyValue](ctx, c, query, stage(service, environment, "values", key)...)
}
