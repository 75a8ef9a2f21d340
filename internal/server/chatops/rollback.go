package chatops

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const rollbackExample = "/slipway rollback billing-api production because checkout fails"

func rollback(ctx context.Context, c *call) (chat.Message, error) {
	words, reason := splitReason(c.words)
	n, err := c.stage(ctx, words, rollbackExample)
	if err != nil {
		return chat.Message{}, err
	}
	version := ""
	switch len(n.rest) {
	case 0:
	case 1:
		version = n.rest[0]
	default:
		return chat.Message{}, usage(fmt.Sprintf("It goes back to one release; what is %q?", brief(n.rest[1])), rollbackExample)
	}
	return c.rollbackPreview(ctx, chat.Press{Do: chat.DoRollback, Service: n.service, Environment: n.environment, Version: version, Reason: carried(reason)}, "")
}

// ways names from where to where a rollback goes.
func ways(p app.RollbackPage) string {
	from := "nothing"
	if p.State.Live != nil {
		from = p.State.Live.Spec.ID()
	}
	if p.Active != nil {
		from += fmt.Sprintf(" and %d", p.Active.ID)
	}
	return from + " to " + p.Chosen.Spec.ID()
}

func (c *call) rollbackPreview(ctx context.Context, p chat.Press, changed string) (chat.Message, error) {
	page, err := c.App.RollbackPreview(ctx, c.actor, p.Service, p.Environment, p.Version)
	if err != nil {
		return chat.Message{}, err
	}
	if page.Chosen == nil {
		return c.noWayBack(page, p)
	}
	to := page.Chosen.Spec.Version
	where := c.stagePath(p.Service, p.Environment) + "/rollback?to=" + url.QueryEscape(to)
	m := chat.Message{Tone: chat.Wait, Title: fmt.Sprintf("Roll %s in %s back to %s?", p.Service, p.Environment, to)}
	if changed != "" {
		m.Lines = append(m.Lines, chat.Line{Text: changed, Style: chat.Strong})
	}
	live := "nothing"
	if page.State.Live != nil {
		live = page.State.Live.Spec.Version
	}
	m.Fields = []chat.Field{{Name: "From → to", Value: live + " → " + to}, {Name: "Served before for", Value: span(page.Chosen.Served)}}
	if page.Active != nil {
		m.Fields = append(m.Fields, chat.Field{Name: "Takes the place of", Value: fmt.Sprintf("deployment %d of %s", page.Active.ID, page.Active.Version)})
	}
	m.Lines = append(m.Lines, section("What changes back", changeLines(page.Changes))...)
	if page.Irreversible {
		m.Lines = append(m.Lines, chat.Line{Text: "What is live is marked as not reversible: data that it has changed stays changed. Going back is your decision.", Style: chat.Strong})
	}
	if page.WhyNot != "" {
		m.Tone, m.Buttons = chat.Bad, []chat.Button{openButton("Open in Slipway", where)}
		m.Lines = append(m.Lines, chat.Line{Text: page.WhyNot})
		return m, nil
	}
	m.Lines = append(m.Lines, chat.Line{Text: "Automation is held afterwards, so that nothing brings it back by itself."})
	p.Do, p.Deployment, p.Version, p.Plan, p.Accept = chat.DoRollback, 0, to, ways(page), page.Irreversible
	buttons, err := c.confirm(p, "Roll back to "+to, chat.Danger)
	m.Buttons = slices.Concat(buttons, []chat.Button{openButton("Open in Slipway", where)})
	m.Footer = "Only you see this. Nothing has started."
	return m, err
}

func (c *call) noWayBack(page app.RollbackPage, p chat.Press) (chat.Message, error) {
	if live := page.State.Live; live != nil && live.Spec.Version == p.Version {
		return chat.Message{}, slipway.Conflict(p.Version+" is what is live in "+p.Environment+".", "There is nothing to go back to under that name.")
	}
	if p.Version != "" {
		var known []string
		for _, t := range page.Targets {
			known = append(known, t.Spec.Version)
		}
		if near := nearest(p.Version, known); near != "" {
			return chat.Message{}, notThat("release to go back to", p.Version, near)
		}
		return chat.Message{}, slipway.Conflict(fmt.Sprintf("%s never ran well in %s, or may not run there any more.", brief(p.Version), p.Environment), "Pick another, or promote it.")
	}
	return chat.Message{}, slipway.Conflict("Nothing earlier has run well in "+p.Environment+" of "+p.Service+".", "There is nothing to go back to. Promote a release that works, or cancel what is under way.")
}

// rollbackNow goes back the way that was shown.
func (c *call) rollbackNow(ctx context.Context, p chat.Press) (chat.Message, error) {
	reason := p.Reason
	if reason == "" {
		reason = "asked for in chat"
	}
	command := app.Rollback{Once: app.Once{Key: "chat " + p.Key}, Service: p.Service, Environment: p.Environment, To: p.Version, Reason: reason, AcceptIrreversible: p.Accept}
	page, err := c.App.RollbackPreview(ctx, c.actor, p.Service, p.Environment, p.Version)
	if err != nil {
		return chat.Message{}, err
	}
	if page.Chosen == nil || ways(page) != p.Plan {
		// It may be this very rollback that has changed it: then the key answers.
		if d, found := c.before(page, p); found {
			return c.started(ctx, d, fmt.Sprintf("%s in %s goes back to %s: deployment %d.", d.Service, d.Environment, d.Version, d.ID))
		}
		if page.Chosen == nil {
			return c.noWayBack(page, p)
		}
		return c.rollbackPreview(ctx, chat.Press{Do: p.Do, Service: p.Service, Environment: p.Environment, Version: p.Version, Reason: p.Reason},
			"Changed since this message. Nothing was started; this is what would happen now.")
	}
	d, err := c.App.Rollback(ctx, c.actor, command)
	if err != nil {
		return chat.Message{}, err
	}
	return c.started(ctx, d, fmt.Sprintf("%s in %s goes back to %s: deployment %d.", d.Service, d.Environment, d.Version, d.ID))
}

// before is the rollback that is under way to where the button leads, asked for
// by whoever presses it.
func (c *call) before(page app.RollbackPage, p chat.Press) (slipway.Deployment, bool) {
	d := page.Active
	if d == nil || d.Cause != slipway.CauseRollback || d.Version != p.Version || d.RequestedBy.ID != c.actor.ID {
		return slipway.Deployment{}, false
	}
	return *d, true
}
