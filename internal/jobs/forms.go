package jobs

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
	minSecret = 4 // shorter values are no secrets, and would make output unreadable
	minInside = 8 // letters of a value that stands in the middle of something encoded
)

// secretForms are the texts by which output would give a secret away: each line of
// it, as output is read line by line, and the whole of it, in the forms in which
// programs commonly write down what they know. The longest come first: one may be
// the beginning of another.
func secretForms(secrets []string) [][]byte {
	var forms []string
	for _, secret := range secrets {
		trimmed := strings.TrimRight(secret, "\r\n")
		for line := range strings.Lines(secret) {
			if line = strings.TrimRight(line, "\r\n"); len(line) >= minSecret {
				forms = append(forms, formsOf(line)...)
			}
		}
		if len(trimmed) >= minSecret {
			forms = append(forms, formsOf(trimmed)...)
		}
	}
	slices.SortFunc(forms, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var out [][]byte
	for _, form := range slices.Compact(forms) {
		out = append(out, []byte(form))
	}
	return out
}

func formsOf(value string) []string {
	raw, query := []byte(value), url.QueryEscape(value)
	forms := []string{value, query, strings.ReplaceAll(query, "+", "%20"), url.PathEscape(value), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw))}
	for _, html := range []bool{true, false} {
		var quoted bytes.Buffer
		encoder := json.NewEncoder(&quoted)
		encoder.SetEscapeHTML(html)
		if encoder.Encode(value) == nil { // a string always can be
			forms = append(forms, strings.Trim(strings.TrimSpace(quoted.String()), `"`))
		}
	}
	for _, base := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		whole := base.EncodeToString(raw)
		forms = append(forms, whole, strings.TrimRight(whole, "="))
		// Where it is encoded with something before it, its letters are of one of three
		// kinds, and those at its ends are shared with what is beside it.
		for cut := range 3 {
			if inside := base.EncodeToString(raw[min(cut, len(raw)):][:max(0, len(raw)-cut)/3*3]); len(inside) >= minInside {
				forms = append(forms, inside)
			}
		}
	}
	return slices.DeleteFunc(forms, func(form string) bool { return len(form) < minSecret })
}
