package chatops_test

import (
	"net/http"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/chat/chattest"
	"github.com/slipway-dev/slipway/internal/server/chatops"
)

type bySlack struct{}

func (bySlack) say(r *rig, user, text string) (words string, confirm func() string) {
	said := r.slack.Command(user, text).Answer(r.t)
	for _, b := range said.Buttons {
		if b.ActionID == "confirm" {
			return said.Words, func() string { return r.slack.Click(user, b).Answer(r.t).Words }
		}
	}
	return said.Words, nil
}

func (bySlack) press(r *rig, user string, do chat.Deed, value string) string {
	return r.slack.Click(user, chattest.Element{ActionID: string(do), Value: value}).Answer(r.t).Words
}

// reject waits for what comes first: where the dialog is shown, nothing is said.
func (bySlack) reject(r *rig, user, value string) (words string, opened bool) {
	before := len(r.slack.Views())
	click := r.slack.Click(user, chattest.Element{ActionID: string(chat.DoReject), Value: value})
	eventually(r.t, "a dialog or an answer", func() bool {
		said, ok := click.Next(0)
		words = said.Words
		return ok || len(r.slack.Views()) > before
	})
	views := r.slack.Views()
	if len(views) == before {
		return words, false
	}
	r.slack.Submit(user, views[len(views)-1], "not today")
	return "rejected", true
}

type byMattermost struct{}

func (byMattermost) say(r *rig, user, text string) (words string, confirm func() string) {
	said := r.matter.Answer(r.matter.Command(user, text))
	for _, b := range said.Buttons {
		if b.ID == "confirm" {
			return said.Words, func() string { return heard(r, r.matter.Click(user, b)) }
		}
	}
	return said.Words, nil
}

func (byMattermost) press(r *rig, user string, do chat.Deed, value string) string {
	body := r.matter.ClickBody(user, chattest.MatterAction{})
	body["context"] = map[string]any{"action": string(do), "value": value}
	return heard(r, r.matter.SendClick(chatops.MattermostActionURL(r.url, r.seal), body))
}

// reject finds the dialog there when the click is answered.
func (v byMattermost) reject(r *rig, user, value string) (words string, opened bool) {
	before := len(r.matter.Dialogs())
	words = v.press(r, user, chat.DoReject, value)
	dialogs := r.matter.Dialogs()
	if len(dialogs) == before {
		return words, false
	}
	if status, fault := r.matter.Submit(user, dialogs[len(dialogs)-1], "not today"); status != http.StatusOK || fault != "" {
		r.t.Errorf("the dialog is answered with %d: %s", status, fault)
	}
	return "rejected", true
}

// heard is what the answer to a click says, in the place of what was clicked or
// beside it.
func heard(r *rig, c chattest.Clicked) string {
	r.t.Helper()
	if c.Status != http.StatusOK {
		r.t.Fatalf("a click is answered with %d: %s", c.Status, c.Body)
	}
	if c.Update != nil {
		return c.Update.Words
	}
	return c.Ephemeral
}
