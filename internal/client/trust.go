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
