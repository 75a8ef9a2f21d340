package slipway

import "strings"

// because joins what happened and why into one sentence. The reason comes from
// outside and may be empty, or end in a full stop or a newline of its own.
func because(what, why string) string {
	if why = oneLine(why); why != "" {
		what += ": " + why
	}
	return sentences(what)
}

// sentences joins texts with single spaces and lets each end as a sentence
// does. Empty ones are left out.
func sentences(texts ...string) string {
	var out []string
	for _, text := range texts {
		if text = oneLine(text); text == "" {
			continue
		}
		if !strings.ContainsAny(text[len(text)-1:], ".!?") {
			text += "."
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// words is the state as people say it.
func (s State) words() string {
	if s == RolledBack {
		return "rolled back"
	}
	return string(s)
}
