package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Words for people. Messages are those of the events, which hold no secret.

// headline is a notice in one line.
func headline(n slipway.Notice) string {
	e := n.Event
	where := strings.Join(nonEmpty(e.Service, e.Environment), " in ")
	text := e.Message
	if n.Asks != nil {
		text = fmt.Sprintf("%s waits for your decision until %s.", n.Deployment.Version, clock(n.Asks.Until))
		if n.Asks.Reminder {
			text = fmt.Sprintf("%s still waits for your decision, and expires at %s.", n.Deployment.Version, clock(n.Asks.Until))
		}
	}
	if where == "" {
		return oneLine(text)
	}
	return oneLine(where + ": " + text)
}

// lines are what else there is to say.
func lines(n slipway.Notice, page string) []string {
	e, d := n.Event, n.Deployment
	var out []string
	if d != nil {
		what := d.Version
		if d.Previous != "" && d.Previous != d.Version {
			what = d.Previous + " → " + d.Version
		}
		out = append(out, fmt.Sprintf("%s %s, deployment %d, asked for by %s.", what, causeWords(d.Cause), d.ID, d.RequestedBy.Name))
	} else if e.Actor != "" {
		out = append(out, "By "+e.Actor+".")
	}
	if n.Asks != nil && n.Asks.Need > 1 {
		out = append(out, fmt.Sprintf("It needs %d approvals.", n.Asks.Need))
	}
	return append(out, page)
}

func causeWords(c slipway.Cause) string {
	switch c {
	case slipway.CauseRollback:
		return "as a rollback"
	case slipway.CauseRedeploy:
		return "once more"
	case slipway.CauseRotation:
		return "with new values of its keys"
	default:
		return "as a promotion"
	}
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func nonEmpty(words ...string) (out []string) {
	for _, w := range words {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}

// oneLine keeps a text in its line: in a subject of mail another would be a header.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)), " ")
}
