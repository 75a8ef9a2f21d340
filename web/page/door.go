package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// SignInView is the front door.
type SignInView struct {
	Providers []Provider
	Demo      []DemoPerson // only in dev
	Return    string       // where people wanted to go, shown as words
	Error     string       // why the last attempt failed
	Notice    string       // "You are signed out."
}

// Provider is one button. Href is a GET link to /auth/login?return=….
type Provider struct {
	Name string
	Href string
}

// DemoPerson is one person of the demo with what they can do.
type DemoPerson struct {
	Name string
	Role string // "approver of Payments"
	Can  string // "Approves production gates; may not change pipelines."
	Href string
}

// ErrorView is a refusal or a failure: what happened, what is affected, what to do.
type ErrorView struct {
	Code      int
	Title     string // "You cannot approve in production"
	Happened  string
	Affected  string
	Do        string
	Blocks    []component.Block // 403: the permission and who can grant it
	Near      []component.Link  // 404: near matches
	Actions   []component.Link
	RequestID string
	At        time.Time
}

func (v ErrorView) state() component.State {
	switch {
	case v.Code == 404:
		return component.Unknown
	case v.Code == 403 || v.Code == 401 || v.Code == 409:
		return component.Frozen
	default:
		return component.Failed
	}
}

// FindView is what the find box answers.
type FindView struct {
	Query  string
	Groups []FindGroup
}

// FindGroup is one kind of result.
type FindGroup struct {
	Title string // "Services", "Releases", "Runs", "Actions"
	Items []FindItem
}

// FindItem is one result.
type FindItem struct {
	State component.State
	Text  string
	Note  string
	Href  string
}
