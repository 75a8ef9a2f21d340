package chatops

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// proveMatterCommand checks the token of the slash command, which comes in a
// header, before the body is read.
func (s *Surface) proveMatterCommand(c echo.Context) error {
	if s.Mattermost == nil {
		return notSetUp(slipway.Mattermost, "SLIPWAY_MATTERMOST_TOKEN and SLIPWAY_MATTERMOST_URL")
	}
	if err := chat.VerifyMattermost(s.Mattermost.Tokens, c.Request().Header.Get(echo.HeaderAuthorization)); err != nil {
		return unproven(slipway.Mattermost, err)
	}
	server.SetProven(c)
	_, err := readBody(c)
	return err
}

// proveMatterMark checks that a callback knows the address that only the
// Mattermost server was told. What it says of who has clicked is proven later,
// by the server's own signature.
func (s *Surface) proveMatterMark(c echo.Context) error {
	if s.Mattermost == nil {
		return notSetUp(slipway.Mattermost, "SLIPWAY_MATTERMOST_TOKEN and SLIPWAY_MATTERMOST_URL")
	}
	if !s.Seal.Marked(matterMark, c.QueryParam("mark")) {
		return unproven(slipway.Mattermost, chat.ErrUnsigned)
	}
	server.SetProven(c)
	_, err := readBody(c)
	return err
}

func (s *Surface) matterCommand(c echo.Context) error {
	form, err := url.ParseQuery(string(bodyOf(c)))
	if err != nil {
		return unreadable(slipway.Mattermost)
	}
	r := s.begin(c, typed, slipway.Mattermost)
	r.User.Workspace, r.User.ID, r.Name = s.Mattermost.Server, form.Get("user_id"), form.Get("user_name")
	r.Channel, r.Text = form.Get("channel_id"), form.Get("text")
	r.Private = strings.Contains(form.Get("channel_name"), "__") // of two people
	r.Answer, r.Trigger = form.Get("response_url"), form.Get("trigger_id")
	if !r.sane() || !s.Mattermost.Client.Answers(r.Answer) {
		return unreadable(slipway.Mattermost)
	}
	if err := s.matterTeam(form.Get("team_id")); err != nil {
		return err
	}
	if err := chat.MattermostTime(r.Trigger, s.App.Clock()); err != nil {
		return unproven(slipway.Mattermost, err)
	}
	if _, err := s.intake.take(c.Request().Context(), r); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{})
}

func (s *Surface) matterTeam(team string) error {
	if allowed := s.Mattermost.Teams; len(allowed) > 0 && !contains(allowed, team) {
		return wrongWorkspace(slipway.Mattermost)
	}
	return nil
}

// matterClick is what a button of Mattermost reports.
type matterClick struct {
	UserID      string `json:"user_id"`
	UserName    string `json:"user_name"`
	ChannelID   string `json:"channel_id"`
	ChannelName string `json:"channel_name"`
	TeamID      string `json:"team_id"`
	TriggerID   string `json:"trigger_id"`
	Context     struct {
		Value string `json:"value"`
	} `json:"context"`
}

// patience is how long a click waits for what comes of it. Mattermost has no
// other way to tell who has clicked.
const patience = 2500 * time.Millisecond

func (s *Surface) matterAction(c echo.Context) error {
	var click matterClick
	if json.Unmarshal(bodyOf(c), &click) != nil {
		return unreadable(slipway.Mattermost)
	}
	r := s.begin(c, pressed, slipway.Mattermost)
	r.User.Workspace, r.User.ID, r.Name = s.Mattermost.Server, click.UserID, click.UserName
	r.Channel, r.Private, r.Trigger, r.Press = click.ChannelID, strings.Contains(click.ChannelName, "__"), click.TriggerID, click.Context.Value
	if !r.sane() {
		return unreadable(slipway.Mattermost)
	}
	if err := s.matterTeam(click.TeamID); err != nil {
		return err
	}
	press, err := s.Seal.OpenPress(slipway.Mattermost, r.Press, r.At)
	if errors.Is(err, chat.ErrForged) {
		return unproven(slipway.Mattermost, err)
	}
	ctx := c.Request().Context()
	if err := s.Mattermost.Client.VerifyTrigger(ctx, r.Trigger, r.User.ID, s.App.Clock()); err != nil {
		if errors.Is(err, chat.ErrUnsigned) || errors.Is(err, chat.ErrLate) {
			return unproven(slipway.Mattermost, err)
		}
		return &slipway.Error{Code: slipway.CodeUnavailable, Message: "The Mattermost server could not be asked whether it sent this.", Affected: "Nothing was changed.", Do: "Try again in a moment.", Err: err}
	}
	r.Answer = press.Answer
	said, fresh, err := s.intake.takeAndWait(ctx, r, patience)
	switch {
	case err != nil:
		return err
	case !fresh:
		return c.JSON(http.StatusOK, map[string]any{})
	case said == nil:
		waits := chat.Text(chat.Wait, "It is being done. Look again in a moment.")
		said = &waits
	}
	if len(said.Lines) == 0 && said.Title == "" {
		return c.JSON(http.StatusOK, map[string]any{}) // a dialog says the rest
	}
	if press.For != "" {
		return c.JSON(http.StatusOK, s.Mattermost.Client.Replacement(*said))
	}
	return c.JSON(http.StatusOK, map[string]any{"ephemeral_text": chat.MattermostText(*said), "skip_slack_parsing": true})
}

// matterForm is what a dialog of Mattermost reports. Its state is sealed and
// names who was shown the dialog, so nobody else can have filled it.
type matterForm struct {
	CallbackID string            `json:"callback_id"`
	State      string            `json:"state"`
	UserID     string            `json:"user_id"`
	ChannelID  string            `json:"channel_id"`
	TeamID     string            `json:"team_id"`
	Submission map[string]string `json:"submission"`
	Cancelled  bool              `json:"cancelled"`
}

func (s *Surface) matterDialog(c echo.Context) error {
	var form matterForm
	if json.Unmarshal(bodyOf(c), &form) != nil || form.CallbackID != rejectDialog || form.Cancelled {
		return unreadable(slipway.Mattermost)
	}
	r := s.begin(c, filled, slipway.Mattermost)
	r.User.Workspace, r.User.ID = s.Mattermost.Server, form.UserID
	r.Channel, r.Press, r.Text = form.ChannelID, form.State, strings.TrimSpace(form.Submission[chat.DialogField])
	if !r.sane() {
		return unreadable(slipway.Mattermost)
	}
	if err := s.matterTeam(form.TeamID); err != nil {
		return err
	}
	press, err := s.Seal.OpenPress(slipway.Mattermost, r.Press, r.At)
	if errors.Is(err, chat.ErrForged) || press.For != form.UserID {
		return unproven(slipway.Mattermost, chat.ErrForged)
	}
	r.Answer = press.Answer
	said, fresh, err := s.intake.takeAndWait(c.Request().Context(), r, patience)
	if err != nil {
		return err
	}
	if fresh && said != nil && said.Tone == chat.Bad {
		return c.JSON(http.StatusOK, map[string]any{"error": chat.PlainText(*said)})
	}
	return c.JSON(http.StatusOK, map[string]any{})
}
