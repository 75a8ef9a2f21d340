package faults_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// The part of the story in which the store of secrets goes away.

// sealingKey gives the portal a store of its own.
var sealingKey = "SLIPWAY_SECRET_KEY=" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))

var secretPlaces = []string{"engine.withhold/take", "engine.withhold/take#2", "engine.remind/Apply"}

// secretive has deployments stand still half way that will need their secrets
// again: of one of them the version is gone by then, which waiting cannot mend.
func (g *gauntlet) secretive() {
	for _, name := range []string{"keeps", "destroyed"} {
		g.service(name, stage("prod", "far", "secrets: [API_KEY]", "onFailure: rollback", "strategy: {type: canary, steps: [{weight: 30, bake: 1s}, {weight: 100}]}"))
		g.keep(name, "first")
		g.release(name, "1")
		if d := g.ended(g.promote(name, "1", "prod"), time.Minute); d.State != slipway.Succeeded {
			g.t.Errorf("%s ended %s: %s", name, d.State, d.Message)
		}
		g.keep(name, "second")
		g.release(name, "2")
		id := g.promote(name, "2", "prod")
		g.until(30*time.Second, "it bakes", func() bool { d := g.get(id); return d.Current() != nil && d.Current().State == slipway.Baking })
		g.act(id, "pause")
		g.until(30*time.Second, "it stands still", func() bool { return g.get(id).State == slipway.Paused })
	}
}

func (g *gauntlet) keep(service, value string) {
	g.must("root", http.MethodPatch, "services/"+service+"/environments/prod/secrets", map[string]any{"set": map[string]string{"API_KEY": value}}, nil)
}

// withheld: the next step waits for secrets that nobody can read.
func (g *gauntlet) withheld() {
	id := g.newest("keeps", "prod").ID
	g.act(id, "resume")
	g.until(time.Minute, "it waits for secrets, and its places had their turn", func() bool {
		return strings.Contains(g.get(id).Message, "Waits for secrets") && !g.awaits("engine.withhold/take#2")
	})
}

// reminded: it goes on; the other one cannot, and goes back; and a deployer that
// has forgotten the secrets is told them again.
func (g *gauntlet) reminded() {
	if d := g.ended(g.newest("keeps", "prod").ID, time.Minute); d.State != slipway.Succeeded {
		g.t.Errorf("it ended %s: %s", d.State, d.Message)
	}
	g.must("root", http.MethodPost, "services/destroyed/environments/prod/secrets/destroy", map[string]any{"versions": []int{2}}, nil)
	id := g.newest("destroyed", "prod").ID
	g.act(id, "resume")
	if d := g.ended(id, time.Minute); d.State != slipway.RolledBack {
		g.t.Errorf("without its secrets it ended %s: %s", d.State, d.Message)
	}
	for n := 0; g.awaits("engine.remind/Apply"); n++ {
		g.far.set(func() { g.far.forgets["keeps"] = true })
		g.until(time.Minute, fmt.Sprintf("the deployer was reminded for the %d. time", n+1), func() bool {
			told := false
			g.far.set(func() { told = !g.far.forgets["keeps"] })
			return told || !g.awaits("engine.remind/Apply")
		})
	}
}
