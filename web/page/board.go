package page

import "github.com/slipway-dev/slipway/web/component"

// BoardView is every service in every environment.
type BoardView struct {
	Environments []string // column heads, in promotion order
	Teams        []BoardTeam
	TeamOptions  []component.Option // filter; Value "" = all teams
	Team         string             // the team filtered for, "" = all
	Mine         bool               // only services of my teams
	MineHref     string
	AllHref      string
	Note         string // why something else than asked is shown

	NeedsYou    int // gates that this person may decide
	Rolling     int
	FailedToday int    // in 24 h
	FailedHref  string // activity or run list filtered for failures
	RollingHref string
	Frozen      string // "Storefront production frozen until 08:00"; "" = nothing is
	FrozenHref  string

	Panel      *StageView // the stage that is open beside the board; nil = none
	PanelClose string     // the board without it

	CanRegister bool
	Command     string // for the empty board: a line to copy
	NextHref    string // more services, "" on the last page
}

// BoardTeam is a group of rows.
type BoardTeam struct {
	Name     string
	Title    string
	OnCall   string
	Services []BoardService
}

// BoardService is one row; Cells has one station per entry of Environments.
type BoardService struct {
	Name  string
	Href  string
	Note  string // "kubernetes · canary"
	Cells []component.Station
}

func boardNote(t BoardTeam) string {
	note := component.Count(len(t.Services), "service")
	if t.OnCall != "" {
		note += " · on call " + t.OnCall
	}
	return note
}

func needYou(n int) string {
	if n == 1 {
		return "needs you"
	}
	return "need you"
}
