package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// NotificationsView is who is told of what, and how that went.
type NotificationsView struct {
	Routes     []RouteRow
	Deliveries []DeliveryRow
	More       string // address of older deliveries; "" = none
	Only       string // name of the route whose log this is; "" = all
	WhyNot     []component.Block
	CanAdd     bool
	Reveal     string // the secret of a new webhook, shown exactly once
	RevealName string
	Problems   []component.Link

	Name         component.Field
	Address      component.Field
	Channels     []component.Option // name "channel"
	ChannelError string
	Formats      []component.Option // name "format"
	Teams        []component.Option // name "team"
	Environments []component.Option // name "environment"
	Service      component.Field
	Kinds        []component.Option // checkboxes, name "kind"
	Key          string
}

// RouteRow is one route.
type RouteRow struct {
	ID      string
	Name    string
	Of      string // "billing-api in production"
	Kinds   []string
	Channel string
	Address string
	Owner   string
	State   component.State
	Word    string    // "sent", "failing", "nothing sent yet"
	At      time.Time // since when it fails, or when it sent last
	Problem string
}

// DeliveryRow is one line of the log.
type DeliveryRow struct {
	ID       string
	At       time.Time
	Route    string
	What     string
	Message  string
	State    component.State
	Word     string
	Attempts int
	Next     time.Time
	Problem  string
	CanAgain bool
}

// MyNotificationsView is what one person wants to be told of.
type MyNotificationsView struct {
	Channels  []component.Option // name "channel"
	Approvals bool
	Urgent    bool
	Teams     []component.Option // checkboxes, name "team"
	Services  component.Field    // names, one per line
	Kinds     []component.Option // checkboxes, name "kind"
	Quiet     bool
	From      component.Field
	Until     component.Field
	Zone      component.Field
	Problems  []component.Link
	NoWay     string // why nothing reaches anybody; "" = something does
	Key       string
}
