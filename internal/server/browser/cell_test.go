package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
)

func spec(version string, seq int64) slipway.Spec {
	return slipway.Spec{Version: version, Seq: seq, Replicas: 2, Reversible: true}
}

func track(s slipway.Spec, ready, weight int) slipway.ObservedTrack {
	return slipway.ObservedTrack{Spec: s.ID(), Version: s.Version, Wanted: 2, Ready: ready, Weight: weight}
}

// TestStationStates goes through what a station may look like, worst first: each
// case has all that the ones after it have.
func TestStationStates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 19, 14, 0, 0, 0, time.UTC)
	old, next := spec("1.0.0", 1), spec("1.1.0", 2)
	approval := []slipway.Gate{{Approval: &slipway.ApprovalGate{Count: 2}}}
	healthy := &slipway.Observed{At: now, Converged: true, Generation: 7, Tracks: []slipway.ObservedTrack{track(old, 2, 100)}}
	live := slipway.StageState{Live: &slipway.Live{Spec: old, Since: now.Add(-time.Hour)}, Observed: healthy}
	with := func(change func(*stop)) stop {
		p := stop{service: "a", environment: "prod", now: now, state: live}
		change(&p)
		return p
	}
	active := func(p *stop, state slipway.State) *slipway.Deployment {
		p.active = &slipway.Deployment{ID: 5, Version: "1.1.0", State: state, StartedAt: &now, Message: "working",
			Plan: slipway.Plan{From: &old, To: next, Gates: approval, Phases: []slipway.Desired{{Name: "one"}, {Name: "two"}}},
			Runs: []slipway.PhaseRun{{Generation: 7, State: slipway.Converging}}}
		return p.active
	}
	fail := func(p *stop) {
		p.state.Failure = &slipway.LastFailure{Deployment: 4, Version: "1.0.9", Message: "image is gone", At: now.Add(-time.Minute)}
	}
	hold := func(p *stop) { p.state.Hold = &slipway.Hold{Reason: "rolled back to 1.0.0"} }
	freeze := func(p *stop) {
		p.freezes = []slipway.Freeze{{Environment: "prod", From: now.Add(-time.Hour), Until: now.Add(time.Hour)}, {Environment: "other", From: now, Until: now.Add(9 * time.Hour)}}
	}
	all := func(p *stop) { fail(p); hold(p); freeze(p); p.lock = &slipway.Lock{OwnerName: "Ana", Reason: "moving"} }

	for name, c := range map[string]struct {
		stop    stop
		state   component.State
		version string
		detail  string
	}{
		"waits for people": {with(func(p *stop) { all(p); active(p, slipway.Waiting) }), component.Waiting, "1.0.0", "1.1.0 waits for 0 of 2 approvals"},
		"rolling": {with(func(p *stop) {
			all(p)
			active(p, slipway.Running)
			p.state.Observed = &slipway.Observed{At: now, Generation: 7, Tracks: []slipway.ObservedTrack{track(old, 2, 75), track(next, 1, 25)}}
		}), component.Rolling, "1.1.0", "25 % of traffic, 1 of 2 ready"},
		"paused":     {with(func(p *stop) { all(p); active(p, slipway.Paused) }), component.Rolling, "1.1.0", "paused, working"},
		"going back": {with(func(p *stop) { all(p); active(p, slipway.Reverting) }), component.Rolling, "1.0.0", "going back: working"},
		"failed":     {with(all), component.Failed, "1.0.0", "1.0.9: image is gone"},
		"failed before it went well": {with(func(p *stop) {
			fail(p)
			p.state.Failure.At = now.Add(-2 * time.Hour)
		}), component.Live, "1.0.0", "healthy, 2 of 2"},
		"held":   {with(func(p *stop) { hold(p); freeze(p) }), component.RolledBack, "1.0.0", "automation held"},
		"frozen": {with(freeze), component.Frozen, "1.0.0", "frozen until 15:00"},
		"locked": {with(func(p *stop) { p.lock = &slipway.Lock{OwnerName: "Ana", Reason: "moving"} }), component.Frozen, "1.0.0", "locked by Ana: moving"},
		"soaking": {with(func(p *stop) {
			until := now.Add(23 * time.Minute)
			active(p, slipway.Waiting).Verdicts = []slipway.Verdict{{Gate: "approval", Result: slipway.Pass}, {Gate: "soak", Result: slipway.Wait, Until: &until}}
		}), component.Live, "1.0.0", "1.1.0 next: soaking, 23 min left"},
		"healthy": {with(func(*stop) {}), component.Live, "1.0.0", "healthy, 2 of 2"},
		"lost": {with(func(p *stop) {
			p.state.Observed = &slipway.Observed{At: now.Add(-14 * time.Minute), Converged: true, Tracks: healthy.Tracks}
		}), component.Unknown, "1.0.0", "last seen 14 min ago"},
		"never seen": {with(func(p *stop) { p.state.Observed = nil }), component.Unknown, "1.0.0", "no report yet"},
		"half ready": {with(func(p *stop) {
			p.state.Observed = &slipway.Observed{At: now, Converged: true, Tracks: []slipway.ObservedTrack{track(old, 1, 100)}}
		}), component.Unknown, "1.0.0", "1 of 2 ready"},
		"drifted": {with(func(p *stop) {
			p.state.Observed = &slipway.Observed{At: now, Converged: true, Tracks: []slipway.ObservedTrack{track(next, 2, 100)}}
		}), component.Unknown, "1.1.0", "runs 1.1.0, not 1.0.0"},
		"other settings": {with(func(p *stop) {
			p.state.Observed = &slipway.Observed{At: now, Converged: true, Tracks: []slipway.ObservedTrack{{Spec: "1.0.0-else", Version: "1.0.0", Ready: 2, Wanted: 2}}}
		}), component.Unknown, "1.0.0", "with other settings"},
		"gone":     {with(func(p *stop) { p.state.Observed = &slipway.Observed{At: now, Converged: true} }), component.Unknown, "1.0.0", "nothing runs"},
		"broken":   {with(func(p *stop) { p.state.Observed = &slipway.Observed{At: now, Failed: true, Message: "out of memory"} }), component.Failed, "1.0.0", "out of memory"},
		"released": {with(func(p *stop) { p.state = slipway.StageState{} }), component.None, "", "never released"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := c.stop.station("c-")
			if st.State != c.state || st.Version != c.version || !strings.Contains(st.Detail, c.detail) {
				t.Errorf("is %s %q %q, want %s %q %q", st.State, st.Version, st.Detail, c.state, c.version, c.detail)
			}
			if (st.SinceText == "?") != (c.stop.state.Live != nil && !c.stop.fresh() && st.State != component.Rolling) {
				t.Errorf("age %q does not fit a report that is fresh: %v", st.SinceText, c.stop.fresh())
			}
		})
	}
}

func TestLineCountsReleasesBetween(t *testing.T) {
	t.Parallel()
	now := time.Now()
	states := map[string]slipway.StageState{
		"dev":  {Environment: "dev", Live: &slipway.Live{Spec: spec("1.5.0", 5), Since: now}},
		"prod": {Environment: "prod", Live: &slipway.Live{Spec: spec("1.2.0", 2), Since: now}},
	}
	stations := line("c-", []slipway.Stage{{Environment: "dev"}, {Environment: "prod"}}, []string{"dev", "staging", "prod"}, func(environment string) stop {
		return stop{service: "a", environment: environment, state: states[environment], now: now}
	})
	if stations[0].Ahead != "+3" || stations[0].AheadTitle != "3 releases ahead of prod" || !stations[1].Absent || stations[2].Ahead != "" {
		t.Errorf("%+v", stations)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 19, 14, 0, 0, 0, time.UTC)
	for _, c := range [][2]string{
		{exact(80 * time.Second), "1 min 20 s"}, {exact(2*time.Hour + 10*time.Minute), "2 h 10 min"}, {exact(40 * time.Millisecond), "40 ms"}, {exact(72 * time.Hour), "3 d"},
		{clock(now.Add(time.Hour), now), "15:00"}, {clock(now.Add(48*time.Hour), now), "Sat 21 Nov 14:00"},
		{shortSHA("4be1a90ffff"), "4be1a90"}, {shortSHA("v1.2.0-release"), "v1.2.0-release"}, {tame("=1+1"), "'=1+1"}, {tame("plain"), "plain"},
		{canaryWords([]slipway.CanaryStep{{Weight: 5, Bake: slipway.Duration(time.Minute)}, {Weight: 50, Pause: true}}), "Canary: 5 % for 1 min, 50 % until a person resumes, then all traffic."},
	} {
		if c[0] != c[1] {
			t.Errorf("%q, want %q", c[0], c[1])
		}
	}
}
