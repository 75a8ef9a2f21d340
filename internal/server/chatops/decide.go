package chatops

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// rejectDialog is the dialog that asks why.
const rejectDialog = "reject"

const (
	approveExample = "/slipway approve 218"
	rejectExample  = "/slipway reject 218 the migration is missing"
)

// approve shows what would be approved: a number alone is no plan that anybody
// has seen. Without one it lists what waits for whoever asks.
func approve(ctx context.Context, c *call) (chat.Message, error) {
	if len(meant(c.words)) == 0 {
		return c.inbox(ctx)
	}
	page, _, err := c.deployment(ctx, approveExample)
	if err != nil {
		return chat.Message{}, err
	}
	return c.review(page, "")
}

func (c *call) inbox(ctx context.Context) (chat.Message, error) {
	in, err := c.App.Inbox(ctx, c.actor)
	if err != nil {
		return chat.Message{}, err
	}
	if len(in.Decide) == 0 {
		return chat.Text(chat.Good, "Nothing waits for your decision."), nil
	}
	m := chat.Message{Tone: chat.Wait, Title: fmt.Sprintf("%d wait for your decision", len(in.Decide))}
	for _, item := range in.Decide[:min(len(in.Decide), 15)] {
		d := item.Deployment
		m.Lines = append(m.Lines, chat.Line{Style: chat.Bullet, Text: fmt.Sprintf("%d: %s %s to %s, asked for by %s %s ago", d.ID, d.Service, d.Version, d.Environment, d.RequestedBy.Name, span(c.App.Clock().Sub(d.CreatedAt)))})
	}
	m.Lines = append(m.Lines, chat.Line{Text: fmt.Sprintf("/slipway approve %d", in.Decide[0].Deployment.ID), Style: chat.Code})
	m.Buttons = []chat.Button{openButton("Open inbox", c.PublicURL+"/inbox")}
	return m, nil
}

// review is what a decision needs: the very plan, with buttons that carry it.
func (c *call) review(p app.DeploymentPage, changed string) (chat.Message, error) {
	d := p.Deployment
	m := chat.Message{Tone: chat.Wait, Title: fmt.Sprintf("%s %s to %s", d.Service, d.Version, d.Environment)}
	if changed != "" {
		m.Lines = append(m.Lines, chat.Line{Text: changed, Style: chat.Strong})
	}
	open := openButton("Open review", c.pagePath(d))
	if d.State != slipway.Waiting {
		m.Tone, m.Buttons = chat.Neutral, []chat.Button{open}
		m.Lines = append(m.Lines, chat.Line{Text: fmt.Sprintf("Deployment %d no longer waits: it is %s. %s", d.ID, d.State, d.Message)})
		return m, nil
	}
	from := "nothing yet"
	if d.Plan.From != nil {
		from = d.Plan.From.Version
	}
	m.Fields = []chat.Field{{Name: "From → to", Value: from + " → " + d.Version}, {Name: "Plan", Value: slipway.ShortDigest(d.PlanDigest)},
		{Name: "Asked for by", Value: d.RequestedBy.Name}, {Name: "Note", Value: brief(d.Note)}}
	if d.Note == "" {
		m.Fields = m.Fields[:3]
	}
	m.Lines = append(m.Lines, section(fmt.Sprintf("Commits (%d)", len(p.Commits)), commitLines(p.Commits))...)
	m.Lines = append(m.Lines, section("Changes", changeLines(p.Changes))...)
	m.Lines = append(m.Lines, section("Gates", c.verdicts(p.Verdicts))...)
	why := p.WhyNot[slipway.DeploymentApprove]
	if why == "" {
		why = p.VoteWhyNot
	}
	if why != "" {
		m.Lines = append(m.Lines, chat.Line{Text: why})
		m.Buttons = []chat.Button{open}
		return m, nil
	}
	press := chat.Press{Deployment: d.ID, Plan: d.PlanDigest, For: c.User.ID, Answer: c.answerKept()}
	for _, b := range []struct {
		do    chat.Deed
		text  string
		style chat.ButtonStyle
	}{{chat.DoApprove, "Approve", chat.Primary}, {chat.DoReject, "Reject…", chat.Danger}} {
		press.Do = b.do
		value, err := c.Seal.SealPress(c.User.Platform, press, c.App.Clock().Add(chat.ButtonFor))
		if err != nil {
			return m, err
		}
		m.Buttons = append(m.Buttons, chat.Button{ID: string(b.do), Text: b.text, Value: value, Style: b.style})
	}
	m.Buttons = append(m.Buttons, open)
	m.Footer = "An approval is for exactly this plan."
	return m, nil
}

// reject says no at once: a no is for whatever the plan is.
func reject(ctx context.Context, c *call) (chat.Message, error) {
	page, rest, err := c.deployment(ctx, rejectExample)
	if err != nil {
		return chat.Message{}, err
	}
	reason := reasonOf(rest)
	if reason == "" {
		return chat.Message{}, usage("Why? Whoever asked for it wants to know.", rejectExample)
	}
	return c.rejectNow(ctx, chat.Press{Deployment: page.Deployment.ID, Key: c.digest}, reason)
}

func (c *call) rejectNow(ctx context.Context, p chat.Press, reason string) (chat.Message, error) {
	d, err := c.App.Reject(ctx, c.actor, app.Reject{Once: app.Once{Key: "chat " + p.Key}, Deployment: p.Deployment, PlanDigest: p.Plan, Reason: reason})
	if err != nil {
		return c.ifChanged(ctx, p, err)
	}
	m := chat.Text(chat.Good, fmt.Sprintf("You rejected %s to %s: deployment %d goes nowhere.", d.Version, d.Environment, d.ID))
	m.Buttons = []chat.Button{openButton("Open", c.pagePath(d))}
	return m, nil
}

func (c *call) approveNow(ctx context.Context, p chat.Press) (chat.Message, error) {
	key := fmt.Sprintf("chat approve %d %s", p.Deployment, strings.TrimPrefix(p.Plan, "sha256:"))
	d, err := c.App.Approve(ctx, c.actor, app.Approve{Once: app.Once{Key: key}, Deployment: p.Deployment, PlanDigest: p.Plan, Comment: ""})
	if err != nil {
		return c.ifChanged(ctx, p, err)
	}
	m := chat.Text(chat.Good, fmt.Sprintf("You approved %s to %s: deployment %d, plan %s.", d.Version, d.Environment, d.ID, slipway.ShortDigest(p.Plan)))
	m.Buttons = []chat.Button{openButton("Open", c.pagePath(d))}
	return m, nil
}

// ifChanged turns the conflict of a plan that has changed into what changed, and
// what is to be decided on now.
func (c *call) ifChanged(ctx context.Context, p chat.Press, err error) (chat.Message, error) {
	if slipway.CodeOf(err) != slipway.CodeConflict || p.Plan == "" {
		return chat.Message{}, err
	}
	page, pageErr := c.App.Deployment(ctx, c.actor, p.Deployment)
	if pageErr != nil || page.Deployment.State != slipway.Waiting || page.Deployment.PlanDigest == p.Plan {
		return chat.Message{}, err
	}
	m, reviewErr := c.review(page, "Changed since this message. Nothing was decided; this is the plan now.")
	if reviewErr != nil {
		return m, errors.Join(err, reviewErr)
	}
	since := page.Voided
	for _, was := range page.Deployment.Replaced {
		if was.Digest() == p.Plan {
			since = slipway.DiffPlans(was, page.Deployment.Plan)
		}
	}
	m.Lines = append(m.Lines[:1:1], append(section("What changed", changeLines(since)), m.Lines[1:]...)...)
	return m, nil
}
