package kubernetes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// rolloutFailure says why a Rollout does not get to where it was told to go; nil
// while that is only a matter of time.
func (s *snapshot) rolloutFailure(t *rendered, seen deployers.ObservedTrack) *deployers.Failure {
	live := s.home()
	if live == nil || t != s.lead() || !s.asWritten(live) {
		return nil
	}
	v := viewOf(live)
	why := s.trouble(t)
	fail := func(terminal bool, format string, args ...any) *deployers.Failure {
		text := fmt.Sprintf("version %s: ", t.track.Version) + fmt.Sprintf(format, args...)
		if why.text != "" && seen.Ready < seen.Wanted {
			text += ": " + why.text
		}
		return &deployers.Failure{Terminal: terminal, Reason: text}
	}
	if !v.seen {
		return s.unheard(live.GetName(), t)
	}
	switch {
	case v.aborted && v.inFlight():
		return fail(true, "the Rollout %s was aborted: %s", live.GetName(), v.inWords())
	case strings.HasPrefix(v.message, "InvalidSpec: "):
		return fail(true, "the Rollout %s is not valid: %s", live.GetName(), v.inWords())
	case v.phase == "Degraded" && strings.HasPrefix(v.message, "ProgressDeadlineExceeded"):
		return fail(true, "%d of %d ready, no progress within %s", seen.Ready, seen.Wanted, time.Duration(t.config.ProgressDeadline))
	case v.held && v.inFlight():
		return fail(false, "somebody has paused the Rollout %s; it goes on when it is resumed", live.GetName())
	case slices.Contains(v.paused, "InconclusiveAnalysisRun"):
		return fail(false, "an analysis of the Rollout %s has come to no conclusion; promote or abort it", live.GetName())
	}
	course := courseOf(live)
	target, err := course.target(t.track, len(s.tracks) == 1)
	switch {
	case err != nil:
		return &deployers.Failure{Terminal: true, Reason: err.Error()}
	case len(s.tracks) > 1 && !course.blueGreen && (v.step > target || !v.inFlight() && s.trackOf(v.stable) == trackHash(t.track.ID)):
		return fail(false, "somebody has promoted the Rollout %s past %d %%, and it does not go back by itself", live.GetName(), t.track.Weight)
	case why.bad && seen.Ready < seen.Wanted:
		return &deployers.Failure{Terminal: why.final && seen.Ready == 0, Reason: fmt.Sprintf("version %s: %d of %d ready: %s", t.track.Version, seen.Ready, seen.Wanted, why.text)}
	}
	return nil
}

// unheardFor is how long a controller that is there may need to see a change.
const unheardFor = 30 * time.Second

// unheard tells of a controller that does not listen: none may be installed.
func (s *snapshot) unheard(name string, t *rendered) *deployers.Failure {
	if s.settledFor < unheardFor {
		return nil
	}
	return &deployers.Failure{Reason: fmt.Sprintf("version %s: the controller of Rollouts has not taken notice of %s for %s; check that Argo Rollouts runs",
		t.track.Version, name, s.settledFor.Round(time.Second))}
}
