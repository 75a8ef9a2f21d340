package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/outbound"
)

// shortestSecret is how much a secret needs that signs: fewer bytes can be
// guessed from one signed message.
const shortestSecret = 16

// checkOutbound lists what is wrong with how Slipway asks others.
func (c config) checkOutbound() []error {
	var problems []error
	if _, err := outbound.ParseAllow(c.OutboundAllow); err != nil {
		problems = append(problems, fmt.Errorf("SLIPWAY_OUTBOUND_ALLOW: %w", err))
	}
	if n := len(c.WebhookSecret); n > 0 && n < shortestSecret {
		problems = append(problems, fmt.Errorf("SLIPWAY_WEBHOOK_SECRET: is at least %d bytes long: head -c 32 /dev/urandom | base64", shortestSecret))
	}
	if strings.ContainsAny(c.PrometheusToken+c.PrometheusOrg, "\r\n") {
		problems = append(problems, errors.New("SLIPWAY_PROMETHEUS_TOKEN, SLIPWAY_PROMETHEUS_ORG: are one line"))
	}
	if c.PrometheusURL == "" {
		if c.PrometheusToken+c.PrometheusOrg != "" {
			problems = append(problems, errors.New("SLIPWAY_PROMETHEUS_URL: is missing, and the token or the tenant is set"))
		}
		return problems
	}
	u, err := url.Parse(c.PrometheusURL)
	switch {
	case err != nil, !c.absoluteURL(c.PrometheusURL), u.RawQuery != "", u.Fragment != "":
		problems = append(problems, errors.New("SLIPWAY_PROMETHEUS_URL: is the http or https address of the server; a path before /api/v1 may follow"))
	case u.User != nil:
		problems = append(problems, errors.New("SLIPWAY_PROMETHEUS_URL: holds a name or a password; use SLIPWAY_PROMETHEUS_TOKEN, which is never shown"))
	}
	return problems
}

// forDev takes from the environment how a dev portal asks others, which
// deployers of other people it has, and how long it keeps things. Without a word
// on it, it may ask this machine, where everything of it runs.
func (c config) forDev(environ []string) (config, error) {
	given, _ := gatherConfig("", environ) // dev obeys no other key, so it complains of none
	c.OutboundAllow = cmp.Or(given.OutboundAllow, "loopback")
	c.PrometheusURL, c.PrometheusToken, c.PrometheusOrg = given.PrometheusURL, given.PrometheusToken, given.PrometheusOrg
	c.WebhookSecret = cmp.Or(given.WebhookSecret, rand.Text())
	c.TrustedRoot, c.Deployers = given.TrustedRoot, given.Deployers
	c.Slack, c.Mattermost = given.Slack, given.Mattermost
	c.RetainLogs, c.RetainEvents, c.RetainKeys = given.RetainLogs, given.RetainEvents, given.RetainKeys
	c.SMTP = given.SMTP
	_, mute := c.mail()
	_, untrusted := c.verifier()
	_, unkept := c.retention()
	problems := slices.Concat(c.checkOutbound(), c.checkDeployers(), c.checkChat())
	return c, errors.Join(append(problems, untrusted, unkept, mute)...)
}
