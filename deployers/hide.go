package deployers

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

const (
	minSecret = 4 // shorter values are no secrets, and would make a text unreadable
	minInside = 8 // letters of a value that stands in the middle of something encoded
)

// Hider puts *** in the place of the values of secrets in what others have
// written: programs, servers, back ends. It is the only one that there is, so
// that a form that is hidden in one place is hidden in all of them. The zero
// Hider hides nothing. It does not change, and may be used concurrently.
type Hider struct {
	forms []string // the longest first: one secret may be the beginning of another
}

// NewHider makes a hider for these values. It knows each as it is and as JSON, in
// base64 with anything before it, in hex and in URLs; the whole of it, and each
// line, as texts are mostly looked at line by line. Values of less than four
// letters are left out.
func NewHider(values []string) Hider {
	var forms []string
	for _, value := range values {
		whole := strings.TrimRight(value, "\r\n")
		forms = append(forms, formsOf(whole)...)
		if strings.ContainsAny(whole, "\r\n") {
			for line := range strings.Lines(whole) {
				forms = append(forms, formsOf(strings.TrimSpace(line))...)
			}
		}
	}
	slices.SortFunc(forms, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return Hider{slices.Compact(forms)}
}

// Hide returns the text with *** in the place of every value.
func (h Hider) Hide(text string) string {
	for _, form := range h.forms {
		text = strings.ReplaceAll(text, form, redacted)
	}
	return text
}

// Longest is how many bytes the longest form of a value has: so much of a text has
// to be seen beyond a place to know that no value goes across it.
func (h Hider) Longest() int {
	if len(h.forms) == 0 {
		return 0
	}
	return len(h.forms[0])
}

// Cut is the first place of a text, not before at, where it can be cut without
// cutting a value in two, of which neither half would be known again.
func (h Hider) Cut(text string, at int) int {
	at = min(at, len(text))
	for moved := true; moved; {
		moved = false
		for _, form := range h.forms {
			from := max(0, at-len(form)+1)
			if i := strings.Index(text[from:min(len(text), at+len(form)-1)], form); i >= 0 {
				at, moved = from+i+len(form), true
			}
		}
	}
	return at
}

// formsOf are the forms in which programs commonly write down what they know.
func formsOf(value string) []string {
	if len(value) < minSecret {
		return nil
	}
	raw, query := []byte(value), url.QueryEscape(value)
	forms := []string{value, query, strings.ReplaceAll(query, "+", "%20"), url.PathEscape(value), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw))}
	for _, html := range []bool{true, false} {
		var quoted bytes.Buffer
		encoder := json.NewEncoder(&quoted)
		encoder.SetEscapeHTML(html)
		if encoder.Encode(value) == nil { // a string always can be
			forms = append(forms, strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(quoted.String()), `"`), `"`))
		}
	}
	for _, base := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		forms = append(forms, base64Of(base, raw)...)
	}
	return slices.DeleteFunc(forms, func(form string) bool { return len(form) < minSecret })
}

func base64Of(base *base64.Encoding, raw []byte) []string {
	whole := base.EncodeToString(raw)
	bare := strings.TrimRight(whole, "=")
	forms := []string{whole, bare}
	// Where it is encoded with something before it, its letters are of one of three
	// kinds, and those at its ends are shared with what is beside it.
	for cut := range 3 {
		if inside := base.EncodeToString(raw[min(cut, len(raw)):][:max(0, len(raw)-cut)/3*3]); len(inside) >= minInside {
			forms = append(forms, inside)
		}
	}
	// What is long is broken into lines, of 76 letters as mail does or of 64 as keys.
	for _, width := range []int{64, 76} {
		for line := range slices.Chunk([]byte(bare), width) {
			if len(bare) > width && len(line) >= minInside {
				forms = append(forms, string(line))
			}
		}
	}
	return forms
}
