package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/chat/chattest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// The part of the story that is told in chat.

var chatPlaces = []string{"app.Announce/Store.Write", "app.Take/Store.Write", "app.Abandoned/Store.Write", "app.Forget/Store.Write"}

// slackEnv lets the portal work from the stand-in.
func slackEnv(s *chattest.Slack) []string {
	return []string{"SLIPWAY_SLACK_SIGNING_SECRET=" + s.Secret.Reveal(), "SLIPWAY_SLACK_BOT_TOKEN=" + s.Token, "SLIPWAY_SLACK_URL=" + s.URL}
}

// chats has Lead promote from chat, who repeats what is not answered.
func (g *gauntlet) chats() {
	g.service("talked", stage("prod", "far", canary))
	lead := slipway.ChatUser{Platform: slipway.Slack, Workspace: g.slack.Workspace, ID: "ULEAD"}
	g.ok(g.store.Write(context.Background(), func(tx slipway.Tx) error {
		return tx.ChatAccounts().Add(context.Background(), slipway.ChatAccount{ChatUser: lead, UserID: "lead", Name: "lead", LinkedAt: time.Now()})
	}))
	for n := 1; g.awaits(chatPlaces...) && n <= 20; n++ {
		version := fmt.Sprintf("1.%d", n)
		g.release("talked", version)
		g.until(time.Minute, "it was promoted from chat", func() bool {
			form, asked := g.slack.CommandForm(lead.ID, "promote talked "+version+" to prod")
			g.write(chattest.CommandPath, form)
			shown, ok := asked.Next(3 * time.Second)
			if !ok || len(shown.Buttons) == 0 {
				return false
			}
			form, asked = g.slack.ClickForm(lead.ID, shown.Buttons[0])
			g.write(chattest.InteractivePath, form)
			said, ok := asked.Next(3 * time.Second)
			return ok && strings.Contains(said.Words, "goes to prod") || g.newest("talked", "prod").Version == version
		})
		g.until(time.Minute, "it ended", func() bool { return !g.newest("talked", "prod").State.Active() })
	}
}

// write sends what somebody did in chat until the portal has taken it.
func (g *gauntlet) write(path string, form url.Values) {
	body := form.Encode()
	g.until(time.Minute, "chat was heard", func() bool {
		request, err := http.NewRequest(http.MethodPost, g.portal.url()+path, strings.NewReader(body))
		g.ok(err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		headers := g.slack.Headers(body)
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		response, err := g.client.Do(request)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}
