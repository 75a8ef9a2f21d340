package protocol

import (
	"context"
	"encoding/json"

	"github.com/slipway-dev/slipway/deployers"
)

// change makes the two calls that hand over secrets, whose values it remembers:
// the deployer may repeat them much later.
func (c *Client) change(ctx context.Context, call Call, target deployers.Target, desired deployers.Desired, into any) error {
	if err := c.sendable(desired); err != nil {
		return err
	}
	if err := c.ready(ctx); err != nil {
		return err
	}
	mask := c.remember(target, valuesOf(desired))
	return c.call(ctx, Request{Call: call, Target: targetOf(target), Desired: desiredOf(desired)}, target, mask, into)
}

// sendable refuses a desired state that cannot be written down.
func (c *Client) sendable(desired deployers.Desired) error {
	for _, t := range desired.Tracks {
		if len(t.Config) > 0 && !json.Valid(t.Config) {
			return deployers.Terminal(c.fault("the config of version %s is no JSON", t.Version))
		}
	}
	return nil
}

// ChecksWays reports whether the deployer offers the call for that.
func (c *Client) ChecksWays() bool { return c.Offers(CheckWay) }

// CheckWay implements deployers.WayChecker. A deployer that does not offer the
// call can go every way. Secrets are not needed for it, and are left out.
func (c *Client) CheckWay(ctx context.Context, target deployers.Target, way []deployers.Desired) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	if !c.Offers(CheckWay) {
		return nil
	}
	request := Request{Call: CheckWay, Target: targetOf(target)}
	for _, desired := range way {
		if err := c.sendable(desired); err != nil {
			return err
		}
		document := desiredOf(desired)
		for i := range document.Tracks {
			document.Tracks[i].Secrets = nil
		}
		request.Way = append(request.Way, *document)
	}
	return c.call(ctx, request, target, c.remember(target, nil), &struct{}{})
}
