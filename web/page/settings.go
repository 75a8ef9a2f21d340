package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// PeopleView is who there is, what they may do and why.
type PeopleView struct {
	People   []PersonRow
	Bindings []BindingRow
	Teams    []TeamRow
	CanEdit  bool
	Roles    []component.Option // of the add form
	Scopes   []component.Option // "organisation", "team:payments", "service:billing-api", …
	Subject  component.Field    // name "subject": a person or an OIDC group
	NewTeam  component.Field    // name "name"
	TeamName component.Field    // name "title"
	Error    string

	Actor      component.Field // explainer: what can <actor> …
	Permission []component.Option
	Resource   component.Field
	Answer     string          // "Ben Okafor may approve deployments of billing-api in production."
	Allowed    component.State // Live = yes, Failed = no
	Because    []component.Check
	Key        string
}

// PersonRow is one person who signed in at least once.
type PersonRow struct {
	Name     string
	Login    string
	Groups   []string
	LastSeen time.Time
	Service  bool // a service account
	Off      bool
}

// BindingRow gives one role to one subject somewhere.
type BindingRow struct {
	ID      string
	Subject string
	Group   bool // the subject is an OIDC group
	Role    string
	On      string // "organisation", "team payments"
	By      string
	At      time.Time
	Fixed   bool // from the start-up configuration: cannot be removed here
}

// TeamRow is one team.
type TeamRow struct {
	Name     string
	Title    string
	Services int
	OnCall   string
}

// EnvironmentsView is the order of environments and what stops them.
type EnvironmentsView struct {
	Environments []EnvironmentRow
	Freezes      []FreezeRow
	Calendars    []CalendarRow
	CanFreeze    bool // somewhere
	CanEdit      bool
	StopLine     string // reason; "" = the line runs
	StopLineBy   string
	StopLineAt   time.Time
	CanStop      bool
	Name         component.Field // of the add form: name, rank
	Rank         component.Field
	Tiers        []component.Option // name "tier"
	FreezeEnv    []component.Option // name "environment"
	FreezeReason component.Field
	FreezeUntil  component.Field // name "until", type datetime-local
	Error        string
	Key          string
}

// EnvironmentRow is one environment.
type EnvironmentRow struct {
	Name     string
	Rank     int
	Tier     string
	Services int
	Lock     string // reason; "" = open
	LockBy   string
	LockAt   time.Time
	Frozen   string // "frozen until 08:00"
}

// FreezeRow is one entry of the freeze calendar.
type FreezeRow struct {
	ID          string // "" = a calendar makes it, which is where it ends
	Environment string
	Reason      string
	From        time.Time
	Until       time.Time
	By          string
	Active      bool
}

// TokensView is a person's API tokens.
type TokensView struct {
	Tokens      []TokenRow
	Reveal      string // the new token, shown exactly once; "" otherwise
	RevealName  string
	Name        component.Field
	Permissions []component.Option // checkboxes, name "permission"
	Days        component.Field    // name "days"
	CanCreate   bool
	Error       string
	Key         string
}

// TokenRow is one token; its secret is not known to anybody any more.
type TokenRow struct {
	ID          string
	Name        string
	Prefix      string
	Permissions []string
	Created     time.Time
	LastUsed    time.Time
	Expires     time.Time
	Expired     bool
}

// AppearanceView is how the pages look and listen to keys.
type AppearanceView struct {
	Theme   string // "system", "light", "dark"
	KeysOff bool
	Zone    component.Field // that times are read in; Value "" = UTC
	Key     string
}

func clocks(zone string) []component.Option {
	return []component.Option{
		{Value: "utc", Label: "UTC, the same for everybody", Selected: zone == ""},
		{Value: "local", Label: "The time of a place", Selected: zone != ""},
	}
}

func settingsTabs(at string) []component.Option {
	tabs := []component.Option{
		{Value: "/settings/people", Label: "People"},
		{Value: "/settings/environments", Label: "Environments"},
		{Value: "/settings/notifications", Label: "Notifications"},
		{Value: "/settings/tokens", Label: "API tokens"},
		{Value: "/settings/chat", Label: "Chat"},
		{Value: "/settings/ci", Label: "CI"},
		{Value: "/settings/appearance", Label: "Appearance"},
	}
	for i := range tabs {
		tabs[i].Selected = tabs[i].Value == "/settings/"+at
	}
	return tabs
}

func themes(now string) []component.Option {
	return []component.Option{
		{Value: "system", Label: "As the system says", Selected: now == "system" || now == ""},
		{Value: "light", Label: "Light", Selected: now == "light"},
		{Value: "dark", Label: "Dark", Selected: now == "dark"},
	}
}

func answerWord(s component.State) string {
	if s == component.Live {
		return "yes"
	}
	return "no"
}
