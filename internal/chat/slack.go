package chat

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What Slack takes at most, in characters and pieces.
const (
	slackBlocks    = 50
	slackSection   = 3000
	slackHeader    = 150
	slackFields    = 10
	slackField     = 2000
	slackText      = 4000
	slackActions   = 25
	slackButton    = 75
	slackValue     = 2000
	slackURL       = 3000
	slackViewTitle = 24
)

type object map[string]any

// SlackBlocks is a message as Slack's blocks, and its summary for notifications.
// What others wrote stands in plain text or, escaped, within a code span.
func SlackBlocks(m Message) (blocks []json.RawMessage, summary string) {
	b := &slackBuilder{}
	m = m.said()
	if m.Title != "" {
		b.add(object{"type": "header", "text": plainText(m.Title, slackHeader)})
	}
	b.lines(m.Lines)
	b.fields(m.Fields)
	b.buttons(m.Buttons)
	if m.Footer != "" {
		b.add(object{"type": "context", "elements": []any{plainText(m.Footer, slackField)}})
	}
	return b.blocks, escapeSlack(cut(m.summary(), slackText))
}

type slackBuilder struct{ blocks []json.RawMessage }

// add leaves out what is beyond the last block but one, and says so in that.
func (b *slackBuilder) add(block object) {
	switch {
	case len(b.blocks) < slackBlocks-1:
	case len(b.blocks) == slackBlocks-1:
		block = object{"type": "context", "elements": []any{plainText("There is more than fits here. Open Slipway to see all of it.", slackField)}}
	default:
		return
	}
	encoded, err := json.Marshal(block)
	if err != nil {
		panic(fmt.Sprintf("chat: a block does not encode: %v", err)) // it is made of strings
	}
	b.blocks = append(b.blocks, encoded)
}

// lines gathers what looks alike into as few blocks as possible.
func (b *slackBuilder) lines(lines []Line) {
	var text strings.Builder
	open := false // text holds something
	flush := func() {
		if open {
			b.add(object{"type": "section", "text": plainText(text.String(), slackSection)})
		}
		text.Reset()
		open = false
	}
	for _, line := range lines {
		said := line.Text
		if line.URL == "" && (line.Style == Plain || line.Style == Bullet) {
			if line.Style == Bullet {
				said = "• " + said
			}
			said = cut(said, slackSection)
			if utf8.RuneCountInString(text.String())+utf8.RuneCountInString(said)+1 > slackSection {
				flush()
			}
			if open {
				text.WriteByte('\n')
			}
			text.WriteString(said)
			open = true
			continue
		}
		flush()
		b.add(object{"type": "section", "text": object{"type": "mrkdwn", "verbatim": true, "text": slackLine(line, said)}})
	}
	flush()
}

// slackLine is a line that needs Slack's own marks. The room for them is left
// over by cutting the text first.
func slackLine(line Line, said string) string {
	const room = slackSection/6 - 10 // every character may become five of an entity
	switch {
	case line.URL != "":
		return "<" + escapeSlack(line.URL) + "|" + bare(escapeSlack(cut(oneLine(said), room))) + ">"
	case line.Style == Code:
		return "`" + strings.ReplaceAll(escapeSlack(cut(oneLine(said), room)), "`", "'") + "`"
	case line.Style == Quote:
		quoted := strings.Split(bare(escapeSlack(cut(said, room))), "\n")
		return "> " + strings.Join(quoted, "\n> ")
	default:
		return "*" + bare(escapeSlack(cut(oneLine(said), room))) + "*"
	}
}

// escapeSlack keeps a text from naming people, channels and addresses in mrkdwn.
func escapeSlack(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// bare takes the marks of mrkdwn out of a text that stands within marks of ours.
// There is no way to escape them, so each becomes a letter that looks like it.
func bare(text string) string {
	return strings.NewReplacer("*", "∗", "_", "ˍ", "~", "∼", "`", "'", "|", "∣").Replace(text)
}

func (b *slackBuilder) fields(fields []Field) {
	for len(fields) > 0 {
		n := min(len(fields), slackFields)
		var out []any
		for _, f := range fields[:n] {
			out = append(out, plainText(f.Name+": "+f.Value, slackField))
		}
		b.add(object{"type": "section", "fields": out})
		fields = fields[n:]
	}
}

func (b *slackBuilder) buttons(buttons []Button) {
	var out []any
	for _, each := range buttons[:min(len(buttons), slackActions)] {
		if len(each.Value) > slackValue || len(each.URL) > slackURL {
			continue // Slack would refuse the whole message
		}
		button := object{"type": "button", "action_id": each.ID, "text": plainText(each.Text, slackButton)}
		if each.Style != Usual {
			button["style"] = string(each.Style)
		}
		if each.URL != "" {
			button["url"] = each.URL
		}
		if each.Value != "" {
			button["value"] = each.Value
		}
		out = append(out, button)
	}
	if len(out) > 0 {
		b.add(object{"type": "actions", "elements": out})
	}
}

func plainText(text string, limit int) object {
	return object{"type": "plain_text", "emoji": false, "text": cut(printable(text), limit)}
}

// Dialog asks for one text before something is done.
type Dialog struct {
	ID      string // which dialog it is: comes back with the answer
	Title   string
	Intro   string
	Label   string
	Submit  string
	State   string // comes back with the answer: sealed, see Seal
	Longest int
}

// slackState is how much a view may carry.
const slackState = 3000

// slackView is a dialog as Slack's modal view.
func slackView(d Dialog) (object, error) {
	if len(d.State) > slackState {
		return nil, fmt.Errorf("chat: the state of a dialog has %d bytes, Slack takes %d", len(d.State), slackState)
	}
	return object{
		"type": "modal", "callback_id": d.ID, "private_metadata": d.State,
		"title":  plainText(d.Title, slackViewTitle),
		"submit": plainText(d.Submit, slackViewTitle), "close": plainText("Cancel", slackViewTitle),
		"blocks": []any{
			object{"type": "section", "text": plainText(d.Intro, slackSection)},
			object{"type": "input", "block_id": DialogField, "label": plainText(d.Label, slackField), "element": object{
				"type": "plain_text_input", "action_id": DialogField, "multiline": true, "min_length": 1, "max_length": min(max(d.Longest, 1), slackSection),
			}},
		},
	}, nil
}

// DialogField is the name of the one text that a dialog asks for.
const DialogField = "text"
