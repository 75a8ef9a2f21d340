package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	maxFaults = 50  // more help nobody
	maxPath   = 512 // longer paths are cut, so that they cannot fill the memory
)

// scan walks a document, gathering faults and the lines of fields.
type scan struct {
	faults []slipway.FieldError
	lines  Lines
}

// field reads one value into where it belongs.
type field func(path string, n *yaml.Node)

func (s *scan) fault(path string, n *yaml.Node, format string, args ...any) {
	switch {
	case len(s.faults) < maxFaults:
		s.faults = append(s.faults, slipway.FieldError{Field: path, Line: n.Line, Message: fmt.Sprintf(format, args...)})
	case len(s.faults) == maxFaults:
		s.faults = append(s.faults, slipway.FieldError{Message: "there are more faults; correct these first"})
	}
}

// object reads a mapping. Keys that are not among the fields are faults when
// strict, else passed over.
func (s *scan) object(fields map[string]field, strict bool) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			s.fault(path, n, "is an object with %s, not %s", list(slices.Sorted(maps.Keys(fields))), kindOf(n))
			return
		}
		s.each(path, n, func(key, path string, keyNode, value *yaml.Node) {
			read, ok := fields[key]
			switch {
			case ok && value.ShortTag() != "!!null":
				read(path, value)
			case !ok && strict:
				s.fault(path, keyNode, "is no key that is known here%s", suggest(key, slices.Sorted(maps.Keys(fields))))
			}
		})
	}
}

// each calls f for every entry of a mapping, noting its line and refusing keys
// given twice.
func (s *scan) each(path string, n *yaml.Node, f func(key, path string, keyNode, value *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		here := join(path, key.Value)
		if first, twice := seen[key.Value]; twice {
			s.fault(here, key, "is given twice, first in line %d", first)
			continue
		}
		seen[key.Value] = key.Line
		s.lines[here] = key.Line
		f(key.Value, here, key, value)
	}
}

// list reads each item of a sequence. item gets its index as well.
func (s *scan) list(item func(i int, path string, n *yaml.Node)) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			s.fault(path, n, "is a list, not %s", kindOf(n))
			return
		}
		for i, child := range n.Content {
			here := fmt.Sprintf("%s[%d]", path, i)
			if len(here) > maxPath {
				here = path
			}
			s.lines[here] = child.Line
			item(i, here, child)
		}
	}
}

func (s *scan) text(into *string) field {
	return func(path string, n *yaml.Node) {
		switch tag := n.ShortTag(); {
		case n.Kind != yaml.ScalarNode:
			s.fault(path, n, "is a text, not %s", kindOf(n))
		case tag != "!!str" && tag != "!!timestamp":
			s.fault(path, n, "is a text, not %s; put it in quotes", kindOf(n))
		default:
			*into = n.Value
		}
	}
}

func (s *scan) texts(into *[]string) field {
	return s.list(func(_ int, path string, n *yaml.Node) {
		var item string
		before := len(s.faults)
		s.text(&item)(path, n)
		if item == "" && len(s.faults) == before {
			s.fault(path, n, "is empty")
		}
		*into = append(*into, item) // even so: the others keep their numbers
	})
}

// oneOrMore reads a text, or a list of them.
func (s *scan) oneOrMore(into *[]string) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.ScalarNode {
			s.texts(into)(path, n)
			return
		}
		var item string
		if s.text(&item)(path, n); item != "" {
			*into = append(*into, item)
		}
	}
}

// words reads an object of texts with names that people choose.
func (s *scan) words(into *map[string]string) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			s.fault(path, n, "is an object of names and texts, not %s", kindOf(n))
			return
		}
		*into = map[string]string{}
		s.each(path, n, func(key, path string, _, value *yaml.Node) {
			var item string
			s.text(&item)(path, value)
			(*into)[key] = item
		})
	}
}

func (s *scan) number(into *int) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(into) != nil {
			s.fault(path, n, "is a whole number, not %s", kindOf(n))
		}
	}
}

func (s *scan) decimal(into *float64) field {
	return func(path string, n *yaml.Node) {
		tag := n.ShortTag()
		if n.Kind != yaml.ScalarNode || tag != "!!int" && tag != "!!float" || n.Decode(into) != nil || math.IsNaN(*into) || math.IsInf(*into, 0) {
			*into = 0
			s.fault(path, n, "is a number, not %s", kindOf(n))
		}
	}
}

func (s *scan) flag(into *bool) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(into) != nil {
			s.fault(path, n, "is true or false, not %s", kindOf(n))
		}
	}
}

func (s *scan) duration(into *slipway.Duration) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
			s.fault(path, n, "is how long, with a unit, such as \"10m\"; not %s", kindOf(n))
			return
		}
		quoted, err := json.Marshal(n.Value)
		if err == nil {
			err = into.UnmarshalJSON(quoted)
		}
		if err != nil {
			s.fault(path, n, "%s is not how long; write it with a unit, such as \"90s\", \"10m\" or \"1h\"", clip(n.Value))
		}
	}
}

// raw keeps a value that only somebody else understands, as JSON.
func (s *scan) raw(into *json.RawMessage) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			s.fault(path, n, "is an object, not %s", kindOf(n))
			return
		}
		before := len(s.faults)
		value := s.value(path, n)
		out, err := json.Marshal(value)
		if err != nil && len(s.faults) == before {
			s.fault(path, n, "cannot be written as JSON")
		}
		*into = out
	}
}

func (s *scan) value(path string, n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		s.each(path, n, func(key, path string, _, value *yaml.Node) { object[key] = s.value(path, value) })
		return object
	case yaml.SequenceNode:
		items := []any{}
		s.list(func(_ int, path string, child *yaml.Node) { items = append(items, s.value(path, child)) })(path, n)
		return items
	}
	switch n.ShortTag() {
	case "!!str", "!!timestamp": // a date stays as it was written
		return n.Value
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value) // with all its digits
		}
	}
	var v any
	if err := n.Decode(&v); err != nil {
		s.fault(path, n, "%s cannot be read", clip(n.Value))
		return nil
	}
	if _, err := json.Marshal(v); err != nil { // .nan, .inf
		s.fault(path, n, "%s is no number that can be kept", clip(n.Value))
		return nil
	}
	return v
}

func join(path, key string) string {
	switch {
	case path == "":
		return key
	case len(path)+len(key) > maxPath:
		return path
	default:
		return path + "." + key
	}
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "an object"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "the number " + clip(n.Value)
	case "!!bool":
		return clip(n.Value)
	case "!!null":
		return "nothing"
	default:
		return fmt.Sprintf("%q", clip(n.Value))
	}
}

// clip keeps a value from filling the page it is quoted on.
func clip(s string) string {
	const longest = 60
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return s
}

func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
