package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestChatIsConfigured(t *testing.T) {
	t.Parallel()
	key := "SLIPWAY_SECRET_KEY=" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const secret, token = "SLIPWAY_SLACK_SIGNING_SECRET=8f742231b10e8888abcd99yyyzzz85a5", "SLIPWAY_MATTERMOST_TOKEN=nezum4kpu3faiec7r7c5zt6tfy"
	const address = "SLIPWAY_MATTERMOST_URL=https://chat.example.com"
	for _, c := range []struct {
		fault   string
		environ []string
	}{
		{"", []string{key, secret, "SLIPWAY_SLACK_BOT_TOKEN=xoxb-1", "SLIPWAY_SLACK_WORKSPACES=T1, T2", token + ",second-token-of-another", address}},
		{"", []string{"SLIPWAY_SLACK_BOT_TOKEN=xoxb-1"}}, // only told
		{"SLIPWAY_SLACK_SIGNING_SECRET: is empty, and would let anybody in", []string{key, "SLIPWAY_SLACK_SIGNING_SECRET="}},
		{"SLIPWAY_SLACK_SIGNING_SECRET: is empty", []string{key, "SLIPWAY_SLACK_SIGNING_SECRET_FILE=" + empty}},
		{"SLIPWAY_MATTERMOST_TOKEN: is empty", []string{key, "SLIPWAY_MATTERMOST_TOKEN=", address}},
		{"SLIPWAY_SLACK_SIGNING_SECRET: has at least", []string{key, "SLIPWAY_SLACK_SIGNING_SECRET=short"}},
		{"SLIPWAY_MATTERMOST_TOKEN: has at least", []string{key, token + ",short", address}},
		{"", []string{key, "SLIPWAY_SLACK_APP_TOKEN=xapp-1-for-a-socket"}},
		{"SLIPWAY_SLACK_APP_TOKEN: is empty", []string{key, "SLIPWAY_SLACK_APP_TOKEN="}},
		{"SLIPWAY_SECRET_KEY: is missing", []string{secret}},
		{"SLIPWAY_SECRET_KEY: is missing", []string{"SLIPWAY_SLACK_APP_TOKEN=xapp-1-for-a-socket"}},
		{"goes together with", []string{key, token}},
		{"goes together with", []string{key, address}},
		{"SLIPWAY_MATTERMOST_URL: is an http", []string{key, token, "SLIPWAY_MATTERMOST_URL=https://me:hush@chat.example.com"}},
		{"SLIPWAY_MATTERMOST_URL: is http outside", []string{key, token, "SLIPWAY_MATTERMOST_URL=http://chat.example.com"}},
		{"SLIPWAY_SLACK_URL: is an http", []string{key, secret, "SLIPWAY_SLACK_URL=slack"}},
		{"secrets are one line", []string{key, secret, "SLIPWAY_SLACK_BOT_TOKEN=a\r\nX: y"}},
	} {
		_, err := loadConfig("", good(c.environ...))
		if (err != nil) != (c.fault != "") || err != nil && (!strings.Contains(err.Error(), c.fault) || strings.Contains(err.Error(), "hush")) {
			t.Errorf("%v: want %q, got %v", c.environ, c.fault, err)
		}
	}
	c, err := loadConfig("", good(key, secret, token, address, "SLIPWAY_SLACK_BOT_TOKEN=xoxb-hush"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if c.print(&out); strings.Contains(out.String(), "hush") || strings.Contains(out.String(), "8f742231") || strings.Contains(out.String(), "nezum4") {
		t.Errorf("a secret is printed:\n%s", out.String())
	}
	if got := strings.Join(c.chatSystems(), " and "); got != "Slack and Mattermost" {
		t.Errorf("set up are %s", got)
	}
}
