package page

import (
	"strconv"

	"github.com/slipway-dev/slipway/web/component"
)

// CalendarRow is a calendar on the page of environments.
type CalendarRow struct {
	ID     string
	Name   string
	Where  string // "production", "all environments"
	Allows bool   // deployments start within it only
	Rule   string // in words: "weekly on Fri"
	Zone   string
	Reason string
	By     string
	Next   string // "Fri 4 Dec 17:00 to Mon 7 Dec 08:00"; "" = it is over
	Shut   bool   // it keeps deployments from starting now
	Can    bool   // the reader may remove it
}

// CalendarView is the form of a new calendar.
type CalendarView struct {
	From   string             // "form", "rule", "file"
	Where  []component.Option // name "environment"; Value "" = all
	Kinds  []component.Option // name "kind"
	Repeat []component.Option // name "repeats"
	Name   component.Field
	Reason component.Field
	Zone   component.Field
	Starts component.Field // of the first time
	Ends   component.Field
	Until  component.Field // a day after which it does not come again
	Rule   component.Field
	Lasts  component.Field
	Text   component.Field // of the file
	Upload component.Field

	WhereError string
	Problems   []component.Link // summary on top of a refused form
	Preview    []CalendarPreview
	Changed    bool   // what was previewed is not what is asked for now
	Seen       string // of what the preview is
	CanAdd     bool   // the reader may add one at all
	WhyNot     []component.Block
	Key        string
}

// CalendarPreview is what a calendar would make.
type CalendarPreview struct {
	Name  string
	Rule  string
	Zone  string
	Times []CalendarTime
}

// CalendarTime is one occurrence, as the clock of its zone shows it.
type CalendarTime struct {
	From, Until string
	Lasts       string
}

func (v CalendarView) tabs() []component.Option {
	tabs := []component.Option{{Value: "form", Label: "Simple"}, {Value: "rule", Label: "By rule"}, {Value: "file", Label: "iCalendar file"}}
	for i := range tabs {
		tabs[i].Selected = tabs[i].Value == v.From
		tabs[i].Value = "/settings/calendars/new?from=" + tabs[i].Value
	}
	return tabs
}

// encoding lets a file come along where there is one.
func (v CalendarView) encoding() string {
	if v.From == "file" {
		return "multipart/form-data"
	}
	return "application/x-www-form-urlencoded"
}

func (v CalendarView) addLabel() string {
	if len(v.Preview) == 1 {
		return "Add " + v.Preview[0].Name
	}
	return "Add " + strconv.Itoa(len(v.Preview)) + " calendars"
}
