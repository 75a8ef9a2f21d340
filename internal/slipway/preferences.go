package slipway

import (
	"fmt"
	"slices"
	"time"
)

// Preferences is what one person wants to be told of, and when.
type Preferences struct {
	Teams     []string        `json:"teams,omitempty"`
	Services  []string        `json:"services,omitempty"`
	Kinds     []string        `json:"kinds,omitempty"` // of these teams and services; none: nothing but what is asked of them
	Approvals bool            `json:"approvals"`       // when a decision of theirs is waited for
	Channel   DeliveryChannel `json:"channel"`         // email, slack or mattermost
	Quiet     *QuietHours     `json:"quiet,omitempty"` // nil: told at any hour
	Urgent    bool            `json:"urgent"`          // what is urgent is told in quiet hours, too
}

// QuietHours are hours of each day in which nothing but what is urgent is told.
type QuietHours struct {
	From  string `json:"from"`  // "22:00"
	Until string `json:"until"` // "07:00", of the next day if it is not after From
	Zone  string `json:"zone"`  // "Europe/Stockholm"
}

// DefaultPreferences are those of who has said nothing: asked for decisions by
// mail, and told of nothing else.
func DefaultPreferences() Preferences {
	return Preferences{Approvals: true, Channel: ToEmail, Urgent: true}
}

// Wants reports whether a person follows an event.
func (p Preferences) Wants(e DomainEvent) bool {
	if len(p.Kinds) == 0 || !CanBeTold(e.Kind) || !KindsInclude(p.Kinds, e.Kind) {
		return false
	}
	return e.Service != "" && slices.Contains(p.Services, e.Service) || e.Team != "" && slices.Contains(p.Teams, e.Team)
}

// Validate lists what is wrong.
func (p Preferences) Validate() (faults []FieldError) {
	add := func(field, format string, args ...any) {
		faults = append(faults, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	switch p.Channel {
	case ToEmail, ToSlack, ToMattermost:
	default:
		add("channel", "is email, slack or mattermost")
	}
	for _, kind := range p.Kinds {
		if !knownKind(kind) {
			add("kinds", "there is nothing to be told of %q", kind)
		}
	}
	if len(p.Teams)+len(p.Services) > maxFollowed {
		add("services", "are at most %d, teams included", maxFollowed)
	}
	if p.Quiet == nil {
		return faults
	}
	for field, text := range map[string]string{"quiet.from": p.Quiet.From, "quiet.until": p.Quiet.Until} {
		if _, err := time.Parse(quietLayout, text); err != nil {
			add(field, "is a time of day such as 22:00")
		}
	}
	if _, err := time.LoadLocation(p.Quiet.Zone); err != nil || p.Quiet.Zone == "" || p.Quiet.Zone == "Local" {
		add("quiet.zone", "is a time zone such as Europe/Stockholm")
	}
	if p.Quiet.From == p.Quiet.Until {
		add("quiet.until", "is another time than the one they begin at")
	}
	return faults
}

const (
	quietLayout = "15:04"
	maxFollowed = 200
)

// Ends returns when the quiet hours around now are over; now itself if it is not
// within any. It goes by the clock on the wall of the zone, so the hours are as
// long as that clock makes them on the days when it is changed.
func (q *QuietHours) Ends(now time.Time) time.Time {
	if q == nil {
		return now
	}
	zone, err := time.LoadLocation(q.Zone)
	from, err1 := time.Parse(quietLayout, q.From)
	until, err2 := time.Parse(quietLayout, q.Until)
	if err != nil || err1 != nil || err2 != nil {
		return now // checked when it was kept; a zone that is gone keeps nobody in the dark
	}
	local := now.In(zone)
	at := func(days int, clock time.Time) time.Time {
		return time.Date(local.Year(), local.Month(), local.Day()+days, clock.Hour(), clock.Minute(), 0, 0, zone)
	}
	for _, day := range []int{-1, 0} { // those that began yesterday, and those of today
		begin, end := at(day, from), at(day, until)
		if !until.After(from) {
			end = at(day+1, until)
		}
		if !now.Before(begin) && now.Before(end) {
			return end.UTC()
		}
	}
	return now
}
