package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// SlackAddress is where Slack's Web API is.
const SlackAddress = "https://slack.com/api"

// Slack calls Slack. It may be used from any number of goroutines.
type Slack struct {
	base, hooks string
	token       slipway.Secret
	api, answer *http.Client
}

// NewSlack makes a client. An address other than Slack's own is a stand-in or a
// proxy, which takes the answers to commands as well.
func NewSlack(address string, token slipway.Secret, dial Dial) (*Slack, error) {
	s := &Slack{base: strings.TrimRight(address, "/"), token: token}
	base, err := url.Parse(s.base)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("chat: %q is no address", address)
	}
	s.hooks = base.Scheme + "://" + base.Host
	switch base.Host {
	case "slack.com":
		s.hooks = "https://hooks.slack.com"
	case "slack-gov.com":
		s.hooks = "https://hooks.slack-gov.com"
	}
	if s.api, err = dial(s.base); err != nil {
		return nil, err
	}
	s.answer, err = dial(s.hooks)
	return s, err
}

// CanPost reports whether there is a token to post with, beside answering.
func (s *Slack) CanPost() bool { return s.token.Reveal() != "" }

type slackAnswer struct {
	OK      bool   `json:"ok"`
	Error   string `json:"error"`
	TS      string `json:"ts"`
	Channel string `json:"channel"`
	URL     string `json:"url"`
	TeamID  string `json:"team_id"`
}

func (s *Slack) call(ctx context.Context, method string, body any) (slackAnswer, error) {
	return s.callWith(ctx, method, s.token, body)
}

func (s *Slack) callWith(ctx context.Context, method string, token slipway.Secret, body any) (slackAnswer, error) {
	var a slackAnswer
	_, answer, err := post(ctx, s.api, http.MethodPost, s.base+"/"+method, token.Reveal(), body)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return a, errors.New("what Slack answered is no JSON")
	}
	switch {
	case a.OK:
		return a, nil
	case a.Error == "ratelimited":
		return a, &RateLimitedError{After: usualPause}
	default:
		return a, &RefusedError{Platform: slipway.Slack, Call: method, Why: a.Error}
	}
}

// Post says something in a channel, or in the thread below a message, and
// returns the message's id.
func (s *Slack) Post(ctx context.Context, channel, thread string, m Message) (id string, err error) {
	body := slackBody(m)
	body["channel"] = channel
	if thread != "" {
		body["thread_ts"] = thread
	}
	a, err := s.call(ctx, "chat.postMessage", body)
	return a.TS, err
}

// Direct is where one user is told, and nobody else: Slack opens a conversation by
// itself for whoever is named in a channel's place.
func (s *Slack) Direct(_ context.Context, user string) (channel string, err error) { return user, nil }

// Update replaces what a message says.
func (s *Slack) Update(ctx context.Context, channel, id string, m Message) error {
	body := slackBody(m)
	body["channel"], body["ts"] = channel, id
	_, err := s.call(ctx, "chat.update", body)
	return err
}

// Open shows a dialog to who has just clicked.
func (s *Slack) Open(ctx context.Context, trigger string, d Dialog) error {
	view, err := slackView(d)
	if err != nil {
		return err
	}
	_, err = s.call(ctx, "views.open", object{"trigger_id": trigger, "view": view})
	return err
}

// Socket asks for the address of a WebSocket, with an app token.
func (s *Slack) Socket(ctx context.Context, appToken slipway.Secret) (address string, err error) {
	a, err := s.callWith(ctx, "apps.connections.open", appToken, object{})
	return a.URL, err
}

// Beside reports whether an address is on the host of a stand-in or a proxy for
// Slack's Web API.
func (s *Slack) Beside(address string) bool { return s.base != SlackAddress && below(address, s.hooks) }

// Answers reports whether an address is one that answers go to.
func (s *Slack) Answers(address string) bool { return below(address, s.hooks) }

// Answer says something to who has asked, at the address that came with the
// request, and to nobody else. With replace it takes the place of the message
// that was clicked.
func (s *Slack) Answer(ctx context.Context, address string, m Message, replace bool) error {
	if !s.Answers(address) {
		return ErrElsewhere
	}
	body := slackBody(m)
	body["response_type"] = "ephemeral"
	body["replace_original"] = replace
	status, answer, err := post(ctx, s.answer, http.MethodPost, address, "", body)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return &RefusedError{Platform: slipway.Slack, Call: "the answer", Why: cut(oneLine(string(answer)), 100)}
	}
	return nil
}

func slackBody(m Message) object {
	blocks, summary := SlackBlocks(m)
	return object{"blocks": blocks, "text": summary, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false}
}
