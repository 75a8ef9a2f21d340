package page_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/layout"
	"github.com/slipway-dev/slipway/web/page"
)

// gallery is every page, rich and empty.
func gallery() map[string]templ.Component {
	s := func(section, title string, topics ...string) layout.Shell {
		return shell(section, title, "/here", topics...)
	}
	flashed := s("board", "Board", "board", "inbox")
	flashed.State, flashed.Tone = "2 waiting", component.Waiting
	noisy := flashed
	noisy.StopLine = "Checkout is losing orders. Ben Okafor, 4 min ago."
	noisy.Flash = []layout.Flash{{Kind: component.Live, Text: "billing-api is registered.", Link: component.Link{Text: "Open it", Href: "/s/billing-api"}}}
	out := s("", "Sign in")
	out.SignedIn = false

	denied, ended, voided := gate(), gate(), gate()
	denied.CanApprove, denied.WhyNot, denied.Reason = false, blocks(), "not before the audit"
	ended.State, ended.Outcome, ended.Next = "superseded", "Superseded 4 min ago by a newer request.", component.Link{Text: "Open gate 220", Href: "/gates/220"}
	voided.Voided, voided.VoidDiff = "The plan changed 2 min ago; 1 approval no longer counts.", changes()[:1]
	voided.Votes = []component.Vote{{Who: "Ben Okafor", Decision: "approved", Comment: "looks right", At: ago(day), Void: true}, {Who: "Mira Sand", Decision: "rejected", At: ago(day)}}

	return map[string]templ.Component{
		"board": page.Board(flashed, board()), "board-noisy": page.Board(noisy, board()),
		"board-panel": page.Board(flashed, boardWithPanel()),
		"board-empty": page.Board(s("board", "Board"), page.BoardView{CanRegister: true, Command: "slipway apply -f slipway.yaml"}),
		"stage":       page.Stage(s("board", "billing-api in production", "service:billing-api"), stage()),
		"stage-empty": page.Stage(s("board", ""), page.StageView{}),
		"inbox":       page.Inbox(s("inbox", "Inbox", "inbox"), inbox()), "inbox-empty": page.Inbox(s("inbox", ""), page.InboxView{Note: "Next freeze opens Fri 16:00."}),
		"gate": page.Gate(s("inbox", "gate 218", "inbox", "deployment:412"), gate()), "gate-denied": page.Gate(s("inbox", "gate 218"), denied),
		"gate-ended": page.Gate(s("inbox", ""), ended), "gate-voided": page.Gate(s("inbox", ""), voided), "gate-empty": page.Gate(s("inbox", ""), page.GateView{}),
		"service": page.Service(s("board", "billing-api", "service:billing-api"), service()), "service-empty": page.Service(s("board", ""), page.ServiceView{Name: "x", HowTo: service().HowTo}),
		"pipeline": page.Pipeline(s("board", "pipeline"), pipeline()), "pipeline-empty": page.Pipeline(s("board", ""), page.PipelineView{WhyNot: blocks()}),
		"secrets": page.Secrets(s("board", "secrets"), secrets()), "secrets-empty": page.Secrets(s("board", ""), page.SecretsView{}),
		"release": page.Release(s("board", "1.42.0"), release()), "release-empty": page.Release(s("board", ""), page.ReleaseView{}),
		"compare": page.Compare(s("board", "compare"), compare()), "compare-empty": page.Compare(s("board", ""), page.CompareView{}),
		"run": page.Run(s("board", "run 412", "deployment:412"), run()), "run-empty": page.Run(s("board", ""), page.RunView{}),
		"rollback": page.Rollback(s("board", "roll back"), rollback()), "rollback-empty": page.Rollback(s("board", ""), page.RollbackView{None: "Nothing succeeded here before."}),
		"dry-run": page.DryRun(s("board", "dry run"), dryRun()), "dry-run-refused": page.DryRun(s("board", ""), dryRunRefused()), "dry-run-empty": page.DryRun(s("board", ""), page.DryRunView{Error: "There is no pipeline yet."}),
		"why": page.Why(s("board", "why", "service:billing-api"), whyNot()), "why-empty": page.Why(s("board", ""), page.WhyView{}),
		"activity": page.Activity(s("activity", "Activity"), activity()), "activity-empty": page.Activity(s("activity", ""), page.ActivityView{}),
		"register": page.Register(s("board", "Register"), register("form")), "register-yaml": page.Register(s("board", ""), register("yaml")),
		"register-backstage": page.Register(s("board", ""), register("backstage")), "register-empty": page.Register(s("board", ""), page.RegisterView{Name: component.Field{Name: "name", Label: "Name"}}),
		"people": page.People(s("settings", "People"), people()), "people-empty": page.People(s("settings", ""), page.PeopleView{}),
		"environments": page.Environments(s("settings", "Environments"), environments()), "environments-empty": page.Environments(s("settings", ""), page.EnvironmentsView{StopLine: "x", CanStop: true}),
		"calendar": page.Calendar(s("settings", "Calendar"), newCalendar("form")), "calendar-rule": page.Calendar(s("settings", ""), newCalendar("rule")),
		"calendar-file": page.Calendar(s("settings", ""), newCalendar("file")), "calendar-empty": page.Calendar(s("settings", ""), page.CalendarView{}),
		"tokens": page.Tokens(s("settings", "Tokens"), tokens()), "tokens-empty": page.Tokens(s("settings", ""), page.TokensView{}),
		"chat": page.Chat(s("settings", "Chat"), chatAccounts()), "chat-empty": page.Chat(s("settings", "Chat"), page.ChatView{How: "Write /slipway link in Slack."}),
		"chat-link":     page.ChatLink(s("settings", "Link a chat account"), page.ChatLinkView{Where: "Slack", Workspace: "T024BE7LH", ID: "U2147483697", Name: "@ben", Link: "sealed", Key: key}),
		"chat-link-old": page.ChatLink(s("settings", "Link a chat account"), page.ChatLinkView{Where: "chat", Error: "This link has expired; it is good for 15 minutes.", Key: key}),
		"notifications": page.Notifications(s("settings", "Notifications"), notifications()), "notifications-empty": page.Notifications(s("settings", ""), page.NotificationsView{WhyNot: blocks()[1:]}),
		"my-notifications": page.MyNotifications(s("settings", "What you are told"), myNotifications()), "my-notifications-empty": page.MyNotifications(s("settings", ""), page.MyNotificationsView{}),
		"ci": page.Trust(s("settings", "CI"), trust()), "ci-empty": page.Trust(s("settings", ""), page.TrustView{WhyNot: "Who can: Ana."}),
		"device": page.Device(s("", "Sign a command line in"), device(false)), "device-found": page.Device(s("", ""), device(true)), "device-done": page.Device(s("", ""), page.DeviceView{Done: "The command line is signed in."}),
		"appearance": page.Appearance(s("settings", "Appearance"), page.AppearanceView{Theme: "dark", Zone: component.Field{Name: "zone", Label: "Place", Value: "Europe/Stockholm"}, Key: key}),
		"sign-in":    page.SignIn(out, page.SignInView{Return: "/gates/218", Providers: []page.Provider{{Name: "Acme", Href: "/auth/login?return=/gates/218"}}, Demo: []page.DemoPerson{{Name: "Ana Nordin", Role: "approver of Payments", Can: "Approves production gates of Payments; may not change pipelines.", Href: "/auth/login?as=ana"}, {Name: "Ben Okafor", Role: "viewer", Can: "Sees everything, changes nothing.", Href: "/auth/login?as=ben"}}}),
		"403":        page.Error(s("", "Not allowed"), page.ErrorView{Code: 403, Title: "You cannot roll back in production", Happened: "Rolling back billing-api in production needs deployment.rollback.", Blocks: blocks()[1:], Actions: []component.Link{{Text: "Back to billing-api", Href: "/s/billing-api"}}, RequestID: "01JD0V3G5TN7", At: now()}),
		"404":        page.Error(s("", "Not found"), page.ErrorView{Code: 404, Title: "There is no service called biling-api", Near: []component.Link{{Text: "billing-api", Href: "/s/billing-api"}}, Actions: []component.Link{{Text: "Board", Href: "/"}}}),
		"500":        page.Error(s("", "Error"), page.ErrorView{Code: 500, Title: "Slipway could not read its database", Happened: "The page was not shown.", Affected: "Running deployments go on; nothing was changed.", Do: "Try again in a moment. If it stays, give the request id to whoever runs Slipway.", RequestID: "01JD0V3G5TN7", At: now(), Actions: []component.Link{{Text: "Try again", Href: "/"}}}),
		"sets":       page.Sets(s("sets", "Release sets", "board"), page.SetsView{Sets: setRows(), More: "/sets?cursor=x"}), "sets-empty": page.Sets(s("sets", ""), page.SetsView{}),
		"set": page.Set(s("sets", "set 3", "board"), set()), "set-empty": page.Set(s("sets", ""), page.SetView{}),
		"set-new": page.NewSet(s("sets", "new"), newSet()), "set-new-empty": page.NewSet(s("sets", ""), page.NewSetView{Name: component.Field{Name: "name", Label: "Name"}}),
		"find": page.Find(s("", "Find"), find()), "find-empty": page.Find(s("", ""), page.FindView{Query: "zz"}),
	}
}

func render(t *testing.T, c templ.Component) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := c.Render(context.Background(), &buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestGallery renders every page and holds it to the rules of the house. With
// GALLERY_DIR set it leaves the pages there, to be looked at.
func TestGallery(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("GALLERY_DIR")
	for name, c := range gallery() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := render(t, c)
			if dir != "" {
				if err := os.WriteFile(filepath.Join(dir, name+".html"), body, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			checkPage(t, body)
		})
	}
}

func checkPage(t *testing.T, body []byte) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	labels := map[string]bool{}
	each(doc, func(n *html.Node) {
		if n.Data == "label" {
			labels[attr(n, "for")] = true
		}
	})
	headings := 0
	each(doc, func(n *html.Node) {
		if n.Data == "h1" {
			headings++
		}
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("id %q is there twice", id)
			}
			ids[id] = true
		}
		checkElement(t, n, labels)
	})
	each(doc, func(n *html.Node) {
		for _, name := range []string{"for", "aria-labelledby", "popovertarget", "data-open"} {
			if v := attr(n, name); v != "" && !ids[v] {
				t.Errorf("<%s %s=%q> points to nothing", n.Data, name, v)
			}
		}
	})
	if headings != 1 {
		t.Errorf("%d h1, want 1", headings)
	}
}

// checkElement holds one element to the content policy and to basic access.
func checkElement(t *testing.T, n *html.Node, labels map[string]bool) {
	t.Helper()
	for _, a := range n.Attr {
		if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on") || strings.HasPrefix(a.Val, "js:") {
			t.Errorf("<%s %s=%q> is not allowed by the content policy", n.Data, a.Key, a.Val)
		}
		if (a.Key == "href" || a.Key == "action" || a.Key == "src") && strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
			t.Errorf("<%s %s=%q> runs script", n.Data, a.Key, a.Val)
		}
	}
	switch n.Data {
	case "style":
		t.Error("a style element is not allowed by the content policy")
	case "script":
		if attr(n, "src") == "" || n.FirstChild != nil {
			t.Error("inline script")
		}
	case "form":
		checkForm(t, n)
	case "input", "select", "textarea":
		if attr(n, "type") != "hidden" && !labels[attr(n, "id")] {
			t.Errorf("<%s name=%q> has no label", n.Data, attr(n, "name"))
		}
	case "img":
		t.Error("images are inline SVG")
	}
}

func checkForm(t *testing.T, n *html.Node) {
	t.Helper()
	method := attr(n, "method")
	if method == "" || (method != "dialog" && attr(n, "action") == "") {
		t.Errorf("form without method or action: %v", n.Attr)
	}
	keys := 0
	each(n, func(c *html.Node) {
		if c.Data == "input" && attr(c, "name") == "idempotency_key" {
			keys++
		}
	})
	if method == "post" && keys != 1 {
		t.Errorf("form %s has %d idempotency keys", attr(n, "action"), keys)
	}
}

func each(n *html.Node, f func(*html.Node)) {
	if n.Type == html.ElementNode {
		f(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		each(c, f)
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
