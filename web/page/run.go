package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// RunView is one deployment, while it goes and ever after.
type RunView struct {
	ID          string
	Team        string
	Service     string
	Environment string
	Version     string
	From        string // version that it replaces
	Cause       string // "promote", "rollback", "redeploy", "rotation"
	State       component.State
	Progress    int
	Word        string // "rolling", "succeeded", "failed"
	Actor       string
	Reason      string // the actor's words
	StartedAt   time.Time
	Took        string // "" while it runs
	Usually     string // "1 min 20 s"
	Now         string // "3 of 5 ready, 25 % of traffic", or what a queued one waits for

	Steps  []component.Step
	Checks []component.Figure
	Tracks []component.Track
	Events []component.Event

	Failure *Failure // first error, pinned on top; nil = none
	Hold    string   // "Automation of production is held until …"; "" = not

	Log       []component.LogLine
	LogMore   string // address of earlier lines, "" = all are here
	LogNote   string // why there is no log
	LogLive   bool
	PlanShort string
	PlanHref  string
	Set       component.Link // that it belongs to

	CanCancel   bool
	CanPause    bool
	CanResume   bool
	Lost        bool // nobody knows whether a call took effect: resume asks how
	Accepts     bool // resuming accepts what a check could not tell
	CanRetry    bool
	RollbackTo  string // version; "" = no link
	Rollback    string // address of the roll back page
	WhyNot      []component.Block
	Error       string
	Key         string
	Stands      bool   // it waits or is paused: people may ask why
	GateHref    string // review that it waits for; "" = none
	RawLog      string // address of the log as text
	Replacement component.Link
}

// Failure tells what happened, what is affected and what to do.
type Failure struct {
	What     string
	Affected string
	Do       string
	LineHref string // "#L41", "" = not in the log
	ID       string // request or event id
}

func (v RunView) title() string {
	if v.Cause == "rollback" {
		return "Roll back " + v.Service + " to " + v.Version + " in " + v.Environment
	}
	return v.Service + " " + v.Version + " to " + v.Environment
}

func (v RunView) action(what string) string { return "/runs/" + v.ID + "/" + what }
