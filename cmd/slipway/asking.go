package main

import (
	"github.com/slipway-dev/slipway/internal/checks"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// asking is what asks the world outside on behalf of checks and gates.
type asking struct {
	checks      *checks.Checks
	expressions *checks.Expressions
}

func newAsking(c config, jobs slipway.Jobs) (asking, error) {
	allowed, err := outbound.ParseAllow(c.OutboundAllow)
	if err != nil {
		return asking{}, err
	}
	expressions, err := checks.NewExpressions()
	if err != nil {
		return asking{}, err
	}
	verifier, err := c.verifier()
	if err != nil {
		return asking{}, err
	}
	k, err := checks.New(checks.Config{
		Outbound: outbound.New(allowed), Expressions: expressions, Jobs: jobs, Provenance: verifier,
		Prometheus:    checks.Prometheus{URL: c.PrometheusURL, Token: checks.Secret(c.PrometheusToken), Org: c.PrometheusOrg},
		WebhookSecret: checks.Secret(c.WebhookSecret),
	})
	return asking{k, expressions}, err
}
