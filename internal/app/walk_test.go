package app_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// useCase is what the walk knows of one method of App.
type useCase struct {
	asks     slipway.Permission // what a narrowed token needs; empty: nothing
	stranger slipway.Code       // the answer to who has no role; empty: allowed, and shows nothing
	foreign  slipway.Code       // the answer to an admin of another team
	viewer   slipway.Code       // the answer to a viewer of the team
	by       slipway.Actor      // who may; root if nobody is named
	action   string             // of the one audit entry it writes; empty: it changes nothing
	on       slipway.Resource   // of that entry
	call     func(*rig, slipway.Actor) error
}

// The ways in which use cases answer those who may not.
const (
	hidden = slipway.CodeNotFound
	denied = slipway.CodeDenied
	free   = slipway.Code("")
)

// personless are methods that no actor calls: the process itself does, or
// somebody who is only about to be known.
var personless = []string{"Authenticate", "BeginDevice", "ChatActor", "Deciders", "ExchangeToken", "Heard", "LastNews", "MayStill", "News", "PersonMayRead", "RouteMayTell", "SessionUser",
	"SettleSecrets", "SignIn", "SignOutEverywhere", "SignedOut", "StillMay", "TakeDevice", "TrustedAudiences"}

// TestEveryUseCaseAsks: whoever may not is refused, with nothing changed and
// the answer that fits, and whoever may leaves one entry in the audit. A new
// use case without an entry in the list fails.
func TestEveryUseCaseAsks(t *testing.T) {
	t.Parallel()
	cases := useCases()
	methods := reflect.TypeFor[*app.App]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		if _, listed := cases[name]; !listed && !slices.Contains(personless, name) {
			t.Errorf("use case %s is not walked", name)
		}
	}
	for name, c := range cases {
		if _, exists := methods.MethodByName(name); !exists {
			t.Errorf("there is no use case %s", name)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := busy(t)
			if c.by.ID == "" {
				c.by = root
			}
			c.refuses(t, r)
			c.passes(t, r)
		})
	}
}

func (c useCase) refuses(t *testing.T, r *rig) {
	t.Helper()
	before := r.all()
	token := c.by
	token.TokenID, token.Scopes = "narrowed", slices.DeleteFunc(slipway.Permissions(), func(p slipway.Permission) bool { return p == c.asks })
	for _, try := range []struct {
		who  string
		by   slipway.Actor
		code slipway.Code
	}{
		{"nobody", nobody, slipway.CodeUnauthenticated}, {"a stranger", stranger, c.stranger}, {"an admin of another team", foreigner, c.foreign},
		{"a viewer", viewer, c.viewer}, {"a token without the scope", token, denied},
	} {
		if (c.asks == "" && try.by.TokenID != "") || try.code == free {
			continue
		}
		err := c.call(r, try.by)
		if got := slipway.CodeOf(err); err == nil || got != try.code {
			t.Errorf("%s: %s (%v), want %s", try.who, got, err, try.code)
			continue
		}
		e := refused(t, err, try.code)
		if e.Code != denied {
			continue
		}
		want := "Who can: "
		if try.by.TokenID != "" {
			want = "Who can: a token with the scope " + string(c.asks)
		}
		if len(e.BlockedBy) != 1 || e.BlockedBy[0].Who == "" || len(e.Do) < len(want) || e.Do[:len(want)] != want {
			t.Errorf("%s: the refusal does not name who can: %q %+v", try.who, e.Do, e.BlockedBy)
		}
	}
	if after := r.all(); after != before {
		t.Errorf("a refusal changed something:\n%s\nbecame\n%s", before, after)
	}
}

func (c useCase) passes(t *testing.T, r *rig) {
	t.Helper()
	before, event, entries := r.all(), r.lastEvent(), r.audit(200)
	ok(t, c.call(r, c.by))
	after, added := r.audit(200), 0
	if len(entries) >= 200 {
		t.Fatal("there are too many entries to count")
	}
	added = len(after) - len(entries)
	events := r.eventsAfter(event)
	if c.action == "" {
		if added != 0 || len(events) != 0 || (r.all() != before && !c.quiet()) {
			t.Errorf("it left %d entries and %d events, or changed something", added, len(events))
		}
		return
	}
	if added != 1 || len(events) != 1 {
		t.Fatalf("it left %d entries and %d events, want one of each", added, len(events))
	}
	e := after[0]
	if e.Action != c.action || e.Actor != c.by.Person() || e.Via != c.by.Via || e.RequestID != c.by.RequestID || e.Address != c.by.Address || e.Resource != c.on || e.Summary == "" || !e.At.Equal(r.clock()) {
		t.Errorf("the entry is %+v", e)
	}
	if chain := c.on.Team; (chain != "" && e.Chain != chain) || (chain == "" && e.Chain != slipway.OrganisationChain) {
		t.Errorf("the entry is in chain %s", e.Chain)
	}
	ev := events[0]
	if on := (slipway.Resource{Team: ev.Team, Service: ev.Service, Environment: ev.Environment}); on != c.on || ev.Actor != c.by.Name || ev.Message == "" {
		t.Errorf("the event is %+v", ev)
	}
}

// quiet is a change that is no news: a person's theme.
func (c useCase) quiet() bool { return c.asks == "" && c.stranger == slipway.CodeInternal }
