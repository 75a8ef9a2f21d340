package page

import (
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// StageView is one service in one environment: what runs there and what may be
// done about it.
type StageView struct {
	Team        string
	Service     string
	Environment string
	State       component.State
	Progress    int
	Word        string // "healthy", "drifted", "rolling back"
	Version     string // observed; "" = nothing runs
	VersionHref string
	Since       time.Time
	Line        []component.Station // the whole line, to keep the bearings

	Deployer    string // "kubernetes"
	Strategy    string // "canary 5, 25, 100 %"
	Observed    time.Time
	Message     string // the deployer's words
	Stale       string // "No report for 14 min. Shown is the last one."; "" = fresh
	Drift       string // what differs from what was deployed; "" = nothing
	Tracks      []component.Track
	Facts       []Fact         // digest, region, address, …
	Active      component.Link // deployment under way; "" = none
	ActiveState component.State

	Hold        string // why automation is held; "" = it is not
	HoldBy      string
	HoldSince   time.Time
	CanLift     bool
	LiftWhyNot  string // why the reader may not lift it; "" = they may
	Part        *Part  // a release beside what is live; nil = none
	Sharing     bool   // the stage is partial: promoting takes a share
	Share       int    // preselected
	Lock        string // why the environment is locked; "" = it is not
	LockBy      string
	LockSince   time.Time
	Releases    []component.Option // what may be promoted, newest first
	Promotable  string             // the preselected version, named on the button
	CanPromote  bool
	WhyNot      []component.Block // why promoting is refused
	CanRollback bool
	LastGood    string // named on the link; "" = no earlier success
	RollbackNot []component.Block
	Error       string // of the form that was just sent
	Zone        string // of times that are typed, "UTC"

	Recent   []component.Deployment
	Commands []component.Snippet // the same from a terminal
	Key      string
}

// Part is a release that has a part of the traffic beside what is live.
type Part struct {
	Version string
	Href    string
	Words   string // "10 % of the traffic"
	Match   string // which requests; "" = any
	Share   int
	Since   time.Time
}

// Fact is one line of a definition list.
type Fact struct {
	Name string
	Text string
	Mono bool
	Copy bool
	Href string
}

// stands reports whether people may ask why nothing moves here.
func (v StageView) stands() bool {
	switch v.State {
	case component.Waiting, component.Frozen, component.RolledBack:
		return true
	default:
		return v.Active.Text != "" || v.Lock != "" || v.Hold != ""
	}
}

func (v StageView) action(what string) string {
	return "/s/" + v.Service + "/" + v.Environment + "/" + what
}

func num(n int) string { return strconv.Itoa(n) }
