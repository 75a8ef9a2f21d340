package deployertest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/deployers"
)

// capabilitiesMakeSense: strategies are chosen by them, long before a call.
func capabilitiesMakeSense(e *env) {
	c := e.caps
	if strings.TrimSpace(c.Summary) == "" || strings.Contains(c.Summary, "\n") {
		e.Errorf("the summary is one sentence for people, not %q", c.Summary)
	}
	for what, wrong := range map[string]bool{
		"TrafficWeights": c.TrafficWeights && !c.ParallelTracks,
		"TrafficMatch":   c.TrafficMatch && !c.ParallelTracks,
		"PreviewAddress": c.PreviewAddress && !c.ParallelTracks,
	} {
		if wrong {
			e.Errorf("%s needs two releases side by side, and ParallelTracks is false", what)
		}
	}
	e.converge(desired(1, e.track(Good, "1.0.0", 100, 1)))
	if again := e.s.Deployer.Capabilities(); again != c {
		e.Errorf("capabilities changed from %s to %s", show(c), show(again))
	}
}

// preparedApplies: the artefact of a preview is handed to Apply as it is, and
// handing it over again is no new state.
func preparedApplies(e *env) {
	for i, version := range []string{"1.0.0", "1.1.0"} {
		d := desired(int64(i+1), e.track(Good, version, 100, e.replicas(2)))
		preview, err := e.s.Deployer.Preview(e.ctx, e.target, d)
		if err != nil {
			e.Fatalf("Preview: %v", err)
		}
		d.Tracks[0].Prepared = preview.Prepared
		o := e.converge(d)
		e.answers(o, version)
		before := e.instances() // those of the release before may still be on their way out
		e.converge(d)
		if after := e.instances(); !containsAll(before, after) || len(before) > 0 && len(after) < d.Tracks[0].Replicas {
			e.Errorf("the same prepared state again restarted something: %v, then %v", before, after)
		}
	}
}

// restartGoesOn: Apply returns once the state is durably accepted, so the end of
// the deployer in that very moment must not lose it.
func restartGoesOn(e *env) {
	e.converge(desired(1, e.track(Good, "1.0.0", 100, 1)))
	next := e.track(Good, "1.1.0", 100, e.replicas(2))
	e.apply(desired(2, next))
	e.restart()
	o := e.until("generation 2 converged", func(o deployers.Observed) bool { return o.Converged && o.Generation == 2 })
	if tracks := working(o); len(tracks) != 1 || tracks[0].Version != "1.1.0" || tracks[0].Ready != next.Replicas {
		e.Errorf("accepted was 1.1.0, observed %s", show(o))
	}
	e.answers(o, "1.1.0")
}

// forgottenSecrets: who keeps them in memory only says so after a restart, until
// the same state was applied again, which starts nothing anew.
func forgottenSecrets(e *env) {
	track := e.track(Good, "1.0.0", 100, e.replicas(2))
	track.Secrets = map[string]deployers.Secret{"TOKEN": deployers.NewSecret("told-once-more")}
	d := desired(1, track)
	if o := e.converge(d); o.Forgot {
		e.Errorf("it has just been told: %s", show(o))
	}
	before := e.instances()
	e.restart()
	e.until("the restarted deployer sees what runs, and says what it forgot", func(o deployers.Observed) bool {
		return o.Converged && (o.Forgot || !e.h.Forgets)
	})
	e.apply(d)
	e.until("nothing is forgotten any more", func(o deployers.Observed) bool { return o.Converged && !o.Forgot })
	if after := e.instances(); !slices.Equal(before, after) {
		e.Errorf("to be told again restarted something: %v, then %v", before, after)
	}
}

// logsGoOn reads all that there is in small steps: nothing twice, never more than
// asked for.
func logsGoOn(e *env) {
	reader, ok := e.s.Deployer.(deployers.LogReader)
	if !ok {
		e.Fatalf("this deployer is no LogReader any more")
	}
	if lines, _, err := reader.Logs(e.ctx, e.target, "", 10); err != nil || len(lines) != 0 {
		e.Errorf("the logs of a target that was never applied: %v, %v", lines, err)
	}
	e.converge(desired(1, e.track(Good, "1.0.0", 100, 1)))
	first := e.readLogs(reader, "", 1000)
	var stepwise []deployers.LogLine
	cursor := ""
	for range 1000 {
		lines, next, err := reader.Logs(e.ctx, e.target, cursor, 1)
		if err != nil || len(lines) > 1 || len(lines) == 1 && next == cursor {
			e.Fatalf("after %d lines: %v and the cursor %q after %q, %v", len(stepwise), lines, next, cursor, err)
		}
		if len(lines) == 0 {
			break
		}
		stepwise, cursor = append(stepwise, lines...), next
	}
	// Workloads print on meanwhile: what was there first must have come, and
	// nothing that is not there.
	last := e.readLogs(reader, "", 2000)
	step := count(stepwise)
	for line, n := range count(first) {
		if step[line] < n {
			e.Errorf("%q is there and did not come line by line", line)
		}
	}
	for line, n := range step {
		if there := count(last)[line]; there < n {
			e.Errorf("%q came %d times line by line, and is there %d times", line, n, there)
		}
	}
}

func (e *env) readLogs(reader deployers.LogReader, cursor string, limit int) []deployers.LogLine {
	e.Helper()
	lines, _, err := reader.Logs(e.ctx, e.target, cursor, limit)
	if err != nil {
		e.Fatalf("Logs: %v", err)
	}
	return lines
}

func count(lines []deployers.LogLine) map[string]int {
	n := map[string]int{}
	for _, l := range lines {
		n[fmt.Sprint(l.Source, " ", l.Stream, " ", l.Text)]++
	}
	return n
}
