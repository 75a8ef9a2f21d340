package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func trustRule(name, issuer string) slipway.TrustRule {
	return slipway.TrustRule{Name: name, Kind: slipway.TrustOIDC, Issuer: issuer, Audience: "https://slipway", Claims: map[string]string{"sub": "job", "ref": "main"}, Immutable: "sub",
		Scope: slipway.Scope{Kind: slipway.ScopeService, Name: "billing"}, Permissions: []slipway.Permission{slipway.ServiceRead}, Environments: []string{"staging"},
		Lifetime: slipway.Duration(15 * time.Minute), By: "Ana", CreatedAt: noon()}
}

func testTrust(t *testing.T, f fixture) {
	one, two := trustRule("one", "https://a"), trustRule("two", "https://b")
	two.Environments = nil
	f.write(t, func(tx slipway.Tx) (err error) {
		for _, r := range []*slipway.TrustRule{&one, &two} {
			added, err := tx.Trust().Add(f.ctx, *r)
			if err != nil {
				return err
			}
			r.ID = added.ID
			same(t, "what Add returns", added, *r)
		}
		for id, owner := range map[string]slipway.TrustRule{"t1": one, "t2": two} {
			if err := tx.Tokens().Add(f.ctx, slipway.Token{ID: id, OwnerKind: slipway.ActorServiceAccount, OwnerID: owner.Account(), CreatedAt: noon(), ExpiresAt: noon().Add(time.Hour)}); err != nil {
				return err
			}
		}
		return nil
	})
	f.read(t, func(tx slipway.Tx) error {
		list, err := tx.Trust().List(f.ctx)
		same(t, "all", list, []slipway.TrustRule{one, two})
		of, _ := tx.Trust().Of(f.ctx, "https://b")
		same(t, "of an issuer", of, []slipway.TrustRule{two})
		none, _ := tx.Trust().Of(f.ctx, "https://B")
		same(t, "of an issuer that looks alike", none, []slipway.TrustRule{})
		got, _ := tx.Trust().Get(f.ctx, one.ID)
		same(t, "rule", got, one)
		return err
	})
	gone := noon().Add(time.Minute)
	f.write(t, func(tx slipway.Tx) error { return tx.Trust().Remove(f.ctx, two.ID, gone) })
	f.write(t, func(tx slipway.Tx) error {
		refused(t, "removing it twice", tx.Trust().Remove(f.ctx, two.ID, gone), slipway.CodeNotFound)
		_, missing := tx.Trust().Get(f.ctx, two.ID)
		refused(t, "what was removed", missing, slipway.CodeNotFound)
		ended, err := tx.Tokens().Get(f.ctx, "t2")
		same(t, "the end of its tokens", ended.RevokedAt, &gone)
		other, _ := tx.Tokens().Get(f.ctx, "t1")
		same(t, "another rule's token", other.RevokedAt == nil, true)
		again, _ := tx.Trust().Add(f.ctx, two)
		if again.ID == two.ID {
			t.Error("an ID was given twice")
		}
		return err
	})
}

// testTrustUses: of many who bring the same token at once, one comes in.
func testTrustUses(t *testing.T, f fixture) {
	use := func(key string, until, now time.Time) error {
		return f.Store.Write(f.ctx, func(tx slipway.Tx) error {
			return tx.Trust().Use(f.ctx, slipway.TrustUse{Key: key, Until: until}, now)
		})
	}
	var in atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := use("k", noon().Add(time.Hour), noon()); err == nil {
				in.Add(1)
			} else {
				refused(t, "the same token", err, slipway.CodeConflict)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d came in with one token", in.Load())
	}
	refused(t, "a minute before its end", use("k", noon().Add(time.Hour), noon().Add(59*time.Minute)), slipway.CodeConflict)
	f.write(t, func(tx slipway.Tx) error {
		for i, owner := range []string{"ci:7", "ci", "cj:7"} {
			if err := tx.Tokens().Add(f.ctx, slipway.Token{ID: fmt.Sprint("old", i), OwnerKind: slipway.ActorServiceAccount, OwnerID: owner, CreatedAt: noon(), ExpiresAt: noon()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := use("other", noon().Add(100*24*time.Hour), noon().Add(40*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := f.count(t, `SELECT count(*) FROM trust_uses`); n != 1 {
		t.Errorf("%d uses are remembered, of which one is of use", n)
	}
	f.read(t, func(tx slipway.Tx) error {
		_, missing := tx.Tokens().Get(f.ctx, "old0")
		refused(t, "a rule's token that ended long ago", missing, slipway.CodeNotFound)
		for _, id := range []string{"old1", "old2"} {
			if _, err := tx.Tokens().Get(f.ctx, id); err != nil {
				t.Errorf("the token of another account is gone: %v", err)
			}
		}
		return nil
	})
}

func testDevices(t *testing.T, f fixture) {
	login := func(id, code, address string) slipway.DeviceLogin {
		return slipway.DeviceLogin{ID: id, UserCode: code, Name: "laptop", Address: address, Scopes: []slipway.Permission{slipway.ServiceRead}, Lifetime: slipway.Duration(time.Hour),
			CreatedAt: noon(), ExpiresAt: noon().Add(10 * time.Minute), State: slipway.DeviceWaiting}
	}
	a, b := login("a", "BBBBCCCC", "192.0.2.1"), login("b", "DDDDFFFF", "192.0.2.2")
	f.write(t, func(tx slipway.Tx) error {
		if err := tx.Devices().Add(f.ctx, a); err != nil {
			return err
		}
		return tx.Devices().Add(f.ctx, b)
	})
	refused(t, "a code that is taken", f.Store.Write(f.ctx, func(tx slipway.Tx) error { return tx.Devices().Add(f.ctx, login("c", "BBBBCCCC", "x")) }), slipway.CodeConflict)
	polled := noon().Add(time.Second)
	a.State, a.UserID, a.PolledAt = slipway.DeviceApproved, "ana", &polled
	f.write(t, func(tx slipway.Tx) error { return tx.Devices().Put(f.ctx, a) })
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Devices().Get(f.ctx, "a")
		same(t, "by its ID", got, a)
		got, _ = tx.Devices().ByCode(f.ctx, "DDDDFFFF")
		same(t, "by its code", got, b)
		_, missing := tx.Devices().ByCode(f.ctx, "ZZZZZZZZ")
		refused(t, "no such code", missing, slipway.CodeNotFound)
		all, here, _ := tx.Devices().Waiting(f.ctx, "192.0.2.1", noon())
		same(t, "how many wait", [2]int{all, here}, [2]int{2, 1})
		all, here, _ = tx.Devices().Waiting(f.ctx, "192.0.2.1", noon().Add(time.Hour))
		same(t, "how many wait an hour later", [2]int{all, here}, [2]int{0, 0})
		return err
	})
	later := login("later", "GGGGHHHH", "x")
	later.CreatedAt = noon().Add(time.Hour)
	f.write(t, func(tx slipway.Tx) error { return tx.Devices().Add(f.ctx, later) })
	if n := f.count(t, `SELECT count(*) FROM device_logins`); n != 1 {
		t.Errorf("%d sign-ins are kept, of which one has not expired", n)
	}
	f.write(t, func(tx slipway.Tx) error { return tx.Devices().Remove(f.ctx, "later") })
	if n := f.count(t, `SELECT count(*) FROM device_logins`); n != 0 {
		t.Error("what was removed is there")
	}
}
