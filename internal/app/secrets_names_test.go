package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Names of keys are for those who may list them: who reads the audit or the news
// reads how many there were.
func TestNamesOfKeysAreForThoseWhoMayList(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.set(dev, "prod", "STRIPE_KEY", "1")
	must(r.RevealSecret(r.ctx, boss, app.RevealSecret{Service: "shop", Environment: "prod", Key: "STRIPE_KEY"}))(t)
	must(r.RevealSecret(r.ctx, boss, app.RevealSecret{Service: "shop", Environment: "prod", Key: "STRIPE_KEY", Copy: true}))(t)
	read := func(actor slipway.Actor) string {
		entries, _, err := r.Activity(r.ctx, actor, slipway.AuditFilter{Service: "shop"}, slipway.Page{Limit: 50})
		ok(t, err)
		var out strings.Builder
		for _, e := range entries {
			if strings.HasPrefix(e.Action, "secret.") {
				fmt.Fprintln(&out, e.Action, e.Summary, string(e.Detail))
			}
		}
		return out.String()
	}
	if got := read(dev); strings.Count(got, `"keys":["STRIPE_KEY"]`) != 3 || !strings.Contains(got, "secret.copied copies 1 key of shop in prod") {
		t.Errorf("a developer reads\n%s", got)
	}
	if got := read(viewer); got == "" || strings.Contains(got, "STRIPE_KEY") || !strings.Contains(got, "sets 1 key of shop in prod") {
		t.Errorf("a viewer reads\n%s", got)
	}
	for _, e := range r.eventsAfter(0) {
		if strings.Contains(e.Message, "STRIPE_KEY") {
			t.Errorf("the news tell %s", e.Message)
		}
	}
}

func TestKeysAreFoundByWhoMayListThem(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.set(dev, "staging", "STRIPE_KEY", "1", "DB", "x")
	r.set(dev, "prod", "STRIPE_KEY", "1")
	must(r.SetSecrets(r.ctx, root, app.SetSecrets{Service: "vault", Environment: "prod", Changes: changes("STRIPE_TOKEN", "1")}))(t)
	find := func(actor slipway.Actor) string {
		found := must(r.FindSecrets(r.ctx, actor, "stripe"))(t)
		var out []string
		for _, k := range found {
			out = append(out, fmt.Sprint(k.Key, " of ", k.Service, k.Environments))
		}
		return strings.Join(out, ", ")
	}
	for _, test := range []struct {
		by   slipway.Actor
		want string
	}{
		{dev, "STRIPE_KEY of shop[staging prod]"}, {foreigner, "STRIPE_TOKEN of vault[prod]"}, {viewer, ""}, {stranger, ""},
		{root, "STRIPE_KEY of shop[staging prod], STRIPE_TOKEN of vault[prod]"},
	} {
		if got := find(test.by); got != test.want {
			t.Errorf("%s finds %q, want %q", test.by.Name, got, test.want)
		}
	}
}

func TestWhatAVersionChanged(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.set(dev, "prod", "A", "1", "B", "1", "GONE", "1")
	must(r.SetSecrets(r.ctx, dev, app.SetSecrets{Service: "shop", Environment: "prod", Changes: map[string]*slipway.Secret{"GONE": nil, "B": changes("B", "2")["B"], "NEW": changes("N", "1")["N"]}}))(t)
	for _, test := range []struct {
		by   slipway.Actor
		want string
	}{
		{boss, "[{A same} {B changed} {GONE removed} {NEW new}]"},
		{dev, "[{A in both} {B in both} {GONE removed} {NEW new}]"}, // or who may write could find a value out by trying
	} {
		if got := fmt.Sprint(must(r.CompareVersions(r.ctx, test.by, "shop", "prod", 1, 2))(t)); got != test.want {
			t.Errorf("%s sees %s, want %s", test.by.Name, got, test.want)
		}
	}
}
