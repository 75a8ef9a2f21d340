package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// GateView is one question to a person: shall exactly this plan go out?
type GateView struct {
	ID          string // shown: "218"
	Team        string
	Service     string
	Environment string
	Cause       string // "promote", "rollback", "redeploy", "rotation"
	State       string // open, approved, rejected, superseded, expired, cancelled, running
	Outcome     string // for every state but open: "Rejected by Ben Okafor: not before the audit."
	Next        component.Link
	From        component.Station // Detail: "in production, 6 days"
	To          component.Station // Detail: "in staging for 2 h 10 min, no error"
	AskedBy     string
	Note        string // the requester's words
	AskedAt     time.Time

	Voided    string // "The plan changed 2 min ago; 1 approval no longer counts." "" = it did not
	VoidDiff  []component.Change
	PlanShort string // "7c1d"
	Plan      string // full digest, sent back with the decision

	Summary     string // "11 commits, 1 setting, 1 secret, 2 manifests"
	Changes     []component.Change
	Previews    []Preview
	Commits     []component.Commit
	MoreCommits int
	CompareHref string

	Checks  []component.Check
	Votes   []component.Vote
	HowOut  []component.Check // strategy and way back; Note: "usually 24 min", "reversible"
	Expires time.Time

	CanApprove bool
	CanReject  bool
	WhyNot     []component.Block  // why you may not decide
	Bypass     []component.Option // shut gates that the reader may go around; none = may not
	Error      string             // of the decision that was just sent
	Reason     string             // kept from a refused rejection
	Key        string
}

// Preview is what a deployer says it would do, in its own words.
type Preview struct {
	ID    string // fragment that a change row may point to
	Title string
	Lines []component.DiffLine
	Open  bool
}

func (v GateView) open() bool { return v.State == "open" || v.State == "" }

func (v GateView) question() string {
	switch {
	case v.Cause == "rollback" && v.open():
		return "Roll back to " + v.To.Version + " in " + v.Environment + "?"
	case v.open():
		return "Release " + v.To.Version + " to " + v.Environment + "?"
	case v.Cause == "rollback":
		return "Roll back to " + v.To.Version + " in " + v.Environment
	default:
		return v.To.Version + " to " + v.Environment
	}
}

func (v GateView) approveLabel() string {
	if v.Cause == "rollback" {
		return "Approve rollback to " + v.To.Version
	}
	return "Approve " + v.To.Version + " to " + v.Environment
}

// outcomeState is how the end of a gate looks.
func outcomeState(state string) component.State {
	switch state {
	case "approved":
		return component.Live
	case "running":
		return component.Rolling
	case "rejected":
		return component.Failed
	case "open", "":
		return component.Waiting
	default:
		return component.None
	}
}

// askedNote follows an age: it ends the sentence, or goes on with what was said.
func askedNote(note string) string {
	if note == "" {
		return " ago"
	}
	return " ago: “" + note + "”"
}
