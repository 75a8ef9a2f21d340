// Package chat_test works with the built binary from Slack and Mattermost, as far
// as stand-ins of both can be them: the signatures, the limits and the times are
// those of the real ones.
package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/e2e/portal"
	"github.com/slipway-dev/slipway/internal/chat/chattest"
)

// Set once by TestMain, before any test runs.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "slipway-chat-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		binary, err = portal.Binary(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// story is a portal of its own between stand-ins.
type story struct {
	*portal.Portal
	t      *testing.T
	slack  *chattest.Slack
	matter *chattest.Mattermost
	env    []string
}

func begin(t *testing.T, env ...string) *story {
	t.Helper()
	s := &story{t: t, slack: chattest.NewSlack(t, time.Now), matter: chattest.NewMattermost(t, time.Now)}
	s.env = slices.Concat(env, []string{
		"SLIPWAY_SLACK_SIGNING_SECRET=" + s.slack.Secret.Reveal(), "SLIPWAY_SLACK_BOT_TOKEN=" + s.slack.Token, "SLIPWAY_SLACK_URL=" + s.slack.URL, "SLIPWAY_SLACK_WORKSPACES=T1",
		"SLIPWAY_MATTERMOST_TOKEN=" + s.matter.CommandToken, "SLIPWAY_MATTERMOST_URL=" + s.matter.URL, "SLIPWAY_MATTERMOST_BOT_TOKEN=" + s.matter.BotToken})
	s.Portal = portal.Run(t, binary, s.env...)
	s.slack.Portal, s.matter.Portal = s.URL, s.URL
	s.Must(t, http.MethodPut, "/api/v1/services/till", map[string]any{"team": "payments", "title": "Till"}, nil)
	s.Must(t, http.MethodPut, "/api/v1/services/till/pipeline", pipeline, nil)
	for _, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		s.release(version)
	}
	return s
}

const pipeline = `apiVersion: slipway/v1
service: till
team: payments
stages:
  - environment: staging
    deployer: {name: simulated, config: {replicas: 2}}
    strategy: {type: recreate}
  - environment: production
    after: [staging]
    deployer: {name: simulated, config: {replicas: 2}}
    strategy: {type: recreate}
    gates:
      - approval: {count: 1, groups: [payments-leads], selfApproval: false}
`

func (s *story) release(version string) { s.releaseOf("till", version) }

func (s *story) releaseOf(service, version string) {
	s.t.Helper()
	s.Must(s.t, http.MethodPost, "/api/v1/services/"+service+"/releases", map[string]any{"version": version, "reversible": true,
		"artifacts": []map[string]any{{"name": "image", "reference": "registry/till:" + version, "digest": "sha256:" + strings.Repeat("ab", 32)}}, "config": map[string]string{"MODE": version},
		"changes": []map[string]any{{"commit": strings.Repeat("a", 40), "subject": "Till " + version + " <!channel>", "author": "Jonas Lind"}}}, nil)
}

// link goes the way of a link through the sign-in, as a person does.
func (s *story) link(person, address string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	client, err := portal.SignIn(ctx, s.URL, person)
	if err != nil {
		s.t.Fatal(err)
	}
	page := s.fetch(ctx, client, http.MethodGet, address, nil)
	link := regexp.MustCompile(`name="link"[^>]* value="([^"]*)"`).FindStringSubmatch(page)
	if link == nil {
		s.t.Fatalf("no form on\n%s", page)
	}
	if said := s.fetch(ctx, client, http.MethodPost, s.URL+"/settings/chat/link", url.Values{"link": {link[1]}, "idempotency_key": {"once"}}); !strings.Contains(said, "Unlink") {
		s.t.Fatalf("it is not linked:\n%s", said)
	}
}

func (s *story) fetch(ctx context.Context, client *http.Client, method, address string, form url.Values) string {
	s.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(body)
}

// linkBoth links somebody's accounts in both chat systems.
func (s *story) linkBoth(people ...string) {
	s.t.Helper()
	address := regexp.MustCompile(`http[^)]*/settings/chat/link\?link=[^)\s]+`)
	for _, person := range people {
		id := "U" + strings.ToUpper(person)
		s.link(person, s.slack.Command(id, "link").Answer(s.t).Button(s.t, "Link account").URL)
		s.link(person, address.FindString(s.matter.Answer(s.matter.Command(id, "link")).Words))
	}
}

var deploymentID = regexp.MustCompile(`deployment (\d+)`)

func (s *story) number(words string) string {
	s.t.Helper()
	found := deploymentID.FindStringSubmatch(words)
	if found == nil {
		s.t.Fatalf("no deployment is named in\n%s", words)
	}
	return found[1]
}

// state waits until a deployment is in a state.
func (s *story) state(id, want string) {
	s.t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var d struct{ State, Message string }
		s.Must(s.t, http.MethodGet, "/api/v1/deployments/"+id, nil, &d)
		if d.State == want {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("deployment %s is %s and not %s: %s", id, d.State, want, d.Message)
		}
		<-tick.C
	}
}

func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("it does not say %q:\n%s", w, text)
		}
	}
}

// TestADayInChat: a release goes out from Slack, is decided on in Mattermost, and
// comes back from Slack; a decision is refused with a reason.
func TestADayInChat(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.linkBoth("jonas", "ben")
	s.routes()
	s.wants("jonas", "mattermost")
	s.wants("ben", "slack")
	s.wants("mira", "mattermost") // who has linked no account
	for _, version := range []string{"1.0.0", "1.1.0"} {
		preview := s.slack.Command("UJONAS", "promote till "+version+" to stag").Answer(t)
		confirmed := s.slack.Click("UJONAS", preview.Button(t, "Promote")).Answer(t)
		s.state(s.number(confirmed.Words), "succeeded")
		preview = s.slack.Command("UJONAS", "promote till to prod").Answer(t)
		says(t, preview.Words, "till "+version+" to production?", "Till "+version+" <!channel>")
		id := s.number(s.slack.Click("UJONAS", preview.Button(t, "Promote")).Answer(t).Words)
		s.state(id, "waiting")
		if version == "1.0.0" {
			s.asked()
		}
		review := s.matter.Answer(s.matter.Command("UBEN", "approve "+id))
		says(t, review.Words, "Asked for by: Jonas Lind", "Till "+version)
		clicked := s.matter.Click("UBEN", review.Button(t, "Approve"))
		if clicked.Update == nil {
			t.Fatalf("status %d: %s", clicked.Status, clicked.Body)
		}
		says(t, clicked.Update.Words, "You approved "+version)
		s.state(id, "succeeded")
	}
	preview := s.slack.Command("UBEN", "rollback till production because the sums are off").Answer(t)
	says(t, preview.Words, "Roll till in production back to 1.0.0?")
	back := s.number(s.slack.Click("UBEN", preview.Button(t, "Roll back")).Answer(t).Words)
	s.state(back, "succeeded")
	says(t, s.slack.Command("UBEN", "status till").Answer(t).Words, "production: 1.0.0 live", "automation is held")

	again := s.slack.Command("UJONAS", "promote till 1.1.0 to production").Answer(t)
	id := s.number(s.slack.Click("UJONAS", again.Button(t, "Promote")).Answer(t).Words)
	s.state(id, "waiting")
	s.slack.Click("UBEN", s.slack.Command("UBEN", "approve "+id).Answer(t).Button(t, "Reject"))
	deadline := time.Now().Add(10 * time.Second)
	for len(s.slack.Views()) == 0 && time.Now().Before(deadline) {
		<-time.After(20 * time.Millisecond)
	}
	s.slack.Submit("UBEN", s.slack.Views()[0], "not again")
	s.state(id, "rejected")
	s.told(back)
	s.toldByRoutes(back)
	s.audited()
}

// told waits until the channel's one message of a deployment says how it ended.
func (s *story) told(id string) {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		parents := map[string]int{}
		last := ""
		for _, p := range s.slack.Posts() {
			if p.Thread != "" {
				continue
			}
			for _, b := range p.Buttons {
				if strings.HasSuffix(b.URL, "/"+id) {
					parents[b.URL]++
					last = p.Words
				}
			}
		}
		if len(parents) == 1 && strings.Contains(last, "slipway rollback till production") || time.Now().After(deadline) {
			for url, n := range parents {
				if n != 1 {
					s.t.Errorf("%d messages lead to %s", n, url)
				}
			}
			says(s.t, last, "1.0.0")
			return
		}
		<-time.After(100 * time.Millisecond)
	}
}

// audited looks at what is on record of it all.
func (s *story) audited() {
	s.t.Helper()
	var audit struct {
		Items []struct {
			Action, Via string
			Actor       struct{ Name string }
		}
	}
	s.Must(s.t, http.MethodGet, "/api/v1/audit?limit=200", nil, &audit)
	count := map[string]int{}
	for _, e := range audit.Items {
		count[e.Action+" by "+e.Actor.Name+" via "+e.Via]++
	}
	for what, want := range map[string]int{
		"chat.linked by Jonas Lind via browser": 2, "chat.linked by Ben Okafor via browser": 2,
		"deployment.promote by Jonas Lind via slack": 5, "deployment.approve by Ben Okafor via mattermost": 2,
		"deployment.rollback by Ben Okafor via slack": 1, "deployment.rejected by Ben Okafor via slack": 1,
	} {
		if count[what] != want {
			s.t.Errorf("%s: %d on record, want %d", what, count[what], want)
		}
	}
	if s.t.Failed() {
		for what, n := range count {
			s.t.Log(n, what)
		}
	}
	if out, err := s.VerifyAudit(s.t.Context()); err != nil {
		s.t.Errorf("the audit is broken: %v\n%s", err, out)
	}
}

// TestTheSameAnswerEverywhere: who may not is told the same in REST, Slack and
// Mattermost, and nothing happens through any of them.
func TestTheSameAnswerEverywhere(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.linkBoth("jonas", "ben")
	token, err := portal.TokenOf(t.Context(), s.URL, "jonas")
	if err != nil {
		t.Fatal(err)
	}
	var first struct{ ID json.Number }
	s.Must(t, http.MethodPost, "/api/v1/services/till/deployments", map[string]any{"environment": "staging", "version": "1.0.0"}, &first)
	s.state(first.ID.String(), "succeeded")
	var d struct {
		ID         json.Number
		PlanDigest string
	}
	s.Must(t, http.MethodPost, "/api/v1/services/till/deployments", map[string]any{"environment": "production", "version": "1.0.0"}, &d)
	s.state(d.ID.String(), "waiting")
	for what, try := range map[string]struct {
		method, path string
		body         any
		text         string
	}{
		"rejecting":   {http.MethodPost, "/api/v1/deployments/" + d.ID.String() + "/reject", map[string]any{"reason": "no"}, "reject " + d.ID.String() + " no"},
		"locking":     {http.MethodPost, "/api/v1/environments/production/lock", map[string]any{"reason": "mine"}, "lock production mine"},
		"stopping":    {http.MethodPut, "/api/v1/stop-the-line", map[string]any{"reason": "mine"}, "stop-the-line mine"},
		"what is not": {http.MethodGet, "/api/v1/deployments/424242", nil, "approve 424242"},
	} {
		status, answer, err := s.Call(t.Context(), token, try.method, try.path, try.body)
		var problem struct{ Detail, Title string }
		if err != nil || status < 400 || json.Unmarshal(answer, &problem) != nil {
			t.Errorf("%s: REST says %d %s, %v", what, status, answer, err)
			continue
		}
		sentence := regexp.MustCompile(`^[^.]+\.`).FindString(problem.Detail)
		if sentence == "" {
			t.Errorf("%s: REST says %s", what, answer)
		}
		for where, words := range map[string]string{"Slack": s.slack.Command("UJONAS", try.text).Answer(t).Words, "Mattermost": s.matter.Answer(s.matter.Command("UJONAS", try.text)).Words} {
			if !strings.Contains(words, sentence) {
				t.Errorf("%s: REST says %q, %s says\n%s", what, sentence, where, words)
			}
		}
	}
	s.state(d.ID.String(), "waiting")
	var line struct{ Stopped bool }
	s.Must(t, http.MethodGet, "/api/v1/stop-the-line", nil, &line)
	if line.Stopped {
		t.Error("the line is stopped")
	}
}
