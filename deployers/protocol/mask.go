package protocol

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/deployers"
)

const (
	hidden       = "***"
	shortest     = 4 // of a value that is hidden: shorter ones are parts of words
	shortestLine = 8 // of one line of a value that has several
)

// Mask hides the values of secrets, in the forms in which they commonly leak.
// The zero Mask hides nothing.
type Mask struct{ replacer *strings.Replacer }

// NewMask makes a mask for these values.
func NewMask(values []string) Mask {
	var forms []string
	for _, value := range values {
		if len(value) >= shortest {
			forms = append(forms, formsOf(value)...)
		}
		if lines := strings.Split(value, "\n"); len(lines) > 1 {
			for _, line := range lines {
				if line = strings.TrimSpace(line); len(line) >= shortestLine {
					forms = append(forms, line)
				}
			}
		}
	}
	if len(forms) == 0 {
		return Mask{}
	}
	// The longest first: a value that is the beginning of another must not leave
	// the rest of it readable.
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var pairs []string
	for _, form := range slices.Compact(forms) {
		pairs = append(pairs, form, hidden)
	}
	return Mask{strings.NewReplacer(pairs...)}
}

func formsOf(value string) []string {
	plain := &bytes.Buffer{}
	encoder := json.NewEncoder(plain)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // a string always encodes
	escaped, err := json.Marshal(value)
	if err != nil {
		escaped = nil
	}
	raw := []byte(value)
	return slices.DeleteFunc([]string{
		value, strings.Trim(strings.TrimSpace(plain.String()), `"`), strings.Trim(string(escaped), `"`),
		url.QueryEscape(value), url.PathEscape(value),
		base64.RawStdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
		base64.StdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw),
	}, func(form string) bool { return form == "" })
}

// Hide returns the text with *** in the place of every value.
func (m Mask) Hide(text string) string {
	if m.replacer == nil {
		return text
	}
	return m.replacer.Replace(text)
}

// decode reads a result with the mask over every text in it, names included. A
// prepared artefact is handed back as it came.
func (m Mask) decode(raw json.RawMessage, strict bool, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	masked, err := json.Marshal(m.walk(value))
	if err != nil {
		return err
	}
	decoder = json.NewDecoder(bytes.NewReader(masked))
	if strict {
		decoder.DisallowUnknownFields()
	}
	return decoder.Decode(into)
}

func (m Mask) walk(value any) any {
	switch v := value.(type) {
	case string:
		return cleanText(m.Hide(v), maxPreview)
	case []any:
		for i := range v {
			v[i] = m.walk(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			if key != "prepared" {
				inner = m.walk(inner)
			}
			out[m.Hide(key)] = inner
		}
		return out
	}
	return value
}

// valuesOf lists the secrets that a desired state hands over.
func valuesOf(d deployers.Desired) []string {
	var values []string
	for _, t := range d.Tracks {
		for _, s := range t.Secrets {
			values = append(values, s.Reveal())
		}
	}
	return values
}
