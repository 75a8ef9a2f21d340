package chatops

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// shownServices is how many services a status without a name lists.
const shownServices = 15

// status says what runs where: of one service, or of one's own.
func status(ctx context.Context, c *call) (chat.Message, error) {
	words := meant(c.words)
	if len(words) == 0 {
		return c.overview(ctx)
	}
	n, err := c.resolve(ctx, words)
	if err != nil {
		return chat.Message{}, err
	}
	if n.service == "" {
		return chat.Message{}, c.noService(ctx, n, "/slipway status billing-api")
	}
	page, err := c.App.ServicePage(ctx, c.actor, n.service)
	if err != nil {
		return chat.Message{}, err
	}
	m := chat.Message{Title: page.Service.Title, Buttons: []chat.Button{openButton("Open in Slipway", c.PublicURL+"/s/"+n.service)}}
	if m.Title == "" {
		m.Title = n.service
	}
	for _, stage := range page.Row.Stages {
		if n.environment == "" || stage.Environment == n.environment {
			m.Fields = append(m.Fields, chat.Field{Name: stage.Environment, Value: c.stageWords(page.Row, stage.Environment)})
			if e := page.Environment[stage.Environment]; e.Lock != nil {
				m.Lines = append(m.Lines, chat.Line{Text: fmt.Sprintf("%s is locked by %s: %s", e.Name, e.Lock.OwnerName, e.Lock.Reason), Style: chat.Bullet})
			}
			for _, f := range page.Freezes {
				if f.Environment == stage.Environment && f.Active(c.App.Clock()) {
					m.Lines = append(m.Lines, chat.Line{Text: fmt.Sprintf("%s is frozen until %s: %s", f.Environment, c.moment(f.Until), f.Reason), Style: chat.Bullet})
				}
			}
		}
	}
	if len(page.Row.Stages) == 0 {
		m.Lines = append(m.Lines, chat.Line{Text: "It has no pipeline yet."})
	}
	return m, nil
}

func (c *call) overview(ctx context.Context) (chat.Message, error) {
	board, err := c.App.Board(ctx, c.actor, app.BoardFilter{Mine: true}, slipway.Page{Limit: shownServices + 1})
	if err != nil {
		return chat.Message{}, err
	}
	m := chat.Message{Title: "What runs where", Buttons: []chat.Button{openButton("Open board", c.PublicURL+"/")}}
	if line, err := c.App.Line(ctx, c.actor); err == nil && line != nil {
		m.Tone = chat.Bad
		m.Lines = append(m.Lines, chat.Line{Text: "The line is stopped by " + line.OwnerName + ": " + line.Reason, Style: chat.Strong})
	}
	if len(board.Rows) == 0 {
		m.Lines = append(m.Lines, chat.Line{Text: "There is no service that you may see."})
	}
	for _, row := range board.Rows[:min(len(board.Rows), shownServices)] {
		var parts []string
		for _, stage := range row.Stages {
			parts = append(parts, stage.Environment+" "+shortWords(row, stage.Environment))
		}
		if len(parts) == 0 {
			parts = []string{"no pipeline yet"}
		}
		m.Lines = append(m.Lines, chat.Line{Text: row.Service.Name + ": " + strings.Join(parts, " · "), Style: chat.Bullet})
	}
	if len(board.Rows) > shownServices || board.Next != "" {
		m.Lines = append(m.Lines, chat.Line{Text: "There are more on the board."})
	}
	return m, nil
}

// shortWords is a stage in a word or two.
func shortWords(row app.BoardRow, environment string) string {
	text := "empty"
	if live := row.States[environment].Live; live != nil {
		text = live.Spec.Version
	}
	if d, ok := row.Active[environment]; ok {
		text += fmt.Sprintf(" (%s %s)", d.Version, stateWord(d.State))
	}
	return text
}

func stateWord(s slipway.State) string {
	switch s {
	case slipway.Waiting:
		return "waits"
	case slipway.Running:
		return "is rolling out"
	case slipway.Reverting:
		return "is going back"
	case slipway.RolledBack:
		return "was rolled back"
	default:
		return "is " + string(s)
	}
}

// stageWords is what is known of a stage: what is live, what was seen to run and
// when, and what is under way.
func (c *call) stageWords(row app.BoardRow, environment string) string {
	state := row.States[environment]
	text := "nothing is live"
	if state.Live != nil {
		text = state.Live.Spec.Version + " live for " + span(c.App.Clock().Sub(state.Live.Since))
		switch o := state.Observed; {
		case o == nil:
			text += ", not seen running yet"
		case len(o.Tracks) > 0:
			ready, wanted := 0, 0
			for _, t := range o.Tracks {
				ready, wanted = ready+t.Ready, wanted+t.Wanted
			}
			text += fmt.Sprintf(", %d of %d ready %s ago", ready, wanted, span(c.App.Clock().Sub(o.At)))
		default:
			text += ", seen " + span(c.App.Clock().Sub(o.At)) + " ago"
		}
	}
	if d, ok := row.Active[environment]; ok {
		text += fmt.Sprintf("; %s %s (deployment %d): %s", d.Version, stateWord(d.State), d.ID, d.Message)
	}
	if state.Hold != nil {
		text += "; automation is held"
	}
	return text
}

// why says what keeps a deployment or a stage, in the words of the page.
func why(ctx context.Context, c *call) (chat.Message, error) {
	const example = "/slipway why 218"
	var w app.Why
	var err error
	if words := meant(c.words); len(words) > 0 && isNumber(words[0]) {
		page, _, findErr := c.deployment(ctx, example)
		if findErr != nil {
			return chat.Message{}, findErr
		}
		w, err = c.App.Why(ctx, c.actor, page.Deployment.ID)
	} else {
		n, findErr := c.stage(ctx, c.words, example)
		if findErr != nil {
			return chat.Message{}, findErr
		}
		w, err = c.App.WhyStage(ctx, c.actor, n.service, n.environment)
	}
	if err != nil {
		return chat.Message{}, err
	}
	m := chat.Message{Tone: chat.Good, Lines: []chat.Line{{Text: w.Summary}}}
	if len(w.Stands) > 0 {
		m.Tone = chat.Wait
		m.Lines = append(m.Lines, c.verdicts(w.Stands)...)
	}
	page := c.stagePath(w.Service, w.Environment) + "/why"
	if w.Deployment != nil {
		page = fmt.Sprintf("%s/runs/%d/why", c.PublicURL, w.Deployment.ID)
	}
	m.Buttons = []chat.Button{openButton("Open in Slipway", page)}
	return m, nil
}

func isNumber(text string) bool {
	_, ok := deploymentNumber(text)
	return ok
}

// release lists the newest releases of a service, or tells what one brings.
func release(ctx context.Context, c *call) (chat.Message, error) {
	const example = "/slipway release billing-api 1.42.0"
	n, err := c.resolve(ctx, meant(c.words))
	if err != nil {
		return chat.Message{}, err
	}
	if n.service == "" {
		return chat.Message{}, c.noService(ctx, n, example)
	}
	page, err := c.App.ServicePage(ctx, c.actor, n.service)
	if err != nil {
		return chat.Message{}, err
	}
	if len(n.rest) > 0 || n.environment != "" {
		asked := append(slices.Clone(n.rest), "")[0]
		version, err := c.version(ctx, n, asked)
		if err != nil {
			return chat.Message{}, err
		}
		return c.oneRelease(ctx, n.service, version)
	}
	m := chat.Message{Title: "Newest releases of " + n.service, Buttons: []chat.Button{openButton("Open in Slipway", c.PublicURL+"/s/"+n.service)}}
	for _, r := range page.Releases[:min(len(page.Releases), 10)] {
		text := r.Version + ", " + span(c.App.Clock().Sub(r.CreatedAt)) + " ago by " + r.CreatedBy
		for _, stage := range page.Row.Stages {
			if live := page.Row.States[stage.Environment].Live; live != nil && live.Spec.Version == r.Version {
				text += ", live in " + stage.Environment
			}
		}
		if r.Blocked != nil {
			text += "; blocked by " + r.Blocked.By + ": " + r.Blocked.Reason
		}
		m.Lines = append(m.Lines, chat.Line{Text: text, Style: chat.Bullet})
	}
	if len(page.Releases) == 0 {
		m.Lines = append(m.Lines, chat.Line{Text: "There is none yet."})
	}
	return m, nil
}

func (c *call) oneRelease(ctx context.Context, service, version string) (chat.Message, error) {
	p, err := c.App.Release(ctx, c.actor, service, version)
	if err != nil {
		return chat.Message{}, err
	}
	r := p.Release
	m := chat.Message{Title: service + " " + r.Version, Buttons: []chat.Button{openButton("Open in Slipway", c.PublicURL+"/s/"+service+"/r/"+r.Version)}}
	if r.Blocked != nil {
		m.Tone = chat.Bad
		m.Lines = append(m.Lines, chat.Line{Text: "Blocked by " + r.Blocked.By + ": " + r.Blocked.Reason, Style: chat.Strong})
	}
	m.Fields = []chat.Field{{Name: "Created", Value: span(c.App.Clock().Sub(r.CreatedAt)) + " ago by " + r.CreatedBy}, {Name: "Commit", Value: r.Content.Commit}}
	if !r.Content.Reversible {
		m.Fields = append(m.Fields, chat.Field{Name: "Reversible", Value: "no"})
	}
	m.Lines = append(m.Lines, section(fmt.Sprintf("Commits (%d)", len(r.Content.Changes)), commitLines(r.Content.Changes))...)
	return m, nil
}
