package client

import "context"

// SecretChanges lists the changes of a service that people have to approve first.
func (c *Client) SecretChanges(ctx context.Context, service string) (Answer[List[KeyChange]], error) {
	return get[List[KeyChange]](ctx, c, nil, "services", service, "secrets", "changes")
}

// SecretChange returns one of them.
func (c *Client) SecretChange(ctx context.Context, id int64) (Answer[KeyChange], error) {
	return get[KeyChange](ctx, c, nil, "secret-changes", number(id))
}

// ApproveSecretChange approves exactly one.
func (c *Client) ApproveSecretChange(ctx context.Context, id int64, digest, comment string) (Answer[KeyChange], error) {
	body := map[string]any{"digest": digest}
	if comment != "" {
		body["comment"] = comment
	}
	return post[KeyChange](ctx, c, body, "secret-changes", number(id), "approve")
}

// RejectSecretChange rejects one.
func (c *Client) RejectSecretChange(ctx context.Context, id int64, reason string) (Answer[KeyChange], error) {
	return post[KeyChange](ctx, c, reasonOf(reason), "secret-changes", number(id), "reject")
}

// WithdrawSecretChange takes one's own back.
func (c *Client) WithdrawSecretChange(ctx context.Context, id int64) (Answer[KeyChange], error) {
	return post[KeyChange](ctx, c, map[string]any{}, "secret-changes", number(id), "withdraw")
}
