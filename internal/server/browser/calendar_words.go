package browser

import (
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/page"
)

// zoneOf is where the clock of a calendar hangs.
func zoneOf(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

const dayLayout = "Mon 2 Jan 2006 15:04"

func calendarPreviews(list []app.CalendarAhead) []page.CalendarPreview {
	out := make([]page.CalendarPreview, len(list))
	for i, c := range list {
		zone := zoneOf(c.Zone)
		out[i] = page.CalendarPreview{Name: c.Name, Rule: ruleWords(c.Rule), Zone: c.Zone}
		for _, span := range c.Next {
			out[i].Times = append(out[i].Times, page.CalendarTime{From: span.From.In(zone).Format(dayLayout), Until: span.Until.In(zone).Format(dayLayout + " MST"), Lasts: daysAndHours(span.Until.Sub(span.From))})
		}
	}
	return out
}

// daysAndHours does not round: whether a freeze ends in the morning is the point.
func daysAndHours(d time.Duration) string {
	if d < 24*time.Hour {
		return exact(d)
	}
	return pair(int(d/(24*time.Hour)), "d", int(d%(24*time.Hour)/time.Hour), "h")
}

func calendarRow(c app.CalendarAhead, can bool, now time.Time) page.CalendarRow {
	row := page.CalendarRow{ID: id(c.ID), Name: c.Name, Where: c.Environment, Allows: c.Kind == slipway.CalendarAllow, Rule: ruleWords(c.Rule), Zone: c.Zone, Reason: c.Reason, By: c.By, Can: can}
	if row.Where == "" {
		row.Where = "all environments"
	}
	within := false
	if len(c.Next) > 0 {
		zone, next := zoneOf(c.Zone), c.Next[0]
		within = !next.From.After(now)
		row.Next = next.From.In(zone).Format("Mon 2 Jan 15:04") + " to " + next.Until.In(zone).Format("Mon 2 Jan 15:04")
	}
	row.Shut = within != row.Allows
	return row
}

// ruleWords says how often a rule comes again: "weekly on Fri". What it has no
// words for it shows as it is.
func ruleWords(rule string) string {
	_, again, found := strings.Cut(rule, "RRULE:")
	if !found {
		if strings.Contains(rule, "RDATE") {
			return "on the days that it lists"
		}
		return "once"
	}
	again, _, _ = strings.Cut(again, "\n")
	again = strings.TrimSpace(again)
	words := map[string]string{"DAILY": "daily", "WEEKLY": "weekly", "MONTHLY": "monthly", "YEARLY": "yearly"}
	days := strings.NewReplacer("MO", "Mon", "TU", "Tue", "WE", "Wed", "TH", "Thu", "FR", "Fri", "SA", "Sat", "SU", "Sun", ",", ", ")
	said, tail := "", ""
	for part := range strings.SplitSeq(again, ";") {
		name, value, _ := strings.Cut(part, "=")
		switch {
		case name == "FREQ" && words[value] != "":
			said = words[value]
		case name == "BYDAY" && !strings.ContainsAny(value, "+-0123456789"):
			tail += " on " + days.Replace(value)
		case name == "UNTIL" && len(value) >= 8:
			tail += " until " + value[:4] + "-" + value[4:6] + "-" + value[6:8]
		case name == "COUNT":
			tail += ", " + value + " times"
		case name == "WKST":
		default:
			return again
		}
	}
	return said + tail
}
