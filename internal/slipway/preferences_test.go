package slipway

import (
	"testing"
	"time"
)

// TestQuietHours goes by the clock on the wall, over midnight and through the nights
// on which it is changed.
func TestQuietHours(t *testing.T) {
	t.Parallel()
	night := &QuietHours{From: "22:00", Until: "07:00", Zone: "Europe/Stockholm"}
	noon := &QuietHours{From: "12:00", Until: "13:00", Zone: "UTC"}
	for _, c := range []struct {
		q         *QuietHours
		now, ends string
	}{
		{night, "2026-01-10T20:59:59Z", "2026-01-10T20:59:59Z"}, // 21:59:59 there
		{night, "2026-01-10T21:00:00Z", "2026-01-11T06:00:00Z"},
		{night, "2026-01-11T05:59:59Z", "2026-01-11T06:00:00Z"},
		{night, "2026-01-11T06:00:00Z", "2026-01-11T06:00:00Z"},
		{night, "2026-03-28T23:00:00Z", "2026-03-29T05:00:00Z"}, // an hour is missing
		{night, "2026-10-24T22:00:00Z", "2026-10-25T06:00:00Z"}, // an hour comes twice
		{noon, "2026-01-10T12:30:00Z", "2026-01-10T13:00:00Z"},
		{noon, "2026-01-10T13:00:00Z", "2026-01-10T13:00:00Z"},
		{nil, "2026-01-10T12:30:00Z", "2026-01-10T12:30:00Z"},
		{&QuietHours{From: "12:00", Until: "13:00", Zone: "Atlantis/Lost"}, "2026-01-10T12:30:00Z", "2026-01-10T12:30:00Z"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.q.Ends(now).Format(time.RFC3339); got != c.ends {
			t.Errorf("at %s of %+v it is quiet until %s, want %s", c.now, c.q, got, c.ends)
		}
	}
}

func TestPreferencesAreChecked(t *testing.T) {
	t.Parallel()
	good := DefaultPreferences()
	good.Kinds, good.Quiet = []string{"deployment.*", "line.stopped"}, &QuietHours{From: "22:00", Until: "07:00", Zone: "Europe/Stockholm"}
	if faults := good.Validate(); len(faults) > 0 {
		t.Errorf("what is fine: %v", faults)
	}
	bad := Preferences{Channel: "pigeon", Kinds: []string{"person.signed-in"}, Quiet: &QuietHours{From: "25:00", Until: "25:00", Zone: "Mars"}, Teams: make([]string, 201)}
	fields := map[string]bool{}
	for _, f := range bad.Validate() {
		fields[f.Field] = true
	}
	for _, want := range []string{"channel", "kinds", "services", "quiet.from", "quiet.until", "quiet.zone"} {
		if !fields[want] {
			t.Errorf("nothing is said of %s: %v", want, fields)
		}
	}
}

func TestRoutesAreChecked(t *testing.T) {
	t.Parallel()
	route := func(c DeliveryChannel, address string, f DeliveryFormat, kinds ...string) NotificationRoute {
		return NotificationRoute{Name: "x", Kinds: kinds, To: Destination{Channel: c, Address: address, Format: f}}
	}
	for name, c := range map[string]struct {
		r     NotificationRoute
		fault string
	}{
		"webhook":            {route(ToWebhook, "https://example.com/x?y=z", FormatCDEvents, "deployment.*"), ""},
		"channel":            {route(ToSlack, "#releases", FormatSlipway), ""},
		"mailbox":            {route(ToEmail, "a@example.com", FormatSlipway), ""},
		"script":             {route(ToWebhook, "javascript:alert(1)", FormatSlipway), "address"},
		"password":           {route(ToWebhook, "https://u:p@example.com", FormatSlipway), "address"},
		"header":             {route(ToEmail, "a@example.com\r\nBcc: b@example.com", FormatSlipway), "address"},
		"two mailboxes":      {route(ToEmail, "a@example.com, b@example.com", FormatSlipway), "address"},
		"named mailbox":      {route(ToEmail, "A <a@example.com>", FormatSlipway), "address"},
		"address in a chat":  {route(ToSlack, "https://hooks.slack.com/x", FormatSlipway), "address"},
		"people":             {route(ToWebhook, "https://example.com", FormatSlipway, "person.*"), "kinds"},
		"everything by star": {route(ToWebhook, "https://example.com", FormatSlipway, "*"), "kinds"},
		"logs":               {route(ToWebhook, "https://example.com", FormatSlipway, "deployment.log"), "kinds"},
		"cdevents by mail":   {route(ToEmail, "a@example.com", FormatCDEvents), "format"},
		"pigeon":             {route("pigeon", "x", FormatSlipway), "channel"},
	} {
		faults := c.r.Validate()
		if c.fault == "" && len(faults) > 0 || c.fault != "" && (len(faults) != 1 || faults[0].Field != c.fault) {
			t.Errorf("%s: %v", name, faults)
		}
	}
	if CanBeTold("secret.revealed") || CanBeTold("person.signed-in") || CanBeTold("token.created") || CanBeTold("deployment.log") {
		t.Error("what is private can be told")
	}
}
