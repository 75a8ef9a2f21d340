// Package chat is how Slipway speaks to Slack and Mattermost: messages and
// their encodings, the calls of both, and the proofs that a request is of the
// chat system and a button is of ours. It decides nothing about deployments.
package chat

import (
	"strings"
	"unicode/utf8"
)

// Message is something that Slipway says, before it is put into the words of one
// chat system. All its texts are plain: what others wrote may stand in them, and
// the encoders see to it that none of it links, mentions or formats.
type Message struct {
	Tone    Tone
	Title   string
	Lines   []Line
	Fields  []Field
	Buttons []Button
	Footer  string // small print
}

// Tone is how a message is meant. It is never said by colour alone.
type Tone string

// The tones.
const (
	Neutral Tone = ""
	Good    Tone = "good"
	Wait    Tone = "wait"
	Bad     Tone = "bad"
)

// glyph says the tone to those who see no colours.
func (t Tone) glyph() string {
	switch t {
	case Good:
		return "✓ "
	case Wait:
		return "◷ "
	case Bad:
		return "✕ "
	default:
		return ""
	}
}

// Line is one paragraph.
type Line struct {
	Text  string
	Style Style
	URL   string // makes the whole line a link; an address of ours
}

// Style is how a line looks.
type Style string

// The styles. Code is for what is to be copied.
const (
	Plain  Style = ""
	Bullet Style = "bullet"
	Code   Style = "code"
	Strong Style = "strong"
	Quote  Style = "quote"
)

// Field is a name of ours with a value.
type Field struct{ Name, Value string }

// Button is a way to act, or a link if it has a URL.
type Button struct {
	ID    string // letters and digits, unique within the message
	Text  string
	Value string // comes back with the click: sealed, see Seal
	URL   string
	Style ButtonStyle
}

// ButtonStyle is how much weight a button has.
type ButtonStyle string

// The styles of buttons.
const (
	Usual   ButtonStyle = ""
	Primary ButtonStyle = "primary"
	Danger  ButtonStyle = "danger"
)

// Text makes a message of one paragraph.
func Text(tone Tone, text string) Message { return Message{Tone: tone, Lines: []Line{{Text: text}}} }

// said is the message with nothing in it that nobody could read: empty texts are
// refused by Slack, and the whole message with them. The tone goes where it is
// read first.
func (m Message) said() Message {
	out := m
	out.Title, out.Footer = oneLine(printable(m.Title)), oneLine(printable(m.Footer))
	out.Lines, out.Fields, out.Buttons = nil, nil, nil
	for _, line := range m.Lines {
		if line.Text = strings.TrimSpace(printable(line.Text)); line.Text != "" {
			out.Lines = append(out.Lines, line)
		}
	}
	for _, f := range m.Fields {
		if f.Value = oneLine(printable(f.Value)); f.Value != "" {
			out.Fields = append(out.Fields, f)
		}
	}
	for _, b := range m.Buttons {
		if b.Text = oneLine(printable(b.Text)); b.Text != "" {
			out.Buttons = append(out.Buttons, b)
		}
	}
	switch {
	case out.Title != "":
		out.Title = m.Tone.glyph() + out.Title
	case len(out.Lines) > 0:
		out.Lines[0].Text = m.Tone.glyph() + out.Lines[0].Text
	}
	return out
}

// summary is what is said in one line, for notifications and for readers that
// draw nothing else.
func (m Message) summary() string {
	text := m.Title
	if text == "" && len(m.Lines) > 0 {
		text = m.Lines[0].Text
	}
	return oneLine(text)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// cut shortens a text to a number of characters, and says so.
func cut(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	runes := []rune(text)
	return strings.TrimRight(string(runes[:max(limit-1, 0)]), " \n") + "…"
}

// printable drops what no message needs and some readers act on: controls, and
// the marks that turn the direction of writing around.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r < ' ' || r == 0x7f,
			r >= 0x80 && r < 0xa0,
			r >= 0x202a && r <= 0x202e,
			r >= 0x2066 && r <= 0x2069,
			r == 0x200e, r == 0x200f:
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
