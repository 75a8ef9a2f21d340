package identity

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode"
)

const (
	maxGroups = 1000
	maxText   = 256
)

// Claims is who signed in. Issuer and Subject are the identity; the rest is
// what the provider says of it today.
type Claims struct {
	Issuer    string
	Subject   string
	Name      string // never empty
	Email     string
	Groups    []string // sorted, each once
	SessionID string   // the provider's, for back-channel logout
	IDToken   string   `json:"-"` // hint for EndSessionURL; stays on the server
}

// statements are claims before anybody made sense of them.
type statements map[string]json.RawMessage

func newStatements(decode func(any) error) (statements, error) {
	s := statements{}
	err := decode(&s)
	return s, err
}

// add takes over what is not known yet: the ID token is signed and wins.
func (s statements) add(more statements) {
	for name, value := range more {
		if _, known := s[name]; !known {
			s[name] = value
		}
	}
}

func (s statements) text(name string) string {
	var text string
	if json.Unmarshal(s[name], &text) != nil {
		return ""
	}
	return clean(text)
}

// find looks a claim up by its whole name, which may hold dots, and then as a
// path into objects ("realm_access.roles").
func (s statements) find(name string) (json.RawMessage, bool) {
	if value, ok := s[name]; ok {
		return value, true
	}
	first, rest, ok := strings.Cut(name, ".")
	inner := statements{}
	if !ok || json.Unmarshal(s[first], &inner) != nil {
		return nil, false
	}
	return inner.find(rest)
}

func (s statements) has(name string) bool {
	_, ok := s.find(name)
	return ok
}

func (s statements) claims(groupsClaim string) (Claims, error) {
	c := Claims{Email: s.text("email"), SessionID: s.text("sid")}
	if slices.Contains([]string{"false", `"false"`}, string(s["email_verified"])) {
		c.Email = "" // anybody could have typed it
	}
	full := strings.TrimSpace(s.text("given_name") + " " + s.text("family_name"))
	for _, name := range []string{s.text("name"), full, s.text("preferred_username"), c.Email} {
		if c.Name == "" {
			c.Name = name
		}
	}
	raw, _ := s.find(groupsClaim)
	groups, err := readGroups(raw)
	c.Groups = groups
	return c, err
}

// readGroups takes a list or one text. A provider that sends something else is
// set up wrongly, and a sign-in without groups would only hide it.
func readGroups(raw json.RawMessage) ([]string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var groups []string
	if err := json.Unmarshal(raw, &groups); err != nil {
		var one string
		if json.Unmarshal(raw, &one) != nil {
			return nil, errors.New("the groups claim is neither a text nor a list of texts")
		}
		groups = []string{one}
	}
	// A name that had to be cleaned could become the name of another group.
	groups = slices.DeleteFunc(groups, func(g string) bool { return g == "" || clean(g) != g })
	slices.Sort(groups)
	groups = slices.Compact(groups)
	if len(groups) > maxGroups {
		return nil, errors.New("there are more groups than Slipway takes")
	}
	return groups, nil
}

// clean drops what has no place in a name: control characters, and those that
// reverse or hide text.
func clean(text string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text))
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText])
	}
	return text
}
