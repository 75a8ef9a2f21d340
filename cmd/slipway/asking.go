package main

import (
	"time"

	"github.com/slipway-dev/slipway/internal/checks"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// asking is what asks the world outside on behalf of checks and gates.
type asking struct {
	checks      *checks.Checks
	expressions *checks.Expressions
	outbound    *outbound.Dialer
}

// workloads verifies tokens of CI systems, whose issuers people write into trust
// rules: they are asked through the same dialer as all that people write.
func (a asking) workloads(now slipway.Clock) *identity.Workloads {
	return identity.NewWorkloads(a.outbound.Client(outbound.Limits{Within: 10 * time.Second, Body: 1 << 20}), now)
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
	dialer := outbound.New(allowed)
	k, err := checks.New(checks.Config{
		Outbound: dialer, Expressions: expressions, Jobs: jobs, Provenance: verifier,
		Prometheus:    checks.Prometheus{URL: c.PrometheusURL, Token: checks.Secret(c.PrometheusToken), Org: c.PrometheusOrg},
		WebhookSecret: checks.Secret(c.WebhookSecret),
	})
	return asking{k, expressions, dialer}, err
}
