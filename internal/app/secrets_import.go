package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// ParseSecrets reads the text of a .env file, or a JSON object. What is wrong
// with it is told by line, and never quoted.
func ParseSecrets(text string) (map[string]*slipway.Secret, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	read := parseEnv
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		read = parseJSON
	}
	values, faults := read(text)
	if len(faults) > 0 {
		return nil, slipway.Invalid("What was pasted", faults)
	}
	return values, checkChanges(values)
}

func parseJSON(text string) (map[string]*slipway.Secret, []slipway.FieldError) {
	broken := []slipway.FieldError{{Message: "it is no JSON object of keys and values"}}
	var object map[string]json.RawMessage
	decoder := json.NewDecoder(strings.NewReader(text))
	if decoder.Decode(&object) != nil || decoder.Decode(&struct{}{}) != io.EOF {
		return nil, broken
	}
	values := map[string]*slipway.Secret{}
	for key, raw := range object {
		var value string
		if json.Unmarshal(raw, &value) != nil || bytes.Equal(raw, []byte("null")) {
			var compact bytes.Buffer
			if json.Compact(&compact, raw) != nil {
				return nil, broken
			}
			value = compact.String() // a number, say, as it is written
		}
		secret := slipway.NewSecret(value)
		values[key] = &secret
	}
	return values, nil
}

func parseEnv(text string) (map[string]*slipway.Secret, []slipway.FieldError) {
	values := map[string]*slipway.Secret{}
	var faults []slipway.FieldError
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		number := i + 1
		line := strings.TrimSpace(lines[i])
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fault := func(message string) { faults = append(faults, slipway.FieldError{Line: number, Message: message}) }
		key, rest, found := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		key, rest = strings.TrimSpace(key), strings.TrimSpace(rest)
		if !found || slipway.CheckSecretKey(key) != "" {
			fault("it is not KEY=value")
			continue
		}
		if _, twice := values[key]; twice {
			fault(key + " is there twice")
			continue
		}
		for unclosed(rest) && i+1 < len(lines) { // a quoted value goes on over lines
			i++
			rest += "\n" + lines[i]
		}
		value, wrong := unquote(rest)
		if wrong != "" {
			fault("the value of " + key + " " + wrong)
			continue
		}
		secret := slipway.NewSecret(value)
		values[key] = &secret
	}
	return values, faults
}

// unclosed reports whether a value begins with a quote that is not closed.
func unclosed(rest string) bool {
	return rest != "" && (rest[0] == '"' || rest[0] == '\'') && closing(rest) < 0
}

// closing is where the quote that a value begins with is closed; -1: nowhere.
func closing(rest string) int {
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[0] == '"' && rest[i] == '\\':
			i++
		case rest[i] == rest[0]:
			return i
		}
	}
	return -1
}

func unquote(rest string) (value, wrong string) {
	if rest == "" || (rest[0] != '"' && rest[0] != '\'') {
		if before, _, found := strings.Cut(rest, " #"); found {
			rest = strings.TrimSpace(before)
		}
		return rest, ""
	}
	end := closing(rest)
	if end < 0 {
		return "", "has a quote that is not closed"
	}
	if after := strings.TrimSpace(rest[end+1:]); after != "" && !strings.HasPrefix(after, "#") {
		return "", "goes on after its closing quote"
	}
	if value = rest[1:end]; rest[0] == '"' {
		value = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n", `\r`, "\r", `\t`, "\t", `\$`, "$").Replace(value)
	}
	return value, ""
}

// SecretImport is what an import would do.
type SecretImport struct {
	Path    string
	Version int      // of the secrets it was compared with
	New     []string // keys that are not there yet
	Replace []string // keys that are
	Keep    []string // keys that the import does not have: they stay
}

// PreviewImport says what an import would do, by name, and changes nothing.
func (a *App) PreviewImport(ctx context.Context, actor slipway.Actor, service, environment string, changes map[string]*slipway.Secret) (out SecretImport, err error) {
	if err := checkChanges(changes); err != nil {
		return out, err
	}
	place, err := a.secretPlace(ctx, actor, service, environment, slipway.SecretWrite)
	if err != nil {
		return out, err
	}
	view, err := a.Secret.LookAs(ctx, actor, place.service, environment)
	if err == nil {
		err = view.Err()
	}
	if err != nil {
		return out, err
	}
	out = SecretImport{Path: place.path, New: []string{}, Replace: []string{}, Keep: []string{}}
	if len(view.Versions) > 0 {
		out.Version = view.Versions[0].Version
	}
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		if slices.Contains(view.Keys, key) {
			out.Replace = append(out.Replace, key)
		} else {
			out.New = append(out.New, key)
		}
	}
	for _, key := range view.Keys {
		if _, ok := changes[key]; !ok {
			out.Keep = append(out.Keep, key)
		}
	}
	return out, nil
}

// SecretDifference is one key of two environments.
type SecretDifference struct {
	Key  string
	What string // only in one of them, same, differs, or set where values may not be compared
}

// CompareSecrets compares two environments of a service by the rules of Secrets.
func (a *App) CompareSecrets(ctx context.Context, actor slipway.Actor, service, from, to string) ([]SecretDifference, error) {
	m, err := a.Secrets(ctx, actor, service)
	if err != nil {
		return nil, err
	}
	var sides []SecretColumn
	for _, name := range []string{from, to} {
		at := slices.IndexFunc(m.Environments, func(c SecretColumn) bool { return c.Environment.Name == name })
		if at < 0 {
			return nil, slipway.NotFound("stage of "+service, name)
		}
		c := m.Environments[at]
		if c.WhyNot != "" {
			_, err := a.secretPlace(ctx, actor, service, name, slipway.SecretList)
			if err == nil { // the store itself refused
				err = &slipway.Error{Code: slipway.CodeDenied, Message: c.WhyNot}
			}
			return nil, err
		}
		if err := c.View.Err(); err != nil {
			return nil, err
		}
		sides = append(sides, c)
	}
	out := []SecretDifference{}
	for _, key := range m.Keys {
		one, two := sides[0].Cells[key], sides[1].Cells[key]
		d := SecretDifference{Key: key, What: "set"}
		switch {
		case !one.Set && !two.Set:
			continue
		case !two.Set:
			d.What = fmt.Sprintf("only in %s", from)
		case !one.Set:
			d.What = fmt.Sprintf("only in %s", to)
		case one.Alike == "" || two.Alike == "":
		case one.Alike == two.Alike:
			d.What = "same"
		default:
			d.What = "differs"
		}
		out = append(out, d)
	}
	return out, nil
}
