package component

import "time"

// State is what a station, a check or a deployment shows. It always appears as
// colour + shape + word, so that none of the three has to be understood alone.
type State string

// The states that have a shape of their own. Anything else is drawn as None.
const (
	Live       State = "live"       // healthy and observed, not assumed
	Rolling    State = "rolling"    // on its way; the ring fills with progress
	Waiting    State = "waiting"    // a person has to act
	Failed     State = "failed"     // stays until superseded
	RolledBack State = "rolledback" // automation is held as well
	Frozen     State = "frozen"     // freeze, lock, block, stop-the-line
	Unknown    State = "unknown"    // drift, or no report: never green by assumption
	None       State = "none"       // superseded, skipped, never released
)

// Word is the state in words, for people who cannot use colour or shape.
func (s State) Word() string {
	switch s {
	case Live:
		return "live"
	case Rolling:
		return "rolling"
	case Waiting:
		return "waiting for a person"
	case Failed:
		return "failed"
	case RolledBack:
		return "rolled back"
	case Frozen:
		return "frozen"
	case Unknown:
		return "unknown"
	default:
		return "none"
	}
}

// Link is a text that may lead somewhere. An empty Href renders as plain text.
type Link struct {
	Text string
	Href string
}

// Option is one choice of a select, a radio group or a list of checkboxes.
type Option struct {
	Value    string
	Label    string
	Note     string // said next to the label; for a disabled option, the reason
	Selected bool
	Disabled bool
}

// Field is one form field with what was typed before and what is wrong with it.
type Field struct {
	Name         string
	Label        string
	Value        string
	Error        string // beside the field; "" when it is fine
	Hint         string
	Type         string // input type, "text" when empty
	Placeholder  string
	Autocomplete string
	Required     bool
	Mono         bool
	Rows         int // > 0 renders a textarea
	MaxLength    int
}

// Station is one service in one environment: a cell of the board, a stop of a
// service's line.
type Station struct {
	ID          string // stable DOM id, so that a live refresh finds its cell
	Service     string
	Environment string
	Href        string // stage page
	PanelHref   string // the same beside the board, for those with script; "" = nowhere
	Version     string // what was observed to run; "" = never released
	Since       time.Time
	SinceText   string // instead of Since, when the age is not known ("?")
	State       State
	Progress    int    // 0..100, drawn as the ring of Rolling
	Detail      string // second line: "healthy, 2 of 2"
	DetailHref  string // where the second line leads, a gate or a run; "" = nowhere
	Who         string // initials of the last actor; "" = automation
	Ahead       string // "+3"; "" when level with the next station
	AheadTitle  string // "3 releases ahead of staging"
	Absent      bool   // the service has no such stage: the line runs through
}

// Block is one structured answer to "why not?".
type Block struct {
	What  string // "Freeze", "Lock", "Permission"
	Why   string
	Since time.Time
	Until time.Time
	Who   string // who can change it
	Href  string // where to change it or read more
}

// Commit is one change of the source.
type Commit struct {
	SHA     string // short
	Href    string // page of the commit at the forge; only http(s) becomes a link
	Subject string
	Author  string
	At      time.Time
}

// Change is one difference between two plans, releases or environments.
type Change struct {
	Kind  string // "new", "changed", "removed"
	Thing string // "artifact", "setting", "secret", "manifest"
	Name  string
	From  string // "" with Kind new
	To    string // "" with Kind removed
	Note  string // "version 3, value not shown"
	Href  string
}

// Check is one verdict of a gate, a verification or a policy, with its reason.
type Check struct {
	State  State
	Strong string // said first, in bold
	Text   string
	Note   string // right column: "provenance", "Stockholm"
	Since  time.Time
	Until  time.Time
	Who    string // who can change it, when it does not pass
	Href   string
}

// Vote is one person's decision about one plan.
type Vote struct {
	Who      string
	Decision string // "approved", "rejected"
	Comment  string
	At       time.Time
	Void     bool // given for an earlier plan
}

// Track is one set of instances that runs one artifact.
type Track struct {
	Name    string
	Version string
	State   State
	Weight  int // share of traffic in per cent, -1 = not split
	Ready   int
	Wanted  int
	Note    string // beside it: "1 finishes its work, at most 9 min more"
}

// Step is one stop of a run's rail.
type Step struct {
	State    State
	Progress int
	Name     string
	Note     string
	At       time.Time
	Took     string
	Href     string // jumps to its first log line
	Current  bool
}

// Deployment is one row of a list of deployments.
type Deployment struct {
	ID          string
	Href        string
	Service     string
	Version     string
	Environment string
	State       State
	Progress    int    // 0..100 while it rolls
	Word        string // "succeeded", "waits for 1 of 2 approvals"
	Cause       string // "promote", "rollback"
	Actor       string
	At          time.Time
	Took        string
}

// DiffLine is one line of a text difference.
type DiffLine struct {
	Kind string // "add", "del", "hunk", "" = unchanged
	Text string
}

// Problem is one line of a list of mistakes in a text that people typed.
type Problem struct {
	Line int // 0 = the whole text
	Text string
}

// RibbonItem is one release on a service's ribbon, newest first.
type RibbonItem struct {
	Version string
	Href    string
	At      time.Time
	Blocked bool
	Failed  bool
	Serves  []string // environments where it runs now
}

// Snippet is one tab of a how-to: a command that can be copied.
type Snippet struct {
	Title string
	Text  string
}
