package deployers

import (
	"regexp"
	"strings"
	"unicode"
)

// escapes colour text in a terminal, move its cursor or set its title.
var escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])?`)

// PlainText is what a program printed without what it said to a terminal: pages
// and logs would show that as boxes. It is taken out before values of secrets are
// hidden, since one may be coloured in its middle.
func PlainText(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\n' }) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' && r != '\n' {
			return -1
		}
		return r
	}, escapes.ReplaceAllString(text, ""))
}
