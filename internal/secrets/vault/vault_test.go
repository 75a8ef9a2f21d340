package vault_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/secrets/secretstest"
	"github.com/slipway-dev/slipway/internal/secrets/vault"
	"github.com/slipway-dev/slipway/internal/secrets/vault/vaulttest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func open(t *testing.T, server *vaulttest.Server, auth vault.Auth, change ...func(*vault.Config)) *vault.Store {
	t.Helper()
	c := vault.Config{Address: server.Address, Auth: auth}
	for _, f := range change {
		f(&c)
	}
	s, err := vault.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func admin(t *testing.T, server *vaulttest.Server, method, path string, body, into any) {
	t.Helper()
	if err := server.Admin(t.Context(), method, path, body, into); err != nil {
		t.Fatal(err)
	}
}

// roleWithPolicy makes an AppRole with just the policy that Slipway prints.
func roleWithPolicy(t *testing.T, server *vaulttest.Server, more map[string]any) vault.Auth {
	t.Helper()
	admin(t, server, http.MethodPut, "sys/policies/acl/slipway", map[string]any{"policy": vault.Policy("secret", "")}, nil)
	admin(t, server, http.MethodPost, "sys/auth/approle", map[string]any{"type": "approle"}, nil)
	role := map[string]any{"token_policies": "slipway", "token_ttl": "20m"}
	for key, value := range more {
		role[key] = value
	}
	admin(t, server, http.MethodPost, "auth/approle/role/slipway", role, nil)
	var id, secret struct {
		Data struct {
			RoleID   string `json:"role_id"`
			SecretID string `json:"secret_id"`
		} `json:"data"`
	}
	admin(t, server, http.MethodGet, "auth/approle/role/slipway/role-id", nil, &id)
	admin(t, server, http.MethodPost, "auth/approle/role/slipway/secret-id", nil, &secret)
	return vault.Auth{RoleID: id.Data.RoleID, SecretID: secret.Data.SecretID}
}

// The whole suite runs with exactly the policy that `slipway vault policy` prints.
func TestConformanceWithThePrintedPolicy(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	s := open(t, server, roleWithPolicy(t, server, nil))
	secretstest.Run(t, func(*testing.T) slipway.SecretStore { return s })
}

func TestThePolicyGivesNothingBesides(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	s := open(t, server, roleWithPolicy(t, server, nil))
	for _, path := range []string{"payments/billing-api", "payments/billing-api/production/more", "elsewhere"} {
		if _, err := s.Put(t.Context(), path, map[string]slipway.Secret{"A": slipway.NewSecret("v")}, 0); slipway.SecretFaultOf(err) != slipway.SecretDenied {
			t.Errorf("%s can be written: %v", path, err)
		}
		if _, err := s.Read(t.Context(), path, 0); slipway.SecretFaultOf(err) != slipway.SecretDenied {
			t.Errorf("%s can be read: %v", path, err)
		}
	}
}

const path = "payments/billing-api/production"

func set(t *testing.T, s slipway.SecretStore, over int, value string) {
	t.Helper()
	if _, err := s.Put(t.Context(), path, map[string]slipway.Secret{"A": slipway.NewSecret(value)}, over); err != nil {
		t.Fatal(err)
	}
}

func faultOf(ctx context.Context, s slipway.SecretStore) slipway.SecretFault {
	_, err := s.Read(ctx, path, 0)
	return slipway.SecretFaultOf(err)
}

func TestSealedAndUnsealed(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	var passed atomic.Int64
	clock := func() time.Time { return now.Add(time.Duration(passed.Load())) }
	s := open(t, server, vault.Auth{Token: server.Root}, func(c *vault.Config) { c.Clock = clock })
	set(t, s, 0, "v")
	if err := server.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Health(t.Context()); slipway.SecretFaultOf(err) != slipway.SecretSealed {
		t.Errorf("health of a sealed Vault: %v", err)
	}
	passed.Store(int64(time.Minute))
	_, err := s.Read(t.Context(), path, 0)
	if want := "Vault is sealed, since 12:00:00 UTC. No secret was read or changed. Who holds its unseal keys can unseal it; what waits for it goes on by itself."; err == nil || err.Error() != want {
		t.Errorf("said %v\nwant %s", err, want)
	}
	if err := server.Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Health(t.Context()); err != nil {
		t.Errorf("health after unsealing: %v", err)
	}
	if fault := faultOf(t.Context(), s); fault != "" {
		t.Errorf("after unsealing it is %s", fault)
	}
}

// A token that was revoked, or has run out, is replaced within the call.
func TestSignsInAnew(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	s := open(t, server, roleWithPolicy(t, server, map[string]any{"token_ttl": "2s", "token_max_ttl": "3s"}))
	set(t, s, 0, "v")
	admin(t, server, http.MethodPost, "sys/leases/revoke-prefix/auth/approle", map[string]any{"sync": true}, nil)
	if fault := faultOf(t.Context(), s); fault != "" {
		t.Errorf("after its token was revoked: %s", fault)
	}
	end := time.Now().Add(5 * time.Second) // past both lives
	for time.Now().Before(end) {
		if fault := faultOf(t.Context(), s); fault != "" {
			t.Fatalf("while its tokens run out: %s", fault)
		}
	}
	admin(t, server, http.MethodDelete, "auth/approle/role/slipway", nil, nil)
	admin(t, server, http.MethodPost, "sys/leases/revoke-prefix/auth/approle", map[string]any{"sync": true}, nil)
	if fault := faultOf(t.Context(), s); fault != slipway.SecretDenied {
		t.Errorf("without its role: %q", fault)
	}
}

func TestRenewsATokenThatLives(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	var made struct {
		Auth struct {
			Token    string `json:"client_token"`
			Accessor string `json:"accessor"`
		} `json:"auth"`
	}
	admin(t, server, http.MethodPost, "auth/token/create", map[string]any{"policies": []string{"root"}, "period": "1h"}, &made)
	var passed atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
	s := open(t, server, vault.Auth{Token: made.Auth.Token}, func(c *vault.Config) { c.Clock = clock })
	renewed := func() bool {
		var self struct {
			Data struct {
				Renewed int64 `json:"last_renewal_time"`
			} `json:"data"`
		}
		admin(t, server, http.MethodPost, "auth/token/lookup-accessor", map[string]any{"accessor": made.Auth.Accessor}, &self)
		return self.Data.Renewed > 0
	}
	if err := s.Health(t.Context()); err != nil || renewed() {
		t.Errorf("a fresh token: %v, renewed %v", err, renewed())
	}
	passed.Store(int64(31 * time.Minute))
	if err := s.Health(t.Context()); err != nil || !renewed() {
		t.Errorf("after half of its life: %v, renewed %v", err, renewed())
	}
}

func TestATokenFileIsReadAnew(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	file := filepath.Join(t.TempDir(), "token")
	keep := func(token string) {
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keep("hvs.nonsense")
	s := open(t, server, vault.Auth{TokenFile: file})
	if err := s.Health(t.Context()); slipway.SecretFaultOf(err) != slipway.SecretDenied {
		t.Errorf("with nonsense: %v", err)
	}
	keep(server.Root)
	if err := s.Health(t.Context()); err != nil {
		t.Errorf("with another token in the file: %v", err)
	}
}

func TestMountMissingAndServerAway(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	s := open(t, server, vault.Auth{Token: server.Root}, func(c *vault.Config) { c.Mount = "nowhere" })
	if fault := faultOf(t.Context(), s); fault != slipway.SecretUnmounted {
		t.Errorf("read: %q", fault)
	}
	if _, err := s.Put(t.Context(), path, map[string]slipway.Secret{"A": slipway.NewSecret("v")}, 0); slipway.SecretFaultOf(err) != slipway.SecretUnmounted {
		t.Errorf("write: %v", err)
	}
	away := open(t, &vaulttest.Server{Address: "http://127.0.0.1:1"}, vault.Auth{Token: "x"})
	if fault := faultOf(t.Context(), away); fault != slipway.SecretAway {
		t.Errorf("away: %q", fault)
	}
}

// What lies in Vault already is taken as it is, other types included.
func TestAdoptsWhatIsThere(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	admin(t, server, http.MethodPost, "secret/data/"+path, map[string]any{"data": map[string]any{"PORT": 5432, "FLAGS": map[string]any{"a": true}, "NAME": "x"}}, nil)
	s := open(t, server, vault.Auth{Token: server.Root})
	got, err := s.Read(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, key := range []string{"PORT", "FLAGS", "NAME"} {
		text += fmt.Sprintln(key, got.Values[key].Reveal())
	}
	if want := "PORT 5432\nFLAGS {\"a\":true}\nNAME x\n"; text != want {
		t.Errorf("adopted\n%swant\n%s", text, want)
	}
}

func TestOneWayToSignIn(t *testing.T) {
	t.Parallel()
	for _, auth := range []vault.Auth{{}, {Token: "x", RoleID: "y"}, {JWTRole: "x", KubernetesRole: "y"}} {
		if _, err := vault.New(vault.Config{Address: "http://127.0.0.1:1", Auth: auth}); err == nil {
			t.Errorf("%d ways were taken", len(fmt.Sprint(auth)))
		}
	}
}
