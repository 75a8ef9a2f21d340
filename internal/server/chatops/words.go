package chatops

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// Words: what people type, as it was meant. Phones write curly quotes and long
// dashes, chat systems turn names into mentions and addresses into links, and
// people copy lines with a prompt in front.

// word is one word of a command. Of a quoted one nothing is left out.
type word struct {
	text   string
	quoted bool
}

// slackLink is what Slack makes of mentions, channels and addresses: <@U1|ben>,
// <#C1|ops>, <https://x|x>, <mailto:a@x|a@x>.
var slackLink = regexp.MustCompile(`<([^<>|]*)(?:\|([^<>]*))?>`)

// readWords takes a command apart. Mentions are left out: whoever is asked for
// is told by the portal.
func readWords(text string) []word {
	text = slackLink.ReplaceAllStringFunc(text, func(found string) string {
		parts := slackLink.FindStringSubmatch(found)
		switch {
		case strings.HasPrefix(parts[1], "@"), strings.HasPrefix(parts[1], "!"), strings.HasPrefix(parts[1], "#"):
			return " "
		case parts[2] != "" && !isNumber(parts[1]):
			return parts[2] // "billing.example" was made a link, and was meant as a name
		default:
			return parts[1]
		}
	})
	text = plain(html.UnescapeString(text))
	var words []word
	var current strings.Builder
	var quote rune
	quoted := false
	end := func() {
		if current.Len() > 0 || quoted {
			words = append(words, word{current.String(), quoted})
		}
		current.Reset()
		quoted = false
	}
	runes := []rune(text)
	for i, r := range runes {
		switch {
		case quote == '\'' && r == quote && i+1 < len(runes) && !unicode.IsSpace(runes[i+1]):
			current.WriteRune(r) // an apostrophe
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			current.WriteRune(r)
		case (r == '"' || r == '`') || r == '\'' && current.Len() == 0:
			quote, quoted = r, true
		case unicode.IsSpace(r):
			end()
		default:
			current.WriteRune(r)
		}
	}
	end()
	kept := words[:0]
	for _, w := range words {
		if !w.quoted && strings.HasPrefix(w.text, "@") {
			continue
		}
		kept = append(kept, w)
	}
	return kept
}

// plain writes quotes, dashes and spaces as a keyboard does, and drops what is
// not seen.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '“', '”', '„', '‟', '«', '»', '″':
			return '"'
		case '‘', '’', '‚', '‛', '′':
			return '\''
		case '‐', '‑', '‒', '–', '—', '―', '−':
			return '-'
		case '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u200e', '\u200f':
			return -1
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			if unicode.IsSpace(r) {
				return ' '
			}
			return -1
		}
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}

// readCommand finds the verb and what follows it. Nothing at all asks for help.
func readCommand(text string) (verb string, rest []word) {
	words := readWords(text)
	for len(words) > 0 && !words[0].quoted {
		switch strings.ToLower(strings.TrimLeft(words[0].text, "/$>")) {
		case "slipway", "please", "":
			words = words[1:]
			continue
		}
		break
	}
	if len(words) == 0 {
		return "help", nil
	}
	verb = strings.ToLower(strings.Trim(words[0].text, "/:,.!?-"))
	rest = words[1:]
	// "stop the line" is one verb in three words, and so on.
	for _, phrase := range phrases() {
		parts := strings.Fields(phrase.says)
		if len(words) < len(parts) {
			continue
		}
		same := true
		for i, part := range parts {
			same = same && strings.EqualFold(strings.Trim(words[i].text, ":,.!?"), part)
		}
		if same {
			return phrase.verb, words[len(parts):]
		}
	}
	return verb, rest
}

type phrase struct{ says, verb string }

// phrases are longer ones first.
func phrases() []phrase {
	return []phrase{
		{"let the line go", "start-the-line"}, {"start the line", "start-the-line"}, {"release the line", "start-the-line"},
		{"stop the line", "stop-the-line"}, {"stop line", "stop-the-line"}, {"roll back", "rollback"}, {"why not", "why"},
	}
}

// joined is the rest of a command as a text: a reason, say.
func joined(words []word) string {
	parts := make([]string, len(words))
	for i, w := range words {
		parts[i] = w.text
	}
	return strings.TrimSpace(strings.Trim(strings.Join(parts, " "), " :-,"))
}

// reasonOf is the reason that a command ends with, without the word that it may
// begin with.
func reasonOf(words []word) string {
	if _, reason := splitReason(words); reason != "" {
		return reason
	}
	if len(words) > 0 && startsReason(words[0]) {
		words = words[1:]
	}
	return joined(words)
}

func startsReason(w word) bool {
	switch strings.ToLower(strings.Trim(w.text, ":-,")) {
	case "because", "reason", "":
		return !w.quoted
	default:
		return false
	}
}

// splitReason cuts a command at the word that a reason begins with: a quoted
// one, "because …", "reason: …", "--reason …".
func splitReason(words []word) (before []word, reason string) {
	for i, w := range words {
		switch {
		case w.quoted && strings.ContainsRune(w.text, ' '):
			return words[:i], joined(words[i:])
		case startsReason(w):
			return words[:i], joined(words[i+1:])
		}
	}
	return words, ""
}

// meant drops the little words that people put between names.
func meant(words []word) []string {
	var out []string
	for _, w := range words {
		text := strings.Trim(w.text, ",;")
		if !w.quoted {
			switch strings.ToLower(text) {
			case "to", "in", "on", "at", "into", "onto", "from", "of", "for", "the", "release", "version", "deployment", "gate", "please", "->", "=>", "--to", "--in", "":
				continue
			}
		}
		out = append(out, text)
	}
	return out
}

var (
	numbered  = regexp.MustCompile(`^(?i:g-?|#|no\.?)?(\d{1,18})$`)
	numberURL = regexp.MustCompile(`^/(?:gates|runs)/(\d{1,18})(?:/|$)`)
)

// deploymentNumber reads the number of a deployment: 218, #218, G-218, or the
// address of its page.
func deploymentNumber(text string) (string, bool) {
	if found := numbered.FindStringSubmatch(text); found != nil {
		return found[1], true
	}
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		if found := numberURL.FindStringSubmatch(u.Path); found != nil {
			return found[1], true
		}
	}
	return "", false
}
