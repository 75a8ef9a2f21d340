package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// PipelineView is a service's pipeline as text, with its revisions.
type PipelineView struct {
	Team      string
	Service   string
	Revision  int    // shown; 0 = none yet
	Latest    int    // newest revision
	YAML      string // what the text area holds: the revision, or what was typed
	CanApply  bool
	WhyNot    []component.Block
	Problems  []component.Problem // of what was typed
	Diff      []component.DiffLine
	DiffTitle string            // "2 stages change" or "Nothing changes"; "" = no diff was asked for
	Notices   []component.Check // what applying means: "3 open approvals become void"
	Revisions []PipelineRevision
	Key       string
}

// PipelineRevision is one row of the history.
type PipelineRevision struct {
	Number  int
	Href    string
	By      string
	At      time.Time
	Note    string // "adds soak to production"
	Current bool
}

// lines is the height of the editor: all of a short pipeline, a screen of a long one.
func lines(text string) int {
	n := 1
	for _, r := range text {
		if r == '\n' {
			n++
		}
	}
	return min(max(n+1, 12), 40)
}
