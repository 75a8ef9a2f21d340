package protocol

import (
	"bytes"
	"encoding/json"

	"github.com/slipway-dev/slipway/deployers"
)

// Mask hides the values of secrets in the answers of somebody else's deployer.
// The zero Mask hides nothing.
type Mask struct{ deployers.Hider }

// NewMask makes a mask for these values.
func NewMask(values []string) Mask { return Mask{deployers.NewHider(values)} }

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
