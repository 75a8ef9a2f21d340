package portal

import (
	"fmt"
	"strings"
)

// Pipeline is a slipway.yaml of the payments team over dev, staging and
// production, whose releases are bundles of the demo application run by the
// process deployer. It is quick: a replica is checked ten times a second, and
// one that does not get ready is given up after some seconds.
func (p *Portal) Pipeline(service, productionStrategy string, gates ...string) string {
	var b strings.Builder
	deployer := func(replicas int) string {
		return fmt.Sprintf(`    deployer:
      name: process
      config:
        replicas: %d
        command: [%q, demo-app, --bundle, "${artifact}"]
        readiness: {path: /healthz, interval: 100ms, timeout: 4s}
        drain: 2s
        stopTimeout: 2s
`, replicas, p.binary)
	}
	fmt.Fprintf(&b, "apiVersion: slipway/v1\nservice: %s\nteam: payments\nstages:\n", service)
	fmt.Fprintf(&b, "  - environment: dev\n%s    strategy: {type: recreate}\n    autoPromote: true\n", deployer(1))
	fmt.Fprintf(&b, "  - environment: staging\n    after: [dev]\n%s    strategy: {type: rolling}\n", deployer(1))
	fmt.Fprintf(&b, "  - environment: production\n    after: [staging]\n%s    strategy: %s\n    onFailure: rollback\n", deployer(2), productionStrategy)
	if len(gates) > 0 {
		b.WriteString("    gates:\n")
	}
	for _, g := range gates {
		fmt.Fprintf(&b, "      - %s\n", g)
	}
	return b.String()
}
