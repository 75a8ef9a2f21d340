package kubernetes

import (
	"fmt"
	"strings"
)

// rolloutNotes are what people should know of how far it is.
func (s *snapshot) rolloutNotes() []string {
	live := s.home()
	if live == nil || len(s.tracks) == 0 {
		return nil
	}
	v, course := viewOf(live), courseOf(live)
	var notes []string
	switch {
	case !v.inFlight():
	case v.held:
		notes = append(notes, fmt.Sprintf("somebody has paused the Rollout %s", live.GetName()))
	case v.aborted:
		notes = append(notes, fmt.Sprintf("the Rollout %s was aborted and is back at what ran before", live.GetName()))
	case course.blueGreen && v.waits:
		notes = append(notes, "the Rollout waits before it switches")
	case course.blueGreen:
	default:
		notes = append(notes, fmt.Sprintf("the Rollout is at step %d of %d", min(v.step+1, course.steps), course.steps))
	}
	return notes
}

// courseWords tell people who approve how a Rollout will go.
func (s *snapshot) courseWords(first bool) []string {
	lead := s.lead()
	if s.kind() != kindRollout || lead == nil {
		return nil
	}
	rollout := s.home()
	if rollout == nil || s.record.Adopted == nil {
		rollout = lead.workload
	}
	course := courseOf(rollout)
	words := fmt.Sprintf("The Rollout %s goes its own way: %s.", lead.workload.GetName(), course.said())
	switch {
	case course.blueGreen:
		words += fmt.Sprintf(" The old side is kept for %ds after the switch.", course.keeps)
	case s.record.Back:
		words += " On the way back its steps are left out."
	case first && len(course.stops) > 0:
		words += " This first release is promoted past each of them as soon as it is ready there."
	case len(s.tracks) == 1 && len(course.stops) > 0:
		words += " Slipway promotes it each time that the strategy of the stage goes on."
	}
	return []string{words}
}

// inWords are what a Rollout says of itself, without its own name for it.
func (v view) inWords() string {
	for _, prefix := range []string{"RolloutAborted: ", "InvalidSpec: ", "ProgressDeadlineExceeded: "} {
		if rest, ok := strings.CutPrefix(v.message, prefix); ok {
			return rest
		}
	}
	return v.message
}
