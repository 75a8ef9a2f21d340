package page_test

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func toldKinds() []component.Option {
	return []component.Option{{Value: "deployment.failed", Label: "A deployment failed", Selected: true}, {Value: "deployment.succeeded", Label: "A release is live"}, {Value: "release.created", Label: "A release was created"}}
}

func notifications() page.NotificationsView {
	return page.NotificationsView{CanAdd: true, Key: key, Reveal: "slw_7Q2VJH5ZK3N4C6A9", RevealName: "Audit", Only: "Pager", More: "/settings/notifications?before=x",
		Problems: []component.Link{{Text: "Where: must be an http or https address.", Href: "#address"}},
		Routes: []page.RouteRow{
			{ID: "1", Name: "Pager", Of: "production", Kinds: []string{"deployment.failed", "line.stopped"}, Channel: "webhook", Address: "https://pager.acme.example/hooks/5?***", Owner: "Ana Nordin", State: component.Failed, Word: "failing for", At: ago(20 * time.Minute), Problem: "pager.acme.example answered 410 Gone, which another attempt would not change."},
			{ID: "2", Name: "Releases", Of: "team payments", Channel: "slack", Address: "#releases", Owner: "Ben Okafor", State: component.Live, Word: "sent", At: ago(2 * time.Minute)},
			{ID: "3", Name: "Audit", Of: "everything", Channel: "webhook, CDEvents", Address: "https://events.acme.example/a/very/long/path/that/goes/on/and/on/until/it/no/longer/fits", Owner: "Mira Sand", State: component.None, Word: "nothing sent yet"},
		},
		Deliveries: []page.DeliveryRow{
			{ID: "93", At: ago(time.Minute), Route: "Pager", What: "deployment.failed", Message: "2 of 3 pods never became ready: image pull denied.", State: component.Rolling, Word: "tried", Attempts: 2, Next: now().Add(4 * time.Minute), Problem: "pager.acme.example did not answer within 15s."},
			{ID: "92", At: ago(20 * time.Minute), Route: "Pager", What: "line.stopped", Message: "stopped the line: orders are lost", State: component.Failed, Word: "given up", Attempts: 1, Problem: "pager.acme.example answered 410 Gone, which another attempt would not change.", CanAgain: true},
			{ID: "91", At: ago(time.Hour), Route: "Releases", What: "deployment.succeeded", Message: "1.42.0 is live.", State: component.Live, Word: "arrived", Attempts: 1, CanAgain: true},
		},
		Name: component.Field{Name: "name", Label: "Name", Required: true, MaxLength: 100}, Address: component.Field{Name: "address", Label: "Where", Required: true, Mono: true, Value: "pager", Error: "Must be an http or https address.", Hint: "An address of the web, a channel of the chat, or an address of mail."},
		Service:  component.Field{Name: "service", Label: "Service", Mono: true, Hint: "Of one service only."},
		Channels: []component.Option{{Value: "webhook", Label: "Webhook", Selected: true}, {Value: "slack", Label: "Slack channel"}}, Formats: []component.Option{{Value: "slipway", Label: "Slipway's own JSON"}, {Value: "cdevents", Label: "CDEvents"}},
		Teams: []component.Option{{Label: "All"}, {Value: "payments", Label: "payments"}}, Environments: []component.Option{{Label: "All"}, {Value: "production", Label: "production"}}, Kinds: toldKinds()}
}

func myNotifications() page.MyNotificationsView {
	return page.MyNotificationsView{Channels: []component.Option{{Value: "email", Label: "E-mail", Selected: true}, {Value: "slack", Label: "Slack, where you linked your account", Note: "not connected here"}},
		Approvals: true, Urgent: true, Quiet: true, Kinds: toldKinds(), Teams: []component.Option{{Value: "payments", Label: "payments", Selected: true}}, NoWay: "Nothing is told this way yet: this portal is not connected to it. Whoever runs Slipway can change that.",
		Services: component.Field{Name: "services", Label: "Of services", Rows: 3, Mono: true, Value: "billing-api", Hint: "Names, one per line."}, From: component.Field{Name: "from", Label: "From", Type: "time", Value: "22:00"},
		Until: component.Field{Name: "until", Label: "Until", Type: "time", Value: "07:00"}, Zone: component.Field{Name: "zone", Label: "Time zone", Mono: true, Value: "Europe/Stockholm", Error: "Is a time zone such as Europe/Stockholm."},
		Problems: []component.Link{{Text: "Time zone: is a time zone such as Europe/Stockholm.", Href: "#zone"}}, Key: key}
}
