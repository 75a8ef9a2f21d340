package chatops_test

import (
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/server/chatops"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestWhatPeopleType(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"":                                        "help",
		"/slipway":                                "help",
		"  STATUS ":                               "status",
		"/slipway promote billing-api":            "promote [billing-api]",
		"$ slipway why 218":                       "why [218]",
		"please promote a 1.0 to <@U1|ben> prod":  "promote [a 1.0 prod]",
		"promote a@1.0 → prod":                    "promote [a@1.0 → prod]",
		"lock prod “moving house”":                "lock [prod moving house]",
		"lock prod 'it's late'":                   "lock [prod it's late]",
		"stop the line: all is lost":              "stop-the-line [all is lost]",
		"stop the line":                           "stop-the-line",
		"roll back shop in prod":                  "rollback [shop prod]",
		"approve @ben #218":                       "approve [#218]",
		"approve <https://s.example/gates/7|x>":   "approve [https://s.example/gates/7]",
		"status <http://billing.api|billing.api>": "status [billing.api]",
		"promote a–b 1.0":                         "promote [a-b 1.0]",
		"why a\u200b-b":                           "why [a-b]",
		"reject 1 a &amp;&amp; b &lt;c&gt;":       "reject [1 a && b <c>]",
	} {
		if got := chatops.Read(typed); got != want {
			t.Errorf("%q is read as %q, want %q", typed, got, want)
		}
	}
	for text, number := range map[string]string{"218": "218", "#218": "218", "G-218": "218", "g218": "218", "https://s.example/gates/218": "218", "https://s.example/runs/9/why": "9",
		"1.0": "", "billing": "", "https://s.example/s/x": "", "-1": "", "12345678901234567890": ""} {
		if got := chatops.Number(text); got != number {
			t.Errorf("%q is the number %q, want %q", text, got, number)
		}
	}
}

func TestUntilWhen(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Stockholm")
	ok(t, err)
	now := time.Date(2026, 7, 1, 16, 0, 0, 0, zone)
	for text, want := range map[string]string{
		"for 2h sale":                  "2026-07-01T18:00:00+02:00 sale",
		"2h sale":                      "2026-07-01T18:00:00+02:00 sale",
		"for 3 days the big sale":      "2026-07-04T16:00:00+02:00 the big sale",
		"until 18:30 sale":             "2026-07-01T18:30:00+02:00 sale",
		"until 15:00 sale":             "2026-07-02T15:00:00+02:00 sale",
		"until 2026-12-24 rest":        "2026-12-24T00:00:00+01:00 rest",
		"until 2026-12-24 08:00 rest":  "2026-12-24T08:00:00+01:00 rest",
		"until 2026-12-24T08:00Z rest": "",
		"for ever":                     "",
		"":                             "",
		"the sale":                     "",
	} {
		if got := chatops.Until(text, now); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"status", "promote", "approve", "rollback", "billing-api"}
	for typed, want := range map[string]string{"promot": "promote", "prmoote": "promote", "STATSU": "status", "rolback": "rollback", "biling-api": "billing-api", "xyz": "", "": "", "ap": "approve", "zz": ""} {
		if got := chatops.Nearest(typed, known); got != want {
			t.Errorf("%q is near %q, want %q", typed, got, want)
		}
	}
}

// TestNothingTypedBreaks reads anything at all.
func TestNothingTypedBreaks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		_, _ = chatops.Read(text), chatops.Number(text)
		_ = chatops.Until(text, time.Now())
		_ = chatops.Nearest(text, []string{"status", "promote"})
	})
}
