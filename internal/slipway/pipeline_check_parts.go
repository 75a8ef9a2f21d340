package slipway

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// maxQuery bounds a query and a condition.
const maxQuery = 8 << 10

// What several kinds of gates, checks and hooks are checked for.

func (c *pipelineCheck) bounded(field string, d Duration) {
	if d > longest {
		c.add(field, "is at most %s", longest)
	}
}

func (c *pipelineCheck) between(field string, d, least, most Duration) {
	if d < least || d > most {
		c.add(field, "is %s to %s, not %s", least, most, d)
	}
}

func (c *pipelineCheck) number(field string, n, least, most int) {
	if n < least || n > most {
		c.add(field, "is %d to %d, not %d", least, most, n)
	}
}

func (c *pipelineCheck) most(field string, n, most int) {
	if n > most {
		c.add(field, "holds at most %d", most)
	}
}

// line checks a text that fits one line and may be left out.
func (c *pipelineCheck) line(field, text string) {
	if len(text) > maxLine || strings.ContainsAny(text, "\r\n\x00") {
		c.add(field, "is one line of at most %d bytes", maxLine)
	}
}

func (c *pipelineCheck) provider(field, name string) {
	if name != defaultProvider {
		c.add(field, "is %s, not %q", defaultProvider, name)
	}
}

var wordRule = regexp.MustCompile(`\$\{([^{}]*)\}`)

func (c *pipelineCheck) query(field, text string, words []string) {
	switch {
	case strings.TrimSpace(text) == "":
		c.add(field, "is missing")
	case len(text) > maxQuery:
		c.add(field, "is at most %d bytes long", maxQuery)
	default:
		c.onlyWords(field, text, words)
	}
}

// onlyWords refuses a ${word} that nothing would be put in the place of: the
// question would be asked as it stands, and answered with nothing.
func (c *pipelineCheck) onlyWords(field, text string, words []string) {
	for _, found := range wordRule.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(words, found[1]) {
			c.add(field, "has %s, for which nothing stands here; known are ${%s}", found[0], strings.Join(words, "}, ${"))
		}
	}
}

// condition checks an expression by whoever can read it.
func (c *pipelineCheck) condition(field, text string, read func(Expressions, string) string) {
	switch {
	case strings.TrimSpace(text) == "":
		c.add(field, "is missing")
	case len(text) > maxQuery:
		c.add(field, "is at most %d bytes long", maxQuery)
	case c.aids.Expressions != nil:
		if fault := read(c.aids.Expressions, text); fault != "" {
			c.add(field, "%s", fault)
		}
	}
}

func orList(words []string) string {
	return fmt.Sprintf("%s or %s", strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
}
