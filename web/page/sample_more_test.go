package page_test

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func run() page.RunView {
	line := func(n int, stream, text string) component.LogLine {
		return component.LogLine{Number: n, At: ago(time.Duration(60-n*4) * time.Second), Stream: stream, Text: text}
	}
	return page.RunView{ID: "412", Team: "Payments", Service: "billing-api", Environment: "staging", Version: "1.42.0", From: "1.41.2", Cause: "promote",
		State: component.Rolling, Progress: 60, Word: "rolling", Actor: "Jonas Lind", Reason: "Invoice rounding fix", StartedAt: ago(48 * time.Second), Usually: "1 min 20 s", Now: "3 of 5 ready, 25 % of traffic",
		Steps: []component.Step{
			{State: component.Live, Name: "Approval", Note: "Ben Okafor", At: ago(90 * time.Second)}, {State: component.Live, Name: "Soak in dev", Note: "1 h", At: ago(70 * time.Second)},
			{State: component.Live, Name: "Canary 5 %", Note: "verified, error rate 0.02 %", Took: "31 s", Href: "#L1"},
			{State: component.Rolling, Progress: 60, Name: "Canary 25 %", Note: "3 of 5 ready", Took: "17 s", Href: "#L5", Current: true},
			{State: component.None, Name: "All traffic"}, {State: component.None, Name: "Bake", Note: "10 min"},
		},
		Tracks:  stage().Tracks,
		Events:  []component.Event{{At: ago(90 * time.Second), Text: "Approved", Actor: "Ben Okafor"}, {At: ago(48 * time.Second), Text: "Started, plan 7c1d", Actor: ""}, {At: ago(17 * time.Second), Text: "Canary 5 % verified"}},
		Failure: &page.Failure{What: "One pod of the canary does not become ready.", Affected: "Production is untouched; staging serves 1.41.2 to 75 %.", Do: "Check the registry credential `registry-pull`, then retry.", LineHref: "#L7", ID: "01JD0V3G5TN7"},
		Log: []component.LogLine{
			line(1, "step", "Canary 5 %"), line(2, "stdout", "apply deployment/billing-api-canary generation 41"), line(3, "stdout", "1 of 1 ready"),
			line(4, "stdout", "error rate 0.02 % over 30 s, limit 1 %"), line(5, "step", "Canary 25 %"), line(6, "stdout", "apply deployment/billing-api-canary generation 42"),
			line(7, "stderr", "pod billing-api-canary-7f9c: image pull denied for registry.acme.example/billing-api@sha256:c07e5512ab9e8d12 (credential registry-pull)"), line(8, "stdout", "3 of 5 ready"),
		},
		LogLive: true, RawLog: "/runs/412/log.txt", PlanShort: "7c1d", PlanHref: "/gates/218",
		CanCancel: true, CanPause: true, CanRetry: true, Rollback: "/s/billing-api/staging/rollback", RollbackTo: "1.41.2", Key: key}
}

func rollback() page.RollbackView {
	return page.RollbackView{Team: "Payments", Service: "billing-api", Environment: "production", Current: "1.42.0", CurrentAt: ago(20 * time.Minute), State: component.Failed, Selected: "1.41.2",
		Choices: []page.RollbackChoice{
			{Version: "1.41.2", Note: "served production 6 d", Until: ago(20 * time.Minute), Selected: true}, {Version: "1.41.1", Note: "served production 9 d", Until: ago(6 * day)},
			{Version: "1.41.0", Note: "served production 2 d", Until: ago(15 * day), Disabled: true, Reason: "its image is gone from the registry"},
		},
		Undone:  []page.Undo{{Yes: true, Text: "Image"}, {Yes: true, Text: "Settings", Note: "1 key"}, {Yes: true, Text: "Secrets", Note: "pinned versions"}, {Text: "Database changes", Note: "none declared"}},
		Summary: "1 setting, 1 secret", Changes: changes()[:2], Commits: commits(), More: 9, Pause: "Automation of production is held until somebody lifts it or promotes a newer release.",
		Policy: "The approval gate is skipped for rollbacks here; that is written to the audit.", CanRollback: true, NeedReason: true, ReasonError: "Say why, for whoever is on call next.", Key: key}
}

func activity() page.ActivityView {
	return page.ActivityView{Actor: "ana", Chips: []page.Chip{{Text: "who: ana", Href: "/activity"}}, ClearHref: "/activity", Chain: component.Live, ChainNote: "Chain verified up to entry 4812, 2 min ago",
		CSVHref: "/activity.csv?actor=ana", JSONLHref: "/activity.jsonl?actor=ana", NextHref: "/activity?before=4790", FirstHref: "/activity",
		Entries: []page.Entry{
			{ID: "4812", At: ago(12 * time.Minute), Actor: "Ben Okafor", Action: "gate.approve", Object: component.Link{Text: "billing-api production", Href: "/gates/218"}, Detail: "1.41.2 to 1.42.0, plan 7c1d", Via: "Slack", Request: "01JD0V3G5TN7"},
			{ID: "4811", At: ago(40 * time.Minute), Actor: "Jonas Lind", Action: "deployment.start", Object: component.Link{Text: "billing-api production", Href: "/runs/418"}, Detail: "1.42.0", Via: "browser", Request: "01JD0V3G4AA1"},
			{ID: "4810", At: ago(3 * time.Hour), Actor: "Mira Sand", Action: "gate.bypass", Object: component.Link{Text: "search production", Href: "/runs/401"}, Detail: "soak skipped: outage 77", Via: "API", Request: "01JD0V3G3BB2", Loud: true},
			{ID: "4809", At: ago(26 * time.Hour), Actor: "ci-web", Action: "release.create", Object: component.Link{Text: "web", Href: "/s/web"}, Detail: "5.2.0", Via: "CI", Request: "01JD0V3G3BB1", Denied: true},
		}}
}

func register(from string) page.RegisterView {
	v := page.RegisterView{From: from, Key: key,
		Name:  component.Field{Name: "name", Label: "Name", Value: "Billing API", Error: "Use small letters, digits and dashes: billing-api.", Hint: "Used in addresses and commands; it stays.", Required: true, Mono: true},
		Title: component.Field{Name: "title", Label: "Title", Placeholder: "Billing API"}, Description: component.Field{Name: "description", Label: "Description"},
		Repository: component.Field{Name: "repository", Label: "Repository", Type: "url", Placeholder: "https://…"},
		Links:      component.Field{Name: "links", Label: "Links", Rows: 3, Hint: "One per line: title, then address."},
		Teams:      []component.Option{{Value: "payments", Label: "Payments", Selected: true}, {Value: "storefront", Label: "Storefront"}},
		Problems:   []component.Link{{Text: "Name: use small letters, digits and dashes.", Href: "#name"}},
		Text:       component.Field{Name: "text", Label: "slipway.yaml", Value: pipelineText(), Rows: 16, Mono: true, Required: true}}
	if from == "backstage" {
		v.Problems, v.CanApply = nil, true
		v.Preview = []page.RegisterPreview{{Name: "billing-api", Title: "Billing API", Team: "Payments", What: "new", State: component.Live}, {Name: "ledger", Title: "Ledger", Team: "Payments", What: "changes", State: component.Rolling, Note: "title, 2 links"}, {Name: "tax", What: "skipped", State: component.None, Note: "kind API is not a service"}}
	}
	return v
}

func people() page.PeopleView {
	return page.PeopleView{CanEdit: true, Key: key,
		People:   []page.PersonRow{{Name: "Ana Nordin", Login: "ana@acme.example", Groups: []string{"payments-leads", "sre"}, LastSeen: ago(time.Minute)}, {Name: "Ben Okafor", Login: "ben@acme.example", Groups: []string{"storefront"}, LastSeen: ago(12 * time.Minute)}, {Name: "ci-web", Login: "service account", Service: true}},
		Bindings: []page.BindingRow{{ID: "b1", Subject: "payments-leads", Group: true, Role: "approver", On: "team payments", By: "Ana Nordin", At: ago(20 * day)}, {ID: "b2", Subject: "admins", Group: true, Role: "admin", On: "organisation", By: "start-up", At: ago(90 * day), Fixed: true}},
		Teams:    []page.TeamRow{{Name: "payments", Title: "Payments", Services: 3, OnCall: "Ana Nordin"}, {Name: "storefront", Title: "Storefront", Services: 5}},
		Roles:    []component.Option{{Value: "viewer", Label: "viewer"}, {Value: "approver", Label: "approver"}}, Scopes: []component.Option{{Value: "organisation", Label: "everything"}, {Value: "team:payments", Label: "team payments"}},
		Subject: component.Field{Name: "subject", Label: "Person or group", Required: true}, NewTeam: component.Field{Name: "name", Label: "Name", Required: true, Mono: true}, TeamName: component.Field{Name: "title", Label: "Title"},
		Actor: component.Field{Name: "actor", Label: "Can", Value: "ben@acme.example"}, Permission: []component.Option{{Value: "deployment.approve", Label: "approve", Selected: true}}, Resource: component.Field{Name: "resource", Label: "On", Value: "billing-api/production"},
		Answer: "Ben Okafor may not approve deployments of billing-api in production.", Allowed: component.Failed,
		Because: []component.Check{{State: component.Failed, Text: "No role of his on billing-api, Payments or production has deployment.approve.", Note: "viewer on everything"}, {State: component.Live, Text: "Admins can give him approver on team payments.", Note: "who can change it"}}}
}

func environments() page.EnvironmentsView {
	return page.EnvironmentsView{CanEdit: true, CanStop: true, Key: key,
		Environments: []page.EnvironmentRow{{Name: "dev", Rank: 10, Tier: "development", Services: 8}, {Name: "staging", Rank: 20, Tier: "staging", Services: 7, Lock: "Load test until noon", LockBy: "Mira Sand", LockAt: ago(2 * time.Hour)}, {Name: "production", Rank: 30, Tier: "production", Services: 7, Frozen: "Storefront frozen until 08:00"}},
		Freezes:      []page.FreezeRow{{ID: "f1", Environment: "production", Reason: "Quarter end", From: ago(6 * time.Hour), Until: in(18 * time.Hour), By: "Ben Okafor", Active: true}, {ID: "f2", Environment: "production", Reason: "Black Friday", From: in(7 * day), Until: in(11 * day), By: "Ana Nordin"}},
		CanFreeze:    true, Calendars: []page.CalendarRow{{ID: "1", Name: "Weekends", Where: "production", Rule: "weekly on Fri", Zone: "Europe/Stockholm", Reason: "Nobody is there.", By: "Ben Okafor", Next: "Fri 20 Nov 17:00 to Mon 23 Nov 08:00", Can: true}, {ID: "2", Name: "Office hours", Where: "all environments", Allows: true, Shut: true, Rule: "weekly on Mon, Tue", Zone: "UTC", Reason: "Somebody is there.", By: "Ana Nordin"}},
		Name: component.Field{Name: "name", Label: "Name", Required: true, Mono: true}, Rank: component.Field{Name: "rank", Label: "Rank", Type: "number", Value: "40", Required: true}, Tiers: []component.Option{{Value: "production", Label: "production"}},
		FreezeEnv: []component.Option{{Value: "production", Label: "production"}}, FreezeReason: component.Field{Name: "reason", Label: "Reason", Required: true}, FreezeUntil: component.Field{Name: "until", Label: "Until", Type: "datetime-local", Required: true}}
}

func chatAccounts() page.ChatView {
	return page.ChatView{Key: key, How: "Write /slipway link in Slack, and open the link that you get.", Accounts: []page.ChatRow{
		{Where: "Slack", Platform: "slack", Workspace: "T024BE7LH", ID: "U2147483697", Name: "@ben", Linked: ago(3 * day)},
		{Where: "Mattermost", Platform: "mattermost", Workspace: "chat.example.com", ID: "k1x4aqdjy3813c84m771eoc9xo", Name: "@ben", Linked: ago(time.Minute)}}}
}

func tokens() page.TokensView {
	return page.TokensView{CanCreate: true, Key: key, Reveal: "slw_7Q2M_k3f9v0Jx8sT1bW6yZq4RnLpC5dHgA2eUiO", RevealName: "laptop",
		Tokens: []page.TokenRow{{ID: "t1", Name: "laptop", Prefix: "slw_7Q2M", Permissions: []string{"service.view", "deployment.start"}, Created: ago(time.Minute), Expires: in(90 * day)}, {ID: "t2", Name: "old script", Prefix: "slw_1A9K", Permissions: []string{"service.view"}, Created: ago(91 * day), LastUsed: ago(3 * day), Expires: ago(day), Expired: true}},
		Name:   component.Field{Name: "name", Label: "Name", Required: true, Placeholder: "laptop"}, Days: component.Field{Name: "days", Label: "Expires after days", Type: "number", Value: "90", Required: true},
		Permissions: []component.Option{{Value: "service.view", Label: "see services and releases", Selected: true}, {Value: "deployment.start", Label: "start deployments"}, {Value: "deployment.approve", Label: "approve", Note: "You may not yourself.", Disabled: true}}}
}

func find() page.FindView {
	return page.FindView{Query: "bill", Groups: []page.FindGroup{
		{Title: "Services", Items: []page.FindItem{{State: component.Live, Text: "billing-api", Note: "Payments", Href: "/s/billing-api"}}},
		{Title: "Actions", Items: []page.FindItem{{State: component.None, Text: "Roll back billing-api in production", Note: "to 1.41.2", Href: "/s/billing-api/production/rollback"}}}}}
}
