package chattest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Block is a block of Slack, as much of it as Slipway sends.
type Block struct {
	Type     string    `json:"type"`
	BlockID  string    `json:"block_id"`
	Text     *Text     `json:"text"`
	Fields   []Text    `json:"fields"`
	Elements []Element `json:"elements"`
	Label    *Text     `json:"label"`
	Element  *Element  `json:"element"`
}

// Text is a text object.
type Text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji"`
	Verbatim *bool  `json:"verbatim"`
}

// Element is a button, an input or, within a context, a text.
type Element struct {
	Type      string          `json:"type"`
	Text      json.RawMessage `json:"text"`
	Emoji     *bool           `json:"emoji"`
	ActionID  string          `json:"action_id"`
	Value     string          `json:"value"`
	URL       string          `json:"url"`
	Style     string          `json:"style"`
	Multiline *bool           `json:"multiline"`
	MinLength int             `json:"min_length"`
	MaxLength int             `json:"max_length"`
}

// checkBlocks says why Slack would refuse blocks; empty if it would not.
func checkBlocks(raw json.RawMessage, limit int) ([]Block, string) {
	var blocks []Block
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&blocks); err != nil {
		return nil, err.Error()
	}
	if len(blocks) == 0 || len(blocks) > limit {
		return nil, fmt.Sprintf("%d blocks", len(blocks))
	}
	seen := map[string]bool{}
	for i, b := range blocks {
		if fault := b.fault(seen); fault != "" {
			return nil, fmt.Sprintf("block %d (%s): %s", i, b.Type, fault)
		}
	}
	return blocks, ""
}

func (b Block) fault(seen map[string]bool) string {
	switch b.Type {
	case "header":
		return b.Text.fault(150, "plain_text")
	case "section":
		if (b.Text == nil) == (len(b.Fields) == 0) {
			return "has neither a text nor fields, or both"
		}
		if b.Text != nil {
			return b.Text.fault(3000, "plain_text", "mrkdwn")
		}
		if len(b.Fields) > 10 {
			return "too many fields"
		}
		for _, f := range b.Fields {
			if fault := f.fault(2000, "plain_text", "mrkdwn"); fault != "" {
				return fault
			}
		}
	case "context":
		return elements(b.Elements, 10, func(e Element) string { return e.asText(2000) })
	case "actions":
		return elements(b.Elements, 25, func(e Element) string { return e.button(seen) })
	case "input":
		if b.Element == nil || b.Element.Type != "plain_text_input" || b.Element.ActionID == "" || b.Element.MaxLength > 3000 || b.BlockID == "" {
			return "is no input"
		}
		return b.Label.fault(2000, "plain_text")
	default:
		return "is of no known type"
	}
	return ""
}

func elements(list []Element, limit int, fault func(Element) string) string {
	if len(list) == 0 || len(list) > limit {
		return fmt.Sprintf("%d elements", len(list))
	}
	for _, e := range list {
		if f := fault(e); f != "" {
			return f
		}
	}
	return ""
}

func (t *Text) fault(limit int, kinds ...string) string {
	switch {
	case t == nil:
		return "has no text"
	case !slices.Contains(kinds, t.Type):
		return "the text is of type " + t.Type
	case t.Text == "" || utf8.RuneCountInString(t.Text) > limit:
		return fmt.Sprintf("the text has %d characters", utf8.RuneCountInString(t.Text))
	case t.Emoji != nil && t.Type != "plain_text", t.Verbatim != nil && t.Type != "mrkdwn":
		return "the text has what its type does not"
	default:
		return ""
	}
}

func (e Element) asText(limit int) string {
	var text string
	if err := json.Unmarshal(e.Text, &text); err != nil {
		return err.Error()
	}
	t := Text{Type: e.Type, Text: text}
	return t.fault(limit, "plain_text", "mrkdwn")
}

func (e Element) button(seen map[string]bool) string {
	var text Text
	if err := json.Unmarshal(e.Text, &text); err != nil {
		return err.Error()
	}
	switch fault := text.fault(75, "plain_text"); {
	case fault != "":
		return fault
	case e.Type != "button", e.ActionID == "", len(e.ActionID) > 255, seen[e.ActionID]:
		return "is no button with an action_id of its own"
	case e.Style != "" && e.Style != "primary" && e.Style != "danger":
		return "has the style " + e.Style
	case utf8.RuneCountInString(e.Value) > 2000, utf8.RuneCountInString(e.URL) > 3000:
		return "carries too much"
	}
	seen[e.ActionID] = true
	return ""
}

// words is all that people read of blocks, one line each.
func words(blocks []Block) string {
	var lines []string
	for _, b := range blocks {
		if b.Text != nil {
			lines = append(lines, b.Text.Text)
		}
		for _, f := range b.Fields {
			lines = append(lines, f.Text)
		}
		for _, e := range b.Elements {
			var text string
			if json.Unmarshal(e.Text, &text) == nil {
				lines = append(lines, text)
			}
		}
	}
	return strings.Join(lines, "\n")
}

func buttons(blocks []Block) []Element {
	var out []Element
	for _, b := range blocks {
		if b.Type == "actions" {
			out = append(out, b.Elements...)
		}
	}
	return out
}

// label is what a button says.
func label(e Element) string {
	var text Text
	_ = json.Unmarshal(e.Text, &text) // checked when it came
	return text.Text
}
