package client

import (
	"context"
)

// Sets returns a page of release sets, newest first: those with a release of a
// service, if it is named.
func (c *Client) Sets(ctx context.Context, service, cursor string) (Answer[List[Set]], error) {
	return get[List[Set]](ctx, c, values("service", service, "cursor", cursor), "sets")
}

// Set returns one.
func (c *Client) Set(ctx context.Context, id int64) (Answer[Set], error) {
	return get[Set](ctx, c, nil, "sets", number(id))
}

// PromoteSet asks for a set.
func (c *Client) PromoteSet(ctx context.Context, n NewSet) (Answer[Set], error) {
	return post[Set](ctx, c, n, "sets")
}

// CancelSet has a set go no further.
func (c *Client) CancelSet(ctx context.Context, id int64, reason string) (Answer[Set], error) {
	return post[Set](ctx, c, reasonOf(reason), "sets", number(id), "cancel")
}

// RollBackSet takes a set back as a whole.
func (c *Client) RollBackSet(ctx context.Context, id int64, reason string, accept bool) (Answer[Set], error) {
	body := map[string]any{"reason": reason}
	if accept {
		body["acceptIrreversible"] = true
	}
	return post[Set](ctx, c, body, "sets", number(id), "rollback")
}
