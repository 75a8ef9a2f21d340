package client

import (
	"context"
	"net/http"
)

// TrustRules lists which CI jobs come in without a key.
func (c *Client) TrustRules(ctx context.Context) (Answer[List[TrustRule]], error) {
	return get[List[TrustRule]](ctx, c, nil, "trust-rules")
}

// AddTrustRule lets the jobs of a repository in.
func (c *Client) AddTrustRule(ctx context.Context, r NewTrustRule) (Answer[TrustRule], error) {
	return post[TrustRule](ctx, c, r, "trust-rules")
}

// RemoveTrustRule shuts the door again.
func (c *Client) RemoveTrustRule(ctx context.Context, id int64) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: []string{"trust-rules", number(id)}})
	return err
}

// TrustRule lets the jobs of one repository in without a key.
type TrustRule struct {
	ID           int64             `json:"id"`
	Name         string            `json:"name"`
	Kind         string            `json:"kind"`
	Issuer       string            `json:"issuer"`
	Audience     string            `json:"audience"`
	Claims       map[string]string `json:"claims"`
	Team         string            `json:"team"`
	Service      string            `json:"service"`
	Permissions  []string          `json:"permissions"`
	Environments []string          `json:"environments"`
	Lifetime     string            `json:"lifetime"`
	By           string            `json:"by"`
}

// NewTrustRule asks for a rule.
type NewTrustRule struct {
	Name         string            `json:"name"`
	Kind         string            `json:"kind"`
	Issuer       string            `json:"issuer"`
	Audience     string            `json:"audience"`
	Claims       map[string]string `json:"claims"`
	Immutable    string            `json:"immutable,omitempty"`
	Team         string            `json:"team,omitempty"`
	Service      string            `json:"service,omitempty"`
	Permissions  []string          `json:"permissions"`
	Environments []string          `json:"environments,omitempty"`
	Lifetime     string            `json:"lifetime,omitempty"`
}
