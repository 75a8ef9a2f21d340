package client

import (
	"context"
	"time"
)

// NewSet asks for releases of several services to go to an environment together.
type NewSet struct {
	Name        string       `json:"name"`
	Environment string       `json:"environment"`
	Items       []NewSetItem `json:"items"`
	OnFailure   string       `json:"onFailure,omitempty"`
	Note        string       `json:"note,omitempty"`
}

// NewSetItem is one release of them.
type NewSetItem struct {
	Service string   `json:"service"`
	Version string   `json:"version"`
	After   []string `json:"after,omitempty"`
}

// Set is releases that go to an environment together, and back together.
type Set struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`
	Environment string    `json:"environment"`
	State       string    `json:"state"`
	Active      bool      `json:"active"`
	Ending      string    `json:"ending"`
	OnFailure   string    `json:"onFailure"`
	RequestedBy Person    `json:"requestedBy"`
	Note        string    `json:"note"`
	Message     string    `json:"message"`
	Items       []SetItem `json:"items"`
	CreatedAt   time.Time `json:"createdAt"`
}

// SetItem is one release of a set.
type SetItem struct {
	Service    string   `json:"service"`
	Version    string   `json:"version"`
	After      []string `json:"after"`
	From       string   `json:"from"`
	State      string   `json:"state"`
	Message    string   `json:"message"`
	Deployment int64    `json:"deployment"`
	Back       int64    `json:"back"`
}

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
