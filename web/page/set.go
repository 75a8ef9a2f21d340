package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// SetsView lists release sets, newest first.
type SetsView struct {
	Sets []SetRow
	More string // address of older ones; "" = none
}

// SetRow is one set in a list.
type SetRow struct {
	Href        string
	Name        string
	Environment string
	Services    string // "3 services"
	State       component.State
	Progress    int
	Word        string
	Message     string
	AskedBy     string
	At          time.Time
}

// SetView is one release set: its services as stations, in the order in which
// they go.
type SetView struct {
	ID          string
	Name        string
	Environment string
	State       component.State
	Progress    int
	Word        string
	Message     string // what it does, or what is where
	AskedBy     string
	AskedAt     time.Time
	Took        string // "" while it is under way
	Note        string
	OnFailure   string // what happens when one of them fails
	Stations    []component.Step

	CanCancel   bool
	CanRollback bool
	Accept      component.Option // shown when a release is marked irreversible; Label "" = not
	Reason      string           // kept from a refused form
	WhyNot      []component.Block
	Error       string
	Key         string
}

func (v SetView) action(what string) string { return "/sets/" + v.ID + "/" + what }

// NewSetView asks for a set.
type NewSetView struct {
	Name         component.Field
	Environments []component.Option
	EnvError     string
	Items        component.Field // a service and its version in a line
	OnFailure    []component.Option
	Note         component.Field
	Problems     []component.Link
	WhyNot       []component.Block
	Key          string
}
