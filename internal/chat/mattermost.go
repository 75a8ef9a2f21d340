package chat

import (
	"strings"
	"unicode/utf8"
)

// What Mattermost takes at most, in characters.
const (
	mattermostPost   = 16383
	mattermostTitle  = 300
	mattermostButton = 75
)

// MattermostAttachments is a message as Mattermost's attachments. Its buttons
// call actionURL, with their values as the context: Mattermost signs nothing of
// what it sends there, so the value has to prove itself.
func MattermostAttachments(m Message, actionURL string) []any {
	m = m.said()
	attachment := object{
		"fallback": escapeMarkdown(cut(m.summary(), mattermostTitle)),
		"color":    colour(m.Tone),
		"text":     mattermostText(m),
	}
	if m.Title != "" {
		attachment["title"] = escapeMarkdown(cut(m.Title, mattermostTitle))
	}
	if m.Footer != "" {
		attachment["footer"] = escapeMarkdown(cut(m.Footer, mattermostTitle))
	}
	var actions []any
	for _, b := range m.Buttons {
		if b.URL != "" {
			continue // a link within the text: Mattermost has no buttons that lead somewhere
		}
		action := object{"id": b.ID, "type": "button", "name": cut(b.Text, mattermostButton),
			"integration": object{"url": actionURL, "context": object{"action": b.ID, "value": b.Value}}}
		switch b.Style {
		case Primary, Danger:
			action["style"] = string(b.Style)
		case Usual:
		}
		actions = append(actions, action)
	}
	if len(actions) > 0 {
		attachment["actions"] = actions
	}
	return []any{attachment}
}

func colour(t Tone) string {
	switch t {
	case Good:
		return "#1a7f4b"
	case Wait:
		return "#9a6700"
	case Bad:
		return "#c0362c"
	default:
		return "#5b6470"
	}
}

// mattermostText is the body in Markdown. It stops at a whole line when there is
// no room left, and keeps the links.
func mattermostText(m Message) string {
	const rest = "There is more than fits here. Open Slipway to see all of it."
	links := mattermostLinks(m)
	room := mattermostPost - utf8.RuneCountInString(links) - 4*mattermostTitle - len(rest) - 10 // title and footer may double by escaping
	var parts []string
	take := func(text string) bool {
		if room -= utf8.RuneCountInString(text) + 2; room < 0 {
			parts = append(parts, rest)
			return false
		}
		parts = append(parts, text)
		return true
	}
	fits := true
	for _, line := range m.Lines {
		if fits = take(mattermostLine(line)); !fits {
			break
		}
	}
	for _, f := range m.Fields {
		if !fits {
			break
		}
		fits = take("**" + escapeMarkdown(f.Name) + ":** " + escapeMarkdown(f.Value))
	}
	if links != "" {
		parts = append(parts, links)
	}
	return joinMarkdown(parts)
}

// joinMarkdown keeps bullets together and everything else apart.
func joinMarkdown(parts []string) string {
	var b strings.Builder
	for i, part := range parts {
		switch {
		case i == 0:
		case strings.HasPrefix(part, "- ") && strings.HasPrefix(parts[i-1], "- "):
			b.WriteByte('\n')
		default:
			b.WriteString("\n\n")
		}
		b.WriteString(part)
	}
	return b.String()
}

func mattermostLine(line Line) string {
	said := line.Text
	switch {
	case line.URL != "":
		return "[" + escapeMarkdown(oneLine(said)) + "](" + line.URL + ")"
	case line.Style == Code:
		return "`" + strings.ReplaceAll(oneLine(said), "`", "'") + "`"
	case line.Style == Bullet:
		return "- " + escapeMarkdown(oneLine(said))
	case line.Style == Quote:
		return "> " + strings.ReplaceAll(escapeMarkdown(said), "\n", "\n> ")
	case line.Style == Strong:
		return "**" + escapeMarkdown(oneLine(said)) + "**"
	default:
		return escapeMarkdown(said)
	}
}

func mattermostLinks(m Message) string {
	var links []string
	for _, b := range m.Buttons {
		if b.URL != "" {
			links = append(links, "["+escapeMarkdown(oneLine(b.Text))+"]("+b.URL+")")
		}
	}
	return strings.Join(links, " · ")
}

// escapeMarkdown keeps a text from formatting, linking and mentioning. Mentions
// are looked for in the text as it is written, so a backslash does not stop
// them; a mark without width does.
func escapeMarkdown(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '@':
			b.WriteString("@\u200b")
			continue
		case r < 0x80 && strings.ContainsRune("\\`*_{}[]()<>#+-.!|~:/&$=\"'", r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// MattermostText is a message as Markdown alone, for answers that take nothing
// else.
func MattermostText(m Message) string {
	m = m.said()
	text := mattermostText(m)
	if m.Title != "" {
		text = "**" + escapeMarkdown(cut(m.Title, mattermostTitle)) + "**\n\n" + text
	}
	return strings.TrimSpace(text)
}

// PlainText is a message in one line of text, for fields that show it as it is.
func PlainText(m Message) string {
	m = m.said()
	parts := []string{m.Title}
	for _, line := range m.Lines {
		parts = append(parts, line.Text)
	}
	return cut(oneLine(strings.Join(parts, " ")), mattermostTitle)
}
