package faults_test

import (
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// takesLong: the deployer is called for so long that people are shown what it
// does meanwhile.
func (g *gauntlet) takesLong(version string) {
	name := "long-" + strings.ReplaceAll(version, ".", "-")
	g.service(name, stage("prod", "far", canary))
	g.release(name, version)
	g.far.set(func() {
		g.far.line = func(verb string, c farCall) string {
			if verb == "apply" && c.Target.Service == name {
				return "late"
			}
			return ""
		}
	})
	defer g.far.set(func() { g.far.line = nil })
	if d := g.ended(g.promote(name, version, "prod"), time.Minute); d.State != slipway.Succeeded {
		g.t.Errorf("the long one ended %s: %s", d.State, d.Message)
	}
}
