package storetest

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func testPeople(t *testing.T, f fixture) {
	out := noon().Add(time.Minute)
	ana := slipway.User{ID: "u1", Issuer: "https://idp", Subject: "42", Name: "Ana", Email: "a@x", Groups: []string{"sre", "dev"},
		Theme: "dark", Zone: "Europe/Stockholm", Disabled: true, LastSeen: noon(), SignedOutAt: &out}
	abe := slipway.User{ID: "u2", Issuer: "https://idp", Subject: "43", Name: "Abe", LastSeen: noon()}
	bot := slipway.ServiceAccount{ID: "ci", Description: "builds", CreatedAt: noon()}
	f.write(t, func(tx slipway.Tx) error {
		_ = tx.People().PutUser(f.ctx, slipway.User{ID: "u1", Issuer: "old", Subject: "old"})
		_ = tx.People().PutUser(f.ctx, ana)
		_ = tx.People().PutServiceAccount(f.ctx, slipway.ServiceAccount{ID: "ci", CreatedAt: noon()})
		_ = tx.People().PutServiceAccount(f.ctx, bot)
		return tx.People().PutUser(f.ctx, abe)
	})
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.People().User(f.ctx, "u1")
		same(t, "user", got, ana)
		got, _ = tx.People().UserBySubject(f.ctx, "https://idp", "43")
		same(t, "user by subject", got, abe)
		_, missing := tx.People().UserBySubject(f.ctx, "https://other", "43")
		refused(t, "the subject of another issuer", missing, slipway.CodeNotFound)
		_, missing = tx.People().User(f.ctx, "u9")
		refused(t, "no user", missing, slipway.CodeNotFound)
		users, _ := tx.People().Users(f.ctx)
		same(t, "users by name", users, []slipway.User{abe, ana})
		bots, _ := tx.People().ServiceAccounts(f.ctx)
		same(t, "service accounts", bots, []slipway.ServiceAccount{bot})
		return err
	})
	err := f.Store.Write(f.ctx, func(tx slipway.Tx) error {
		return tx.People().PutUser(f.ctx, slipway.User{ID: "u3", Issuer: "https://idp", Subject: "42"})
	})
	refused(t, "a second user of one subject", err, slipway.CodeConflict)
}

func testBindings(t *testing.T, f fixture) {
	bind := func(kind slipway.SubjectKind, name string) slipway.Binding {
		return slipway.Binding{Subject: slipway.Subject{Kind: kind, Name: name}, Role: slipway.RoleApprover,
			Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: "payments"}, Source: "configuration"}
	}
	var all []slipway.Binding
	f.write(t, func(tx slipway.Tx) error {
		for _, b := range []slipway.Binding{
			bind(slipway.SubjectUser, "ana"), bind(slipway.SubjectGroup, "sre"), bind(slipway.SubjectEveryone, ""),
			bind(slipway.SubjectServiceAccount, "ana"), bind(slipway.SubjectGroup, "ana"),
		} {
			added, err := tx.Bindings().Add(f.ctx, b)
			if err != nil {
				return err
			}
			b.ID = added.ID
			same(t, "what Add returns", added, b)
			all = append(all, added)
		}
		_, again := tx.Bindings().Add(f.ctx, bind(slipway.SubjectGroup, "sre"))
		refused(t, "the same again", again, slipway.CodeConflict)
		return nil
	})
	f.read(t, func(tx slipway.Tx) error {
		list, err := tx.Bindings().List(f.ctx)
		same(t, "all", list, all)
		for name, c := range map[string]struct {
			actor slipway.Actor
			want  []slipway.Binding
		}{
			"a person":                     {slipway.Actor{Kind: slipway.ActorUser, ID: "ana"}, []slipway.Binding{all[0], all[2]}},
			"a person in groups":           {slipway.Actor{Kind: slipway.ActorUser, ID: "bob", Groups: []string{"sre", "x"}}, []slipway.Binding{all[1], all[2]}},
			"a machine of the same name":   {slipway.Actor{Kind: slipway.ActorServiceAccount, ID: "ana"}, []slipway.Binding{all[3]}},
			"Slipway itself needs no role": {slipway.System("test"), []slipway.Binding{}},
			"nobody":                       {slipway.Actor{ID: "ana"}, []slipway.Binding{}},
		} {
			got, _ := tx.Bindings().For(f.ctx, c.actor)
			same(t, name, got, c.want)
		}
		return err
	})
	f.write(t, func(tx slipway.Tx) error {
		got, err := tx.Bindings().Get(f.ctx, all[1].ID)
		same(t, "binding", got, all[1])
		if err == nil {
			err = tx.Bindings().Remove(f.ctx, all[1].ID)
		}
		refused(t, "removing it twice", tx.Bindings().Remove(f.ctx, all[1].ID), slipway.CodeNotFound)
		_, missing := tx.Bindings().Get(f.ctx, all[1].ID)
		refused(t, "what was removed", missing, slipway.CodeNotFound)
		return err
	})
}

func testTokens(t *testing.T, f fixture) {
	token := func(id, owner string, after time.Duration) slipway.Token {
		return slipway.Token{ID: id, Name: "ci", OwnerKind: slipway.ActorUser, OwnerID: owner, SecretHash: "ab", Scopes: []slipway.Permission{slipway.ServiceRead},
			CreatedAt: noon().Add(after), ExpiresAt: noon().Add(90 * 24 * time.Hour)}
	}
	older, newer, other := token("t1", "ana", 0), token("t2", "ana", time.Second), token("t3", "bob", 0)
	f.write(t, func(tx slipway.Tx) error {
		for _, v := range []slipway.Token{older, newer, other} {
			if err := tx.Tokens().Add(f.ctx, v); err != nil {
				return err
			}
		}
		refused(t, "an id that is taken", tx.Tokens().Add(f.ctx, older), slipway.CodeConflict)
		return nil
	})
	used, revoked := noon().Add(time.Hour), noon().Add(2*time.Hour)
	f.write(t, func(tx slipway.Tx) error {
		refused(t, "revoking nothing", tx.Tokens().Revoke(f.ctx, "t9", revoked), slipway.CodeNotFound)
		for _, do := range []func() error{
			func() error { return tx.Tokens().Touch(f.ctx, "t1", used) },
			func() error { return tx.Tokens().Touch(f.ctx, "t1", noon()) }, // late, and older
			func() error { return tx.Tokens().Revoke(f.ctx, "t1", revoked) },
			func() error { return tx.Tokens().Revoke(f.ctx, "t1", revoked.Add(time.Hour)) }, // again
		} {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	})
	older.LastUsedAt, older.RevokedAt = &used, &revoked
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Tokens().Get(f.ctx, "t1")
		same(t, "token", got, older)
		_, missing := tx.Tokens().Get(f.ctx, "t9")
		refused(t, "no token", missing, slipway.CodeNotFound)
		mine, _ := tx.Tokens().List(f.ctx, "ana")
		same(t, "one's own, newest first", mine, []slipway.Token{newer, older})
		all, _ := tx.Tokens().List(f.ctx, "")
		if len(all) != 3 {
			t.Errorf("all tokens: %v", all)
		}
		return err
	})
}
