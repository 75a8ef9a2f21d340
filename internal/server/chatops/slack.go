package chatops

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// proveSlack reads the body and checks Slack's signature over it, before
// anything in it is looked at.
func (s *Surface) proveSlack(c echo.Context) error {
	if s.Slack == nil || s.Slack.Secret.Reveal() == "" {
		return notSetUp(slipway.Slack, "SLIPWAY_SLACK_SIGNING_SECRET")
	}
	h := c.Request().Header
	if h.Get("X-Slack-Signature") == "" {
		return unproven(slipway.Slack, chat.ErrUnsigned) // nobody has to send us more to be refused
	}
	body, err := readBody(c)
	if err != nil {
		return err
	}
	if err := chat.VerifySlack(s.Slack.Secret, h.Get("X-Slack-Request-Timestamp"), h.Get("X-Slack-Signature"), body, s.App.Clock()); err != nil {
		return unproven(slipway.Slack, err)
	}
	server.SetProven(c)
	return nil
}

func (s *Surface) slackCommand(c echo.Context) error {
	form, err := url.ParseQuery(string(bodyOf(c)))
	if err != nil {
		return unreadable(slipway.Slack)
	}
	if form.Get("ssl_check") == "1" {
		return c.NoContent(http.StatusOK) // Slack looks whether anybody is there
	}
	r, err := s.readSlackCommand(s.begin(c, typed, slipway.Slack), form)
	if err != nil {
		return err
	}
	if _, err := s.intake.take(c.Request().Context(), r); err != nil {
		return err
	}
	return c.NoContent(http.StatusOK)
}

// readSlackCommand reads a command from what HTTP and the socket both bring.
func (s *Surface) readSlackCommand(r request, form url.Values) (request, error) {
	r.User.Workspace, r.User.ID, r.Name = form.Get("team_id"), form.Get("user_id"), form.Get("user_name")
	r.Channel, r.Private = form.Get("channel_id"), form.Get("channel_name") == "directmessage"
	r.Text, r.Answer, r.Trigger = form.Get("text"), form.Get("response_url"), form.Get("trigger_id")
	return r, s.slackSane(r)
}

func (s *Surface) slackSane(r request) error {
	if !r.sane() || r.Answer != "" && !s.Slack.Client.Answers(r.Answer) {
		return unreadable(slipway.Slack)
	}
	if allowed := s.Slack.Workspaces; len(allowed) > 0 && !contains(allowed, r.User.Workspace) {
		return wrongWorkspace(slipway.Slack)
	}
	return nil
}

// slackPayload is what a click or a dialog sends, as much of it as is of use.
type slackPayload struct {
	Type        string     `json:"type"`
	User        slackNamed `json:"user"`
	Team        slackNamed `json:"team"`
	Enterprise  slackNamed `json:"enterprise"`
	Channel     slackNamed `json:"channel"`
	TriggerID   string     `json:"trigger_id"`
	ResponseURL string     `json:"response_url"`
	Actions     []struct {
		ActionID string `json:"action_id"`
		Type     string `json:"type"`
		Value    string `json:"value"`
	} `json:"actions"`
	View struct {
		CallbackID      string `json:"callback_id"`
		PrivateMetadata string `json:"private_metadata"`
		State           struct {
			Values map[string]map[string]struct {
				Value string `json:"value"`
			} `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

type slackNamed struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Username string `json:"username"`
	TeamID   string `json:"team_id"`
}

func (s *Surface) slackInteractive(c echo.Context) error {
	form, err := url.ParseQuery(string(bodyOf(c)))
	if err != nil || form.Get("payload") == "" {
		return unreadable(slipway.Slack)
	}
	r, known, err := s.readSlackPayload(s.begin(c, pressed, slipway.Slack), []byte(form.Get("payload")))
	if err != nil {
		return err
	}
	if !known {
		return c.NoContent(http.StatusOK)
	}
	if _, err := s.intake.take(c.Request().Context(), r); err != nil {
		return err
	}
	return c.NoContent(http.StatusOK) // an empty answer closes a dialog
}

// readSlackPayload reads a click or a dialog. What asks for nothing is not
// known: a click on a link, a dialog that was closed.
func (s *Surface) readSlackPayload(r request, payload []byte) (_ request, known bool, err error) {
	var p slackPayload
	if json.Unmarshal(payload, &p) != nil {
		return r, false, unreadable(slipway.Slack)
	}
	// In a channel that workspaces share, whoever clicks may be of another one
	// than the message.
	r.User.Workspace, r.User.ID, r.Name = p.User.TeamID, p.User.ID, p.User.Username
	if r.User.Workspace == "" {
		r.User.Workspace = p.Team.ID
	}
	if r.Name == "" {
		r.Name = p.User.Name
	}
	r.Channel, r.Private = p.Channel.ID, p.Channel.Name == "directmessage"
	r.Answer, r.Trigger = p.ResponseURL, p.TriggerID
	switch p.Type {
	case "block_actions":
		if len(p.Actions) == 1 && p.Actions[0].Value != "" {
			r.Press, known = p.Actions[0].Value, true
		}
	case "view_submission":
		if p.View.CallbackID == rejectDialog {
			r.Kind, r.Press, known = filled, p.View.PrivateMetadata, true
			r.Text = strings.TrimSpace(p.View.State.Values[chat.DialogField][chat.DialogField].Value)
		}
	}
	return r, known, s.slackSane(r)
}
