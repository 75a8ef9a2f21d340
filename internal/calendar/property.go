package calendar

import (
	"fmt"
	"strings"
	"time"
)

// property is one line of a file: NAME;PARAM=VALUE:value.
type property struct {
	name   string
	params map[string]string
	value  string
}

func parseProperty(line string) (property, error) {
	p := property{params: map[string]string{}}
	head, value, ok := cutOutsideQuotes(line)
	if !ok {
		return p, fmt.Errorf("has the line %q; write it as NAME:VALUE", clip(line))
	}
	parts := strings.Split(head, ";")
	p.name, p.value = strings.ToUpper(parts[0]), value
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		p.params[strings.ToUpper(name)] = strings.Trim(value, `"`)
	}
	return p, nil
}

// cutOutsideQuotes cuts at the first colon that no parameter has quoted.
func cutOutsideQuotes(line string) (head, value string, ok bool) {
	quoted := false
	for i, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ':' && !quoted:
			return line[:i], line[i+1:], i > 0
		}
	}
	return line, "", false
}

// parseDuration reads P1DT2H30M and P2W.
func parseDuration(text string) (time.Duration, error) {
	fault := fmt.Errorf("has the duration %q; write it as P2W, P1D or PT8H", clip(text))
	rest, ok := strings.CutPrefix(strings.TrimPrefix(text, "+"), "P")
	if !ok || rest == "" {
		return 0, fault
	}
	units := map[byte]time.Duration{'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour}
	times := map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second}
	total, n, digits := time.Duration(0), time.Duration(0), 0
	for _, c := range []byte(rest) {
		switch unit, known := units[c]; {
		case '0' <= c && c <= '9' && digits < 6:
			n, digits = 10*n+time.Duration(c-'0'), digits+1
		case c == 'T' && digits == 0:
			units = times
		case known && digits > 0:
			total, n, digits = total+n*unit, 0, 0
		default:
			return 0, fault
		}
	}
	if digits > 0 || total <= 0 {
		return 0, fault
	}
	return total, nil
}

// unescape reads a text value.
func unescape(text string) string {
	text = strings.NewReplacer(`\\`, `\`, `\n`, " ", `\N`, " ", `\,`, ",", `\;`, ";").Replace(text)
	return strings.Join(strings.Fields(text), " ")
}
