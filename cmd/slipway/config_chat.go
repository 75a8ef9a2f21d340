package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/server/chatops"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// slackConfig is the Slack app that asks and is told.
type slackConfig struct{ SigningSecret, BotToken, AppToken, Workspaces, URL string }

// asks reports whether anybody can ask by Slack.
func (s slackConfig) asks() bool { return s.SigningSecret != "" || s.AppToken != "" }

// mattermostConfig is the Mattermost server that does.
type mattermostConfig struct{ Token, URL, BotToken, Teams string }

func chatSettings() []setting {
	return []setting{
		{"SLIPWAY_SLACK_SIGNING_SECRET", true, "", func(c *config) *string { return &c.Slack.SigningSecret }, "signs what Slack sends"},
		{"SLIPWAY_SLACK_BOT_TOKEN", true, "", func(c *config) *string { return &c.Slack.BotToken }, "lets Slipway post in Slack, xoxb-..."},
		{"SLIPWAY_SLACK_APP_TOKEN", true, "", func(c *config) *string { return &c.Slack.AppToken }, "opens a socket to Slack, which then need not reach Slipway, xapp-..."},
		{"SLIPWAY_SLACK_WORKSPACES", false, "", func(c *config) *string { return &c.Slack.Workspaces }, "ids of the workspaces that may ask; all that the secret is for if empty"},
		{"SLIPWAY_SLACK_URL", false, chat.SlackAddress, func(c *config) *string { return &c.Slack.URL }, "where Slack's Web API is"},
		{"SLIPWAY_MATTERMOST_TOKEN", true, "", func(c *config) *string { return &c.Mattermost.Token }, "token of the slash command; several with commas between"},
		{"SLIPWAY_MATTERMOST_URL", false, "", func(c *config) *string { return &c.Mattermost.URL }, "address of the Mattermost server"},
		{"SLIPWAY_MATTERMOST_BOT_TOKEN", true, "", func(c *config) *string { return &c.Mattermost.BotToken }, "lets Slipway post in Mattermost"},
		{"SLIPWAY_MATTERMOST_TEAMS", false, "", func(c *config) *string { return &c.Mattermost.Teams }, "ids of the teams that may ask; all if empty"},
	}
}

// neverEmpty names secrets that prove who asks: an empty one would be known to
// everybody.
func neverEmpty(key string) bool {
	return slices.ContainsFunc(chatSettings(), func(s setting) bool { return s.secret && s.key == key })
}

func commas(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// checkChat lists what is wrong with how chat systems are spoken to.
func (c config) checkChat() []error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for key, value := range map[string]string{"SLIPWAY_SLACK_SIGNING_SECRET": c.Slack.SigningSecret, "SLIPWAY_MATTERMOST_TOKEN": c.Mattermost.Token} {
		for _, secret := range commas(value) {
			if len(secret) < shortestSecret {
				bad("%s: has at least %d characters; copy all of it", key, shortestSecret)
			}
		}
	}
	for key, value := range map[string]string{"SLIPWAY_SLACK_URL": c.Slack.URL, "SLIPWAY_MATTERMOST_URL": c.Mattermost.URL} {
		u, err := url.Parse(value)
		if value != "" && (err != nil || !c.absoluteURL(value) || u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
			bad("%s: is an http or https address, without a name or a query in it", key)
		} else if value != "" && c.plainOutside(value) && !c.localOnly() {
			bad("%s: is http outside this machine; tokens need https", key)
		}
	}
	m := c.Mattermost
	if (m.Token == "") != (m.URL == "") {
		bad("SLIPWAY_MATTERMOST_URL: goes together with SLIPWAY_MATTERMOST_TOKEN, and one of them is missing")
	}
	if m.URL == "" && m.BotToken != "" {
		bad("SLIPWAY_MATTERMOST_BOT_TOKEN: is set, and SLIPWAY_MATTERMOST_URL is missing")
	}
	if strings.ContainsAny(c.Slack.SigningSecret+c.Slack.BotToken+c.Slack.AppToken+m.Token+m.BotToken, "\r\n") {
		problems = append(problems, errors.New("SLIPWAY_SLACK_*, SLIPWAY_MATTERMOST_*: secrets are one line"))
	}
	return problems
}

// needsKey says what is wrong with chat without a key. It is apart from
// checkChat because `slipway dev` makes the key itself.
func (c config) needsKey() error {
	if c.SecretKey == "" && (c.Slack.asks() || c.Mattermost.Token != "") {
		return errors.New("SLIPWAY_SECRET_KEY: is missing; buttons in chat are sealed with a key made from it: head -c 32 /dev/urandom | base64")
	}
	return nil
}

// chatLimits bound one call of a chat system.
func chatLimits() outbound.Limits { return outbound.Limits{Within: 10 * time.Second, Body: 1 << 20} }

// dialChat reaches one configured address and nothing beside it.
func dialChat(address string) (*http.Client, error) { return outbound.ClientFor(address, chatLimits()) }

// socketClient opens sockets to addresses that Slack hands out: public ones, and
// what SLIPWAY_OUTBOUND_ALLOW adds.
func (c config) socketClient() (*http.Client, error) {
	allow, err := outbound.ParseAllow(c.OutboundAllow)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{Proxy: nil, DialContext: outbound.New(allow).DialContext, TLSHandshakeTimeout: 10 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

// sealOf makes what seals buttons and links; nil without a key.
func sealOf(c config) (*chat.Seal, error) {
	var keys [][]byte
	for _, text := range []string{c.SecretKey, c.SecretKeyOld} {
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil && text != "" {
			keys = append(keys, raw)
		}
	}
	if len(keys) == 0 {
		return nil, nil //nolint:nilnil // no key is an answer here
	}
	return chat.NewSeal(keys...)
}

// newChat makes the surface for chat; what is not configured answers so.
func newChat(c config, usecases *app.App, seal *chat.Seal, log *slog.Logger) (*chatops.Surface, error) {
	config := chatops.Config{App: usecases, Log: log, PublicURL: c.PublicURL, Seal: seal}
	if c.Slack.asks() {
		client, err := chat.NewSlack(c.Slack.URL, slipway.NewSecret(c.Slack.BotToken), dialChat)
		if err != nil {
			return nil, err
		}
		config.Slack = &chatops.Slack{Secret: slipway.NewSecret(c.Slack.SigningSecret), Client: client, Workspaces: commas(c.Slack.Workspaces),
			AppToken: slipway.NewSecret(c.Slack.AppToken)}
		if config.Slack.Dialer, err = c.socketClient(); err != nil {
			return nil, err
		}
	}
	if c.Mattermost.Token != "" {
		client, err := chat.NewMattermost(c.Mattermost.URL, slipway.NewSecret(c.Mattermost.BotToken), chatops.MattermostActionURL(c.PublicURL, seal), dialChat)
		if err != nil {
			return nil, err
		}
		server, err := url.Parse(c.Mattermost.URL)
		if err != nil {
			return nil, err
		}
		m := &chatops.Mattermost{Client: client, Server: server.Host, Teams: commas(c.Mattermost.Teams)}
		for _, token := range commas(c.Mattermost.Token) {
			m.Tokens = append(m.Tokens, slipway.NewSecret(token))
		}
		config.Mattermost = m
	}
	return chatops.New(config)
}

// chatSystems names those that are set up, for the page of settings.
func (c config) chatSystems() []string {
	var systems []string
	if c.Slack.asks() {
		systems = append(systems, slipway.Slack.Title())
	}
	if c.Mattermost.Token != "" {
		systems = append(systems, slipway.Mattermost.Title())
	}
	return systems
}
