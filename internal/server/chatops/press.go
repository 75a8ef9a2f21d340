package chatops

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// press does what a button says, as whoever has pressed it: what the button
// carries is no right to anything.
func (c *call) press(ctx context.Context) (said, error) {
	p, err := c.Seal.OpenPress(c.User.Platform, c.Press, c.At)
	switch {
	case errors.Is(err, chat.ErrExpired):
		m := chat.Text(chat.Bad, "This button is too old to be pressed. Nothing was changed.")
		if p.Deployment > 0 {
			m.Buttons = []chat.Button{openButton("Open review", fmt.Sprintf("%s/gates/%d", c.PublicURL, p.Deployment))}
		}
		return saying(m), nil
	case err != nil:
		return said{}, &slipway.Error{Code: slipway.CodeDenied, Message: "This button was not made by this Slipway, or it was changed.", Affected: "Nothing was changed."}
	case p.For != "" && p.For != c.User.ID:
		return said{}, &slipway.Error{Code: slipway.CodeDenied, Message: "This button is for somebody else.", Affected: "Nothing was changed.", Do: "Ask for one of your own: /slipway help."}
	case p.Do == chat.DoNothing:
		return saying(chat.Text(chat.Neutral, "Nothing was changed.")), nil
	}
	if err := c.identify(ctx); err != nil {
		return said{}, err
	}
	var m chat.Message
	switch {
	case p.Do == chat.DoReject && c.Kind == pressed:
		return c.askWhy(ctx, p)
	case p.Do == chat.DoReject:
		m, err = c.rejectNow(ctx, p, c.Text)
	case p.Do == chat.DoApprove:
		m, err = c.approveNow(ctx, p)
	case p.Do == chat.DoPromote && p.For != "":
		m, err = c.promoteNow(ctx, p)
	case p.Do == chat.DoRollback && p.For != "":
		m, err = c.rollbackNow(ctx, p)
	case p.Do == chat.DoRollback:
		m, err = c.rollbackPreview(ctx, p, "")
	default:
		err = unreadable(c.User.Platform)
	}
	return saying(m), err
}

// askWhy shows the dialog that a reason is typed into. Whoever may not reject is
// told so before they type.
func (c *call) askWhy(ctx context.Context, p chat.Press) (said, error) {
	page, err := c.App.Deployment(ctx, c.actor, p.Deployment)
	if err != nil {
		return said{}, err
	}
	d := page.Deployment
	if why := page.WhyNot[slipway.DeploymentApprove]; why != "" {
		return said{}, &slipway.Error{Code: slipway.CodeDenied, Message: why, Affected: "Nothing was changed."}
	}
	if d.PlanDigest != p.Plan {
		m, err := c.ifChanged(ctx, p, slipway.Conflict(fmt.Sprintf("The plan of deployment %d changed since you saw it.", d.ID), "Look at what changed, then decide."))
		return saying(m), err
	}
	p.For, p.Key, p.Answer = c.User.ID, c.digest, c.Answer
	state, err := c.Seal.SealPress(c.User.Platform, p, c.App.Clock().Add(previewFor))
	if err != nil {
		return said{}, err
	}
	dialog := chat.Dialog{ID: rejectDialog, Title: "Reject " + id(d.ID), Label: "Why", Submit: "Reject", State: state, Longest: 2000,
		Intro: fmt.Sprintf("%s %s does not go to %s. Whoever asked for it reads why.", d.Service, d.Version, d.Environment)}
	if c.User.Platform == slipway.Mattermost {
		err = c.Mattermost.Client.Open(ctx, c.Trigger, c.PublicURL+matterDialogPath+"?mark="+c.Seal.Mark(matterMark), dialog)
	} else {
		err = c.Slack.Client.Open(ctx, c.Trigger, dialog)
	}
	if err != nil {
		c.Log.WarnContext(ctx, "a dialog could not be shown in chat", "request", c.RequestID, "error", err.Error())
		m := chat.Text(chat.Bad, "The dialog could not be shown. Nothing was changed. Write why here:")
		m.Lines = append(m.Lines, chat.Line{Text: fmt.Sprintf("/slipway reject %d the reason", d.ID), Style: chat.Code})
		return saying(m), nil
	}
	return said{silent: true}, nil
}
