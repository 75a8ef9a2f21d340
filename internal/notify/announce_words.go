package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// threadLines is how many details one message of a thread holds.
const threadLines = 15

// words is what an announcement should say now.
func (a *Announcer) words(ctx context.Context, tx slipway.Tx, is slipway.Announcement) (s spoken, err error) {
	d, err := tx.Deployments().Get(ctx, is.Deployment)
	if err != nil {
		return s, err
	}
	events, err := tx.Events().OfDeployment(ctx, d.ID)
	if err != nil {
		return s, err
	}
	s.of, s.parent, s.told = d, parentOf(d), is.Told
	said := ""
	for _, e := range events {
		if e.ID <= is.Told || !slipway.CanBeTold(e.Kind) {
			continue
		}
		if len(s.thread.Lines) == threadLines {
			break // the rest comes with the next message
		}
		s.told = e.ID
		if line := threadLine(e); line != said {
			said = line
			s.thread.Lines = append(s.thread.Lines, chat.Line{Text: line, Style: chat.Bullet})
		}
	}
	if last := len(events) - 1; d.State.Active() {
		s.over = false
	} else {
		s.over = last < 0 || s.told >= lastTold(events)
		if s.over {
			s.thread.Lines = append(s.thread.Lines, checksOf(d)...)
		}
	}
	s.digest = digestOf(s.parent)
	return s, nil
}

// buttons decide on exactly the plan that the message is about. They are no
// permission: who presses one is asked for theirs then.
func (a *Announcer) buttons(d slipway.Deployment, on slipway.ChatPlatform) ([]chat.Button, error) {
	base := strings.TrimSuffix(a.PublicURL, "/")
	var out []chat.Button
	add := func(text string, style chat.ButtonStyle, p chat.Press) error {
		value, err := a.Seal.SealPress(on, p, a.now().Add(chat.ButtonFor))
		out = append(out, chat.Button{ID: string(p.Do), Text: text, Value: value, Style: style})
		return err
	}
	ask, _ := askOf(d)
	switch {
	case a.Seal != nil && d.State == slipway.Waiting && ask != nil:
		on := chat.Press{Deployment: d.ID, Plan: d.PlanDigest}
		yes, no := on, on
		yes.Do, no.Do = chat.DoApprove, chat.DoReject
		if err := errors.Join(add("Approve", chat.Primary, yes), add("Reject", chat.Danger, no)); err != nil {
			return nil, err
		}
	case a.Seal != nil && d.State == slipway.Succeeded && d.Plan.From != nil && d.Plan.From.Version != d.Version:
		back := chat.Press{Do: chat.DoRollback, Service: d.Service, Environment: d.Environment, Version: d.Plan.From.Version}
		if err := add("Roll back to "+d.Plan.From.Version, chat.Danger, back); err != nil {
			return nil, err
		}
	}
	if d.State == slipway.Waiting {
		return append(out, chat.Button{ID: "open", Text: "Open review", URL: fmt.Sprintf("%s/gates/%d", base, d.ID)}), nil
	}
	return append(out, chat.Button{ID: "open", Text: "Open in Slipway", URL: fmt.Sprintf("%s/runs/%d", base, d.ID)}), nil
}

func lastTold(events []slipway.DomainEvent) (id int64) {
	for _, e := range events {
		if slipway.CanBeTold(e.Kind) {
			id = e.ID
		}
	}
	return id
}

func threadLine(e slipway.DomainEvent) string {
	text := e.Message
	if e.Actor != "" && e.Actor != "Slipway" && !strings.Contains(text, e.Actor) {
		text += " (" + e.Actor + ")"
	}
	return e.At.UTC().Format("15:04:05") + " " + text
}

// checksOf are the checks of all phases, with what came of them.
func checksOf(d slipway.Deployment) (out []chat.Line) {
	for _, run := range d.Runs {
		for i := range run.Checks {
			c := run.Checks[i]
			out = append(out, chat.Line{Text: fmt.Sprintf("check %s after %s: %s", c.Name, run.Desired.Name, strings.TrimSpace(string(c.State)+" "+c.Message)), Style: chat.Bullet})
			if len(out) == threadLines {
				return out
			}
		}
	}
	return out
}

// parentOf is the public message.
func parentOf(d slipway.Deployment) chat.Message {
	m := chat.Message{Tone: toneOfState(d.State), Title: fmt.Sprintf("%s %s → %s", d.Service, d.Version, d.Environment), Footer: fmt.Sprintf("Deployment %d", d.ID)}
	from := "nothing"
	if d.Plan.From != nil {
		from = d.Plan.From.Version
	}
	m.Fields = []chat.Field{{Name: "State", Value: stateWords(d)}, {Name: "From", Value: from}, {Name: "Asked for by", Value: d.RequestedBy.Name}}
	if d.State.Active() {
		m.Lines = append(m.Lines, chat.Line{Text: d.Message})
		for _, v := range slipway.Blocking(d.Verdicts) {
			if d.State == slipway.Waiting {
				m.Lines = append(m.Lines, chat.Line{Text: v.Reason, Style: chat.Bullet})
			}
		}
		if run := d.Current(); run != nil && d.State != slipway.Waiting {
			m.Fields = append(m.Fields, chat.Field{Name: "Phase", Value: fmt.Sprintf("%s, %d of %d", run.Desired.Name, min(d.Phase+1, len(d.Plan.Phases)), len(d.Plan.Phases))})
		}
	} else {
		m.Lines = append(m.Lines, chat.Line{Text: d.Message})
	}
	return ending(m, d)
}

// ending adds the last line: how long it took, and the way back.
func ending(m chat.Message, d slipway.Deployment) chat.Message {
	if d.State.Active() || d.EndedAt == nil {
		return m
	}
	since := d.CreatedAt
	if d.StartedAt != nil {
		since = *d.StartedAt
	}
	took := "Took " + span(d.EndedAt.Sub(since)) + "."
	if d.State != slipway.Succeeded || d.Plan.From == nil || d.Plan.From.Version == d.Version {
		m.Lines = append(m.Lines, chat.Line{Text: took})
		return m
	}
	m.Lines = append(m.Lines, chat.Line{Text: took + " To roll back:"},
		chat.Line{Text: fmt.Sprintf("/slipway rollback %s %s %s", d.Service, d.Environment, d.Plan.From.Version), Style: chat.Code},
		chat.Line{Text: fmt.Sprintf("slipway rollback %s %s --to %s", d.Service, d.Environment, d.Plan.From.Version), Style: chat.Code})
	return m
}

func toneOfState(s slipway.State) chat.Tone {
	switch s {
	case slipway.Succeeded:
		return chat.Good
	case slipway.Waiting, slipway.Paused:
		return chat.Wait
	case slipway.Running, slipway.Cancelled, slipway.Superseded:
		return chat.Neutral
	default:
		return chat.Bad
	}
}

func stateWords(d slipway.Deployment) string {
	switch d.State {
	case slipway.Waiting:
		return "waits for its gates"
	case slipway.Running:
		return "on its way"
	case slipway.Reverting:
		return "goes back"
	case slipway.Succeeded:
		return "live"
	case slipway.RolledBack:
		return "rolled back"
	default:
		return string(d.State)
	}
}

// span is a duration in two units.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
}
