package chatops

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// previewFor is how long a preview may be confirmed.
const previewFor = 30 * time.Minute

const promoteExample = "/slipway promote billing-api 1.42.0 to production"

// promote shows what would happen. Nothing starts before it is confirmed.
func promote(ctx context.Context, c *call) (chat.Message, error) {
	words, reason := splitReason(c.words)
	n, err := c.stage(ctx, words, promoteExample)
	if err != nil {
		return chat.Message{}, err
	}
	version := ""
	switch len(n.rest) {
	case 0:
	case 1:
		version = n.rest[0]
	default:
		return chat.Message{}, usage(fmt.Sprintf("One release goes at a time; what is %q?", brief(n.rest[1])), promoteExample)
	}
	if version, err = c.version(ctx, n, version); err != nil {
		return chat.Message{}, err
	}
	return c.preview(ctx, chat.Press{Do: chat.DoPromote, Service: n.service, Environment: n.environment, Version: version, Reason: carried(reason)}, "")
}

// version is the release that is meant. Without a word on it, it is what is live
// in the environment before, and the newest one where there is none.
func (c *call) version(ctx context.Context, n named, asked string) (string, error) {
	page, err := c.App.ServicePage(ctx, c.actor, n.service)
	if err != nil {
		return "", err
	}
	newest := ""
	for _, r := range page.Releases {
		if r.Version == asked || "v"+r.Version == asked || r.Version == "v"+asked {
			return r.Version, nil
		}
		if newest == "" && r.Blocked == nil {
			newest = r.Version
		}
	}
	switch asked {
	case "":
		if stage, ok := page.Pipeline.Stage(n.environment); ok {
			for _, before := range stage.After {
				if live := page.Row.States[before].Live; live != nil {
					return live.Spec.Version, nil
				}
			}
		}
	case "latest", "newest":
	default:
		var known []string
		for _, r := range page.Releases {
			known = append(known, r.Version)
		}
		if near := nearest(asked, known); near != "" {
			if _, err := c.App.Release(ctx, c.actor, n.service, asked); slipway.IsNotFound(err) {
				return "", notThat("release", asked, near)
			}
		}
		return asked, nil
	}
	if newest == "" {
		return "", slipway.Conflict(n.service+" has no release yet.", "Create one first: CI does, or slipway release create.")
	}
	return newest, nil
}

// preview asks everything that the real thing would ask, and offers to go on.
func (c *call) preview(ctx context.Context, p chat.Press, changed string) (chat.Message, error) {
	dry, err := c.App.DryRun(ctx, c.actor, app.Promote{Service: p.Service, Environment: p.Environment, Version: p.Version})
	if err != nil {
		return chat.Message{}, err
	}
	page := c.stagePath(p.Service, p.Environment) + "/dry-run?version=" + url.QueryEscape(p.Version)
	m := chat.Message{Tone: chat.Wait, Title: fmt.Sprintf("%s %s to %s?", p.Service, p.Version, p.Environment)}
	if changed != "" {
		m.Lines = append(m.Lines, chat.Line{Text: changed, Style: chat.Strong})
	}
	from := "nothing yet"
	if dry.Draft.Plan.From != nil {
		from = dry.Draft.Plan.From.Version
	}
	m.Fields = []chat.Field{{Name: "From → to", Value: from + " → " + p.Version}, {Name: "Plan", Value: slipway.ShortDigest(dry.Draft.Plan.Digest())}}
	if dry.Takes != nil {
		m.Fields = append(m.Fields, chat.Field{Name: "Takes the place of", Value: fmt.Sprintf("deployment %d of %s", dry.Takes.ID, dry.Takes.Version)})
	}
	m.Lines = append(m.Lines, section(fmt.Sprintf("Commits (%d)", len(dry.Commits)), commitLines(dry.Commits))...)
	m.Lines = append(m.Lines, section("Changes", changeLines(dry.Changes))...)
	m.Lines = append(m.Lines, section("Gates", c.verdicts(dry.Verdicts))...)
	refused := c.verdicts(dry.Refusals)
	for _, text := range []string{dry.WhyNot, dry.Silent} {
		if text != "" {
			refused = append(refused, chat.Line{Text: text, Style: chat.Bullet})
		}
	}
	if len(refused) > 0 {
		m.Tone, m.Buttons = chat.Bad, []chat.Button{openButton("Open in Slipway", page)}
		m.Lines = append(m.Lines, section("It does not start", refused)...)
		return m, nil
	}
	if !dry.Starts() {
		m.Lines = append(m.Lines, chat.Line{Text: "It would start, and wait for its gates."})
	}
	p.Plan = dry.Draft.Plan.Intent()
	buttons, err := c.confirm(p, "Promote "+p.Version, chat.Primary)
	m.Buttons = slices.Concat(buttons, []chat.Button{openButton("Open in Slipway", page)})
	m.Footer = "Only you see this. Nothing has started."
	return m, err
}

// confirm are the buttons of a preview, for whoever it was made for.
func (c *call) confirm(p chat.Press, text string, style chat.ButtonStyle) ([]chat.Button, error) {
	p.Key, p.For, p.Answer = rand.Text(), c.User.ID, c.answerKept()
	until := c.App.Clock().Add(previewFor)
	yes, err := c.Seal.SealPress(c.User.Platform, p, until)
	if err != nil {
		return nil, err
	}
	no, err := c.Seal.SealPress(c.User.Platform, chat.Press{Do: chat.DoNothing, For: c.User.ID}, until)
	return []chat.Button{{ID: "confirm", Text: text, Value: yes, Style: style}, {ID: "dismiss", Text: "Cancel", Value: no}}, err
}

// answerKept is the address to answer to when a button of the answer is pressed.
// Slack sends a new one with each click; Mattermost does not.
func (c *call) answerKept() string {
	if c.User.Platform == slipway.Mattermost {
		return c.Answer
	}
	return ""
}

// promoteNow starts what was shown, and nothing else.
func (c *call) promoteNow(ctx context.Context, p chat.Press) (chat.Message, error) {
	d, err := c.App.Promote(ctx, c.actor, app.Promote{Once: app.Once{Key: "chat " + p.Key}, Service: p.Service, Environment: p.Environment, Version: p.Version, Note: p.Reason, Shown: p.Plan})
	if slipway.CodeOf(err) == slipway.CodeConflict {
		// Another plan than the one that was shown is shown anew.
		if dry, dryErr := c.App.Outlook(ctx, c.actor, app.Promote{Service: p.Service, Environment: p.Environment, Version: p.Version}); dryErr == nil && dry.Draft.Plan.Intent() != p.Plan {
			return c.preview(ctx, chat.Press{Do: p.Do, Service: p.Service, Environment: p.Environment, Version: p.Version, Reason: p.Reason},
				"Changed since this message. Nothing was started; this is what would happen now.")
		}
	}
	if err != nil {
		return chat.Message{}, err
	}
	return c.started(ctx, d, fmt.Sprintf("%s goes to %s: deployment %d.", d.Version, d.Environment, d.ID))
}

// started tells of a deployment that has begun, and has the channel told.
func (c *call) started(ctx context.Context, d slipway.Deployment, text string) (chat.Message, error) {
	m := chat.Text(chat.Good, text)
	place, can := c.place()
	if can {
		if err := c.App.Announce(ctx, c.actor, d.ID, place); err != nil {
			return m, err
		}
		m.Lines = append(m.Lines, chat.Line{Text: "This channel is told how it goes."})
	}
	m.Lines = append(m.Lines, chat.Line{Text: d.Message})
	m.Buttons = []chat.Button{openButton("Open in Slipway", c.pagePath(d))}
	return m, nil
}

// carried bounds a reason that is carried by a button.
func carried(reason string) string {
	if runes := []rune(reason); len(runes) > 200 {
		return string(runes[:199]) + "…"
	}
	return reason
}
