package faults_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// The story that comes by every failpoint. Each chapter repeats its scene until
// its places have had their turn.

func (g *gauntlet) chapters() []chapter {
	without := func(what string) []string { return []string{"SLIPWAY_TEST_WITHOUT=" + what} }
	return []chapter{
		{name: "life", tell: (*gauntlet).life},
		{name: "together", tell: (*gauntlet).together},
		{name: "without jobs", env: without("jobs"), tell: func(g *gauntlet) { g.waitsForHook("no-jobs", "engine.hook/take#2") }},
		{name: "with jobs that cannot start", env: without("start"), tell: func(g *gauntlet) { g.waitsForHook("no-start", "engine.startJob/take") }},
		{name: "before the deployer goes", tell: (*gauntlet).orphans},
		{name: "without the deployer", env: without("far"), tell: (*gauntlet).noDeployer},
		{name: "when the deployer is back", tell: (*gauntlet).mended},
		{name: "before the secrets go", tell: (*gauntlet).secretive},
		{name: "without the secrets", env: without("secrets"), tell: (*gauntlet).withheld},
		{name: "when the secrets are back", tell: (*gauntlet).reminded},
		{name: "of secrets that people approve", tell: (*gauntlet).approvedSecrets},
		{name: "in chat", env: slackEnv(g.slack), tell: (*gauntlet).chats},
		{name: "before the host goes", tell: (*gauntlet).stranded},
		{name: "on another host", first: (*gauntlet).move, tell: (*gauntlet).decided},
	}
}

// elsewhere are the places that the first chapter does not come by.
var elsewhere = append([]string{"engine.hook/take#2", "engine.startJob/take", "engine.apply/take", "engine.observe/take", "engine.otherRunner/take"}, slices.Concat(setPlaces, secretPlaces, approvalPlaces, chatPlaces)...)

// awaits reports whether one of the places has not had its turn.
func (g *gauntlet) awaits(places ...string) bool {
	return slices.ContainsFunc(places, func(p string) bool {
		return slices.Contains(g.pending, p+" before") || slices.Contains(g.pending, p+" after")
	})
}

// life is what a portal sees on most days, with everything that may go wrong
// on one of them.
func (g *gauntlet) life() {
	g.organise()
	g.service("web", plain("hooks: {before: ["+g.job("migrate", "ask", "sleep 0.2")+"], after: ["+g.job("warm", "safe", ":")+"]}",
		"verify: [{name: answers, http: {url: \""+g.far.url+"/check/ok\"}, interval: 1s, count: 1}]",
		"gates: [{approval: {count: 1}}, {external: {name: far, url: \""+g.far.url+"/gate\", interval: 1s}}]"))
	g.service("wide", stage("prod", "far", canary, "waves: [{site: eu}, {site: us}]"))
	g.service("once", stage("prod", "far-once", canary))
	for n := 1; n <= 12; n++ {
		version := fmt.Sprintf("1.%d", n)
		g.straight(version)
		if g.awaits("engine.apply/ask", "engine.apply/take#2", "engine.Look/Waker.Wake", "engine.sweep/Waker.Wake") || n == 1 {
			g.refusals(version)
		}
		if g.awaits("engine.replan/Deployers.Preview", "engine.replan/take", "engine.unplanned/take", "engine.unplanned/take#2") {
			g.replans(version)
		}
		if g.awaits("engine.stopOrphans/Jobs.Stop", "engine.hook/take") {
			g.interrupted(version)
		}
		if g.awaits("engine.keepProgress/Store.Write") {
			g.takesLong(version)
		}
		g.office(n)
		rest := slices.DeleteFunc(slices.Clone(g.pending), func(p string) bool {
			place := strings.TrimSuffix(strings.TrimSuffix(p, " before"), " after")
			return slices.Contains(elsewhere, place)
		})
		if len(rest) == 0 && n > 1 {
			return
		}
	}
}

// straight brings a release all the way.
func (g *gauntlet) straight(version string) {
	for _, service := range []string{"web", "wide", "once"} {
		g.release(service, version)
	}
	wide, once := g.promote("wide", version, "prod"), g.promote("once", version, "prod")
	g.live("web", "dev", version, time.Minute)
	web := g.promote("web", version, "prod")
	g.approve(web)
	for _, id := range []int64{wide, once, web} {
		// A call of a deployer that may be made once only is parked if its reply
		// is lost with the portal; somebody looks, and lets it go on.
		g.until(time.Minute, fmt.Sprintf("deployment %d ended", id), func() bool {
			d := g.get(id)
			if d.State == slipway.Paused {
				g.act(id, "resume")
			}
			return !d.State.Active()
		})
		if d := g.get(id); d.State != slipway.Succeeded {
			g.t.Errorf("deployment %d of %s ended %s: %s", id, d.Service, d.State, d.Message)
		}
	}
}

// refusals: the deployer fails at first, and then takes its time.
func (g *gauntlet) refusals(version string) {
	version += "-slow"
	g.far.script(g.t, version, fake.Script{ApplyErrors: 2, ReadyAfter: 12})
	g.release("wide", version)
	if d := g.ended(g.promote("wide", version, "prod"), time.Minute); d.State != slipway.Succeeded {
		g.t.Errorf("the slow one ended %s: %s", d.State, d.Message)
	}
}

// replans: the plan changes while people think, and the deployer cannot always
// say what another would change.
func (g *gauntlet) replans(version string) {
	version += "-planned"
	name := "plans-" + strings.ReplaceAll(version, ".", "-")
	stages := func(bake, expires string) string {
		return stage("prod", "far", "strategy: {type: canary, steps: [{weight: 30, bake: "+bake+"}, {weight: 100}]}", "gates: [{approval: {count: 1, expires: "+expires+"}}]")
	}
	g.service(name, stages("100ms", "4s"))
	g.release(name, version)
	id := g.promote(name, version, "prod")
	digest := g.get(id).PlanDigest
	g.pipeline(name, stages("110ms", "4s"))
	g.until(30*time.Second, "it was planned anew", func() bool { d := g.get(id); return d.PlanDigest != digest || !d.State.Active() })
	g.far.set(func() {
		g.far.line = func(verb string, c farCall) string {
			if verb == "preview" && c.Target.Service == name {
				return "refuse"
			}
			return ""
		}
	})
	defer g.far.set(func() { g.far.line = nil })
	g.pipeline(name, stages("120ms", "4s"))
	g.until(time.Minute, "nobody decided in time", func() bool { return !g.get(id).State.Active() })
}

// interrupted: a deployment is cancelled while its hook is at work, and the line
// is stopped while another's is.
func (g *gauntlet) interrupted(version string) {
	name := "hooked-" + strings.ReplaceAll(version, ".", "-")
	g.service(name, stage("prod", "far", canary, "hooks: {before: ["+g.job("long", "ask", "sleep 8")+"]}"))
	g.release(name, version)
	id := g.promote(name, version, "prod")
	g.until(20*time.Second, "the hook runs", func() bool { return g.jobsAtWork() > 0 })
	g.act(id, "cancel")
	g.until(20*time.Second, "the job was stopped", func() bool { return g.jobsAtWork() == 0 })
	g.ended(id, 30*time.Second)

	g.pipeline(name, stage("prod", "far", canary, "hooks: {before: ["+g.job("short", "ask", "sleep 1")+"]}"))
	g.release(name, version+"-b")
	g.lift(name)
	id = g.promote(name, version+"-b", "prod")
	g.until(20*time.Second, "the hook runs", func() bool { d := g.get(id); return d.Current() != nil && d.Current().State == slipway.Converging })
	g.must("root", http.MethodPut, "stop-the-line", map[string]any{"reason": "a test"}, nil)
	g.until(20*time.Second, "it stands still", func() bool { d := g.get(id); return d.KeptByLine() || !d.State.Active() })
	g.must("root", http.MethodDelete, "stop-the-line", nil, nil)
	g.ended(id, 30*time.Second)
}

func (g *gauntlet) jobsAtWork() (n int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range dirs {
		environ, _ := os.ReadFile(path)
		if strings.Contains(string(environ), "SLIPWAY_DEPLOYMENT=") && strings.Contains(string(environ), "HOME="+g.portal.data) {
			n++
		}
	}
	return n
}

// waitsForHook has a deployment wait for a hook that cannot begin, until the
// places have had their turn.
func (g *gauntlet) waitsForHook(name string, places ...string) {
	g.service(name, stage("prod", "far", canary, "hooks: {before: ["+g.job("never", "ask", ":")+"]}"))
	g.release(name, "1")
	id := g.promote(name, "1", "prod")
	g.until(time.Minute, "its places had their turn", func() bool { return !g.awaits(places...) || !g.get(id).State.Active() })
}

// orphans has one deployment wait for its deployer to take it, and one for it to
// become ready: so the next portal finds them, which lacks that deployer.
func (g *gauntlet) orphans() {
	g.far.script(g.t, "untaken", fake.Script{ApplyErrors: 1000})
	g.far.script(g.t, "unready", fake.Script{NeverReady: true})
	for version, state := range map[string]slipway.PhaseState{"untaken": slipway.Applying, "unready": slipway.Converging} {
		g.service(version, stage("prod", "far", canary))
		g.release(version, version)
		id := g.promote(version, version, "prod")
		g.until(30*time.Second, "its phase is at work", func() bool { run := g.get(id).Runs; return len(run) > 0 && run[0].State == state })
	}
}

func (g *gauntlet) noDeployer() {
	g.until(time.Minute, "its places had their turn", func() bool { return !g.awaits("engine.apply/take", "engine.observe/take") })
}

// mended lets the orphans come to their end.
func (g *gauntlet) mended() {
	for _, version := range []string{"untaken", "unready"} {
		g.far.script(g.t, version, fake.Script{})
		if d := g.ended(g.newest(version, "prod").ID, time.Minute); d.State != slipway.Succeeded {
			g.t.Errorf("%s ended %s: %s", version, d.State, d.Message)
		}
	}
}

// stranded has a hook at work when its portal dies for good.
func (g *gauntlet) stranded() {
	g.service("stranded", stage("prod", "far", canary, "hooks: {before: ["+g.job("stays", "ask", "sleep 1")+"]}"))
	g.release("stranded", "1")
	id := g.promote("stranded", "1", "prod")
	g.until(30*time.Second, "its hook is at work", func() bool { d := g.get(id); return d.Current() != nil && d.Current().State == slipway.Converging })
}

// move makes the portal another runner, which has long looked for the first one.
func (g *gauntlet) move() {
	g.portal.data = filepath.Join(g.dir, "data-moved")
	g.ok(os.MkdirAll(g.portal.data, 0o700))
	db := openWritable(g.t, g.url)
	defer func() { _ = db.Close() }()
	id := g.newest("stranded", "prod").ID
	var text string
	g.ok(db.QueryRow(fmt.Sprintf("SELECT runs FROM deployments WHERE id = %d", id)).Scan(&text))
	var runs []map[string]any
	g.ok(json.Unmarshal([]byte(text), &runs))
	runs[len(runs)-1]["unreadySince"] = time.Now().UTC().Add(-10 * time.Minute)
	moved, err := json.Marshal(runs)
	g.ok(err)
	_, err = db.Exec(fmt.Sprintf("UPDATE deployments SET runs = '%s' WHERE id = %d", strings.ReplaceAll(string(moved), "'", "''"), id))
	g.ok(err)
}

// decided: nobody can tell whether the hook ran, so a person is asked, and says.
func (g *gauntlet) decided() {
	id := g.newest("stranded", "prod").ID
	g.until(time.Minute, "somebody was asked", func() bool {
		d := g.get(id)
		return d.Current().State == slipway.Lost && !g.awaits("engine.otherRunner/take")
	})
	g.must("root", http.MethodPost, fmt.Sprintf("deployments/%d/resume", id), map[string]any{"as": "done"}, nil)
	if d := g.ended(id, time.Minute); d.State != slipway.Succeeded {
		g.t.Errorf("it ended %s: %s", d.State, d.Message)
	}
}
