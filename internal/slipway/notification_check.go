package slipway

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Bounds of a route.
const (
	maxRouteName    = 100
	maxRouteAddress = 500
)

// chatPlace is a channel by its name or its number; Slack and Mattermost both
// take either.
var chatPlace = regexp.MustCompile(`^#?[\p{L}\p{N}][\p{L}\p{N}._-]{0,79}$`)

// Validate lists what is wrong with the route's own fields.
func (r NotificationRoute) Validate() (faults []FieldError) {
	add := func(field, message string) { faults = append(faults, FieldError{Field: field, Message: message}) }
	switch n := utf8.RuneCountInString(r.Name); {
	case n == 0:
		add("name", "is needed, so that others know which it is")
	case n > maxRouteName || strings.ContainsAny(r.Name, "\r\n"):
		add("name", "is one line of at most 100 characters")
	}
	for _, kind := range r.Kinds {
		if !knownKind(kind) {
			add("kinds", fmt.Sprintf("there is nothing to be told of %q; see the list of kinds, or write a group such as deployment.*", kind))
		}
	}
	if fault := r.To.fault(); fault != "" {
		add("address", fault)
	}
	switch r.To.Channel {
	case ToWebhook, ToSlack, ToMattermost, ToEmail:
	default:
		add("channel", "is webhook, slack, mattermost or email")
	}
	switch {
	case r.To.Format != FormatSlipway && r.To.Format != FormatCDEvents:
		add("format", "is slipway or cdevents")
	case r.To.Format == FormatCDEvents && r.To.Channel != ToWebhook:
		add("format", "cdevents is for webhooks")
	}
	return faults
}

func knownKind(kind string) bool {
	for _, k := range ToldKinds() {
		if KindsInclude([]string{kind}, k.Kind) && kind != "*" {
			return true
		}
	}
	return false
}

// fault says what is wrong with the address; empty if nothing is.
func (d Destination) fault() string {
	if d.Address == "" {
		return "is needed"
	}
	if len(d.Address) > maxRouteAddress || strings.ContainsAny(d.Address, "\r\n\x00") {
		return "is one line of at most 500 characters"
	}
	switch d.Channel {
	case ToWebhook:
		if fault := CheckURL(d.Address); fault != "" {
			return fault
		}
		if u, err := url.Parse(d.Address); err != nil || u.User != nil || u.Fragment != "" {
			return "holds a name or a password, or a part after #; what is sent is signed instead"
		}
	case ToSlack, ToMattermost:
		if !chatPlace.MatchString(d.Address) {
			return "is a channel, by its name (#releases) or its number"
		}
	case ToEmail:
		if a, err := mail.ParseAddress(d.Address); err != nil || a.Name != "" || a.Address != d.Address {
			return "is one bare address, such as team@example.com"
		}
	}
	return ""
}

// Shown is the address as it may be shown: what a query holds may be a key.
func (d Destination) Shown() string {
	u, err := url.Parse(d.Address)
	if d.Channel != ToWebhook || err != nil || u.RawQuery == "" {
		return d.Address
	}
	u.RawQuery = ""
	return u.String() + "?" + redacted
}
