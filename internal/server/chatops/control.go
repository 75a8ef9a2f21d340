package chatops

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// once makes a command that is worked on twice be done once.
func (c *call) once() app.Once { return app.Once{Key: "chat " + c.digest} }

func lock(ctx context.Context, c *call) (chat.Message, error) {
	const example = "/slipway lock production moving the database"
	name, rest, err := c.environment(ctx, example)
	if err != nil {
		return chat.Message{}, err
	}
	reason := reasonOf(rest)
	if reason == "" {
		return chat.Message{}, usage("Why? Others want to know why they wait.", example)
	}
	e, err := c.App.LockEnvironment(ctx, c.actor, app.LockEnvironment{Once: c.once(), Environment: name, Reason: reason})
	if err != nil {
		return chat.Message{}, err
	}
	m := chat.Text(chat.Good, fmt.Sprintf("%s is locked: nobody but you starts anything there but rollbacks.", e.Name))
	m.Lines = append(m.Lines, chat.Line{Text: "/slipway unlock " + e.Name, Style: chat.Code})
	return m, nil
}

func unlock(ctx context.Context, c *call) (chat.Message, error) {
	name, _, err := c.environment(ctx, "/slipway unlock production")
	if err != nil {
		return chat.Message{}, err
	}
	e, err := c.App.UnlockEnvironment(ctx, c.actor, app.UnlockEnvironment{Once: c.once(), Environment: name})
	if err != nil {
		return chat.Message{}, err
	}
	return chat.Text(chat.Good, e.Name+" is not locked any more. What waits is looked at again."), nil
}

const freezeExample = "/slipway freeze production for 2h the sale is on"

func freeze(ctx context.Context, c *call) (chat.Message, error) {
	name, rest, err := c.environment(ctx, freezeExample)
	if err != nil {
		return chat.Message{}, err
	}
	until, rest, err := readUntil(rest, c.now())
	if err != nil {
		return chat.Message{}, err
	}
	reason := reasonOf(rest)
	if reason == "" {
		return chat.Message{}, usage("Why? Others want to know why they wait.", freezeExample)
	}
	f, err := c.App.AddFreeze(ctx, c.actor, app.AddFreeze{Once: c.once(), Environment: name, Reason: reason, Until: until})
	if err != nil {
		return chat.Message{}, err
	}
	m := chat.Text(chat.Good, fmt.Sprintf("%s is frozen until %s: nothing starts there but rollbacks.", f.Environment, c.moment(f.Until)))
	m.Buttons = []chat.Button{openButton("Open freezes", c.PublicURL+"/settings/environments")}
	return m, nil
}

var stretch = regexp.MustCompile(`(?i)^(\d{1,4})\s*(m|min|mins|minutes?|h|hours?|hrs?|d|days?|w|weeks?)$`)

// readUntil reads "for 2h", "for 3 days", "until 18:00" and "until 2026-12-24",
// in the zone of whoever asks, and returns the words behind it.
func readUntil(words []word, now time.Time) (time.Time, []word, error) {
	unclear := usage("Until when?", freezeExample)
	if len(words) == 0 {
		return time.Time{}, nil, unclear
	}
	first := strings.ToLower(words[0].text)
	if first == "for" || first == "until" || first == "till" {
		words = words[1:]
	}
	for n := 1; n <= min(2, len(words)); n++ {
		text := words[0].text
		if n == 2 {
			text += " " + words[1].text
		}
		text = strings.Trim(text, ",:;")
		if found := stretch.FindStringSubmatch(text); found != nil && first != "until" && first != "till" {
			count, _ := strconv.Atoi(found[1]) // four digits at most
			unit := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[strings.ToLower(found[2])[0]]
			return now.Add(time.Duration(count) * unit), words[n:], nil
		}
	}
	for n := min(2, len(words)); n >= 1; n-- {
		text := words[0].text
		if n == 2 {
			text += " " + words[1].text
		}
		if at, ok := readTime(strings.Trim(text, ",;"), now); ok && first != "for" {
			return at, words[n:], nil
		}
	}
	return time.Time{}, nil, unclear
}

func readTime(text string, now time.Time) (time.Time, bool) {
	if at, err := time.ParseInLocation("15:04", text, now.Location()); err == nil {
		at = time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), 0, 0, now.Location())
		if !at.After(now) {
			at = at.AddDate(0, 0, 1)
		}
		return at, true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

func stopTheLine(ctx context.Context, c *call) (chat.Message, error) {
	reason := reasonOf(c.words)
	switch strings.ToLower(reason) {
	case "off", "end", "lift", "over":
		return startTheLine(ctx, c)
	case "":
		return chat.Message{}, usage("Why? Everybody wants to know why they wait.", "/slipway stop-the-line orders are lost")
	}
	line, err := c.App.StopTheLine(ctx, c.actor, app.StopTheLine{Once: c.once(), Reason: reason})
	if err != nil {
		return chat.Message{}, err
	}
	return c.lineWords(line), nil
}

func startTheLine(ctx context.Context, c *call) (chat.Message, error) {
	line, err := c.App.LetTheLineGo(ctx, c.actor, app.LetTheLineGo{Once: c.once()})
	if err != nil {
		return chat.Message{}, err
	}
	return c.lineWords(line), nil
}

func (c *call) lineWords(line *slipway.StoppedLine) chat.Message {
	if line == nil {
		return chat.Text(chat.Good, "The line goes: deployments start and go on.")
	}
	m := chat.Text(chat.Good, "The line is stopped: nothing starts anywhere but rollbacks, and what is at work stands still.")
	m.Lines = append(m.Lines, chat.Line{Text: "/slipway start-the-line", Style: chat.Code})
	return m
}
