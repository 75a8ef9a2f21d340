package chat_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/chat"
)

// hostile is what people write into commit subjects and reasons.
const hostile = "<!channel> <@U1> <https://evil.example|click> *bold* `tick` & @here [x](https://evil.example) \u202egnp.exe\nnext"

func TestSlackSaysWhatOthersWrote(t *testing.T) {
	t.Parallel()
	for _, style := range []chat.Style{chat.Plain, chat.Bullet, chat.Code, chat.Strong, chat.Quote} {
		m := chat.Message{Tone: chat.Wait, Title: hostile, Footer: hostile, Lines: []chat.Line{{Text: hostile, Style: style}},
			Fields: []chat.Field{{Name: "Note", Value: hostile}}, Buttons: []chat.Button{{ID: "approve", Text: hostile, Value: "v"}}}
		blocks, summary := chat.SlackBlocks(m)
		texts := []string{summary}
		for _, b := range blocks {
			marked(t, b, &texts)
		}
		for _, text := range texts {
			for _, bad := range []string{"<!", "<@", "<http", "\u202e"} {
				if strings.Contains(text, bad) {
					t.Errorf("style %q: Slack reads %q in %q", style, bad, text)
				}
			}
		}
	}
	blocks, _ := chat.SlackBlocks(chat.Message{Lines: []chat.Line{{Text: "a `b` *c*", Style: chat.Code}, {Text: "x|y", URL: "https://slipway.example/runs/1"}}})
	if all := joined(blocks); !strings.Contains(all, "`a 'b' *c*`") || !strings.Contains(all, `<https://slipway.example/runs/1|x∣y>`) && !strings.Contains(all, `\u003chttps://slipway.example/runs/1|x∣y\u003e`) {
		t.Errorf("a command and a link are %s", all)
	}
}

// marked gathers the texts of a block that Slack looks for marks in.
func marked(t *testing.T, raw json.RawMessage, texts *[]string) {
	t.Helper()
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if v["type"] == "mrkdwn" {
				*texts = append(*texts, v["text"].(string))
			}
			for _, child := range v {
				walk(child)
			}
		case []any:
			for _, child := range v {
				walk(child)
			}
		}
	}
	var decoded any
	if err := json.Unmarshal(raw, &decoded); err != nil {
		t.Fatal(err)
	}
	walk(decoded)
}

func joined(blocks []json.RawMessage) string {
	var b strings.Builder
	for _, block := range blocks {
		b.Write(block)
	}
	return b.String()
}

func TestMattermostSaysWhatOthersWrote(t *testing.T) {
	t.Parallel()
	m := chat.Message{Title: hostile, Lines: []chat.Line{{Text: hostile}, {Text: hostile, Style: chat.Bullet}, {Text: hostile, Style: chat.Quote}},
		Fields: []chat.Field{{Name: "Note", Value: hostile}}}
	encoded, err := json.Marshal(chat.MattermostAttachments(m, "https://slipway.example/hooks/mattermost/action"))
	if err != nil {
		t.Fatal(err)
	}
	var attachments []struct{ Text, Title, Fallback string }
	if err := json.Unmarshal(encoded, &attachments); err != nil || len(attachments) != 1 {
		t.Fatalf("%s: %v", encoded, err)
	}
	for _, text := range []string{attachments[0].Text, attachments[0].Title, attachments[0].Fallback} {
		for _, bad := range []string{"@here", "@U1", "](https", "<!channel>", " *bold*", "https://evil", "\u202e"} {
			if strings.Contains(text, bad) {
				t.Errorf("Mattermost reads %q in %q", bad, text)
			}
		}
	}
}

// TestNothingIsTooLong draws messages of any size: what comes out keeps within
// what both chat systems take.
func TestNothingIsTooLong(t *testing.T) {
	t.Parallel()
	text := rapid.StringN(0, 200, -1)
	long := rapid.Custom(func(t *rapid.T) string {
		return strings.Repeat(text.Draw(t, "piece"), rapid.IntRange(0, 60).Draw(t, "times"))
	})
	rapid.Check(t, func(t *rapid.T) {
		m := chat.Message{Title: long.Draw(t, "title"), Footer: long.Draw(t, "footer"), Tone: rapid.SampledFrom([]chat.Tone{chat.Neutral, chat.Bad}).Draw(t, "tone")}
		for range rapid.IntRange(0, 80).Draw(t, "lines") {
			m.Lines = append(m.Lines, chat.Line{Text: long.Draw(t, "line"),
				Style: rapid.SampledFrom([]chat.Style{chat.Plain, chat.Bullet, chat.Code, chat.Strong, chat.Quote}).Draw(t, "style")})
		}
		for range rapid.IntRange(0, 30).Draw(t, "fields") {
			m.Fields = append(m.Fields, chat.Field{Name: "Name", Value: long.Draw(t, "value")})
		}
		for range rapid.IntRange(0, 30).Draw(t, "buttons") {
			m.Buttons = append(m.Buttons, chat.Button{ID: "go", Text: long.Draw(t, "button"), Value: "v"})
		}
		blocks, summary := chat.SlackBlocks(m)
		if len(blocks) > 50 || utf8.RuneCountInString(summary) > 24000 {
			t.Fatalf("%d blocks, a summary of %d characters", len(blocks), utf8.RuneCountInString(summary))
		}
		for _, b := range blocks {
			if fault := slackFault(b); fault != "" {
				t.Fatalf("%s in %s", fault, b)
			}
		}
		for _, a := range chat.MattermostAttachments(m, "https://slipway.example/a") {
			encoded, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			var shown struct{ Text, Title, Footer string }
			if err := json.Unmarshal(encoded, &shown); err != nil {
				t.Fatal(err)
			}
			if n := utf8.RuneCountInString(shown.Text + shown.Title + shown.Footer); n > 16383 {
				t.Fatalf("%d characters for Mattermost", n)
			}
		}
	})
}

// slackFault says what Slack would refuse a block for.
func slackFault(raw json.RawMessage) string {
	type textObject struct{ Type, Text string }
	var b struct {
		Type     string
		Text     *textObject
		Fields   []textObject
		Elements []struct {
			Type string
			Text json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return err.Error()
	}
	count := utf8.RuneCountInString
	limit := map[string]int{"header": 150, "section": 3000}[b.Type]
	switch {
	case b.Text != nil && (count(b.Text.Text) > limit || count(b.Text.Text) == 0):
		return "a text of " + b.Type + " that does not fit"
	case b.Type == "section" && b.Text == nil && len(b.Fields) == 0:
		return "a section of nothing"
	case len(b.Fields) > 10, len(b.Elements) > 25:
		return "too many parts"
	}
	for _, f := range b.Fields {
		if count(f.Text) > 2000 || f.Text == "" {
			return "a field that does not fit"
		}
	}
	for _, e := range b.Elements {
		var text textObject
		if e.Type == "button" && (json.Unmarshal(e.Text, &text) != nil || count(text.Text) > 75 || text.Text == "") {
			return "a button that does not fit"
		}
		if e.Type == "plain_text" && len(e.Text) <= 2 {
			return "a context of nothing"
		}
	}
	return ""
}
