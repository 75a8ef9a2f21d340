package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Limits that keep a small file from costing much.
const (
	maxDepth     = 32
	maxKey       = 253
	maxDocuments = 200
)

// documents parses a source into the roots of its documents, without empty
// ones, and refuses what makes YAML surprising: anchors, aliases and tags.
func documents(source []byte) ([]*yaml.Node, []slipway.FieldError) {
	var roots []*yaml.Node
	var faults []slipway.FieldError
	decoder := yaml.NewDecoder(bytes.NewReader(plainEscapes(source)))
	for len(roots) < maxDocuments {
		node, err := next(decoder)
		if errors.Is(err, io.EOF) {
			return roots, faults
		}
		if err != nil {
			return nil, []slipway.FieldError{syntaxFault(err)}
		}
		if len(node.Content) != 1 || node.Content[0].ShortTag() == "!!null" {
			continue
		}
		if fault := tame(node.Content[0], 0); fault != nil {
			faults = append(faults, *fault)
		}
		roots = append(roots, node.Content[0])
	}
	return nil, []slipway.FieldError{{Message: fmt.Sprintf("the file holds %d documents or more", maxDocuments)}}
}

// next reads one document. The library panics on what it thinks impossible;
// a file is never a reason to stop a request like that.
func next(decoder *yaml.Decoder) (node yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file cannot be read as YAML: %v", p)
		}
	}()
	err = decoder.Decode(&node)
	return node, err
}

func syntaxFault(err error) slipway.FieldError {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	fault := slipway.FieldError{Message: "this is not YAML: " + text}
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, message, ok := strings.Cut(rest, ": "); ok {
			if line, err := strconv.Atoi(number); err == nil {
				fault = slipway.FieldError{Line: line, Message: "this is not YAML: " + message}
			}
		}
	}
	return fault
}

// tame returns the first thing in a tree that is refused whatever it means.
func tame(n *yaml.Node, depth int) *slipway.FieldError {
	refuse := func(message string) *slipway.FieldError {
		return &slipway.FieldError{Line: n.Line, Message: message}
	}
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return refuse("anchors and aliases (& and *) are not read; write the value out")
	case n.Style&yaml.TaggedStyle != 0:
		return refuse(fmt.Sprintf("the tag %s is not read; leave it out", clip(n.Tag)))
	case depth > maxDepth:
		return refuse(fmt.Sprintf("it is nested more than %d deep", maxDepth))
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			switch {
			case child.Kind != yaml.ScalarNode:
				return refuse("a key is a word, not a list or an object")
			case child.Tag == "!!merge":
				return refuse("merge keys (<<) are not read; write the values out")
			case len(child.Value) > maxKey:
				return refuse(fmt.Sprintf("a key is at most %d characters long", maxKey))
			}
		}
		if fault := tame(child, depth+1); fault != nil {
			return fault
		}
	}
	return nil
}

// Either two \u escapes that together are one character, or any other escape.
var surrogates = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\.`)

// plainEscapes writes out the escapes that JSON has and YAML does not: \/, and
// the surrogate pairs that many writers use for characters such as emoji.
func plainEscapes(source []byte) []byte {
	if !bytes.ContainsRune(source, '\\') || !json.Valid(source) {
		return source
	}
	return surrogates.ReplaceAllFunc(source, func(match []byte) []byte {
		switch {
		case string(match) == `\/`:
			return match[1:]
		case len(match) != 12:
			return match
		}
		high, errHigh := strconv.ParseUint(string(match[2:6]), 16, 16)
		low, errLow := strconv.ParseUint(string(match[8:]), 16, 16)
		if errHigh != nil || errLow != nil {
			return match
		}
		return []byte(string(utf16.DecodeRune(rune(high), rune(low))))
	})
}
