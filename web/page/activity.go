package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// ActivityView is the audit: append-only, newest first.
type ActivityView struct {
	Actor       string
	Action      string
	Service     string
	Environment string
	Chips       []Chip
	ClearHref   string
	Entries     []Entry
	Chain       component.State // Live = verified, Failed = broken, Unknown = not checked yet
	ChainNote   string          // "Chain verified up to entry 4 812, 2 min ago"
	CSVHref     string
	JSONLHref   string
	NextHref    string // older entries, "" on the last page
	FirstHref   string // newest entries, "" on the first page
}

// Chip is one filter in force; Href takes it away.
type Chip struct {
	Text string
	Href string
}

// Entry is one act of one actor.
type Entry struct {
	ID      string
	At      time.Time
	Actor   string
	Action  string // "gate.approve"
	Object  component.Link
	Detail  string // "1.41.2 to 1.42.0, plan 7c1d"
	Via     string // "browser", "API", "Slack", "CLI"
	Request string // request id
	Loud    bool   // bypass, stop-the-line: must not be overlooked
	Denied  bool
}
