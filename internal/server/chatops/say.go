package chatops

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// refusal puts an error into the words that the portal has for it everywhere.
func (c *call) refusal(ctx context.Context, err error) chat.Message {
	var ours *slipway.Error
	if errors.As(err, &ours) && ours.Code == slipway.CodeUnauthenticated {
		return c.offerLink(ours.Message)
	}
	p := server.Describe(err, c.RequestID)
	if p.Status >= 500 {
		c.Log.ErrorContext(ctx, "a request of chat failed", "request", c.RequestID, "error", causes(err))
	}
	m := chat.Message{Tone: chat.Bad, Lines: []chat.Line{{Text: p.Message}}}
	for _, f := range p.Fields {
		m.Lines = append(m.Lines, chat.Line{Text: f.String(), Style: chat.Bullet})
	}
	m.Lines = append(m.Lines, c.verdicts(p.BlockedBy)...)
	for _, text := range []string{p.Affected, p.Do} {
		m.Lines = append(m.Lines, chat.Line{Text: text})
	}
	m.Footer = "Request " + p.RequestID
	return m
}

func causes(err error) string {
	text := err.Error()
	var ours *slipway.Error
	if errors.As(err, &ours) && ours.Err != nil {
		text += ": " + ours.Err.Error()
	}
	return text
}

// usage is the answer to a command that lacks something.
func usage(what, example string) error {
	return &slipway.Error{Code: slipway.CodeInvalid, Message: what, Affected: "Nothing was changed.", Do: "For example: " + example}
}

// verdicts are the answers of gates, one line each: what, until when, who.
func (c *call) verdicts(list []slipway.Verdict) []chat.Line {
	var lines []chat.Line
	for _, v := range list {
		text := v.Reason
		if v.Title != "" {
			text = v.Title + ": " + text
		}
		if v.Result != slipway.Pass {
			if v.Until != nil {
				text += " Until " + c.moment(*v.Until) + "."
			}
			if v.Who != "" {
				text += " Who can change it: " + strings.TrimSuffix(v.Who, ".") + "."
			}
		}
		lines = append(lines, chat.Line{Text: mark(v.Result) + text, Style: chat.Bullet})
	}
	return lines
}

// mark says a result to who reads no colours.
func mark(r slipway.Result) string {
	switch r {
	case slipway.Pass:
		return "✓ "
	case slipway.Wait:
		return "◷ "
	case slipway.Unknown:
		return "? "
	default:
		return "✕ "
	}
}

// moment is a time as who asks reads it, with the zone said.
func (c *call) moment(t time.Time) string {
	t = t.In(c.zone)
	if t.Sub(c.now()).Abs() < 20*time.Hour {
		return t.Format("15:04 MST")
	}
	return t.Format("Mon 2 Jan 15:04 MST")
}

// span is a duration in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	default:
		return strconv.Itoa(int(d/(24*time.Hour))) + " days"
	}
}

const (
	shownCommits = 5
	shownChanges = 8
)

// commitLines are the newest commits by subject.
func commitLines(list []slipway.Change) []chat.Line {
	var lines []chat.Line
	for _, ch := range list[:min(len(list), shownCommits)] {
		text := ch.Subject
		if ch.Author != "" {
			text += " (" + ch.Author + ")"
		}
		lines = append(lines, chat.Line{Text: text, Style: chat.Bullet})
	}
	if rest := len(list) - shownCommits; rest > 0 {
		lines = append(lines, chat.Line{Text: fmt.Sprintf("and %d more", rest), Style: chat.Bullet})
	}
	return lines
}

// changeLines are differences, before and after.
func changeLines(list []slipway.Difference) []chat.Line {
	var lines []chat.Line
	for _, d := range list[:min(len(list), shownChanges)] {
		text := d.Kind + " " + d.Name
		switch d.Mark {
		case slipway.MarkNew:
			text = "new: " + text + " = " + brief(d.After)
		case slipway.MarkRemoved:
			text = "removed: " + text
		default:
			text += ": " + brief(d.Before) + " → " + brief(d.After)
		}
		lines = append(lines, chat.Line{Text: text, Style: chat.Bullet})
	}
	if rest := len(list) - shownChanges; rest > 0 {
		lines = append(lines, chat.Line{Text: fmt.Sprintf("and %d more", rest), Style: chat.Bullet})
	}
	return lines
}

// brief is a value as a line of chat has room for it.
func brief(value string) string {
	value = strings.Join(strings.Fields(value), " ")
	if digest, found := strings.CutPrefix(value, "sha256:"); found && len(digest) == 64 {
		return "sha256:" + digest[:12]
	}
	if runes := []rune(value); len(runes) > 80 {
		return string(runes[:79]) + "…"
	}
	if value == "" {
		return "(empty)"
	}
	return value
}

// section puts a heading over lines; nothing over none.
func section(heading string, lines []chat.Line) []chat.Line {
	if len(lines) == 0 {
		return nil
	}
	return append([]chat.Line{{Text: heading, Style: chat.Strong}}, lines...)
}

func (s *Surface) pagePath(d slipway.Deployment) string {
	where := "/runs/"
	if d.State == slipway.Waiting {
		where = "/gates/"
	}
	return s.PublicURL + where + strconv.FormatInt(d.ID, 10)
}

func (s *Surface) stagePath(service, environment string) string {
	return s.PublicURL + "/s/" + service + "/" + environment
}

func openButton(text, url string) chat.Button { return chat.Button{ID: "open", Text: text, URL: url} }

func id(n int64) string { return strconv.FormatInt(n, 10) }
