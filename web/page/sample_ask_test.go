package page_test

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func dryRun() page.DryRunView {
	g := gate()
	return page.DryRunView{Team: "Payments", Service: "billing-api", Environment: "production", Version: "1.42.0", State: component.Waiting, Answer: "It would wait for 2 gates.",
		Explain: "It could be asked for now, and would go out by itself when all of them are open.", From: g.From, To: g.To,
		Releases: []component.Option{{Value: "1.43.0", Label: "1.43.0"}, {Value: "1.42.0", Label: "1.42.0", Selected: true}}, Share: "10", At: "2026-11-23T09:00",
		Summary: g.Summary, Changes: changes(), Previews: g.Previews, Commits: commits(), MoreCommits: 9, CompareHref: "/s/billing-api/compare?from=1.41.2&to=1.42.0",
		Gates: g.Checks, HowOut: g.HowOut, Takes: component.Link{Text: "1.41.9, which waits for 1 of 2 approvals", Href: "/gates/217"},
		Phases:     []component.Step{{State: component.None, Name: "5 % of traffic", Note: "1 instance of 1.42.0, 5 % of the traffic, watched for 10 min"}, {State: component.None, Name: "All traffic", Note: "4 instances of 1.42.0"}},
		CanPromote: true, Commands: []component.Snippet{{Title: "Command line", Text: "slipway promote billing-api 1.42.0 --to production --dry-run"}, {Title: "curl", Text: "curl \"$SLIPWAY_URL/api/v1/services/billing-api/environments/production/dry-run?version=1.42.0\""}}, Key: key}
}

func dryRunRefused() page.DryRunView {
	v := dryRun()
	v.State, v.Answer, v.Explain, v.CanPromote = component.Frozen, "It would be refused.", "1.42.0 has not been live in staging yet.", false
	v.Refusals, v.WhyNot, v.Silent, v.Previews, v.Changes, v.Gates = blocks(), blocks()[1:], "no route to host.", nil, nil, nil
	return v
}

func whyNot() page.WhyView {
	return page.WhyView{Team: "Payments", Service: "billing-api", Environment: "production", Question: "Why does 1.42.0 not go to production?", State: component.Frozen, ID: "412",
		Summary: "Deployment 412 of 1.42.0 to production stands still: production is frozen: Weekends: nobody is there.", Subject: component.Link{Text: "Open the review", Href: "/gates/412"},
		Stands: blocks(), Others: []component.Check{{State: component.Frozen, Text: "production is frozen: Weekends: nobody is there.", Note: "freeze", Who: "who may manage freezes of production", Since: ago(4 * time.Hour), Until: in(20 * time.Hour)}, {State: component.Live, Text: "production is not locked.", Note: "lock"}},
		Hold: "Rolled back from 1.41.3: canary error rate 4 %.", HoldBy: component.Link{Text: "Open production", Href: "/s/billing-api/production"},
		Can:      []page.WhyMove{{Text: "Approve or reject it", Href: "/gates/412"}, {Text: "Roll back production", Href: "/s/billing-api/production/rollback"}},
		Cannot:   []page.WhyMove{{Text: "Change the freezes of production", Href: "/settings/environments", WhyNot: "You need freeze.manage on production. An administrator can give it to you."}},
		Commands: []component.Snippet{{Title: "Command line", Text: "slipway why 412"}, {Title: "curl", Text: "curl \"$SLIPWAY_URL/api/v1/deployments/412/why\""}}}
}

func newCalendar(from string) page.CalendarView {
	field := func(name, label string) component.Field {
		return component.Field{Name: name, Label: label, Required: true}
	}
	v := page.CalendarView{From: from, Where: []component.Option{{Value: "", Label: "All environments", Disabled: true, Note: "you may not"}, {Value: "production", Label: "production", Selected: true}},
		Kinds: []component.Option{{Value: "deny", Label: "nothing new starts"}}, Repeat: []component.Option{{Value: "FREQ=WEEKLY", Label: "Every week"}},
		Name: field("name", "Name"), Reason: field("reason", "Reason"), Zone: field("zone", "Time zone"), Starts: field("starts", "First time starts"), Ends: field("ends", "First time ends"),
		Until: field("until", "Not after"), Rule: field("rule", "Rule"), Lasts: field("lasts", "Lasts"), Text: field("text", "Or its text"), Upload: field("upload", "File"),
		Problems: []component.Link{{Text: "ends is after it starts", Href: "#ends"}}, Changed: true, Seen: "0a1b", CanAdd: true, Key: key,
		Preview: []page.CalendarPreview{{Name: "Weekends", Rule: "weekly on Fri", Zone: "Europe/Stockholm", Times: []page.CalendarTime{{From: "Fri 20 Nov 2026 17:00", Until: "Mon 23 Nov 2026 08:00 CET", Lasts: "63 h"}, {From: "Fri 27 Nov 2026 17:00", Until: "Mon 30 Nov 2026 08:00 CET", Lasts: "63 h"}}}}}
	v.Ends.Error, v.Ends.Type, v.Starts.Type, v.Text.Rows, v.Rule.Rows = "Is after it starts.", "datetime-local", "datetime-local", 6, 3
	if from == "file" {
		v.Preview = append(v.Preview, page.CalendarPreview{Name: "Long ago", Rule: "once", Zone: "UTC"})
	}
	return v
}

func newCalendarOf(from string, v page.CalendarView) page.CalendarView {
	v.From = from
	return v
}

func boardWithPanel() page.BoardView {
	v, open := board(), stage()
	v.Panel, v.PanelClose = &open, "/?mine=1"
	return v
}
