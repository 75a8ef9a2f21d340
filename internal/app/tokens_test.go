package app_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (r *rig) token(by slipway.Actor, id string, change ...func(*app.CreateToken)) (slipway.Token, error) {
	c := app.CreateToken{ID: id, SecretHash: "hash-" + id, Name: "laptop"}
	for _, f := range change {
		f(&c)
	}
	return r.CreateToken(r.ctx, by, c)
}

func scopes(list ...slipway.Permission) func(*app.CreateToken) {
	return func(c *app.CreateToken) { c.Scopes = list }
}
func lifetime(d time.Duration) func(*app.CreateToken) {
	return func(c *app.CreateToken) { c.Lifetime = d }
}
func account(name string) func(*app.CreateToken) {
	return func(c *app.CreateToken) { c.ServiceAccount = name }
}

// TestTokensOnlyNarrow: what a token makes may no more, and lives no longer.
func TestTokensOnlyNarrow(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	must(r.token(root, "parent", scopes(slipway.TokenManage, slipway.ServiceRead, slipway.AccessManage), lifetime(time.Hour)))(t)
	parent := must(r.Authenticate(r.ctx, "parent", "hash-parent"))(t)
	refused(t, of(r.token(parent, "a")), slipway.CodeInvalid, "scopes")
	refused(t, of(r.token(parent, "a", scopes(slipway.ServiceRead, slipway.TeamManage))), slipway.CodeInvalid, "team.manage")
	refused(t, of(r.token(parent, "a", scopes(slipway.TeamManage), account("ci"))), slipway.CodeInvalid, "team.manage")
	refused(t, of(r.token(parent, "a", scopes(slipway.ServiceRead), lifetime(2*time.Hour))), slipway.CodeInvalid, "expires")
	child := must(r.token(parent, "child", scopes(slipway.ServiceRead)))(t)
	if want := t0.Add(time.Hour); !child.ExpiresAt.Equal(want) {
		t.Errorf("the child lives until %s, its parent until %s", child.ExpiresAt, want)
	}
	reader := must(r.Authenticate(r.ctx, "child", "hash-child"))(t)
	must(r.Service(r.ctx, reader, "shop"))(t)
	refused(t, of(r.PutTeam(r.ctx, reader, app.PutTeam{Team: slipway.Team{Name: "new"}})), slipway.CodeDenied, "a token with the scope team.manage")
	refused(t, of(r.Tokens(r.ctx, reader, false)), slipway.CodeDenied, "token.manage")
}

func TestTokensAreChecked(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	before := r.all()
	refused(t, of(r.token(dev, "a", lifetime(400*24*time.Hour))), slipway.CodeInvalid, "expires")
	refused(t, of(r.token(dev, "a", lifetime(-time.Hour))), slipway.CodeInvalid, "expires")
	refused(t, of(r.token(dev, "a", func(c *app.CreateToken) { c.Name = " " })), slipway.CodeInvalid, "name")
	refused(t, of(r.token(dev, "a", scopes("moon.walk"))), slipway.CodeInvalid, "moon.walk")
	refused(t, of(r.token(dev, "a", account("ci"))), slipway.CodeDenied)
	refused(t, of(r.token(root, "a", account("Not A Name"))), slipway.CodeInvalid, "serviceAccount")
	refused(t, of(r.token(root, "a", account("dev"))), slipway.CodeInvalid, "ID of a person")
	if r.all() != before {
		t.Error("something was made")
	}
	must(r.token(root, "a", account("ci")))(t)
	refused(t, of(r.token(root, "a")), slipway.CodeConflict)
	machine := must(r.Authenticate(r.ctx, "a", "hash-a"))(t)
	if machine.Kind != slipway.ActorServiceAccount || machine.ID != "ci" || len(machine.Groups) != 0 {
		t.Errorf("the machine is %+v", machine)
	}
	refused(t, of(r.Service(r.ctx, machine, "shop")), hidden)
	if t := must(r.token(dev, "b"))(t); !t.ExpiresAt.Equal(t0.Add(app.DefaultTokenLifetime)) {
		r.t.Errorf("without a word it lives until %s", t.ExpiresAt)
	}
}

// TestAuthenticate: whatever is wrong with a token, the answer is the same.
func TestAuthenticate(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	must(r.token(dev, "a", lifetime(time.Hour)))(t)
	must(r.token(dev, "b"))(t)
	must(r.token(lead, "c"))(t)
	who := must(r.Authenticate(r.ctx, "a", "hash-a"))(t)
	if who.ID != dev.ID || who.Name != "Dev" || who.TokenID != "a" || len(who.Groups) != 1 {
		t.Errorf("it stands for %+v", who)
	}
	ok(t, r.RevokeToken(r.ctx, dev, app.RevokeToken{Token: "b"}))
	ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
		u, err := tx.People().User(r.ctx, lead.ID)
		ok(t, err)
		u.Disabled = true
		return tx.People().PutUser(r.ctx, u)
	}))
	wrong := refused(t, of(r.Authenticate(r.ctx, "a", "hash-b")), slipway.CodeUnauthenticated).Message
	r.after(time.Hour)
	for _, id := range []string{"a", "b", "c", "ghost", ""} { // expired, revoked, of somebody disabled, unknown
		if got := refused(t, of(r.Authenticate(r.ctx, id, "hash-"+id)), slipway.CodeUnauthenticated).Message; got != wrong {
			t.Errorf("%s: %q differs from %q", id, got, wrong)
		}
	}
}

// TestLastUsedIsTouchedOnceAMinute, and a store that cannot write turns nobody away.
func TestLastUsedIsTouchedOnceAMinute(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	must(r.token(dev, "a"))(t)
	used := func() time.Time {
		must(r.Authenticate(r.ctx, "a", "hash-a"))(t)
		return *must(r.Tokens(r.ctx, dev, false))(t)[0].LastUsedAt
	}
	if !used().Equal(t0) {
		t.Error("the first use was not noted")
	}
	r.after(time.Minute)
	if !used().Equal(t0) {
		t.Error("within a minute it was noted again")
	}
	r.after(time.Second)
	if want := t0.Add(61 * time.Second); !used().Equal(want) {
		t.Error("after a minute it was not noted")
	}
	r.after(time.Hour)
	full := *r.App
	full.Store = readOnly{r.store}
	if who, err := full.Authenticate(r.ctx, "a", "hash-a"); err != nil || who.ID != dev.ID {
		t.Errorf("a full disk turned a reader away: %v", err)
	}
}

// TestRevoking: one's own, and anybody's for admins; what belongs to others is
// as good as not there.
func TestRevoking(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	must(r.token(dev, "a"))(t)
	must(r.token(dev, "b"))(t)
	refused(t, r.RevokeToken(r.ctx, lead, app.RevokeToken{Token: "a"}), hidden)
	refused(t, r.RevokeToken(r.ctx, lead, app.RevokeToken{Token: "ghost"}), hidden)
	refused(t, of(r.Tokens(r.ctx, lead, true)), slipway.CodeDenied)
	if list := must(r.Tokens(r.ctx, lead, false))(t); len(list) != 0 {
		t.Errorf("lead is shown %+v", list)
	}
	ok(t, r.RevokeToken(r.ctx, dev, app.RevokeToken{Token: "a"}))
	before := r.all()
	ok(t, r.RevokeToken(r.ctx, dev, app.RevokeToken{Token: "a"}))
	if r.all() != before {
		t.Error("revoking twice left a trace")
	}
	ok(t, r.RevokeToken(r.ctx, root, app.RevokeToken{Token: "b"}))
	if all := must(r.Tokens(r.ctx, root, true))(t); len(all) != 2 || all[0].RevokedAt == nil || all[1].RevokedAt == nil {
		t.Errorf("root is shown %+v", all)
	}
}
