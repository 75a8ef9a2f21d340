package page

import "github.com/slipway-dev/slipway/web/component"

// CompareView is the difference of any two environments or releases.
type CompareView struct {
	Team        string
	Service     string
	FromOptions []component.Option // environments first, then releases
	ToOptions   []component.Option
	Chosen      bool // both sides were given
	From        component.Station
	To          component.Station
	Identical   string // "Identical: same digest since 12 Nov." "" = they differ
	Summary     string
	Changes     []component.Change
	Commits     []component.Commit
	More        int
	Missing     string         // which metadata is missing and how to send it
	Promote     component.Link // "Promote this difference"
	Error       string
}
