package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// RollbackView is the preview of a way back: what returns, what does not.
type RollbackView struct {
	Team        string
	Service     string
	Environment string
	Current     string // version that runs now
	CurrentAt   time.Time
	State       component.State
	Selected    string // version preselected, the last good one
	Choices     []RollbackChoice
	None        string // why there is no earlier success; "" = there is
	Undone      []Undo
	Summary     string
	Changes     []component.Change // from what runs now to the selected one
	Commits     []component.Commit // that go away
	More        int
	Pause       string // "Automation of production is held until somebody lifts it."
	Policy      string // "You may skip the approval gate; that is written to the audit."
	Accept      string // what has to be ticked before going back; "" = nothing
	Accepted    bool
	CanRollback bool
	WhyNot      []component.Block
	NeedReason  bool
	Reason      string
	ReasonError string
	Error       string
	Commands    []component.Snippet // the same from a terminal
	Key         string
}

// RollbackChoice is one earlier release.
type RollbackChoice struct {
	Version  string
	Note     string // "served production 6 d"
	Until    time.Time
	Selected bool
	Disabled bool
	Reason   string // why it is disabled: "its image is gone from the registry"
}

// Undo is one thing that a rollback does or does not take back.
type Undo struct {
	Yes  bool
	Text string // "Image", "Database changes"
	Note string
}

func (v RollbackView) action() string {
	return "/s/" + v.Service + "/" + v.Environment + "/rollback"
}

func undoState(yes bool) component.State {
	if yes {
		return component.Live
	}
	return component.None
}
