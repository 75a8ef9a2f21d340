package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// InboxView is what waits for this person, and what became of it.
type InboxView struct {
	Waiting []InboxItem   // may be decided by this person, nearest deadline first
	Asked   []InboxItem   // asked by this person, still open
	Decided []InboxItem   // decided lately, by anybody this person works with
	Changes []InboxChange // of secrets, that this person may decide
	Note    string        // said when nothing waits: "Next freeze opens Fri 16:00."
	Key     string
}

// InboxChange is a change of secrets, which is decided on its own page.
type InboxChange struct {
	Href        string
	Service     string
	Environment string
	What        string
	AskedBy     string
	Need        string
	Deadline    time.Time
}

// InboxItem is one gate with enough of the change to decide on it here.
type InboxItem struct {
	ID          string
	Href        string // /gates/{id}
	Service     string
	Environment string
	Cause       string
	From        string
	To          string
	AskedBy     string
	Note        string
	AskedAt     time.Time
	Deadline    time.Time // zero = it does not expire
	Need        string    // "1 of 2 approvals"
	State       component.State
	Result      string // decided items: "Approved by Ben Okafor"
	DecidedAt   time.Time

	Summary     string
	Changes     []component.Change
	Commits     []component.Commit
	MoreCommits int
	Plan        string
	PlanShort   string
	CanApprove  bool
	WhyNot      []component.Block
}

func (i InboxItem) approveLabel() string {
	if i.Cause == "rollback" {
		return "Approve rollback to " + i.To
	}
	return "Approve " + i.To + " to " + i.Environment
}
