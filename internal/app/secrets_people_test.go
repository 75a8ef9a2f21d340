package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/secrets/vault"
	"github.com/slipway-dev/slipway/internal/secrets/vault/vaulttest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// inVault keeps the secrets of the rig in a real Vault that knows people. Slipway's
// own token is named "slipway" there.
func inVault(t *testing.T) (*rig, *vaulttest.Server) {
	t.Helper()
	r, server := furnished(t), vaulttest.Start(t)
	voucher := must(identity.NewVoucher("https://slipway.example.com", "vault", time.Now, []byte(strings.Repeat("k", 32))))(t)
	keys := must(voucher.Keys())(t)
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keys) }))
	t.Cleanup(published.Close)
	server.TrustPeople(t, published.URL, "https://slipway.example.com", vault.PeoplePolicy("secret", ""))
	var made struct {
		Auth struct {
			Token string `json:"client_token"`
		} `json:"auth"`
	}
	ok(t, server.Admin(r.ctx, http.MethodPut, "sys/policies/acl/slipway", map[string]any{"policy": vault.Policy("secret", "")}, nil))
	ok(t, server.Admin(r.ctx, http.MethodPost, "auth/token/create", map[string]any{"display_name": "slipway", "policies": []string{"slipway"}}, &made))
	kept := must(vault.New(vault.Config{Address: server.Address, Auth: vault.Auth{Token: made.Auth.Token}}))(t)
	people := must(vault.NewPeople(kept, vault.PeopleConfig{Vouch: voucher.Vouch}))(t)
	r.Secret = &slipway.SecretDesk{Store: r.store, Secrets: kept, Drafts: r.Secret.Drafts, People: people, Clock: r.Secret.Clock}
	return r, server
}

// asked is who asked Vault for what, since the last time.
func asked(audited func() []vaulttest.Audited, seen *int) string {
	var said []string
	lines := audited()
	for _, line := range lines[*seen:] {
		if kind, found := strings.CutPrefix(line.Request.Path, "secret/"); found {
			said = append(said, fmt.Sprintf("%s %s %s", line.Who(), line.Request.Operation, strings.TrimSuffix(kind, "/web/shop/prod")))
		}
	}
	*seen = len(lines)
	return strings.Join(slices.Compact(said), "; ")
}

// What people do with secrets by their own hand Vault has under their own names;
// what Slipway and machines do, under Slipway's.
func TestPeopleUseVaultInTheirOwnNames(t *testing.T) {
	t.Parallel()
	r, server := inVault(t)
	audited := server.Audit(t)
	seen := 0
	does := func(what string, want string, do func()) {
		t.Helper()
		do()
		if got := asked(audited, &seen); got != want {
			t.Errorf("%s: Vault's log says\n%s\nwant\n%s", what, got, want)
		}
	}
	const looks = "; token-slipway read metadata; token-slipway read subkeys"
	does("set", "Dev read metadata; Dev create data"+looks, func() { r.set(dev, "prod", "KEY", "1") })
	does("set again", "Dev read metadata; Dev patch data"+looks, func() { r.set(dev, "prod", "KEY", "2") })
	does("reveal", "Boss read data", func() {
		if got := must(r.RevealSecret(r.ctx, boss, app.RevealSecret{Service: "shop", Environment: "prod", Key: "KEY"}))(t); got.Value.Reveal() != canary+"2" {
			t.Error("another value is shown")
		}
	})
	does("versions", "Dev read metadata", func() { must(r.SecretVersions(r.ctx, dev, "shop", "prod"))(t) })
	does("compare versions", "Dev read subkeys", func() { must(r.CompareVersions(r.ctx, dev, "shop", "prod", 1, 2))(t) })
	does("preview", "Dev read metadata; Dev read subkeys", func() { must(r.PreviewImport(r.ctx, dev, "shop", "prod", changes("B", "1")))(t) })
	does("bring back", "Dev read metadata; Dev read data; Dev update data"+looks, func() {
		must(r.RestoreSecrets(r.ctx, dev, app.RestoreSecrets{Service: "shop", Environment: "prod", Version: 1}))(t)
	})
	does("delete", "Dev update delete; token-slipway read metadata", func() {
		must(r.RemoveSecrets(r.ctx, dev, app.RemoveSecrets{Service: "shop", Environment: "prod", Verb: app.DeleteVersions, Versions: []int{2}}))(t)
	})
	does("deliver", "token-slipway read data", func() {
		must(r.Secret.Pinned(r.ctx, slipway.Spec{SecretPath: "web/shop/prod", Secrets: map[string]int{"KEY": 3}}))(t)
	})
	does("reveal a restricted key", "", func() { // Vault is not even asked
		r.restrict(dev, "KEY")
		if got := r.sees(boss, 0, 1); got != "denied denied" {
			t.Errorf("restricted: %s", got)
		}
	})
	does("deliver a restricted key", "token-slipway read data", func() {
		must(r.Secret.Pinned(r.ctx, slipway.Spec{SecretPath: "web/shop/prod", Secrets: map[string]int{"KEY": 3}}))(t)
	})
	machine := boss
	machine.Kind = slipway.ActorServiceAccount
	if store, personal, err := r.Secret.As(machine); err != nil || personal || store != r.Secret.Secrets {
		t.Errorf("a machine is taken for a person: %v", err)
	}
	must(r.Secrets(r.ctx, boss, "shop"))(t)
	if got := asked(audited, &seen); !strings.Contains(got, "Boss read metadata") || !strings.Contains(got, "Boss read subkeys") || strings.Contains(got, "token-slipway") {
		t.Errorf("list: Vault's log says %s", got)
	}
}

// Vault's no to a person is told to them alone: what is known of the secrets stays,
// and those who may go on.
func TestVaultSaysNoToAPerson(t *testing.T) {
	t.Parallel()
	r, server := inVault(t)
	r.set(dev, "prod", "KEY", "1")
	must(r.Secrets(r.ctx, boss, "shop"))(t)
	ok(t, server.Admin(r.ctx, http.MethodPut, "sys/policies/acl/slipway-people", map[string]any{"policy": `path "secret/metadata/+/+/staging" { capabilities = ["read"] }`}, nil))
	_, err := r.RevealSecret(r.ctx, boss, app.RevealSecret{Service: "shop", Environment: "prod", Key: "KEY"})
	want := "Vault's own policies do not let Boss do this at secret/web/shop/prod. No secret was read or changed. Who runs Vault can give Boss, or one of their groups, a policy"
	if slipway.CodeOf(err) != slipway.CodeDenied || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("reveal: %v", err)
	}
	if _, err := r.SetSecrets(r.ctx, dev, app.SetSecrets{Service: "shop", Environment: "prod", Changes: changes("KEY", "2")}); slipway.CodeOf(err) != slipway.CodeDenied {
		t.Errorf("set: %v", err)
	}
	m := must(r.Secrets(r.ctx, boss, "shop"))(t)
	if prod := m.Environments[1]; prod.Refusal == nil || !strings.HasPrefix(prod.WhyNot, want) || prod.Cells != nil || m.Environments[0].Refusal != nil || len(m.Keys) != 0 {
		t.Errorf("the matrix tells of %v, and of prod %+v", m.Keys, prod)
	}
	if _, err := r.CompareSecrets(r.ctx, boss, "shop", "staging", "prod"); slipway.CodeOf(err) != slipway.CodeDenied {
		t.Errorf("compare: %v", err)
	}
	ok(t, r.store.Read(r.ctx, func(tx slipway.Tx) error {
		v, err := tx.Secrets().View(r.ctx, "shop", "prod")
		if v.Fault != "" || fmt.Sprint(v.Keys) != "[KEY]" {
			t.Errorf("for everybody it is now %+v", v)
		}
		return err
	}))
}
