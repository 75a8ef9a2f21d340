package deployertest

import (
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// Check is one rule of the contract.
type Check struct {
	Name string
	Run  func(t T)
}

// subtests is *testing.T, which a program must not have to link.
type subtests[P any] interface {
	T
	Parallel()
	Run(name string, f func(P)) bool
}

// Run runs every check as a parallel subtest; P is *testing.T. A check that this
// deployer or harness does not offer says so in its log: it is not skipped, as
// there is nothing that anybody could do about it.
func Run[P subtests[P]](t P, h Harness) {
	t.Helper()
	for _, check := range Checks(h) {
		t.Run(check.Name, func(t P) {
			t.Parallel()
			check.Run(t)
		})
	}
}

// need says why a check cannot be made of this deployer; empty if it can.
type need func(*env) string

// unoffered is a T that tells checks that were not offered from others.
type unoffered interface{ NotOffered(why string) }

// Checks lists the checks for the harness. They do not depend on each other
// and may run in parallel.
func Checks(h Harness) []Check {
	if h.Wait == 0 {
		h.Wait = 30 * time.Second
	}
	var checks []Check
	for _, c := range list() {
		if h.Volatile && c.durable || h.Only != nil && !h.Only.MatchString(c.name) {
			continue
		}
		checks = append(checks, Check{Name: c.name, Run: func(t T) {
			t.Helper()
			e := newEnv(t, h)
			for _, need := range c.needs {
				why := need(e)
				if why == "" {
					continue
				}
				if u, ok := t.(unoffered); ok {
					u.NotOffered(why)
				} else {
					t.Logf("not offered: %s", why)
				}
				return
			}
			c.run(e)
		}})
	}
	return checks
}

type check struct {
	name    string
	run     func(*env)
	needs   []need
	durable bool // about what outlives the deployer
}

func list() []check {
	return []check{
		{name: "capabilities make sense", run: capabilitiesMakeSense},
		{name: "never applied", run: neverApplied},
		{name: "apply converges", run: applyConverges},
		{name: "the same state again changes nothing", run: applyAgain},
		{name: "what a preview prepares can be applied", run: preparedApplies},
		{name: "two tracks share the traffic", run: twoTracks, needs: []need{parallel}},
		{name: "weights shift", run: weightsShift, needs: []need{parallel}},
		{name: "a removed track stops", run: removeTrack},
		{name: "no tracks means nothing runs", run: emptyTracks},
		{name: "an older generation is refused", run: staleGeneration},
		{name: "an older generation is refused after a restart", run: staleAfterRestart, needs: []need{restarts}, durable: true},
		{name: "a restart adopts what runs", run: restartAdopts, needs: []need{restarts}, durable: true},
		{name: "what was accepted comes true after a restart", run: restartGoesOn, needs: []need{restarts}, durable: true},
		{name: "concurrent applies keep the newest", run: concurrentApplies},
		{name: "a cancelled context returns promptly", run: cancelledContext},
		{name: "a release that never becomes ready", run: neverReady, needs: []need{kind(NeverReady, "never becomes ready")}},
		{name: "a release that exits", run: exits, needs: []need{kind(Exits, "exits by itself")}},
		{name: "a bad release can be taken back", run: takeBack, needs: []need{kind(NeverReady, "never becomes ready")}},
		{name: "targets do not touch each other", run: separateTargets},
		{name: "sites are targets of their own", run: separateSites},
		{name: "work in progress is finished", run: workIsFinished, needs: []need{lingers}},
		{name: "what is left of a track finishes its work", run: fewerReplicas, needs: []need{lingers, replicas}},
		{name: "a track that comes back is started anew", run: comesBack, needs: []need{lingers}},
		{name: "nothing runs once the last work is finished", run: lastWork, needs: []need{lingers}},
		{name: "matched requests go to their track", run: matchedRequests, needs: []need{matches, parallel}},
		{name: "the preview address shows one track", run: previewAddress, needs: []need{previews, parallel}},
		{name: "secrets stay secret", run: secretsStaySecret, needs: []need{secrets}},
		{name: "forgotten secrets are told again", run: forgottenSecrets, needs: []need{secrets, restarts}, durable: true},
		{name: "logs go on from their cursor", run: logsGoOn, needs: []need{logs}},
		{name: "validate reports every problem", run: validateProblems},
		{name: "preview changes nothing", run: previewChangesNothing},
		{name: "ways are only looked at", run: waysAreOnlyLookedAt, needs: []need{checksWays}},
		{name: "destroy leaves nothing", run: destroyLeavesNothing, needs: []need{destroys}},
	}
}

func unless(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}

func parallel(e *env) string {
	return unless(e.caps.ParallelTracks && e.caps.TrafficWeights, "this deployer does not run two releases side by side with weights")
}

func restarts(e *env) string {
	return unless(e.s.Restart != nil, "this harness cannot restart the deployer")
}

func lingers(e *env) string {
	return unless(e.h.Lingers, "no release is given that has work to finish once it is given up")
}

func kind(k Kind, does string) need {
	return func(e *env) string {
		return unless(len(e.h.known(k)) == 1, "no release is given that "+does)
	}
}

func replicas(e *env) string { return unless(e.caps.Replicas, "this deployer runs one replica") }

func matches(e *env) string {
	return unless(e.caps.TrafficMatch, "this deployer does not pick requests by header or cookie")
}

func previews(e *env) string {
	return unless(e.caps.PreviewAddress, "this deployer has no preview address")
}

func secrets(e *env) string { return unless(e.caps.Secrets, "this deployer takes no secrets") }

func logs(e *env) string {
	_, ok := e.s.Deployer.(deployers.LogReader)
	return unless(ok, "this deployer shows no logs")
}

func destroys(e *env) string {
	_, ok := e.s.Deployer.(deployers.Destroyer)
	return unless(ok, "this deployer is no Destroyer")
}
