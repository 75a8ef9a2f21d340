// Package layout holds the frame that every page stands in.
package layout

import (
	"strings"
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// Shell is what the frame needs to know about the request. Pages use its clock and
// its key as well, so that one answer shows one moment.
type Shell struct {
	Asset   func(name string) string // content-hashed address of "app.css", "app.js", …
	Title   string                   // of the page: "billing-api"
	State   string                   // said before the title: "2 waiting", "failed"
	Tone    component.State          // colours the icon of the tab: Waiting, Failed, or none
	Section string                   // "board", "inbox", "activity", "settings": the tab that is current
	Zone    string                   // that times are read in, chosen by the person; "" = UTC
	Theme   string                   // "light", "dark", or "" for what the system says
	Now     time.Time                // all ages are counted from here; its location is the zone shown

	SignedIn   bool
	Name       string   // of the person, "Ana Nordin"
	Login      string   // e-mail or account name
	Groups     []string // as the identity provider told them
	InboxCount int      // gates that this person may decide
	KeysOff    bool     // single-letter keys turned off by this person

	Here   string   // path and query of this page, to come back to
	Topics []string // live topics: "board", "inbox", "deployment:42", "service:billing-api"
	After  int64    // the newest event that the page already shows
	Key    string   // idempotency key of the frame's own forms
	Flash  []Flash  // what the last action did

	StopLine string // stop-the-line is on: why and by whom; "" = off
	Version  string // of this server
	Build    string // commit it was built from
}

// Flash is one message about the action that led here.
type Flash struct {
	Kind component.State // Live = done, Failed = refused, else neutral
	Text string
	Link component.Link // what to look at next
}

// FullTitle is what the browser's tab says: the state first, as tabs are narrow.
func (s Shell) FullTitle() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{s.State, s.Title, "Slipway"} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " · ")
}

func (s Shell) icon() string {
	switch s.Tone {
	case component.Waiting:
		return s.Asset("favicon-waiting.svg")
	case component.Failed:
		return s.Asset("favicon-failed.svg")
	default:
		return s.Asset("favicon.svg")
	}
}

func (s Shell) themeAttr() string {
	if s.Theme == "light" || s.Theme == "dark" {
		return s.Theme
	}
	return "system"
}

func (s Shell) topics() string { return strings.Join(s.Topics, " ") }

func current(yes bool) string {
	if yes {
		return "page"
	}
	return "false"
}
