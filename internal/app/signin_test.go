package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// readOnly is a store whose disk is full.
type readOnly struct{ slipway.Store }

func (readOnly) Write(context.Context, func(slipway.Tx) error) error {
	return errors.New("no space left on device")
}

func (r *rig) signIn(name, mail string, groups ...string) (slipway.User, error) {
	return r.SignIn(r.ctx, app.SignIn{Issuer: "https://id.example.com", Subject: "s-1", Name: name, Email: mail, Groups: groups}, "req-9", "192.0.2.1")
}

// TestSubjectIsThePerson: name, e-mail and groups may change, the person not.
func TestSubjectIsThePerson(t *testing.T) {
	t.Parallel()
	r := bare(t)
	first := must(r.signIn("Ana", "ana@example.com", "b", "a"))(t)
	if first.ID != app.UserID("https://id.example.com", "s-1") || first.ID == app.UserID("https://other.example.com", "s-1") {
		t.Errorf("the ID is %s", first.ID)
	}
	ok(t, r.SetTheme(r.ctx, app.UserActor(first), "dark"))
	r.after(time.Hour)
	again := must(r.signIn("Ana N.", "nordin@example.com", "a"))(t)
	if again.ID != first.ID || again.Email != "nordin@example.com" || again.Theme != "dark" || len(again.Groups) != 1 || !again.LastSeen.Equal(r.clock()) {
		t.Errorf("the second time she is %+v", again)
	}
	if r.count("users") != 1 {
		t.Error("she is two people")
	}
	e := r.audit(1)[0]
	if e.Action != "person.signed-in" || e.RequestID != "req-9" || e.Address != "192.0.2.1" || e.Via != slipway.ViaBrowser || string(e.Detail) != `{"groups":["a"],"groupsBefore":["a","b"]}` {
		t.Errorf("the entry is %+v %s", e, e.Detail)
	}
	before := r.all()
	refused(t, of(r.SignIn(r.ctx, app.SignIn{Issuer: "https://id.example.com", Name: "Nobody"}, "", "")), slipway.CodeUnauthenticated)
	if r.all() != before {
		t.Error("who has no subject was made known")
	}
}

func TestDisabledStaysOut(t *testing.T) {
	t.Parallel()
	r := bare(t)
	u := must(r.signIn("Ana", ""))(t)
	u.Disabled = true
	ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error { return tx.People().PutUser(r.ctx, u) }))
	before := r.all()
	refused(t, of(r.signIn("Ana", "")), slipway.CodeDenied, "disabled")
	refused(t, of(r.SessionUser(r.ctx, u.ID, r.clock())), slipway.CodeUnauthenticated)
	refused(t, of(r.SessionUser(r.ctx, "ghost", r.clock())), slipway.CodeUnauthenticated)
	if r.all() != before {
		t.Error("something changed")
	}
}

// TestSignOutEverywhere ends the sessions that began before it, and no later one.
func TestSignOutEverywhere(t *testing.T) {
	t.Parallel()
	r := bare(t)
	u := must(r.signIn("Ana", ""))(t)
	began := r.clock()
	must(r.SessionUser(r.ctx, u.ID, began))(t)
	r.after(time.Hour)
	before := r.all()
	ok(t, r.SignOutEverywhere(r.ctx, u.Issuer, "stranger"))
	if r.all() != before {
		t.Error("signing out whom nobody knows changed something")
	}
	ok(t, r.SignOutEverywhere(r.ctx, u.Issuer, u.Subject))
	if e := r.audit(1)[0]; e.Action != "person.signed-out" || e.Via == "" {
		t.Errorf("the entry is %+v", e)
	}
	refused(t, of(r.SessionUser(r.ctx, u.ID, began)), slipway.CodeUnauthenticated)
	r.after(time.Second)
	must(r.signIn("Ana", ""))(t)
	must(r.SessionUser(r.ctx, u.ID, r.clock()))(t)
	refused(t, of(r.SessionUser(r.ctx, u.ID, began)), slipway.CodeUnauthenticated)
}

func TestThemes(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	refused(t, r.SetTheme(r.ctx, dev, "pink"), slipway.CodeInvalid)
	for _, theme := range []string{"dark", "light", ""} {
		ok(t, r.SetTheme(r.ctx, dev, theme))
		if u := must(r.SessionUser(r.ctx, dev.ID, r.clock()))(t); u.Theme != theme {
			t.Errorf("the theme is %q, want %q", u.Theme, theme)
		}
	}
}
