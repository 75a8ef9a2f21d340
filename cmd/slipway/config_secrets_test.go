package main

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/secrets/sealed"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

func TestSecretsConfiguration(t *testing.T) {
	t.Parallel()
	key := base64.StdEncoding.EncodeToString(make([]byte, sealed.KeySize))
	tests := []struct{ environ, want string }{
		{"", ""},
		{"SLIPWAY_SECRET_KEY=" + key, ""},
		{"SLIPWAY_SECRET_KEY=short", "SLIPWAY_SECRET_KEY: is 32 bytes"},
		{"SLIPWAY_SECRET_KEY_PREVIOUS=short", "SLIPWAY_SECRET_KEY_PREVIOUS: is 32 bytes"},
		{"SLIPWAY_SECRET_PATHS={team}/{service}", "names {environment} once"},
		{"SLIPWAY_SECRET_PATHS={service}-{environment}/x", "parts between single slashes"},
		{"VAULT_ADDR=https://vault.example VAULT_TOKEN=x", ""},
		{"VAULT_ADDR=vault.example VAULT_TOKEN=x", "VAULT_ADDR: is the http or https address"},
		{"VAULT_ADDR=http://vault.example VAULT_TOKEN=x", "secrets need https"},
		{"VAULT_ADDR=https://vault.example", "0 are set"},
		{"VAULT_ADDR=https://vault.example VAULT_TOKEN=x SLIPWAY_VAULT_ROLE_ID=y", "2 are set"},
		{"VAULT_ADDR=https://vault.example VAULT_TOKEN=x VAULT_SKIP_VERIFY=true", "anybody on the way"},
		{"VAULT_TOKEN=x VAULT_FORMAT=json", ""}, // of other programs
		{"VAULT_ADDR=https://vault.example VAULT_TOKEN=x SLIPWAY_VAULT_USER_AUTH=jwt SLIPWAY_SECRET_KEY=" + key, ""},
		{"VAULT_ADDR=https://vault.example VAULT_TOKEN=x SLIPWAY_VAULT_USER_AUTH=jwt", "SLIPWAY_VAULT_USER_AUTH: needs SLIPWAY_SECRET_KEY"},
		{"VAULT_ADDR=https://vault.example VAULT_TOKEN=x SLIPWAY_VAULT_USER_AUTH=oidc SLIPWAY_SECRET_KEY=" + key, "SLIPWAY_VAULT_USER_AUTH: is jwt"},
		{"SLIPWAY_VAULT_USER_AUTH=jwt SLIPWAY_SECRET_KEY=" + key, "SLIPWAY_VAULT_USER_AUTH: needs VAULT_ADDR"},
	}
	for _, test := range tests {
		environ := []string{"SLIPWAY_DATABASE_URL=sqlite:x", "SLIPWAY_PUBLIC_URL=https://slipway.example", "SLIPWAY_OIDC_ISSUER=https://id.example", "SLIPWAY_OIDC_CLIENT_ID=c"}
		_, err := loadConfig("", append(environ, strings.Fields(test.environ)...))
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.environ, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q", test.environ, err, test.want)
		}
	}
}

// The store that the configuration names is used, and one that is away is said to
// be: /readyz calls that degraded, because the check is optional.
func TestSecretStores(t *testing.T) {
	t.Parallel()
	rows, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "x.db")})
	if err == nil {
		t.Cleanup(func() { _ = rows.Close() })
		err = rows.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	open := func(c config) *slipway.SecretDesk {
		t.Helper()
		desk, err := newSecrets(t.Context(), c, rows, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return desk
	}
	if desk := open(config{}); desk != nil || secretsReady(desk) != nil {
		t.Error("there is a store that nobody asked for")
	}
	first := base64.StdEncoding.EncodeToString(make([]byte, sealed.KeySize))
	next := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", sealed.KeySize)))
	if _, err := open(config{SecretKey: first}).Secrets.Put(t.Context(), "a/b/c", map[string]slipway.Secret{"K": slipway.NewSecret("v")}, 0); err != nil {
		t.Fatal(err)
	}
	open(config{SecretKey: next, SecretKeyOld: first})
	doc, err := open(config{SecretKey: next}).Secrets.Read(t.Context(), "a/b/c", 0)
	if err != nil || doc.Values["K"].Reveal() != "v" {
		t.Errorf("after the key was rotated: %v", err)
	}
	people := open(config{SecretKey: first, Vault: vaultConfig{Address: "http://127.0.0.1:1", Token: "x", UserAuth: "jwt"}})
	joined, err := joinPeople(config{PublicURL: "https://slipway.example", SecretKey: next, SecretKeyOld: first, Vault: vaultConfig{UserAuth: "jwt"}}, rows.Now, people)
	if err != nil || people.People == nil || strings.Count(string(joined.keys), `"kty":"OKP"`) != 2 {
		t.Errorf("people in their own names: %v, by the keys %s", err, joined.keys)
	}
	if _, err := joinPeople(config{}, rows.Now, people); err != nil {
		t.Errorf("nobody asked for people: %v", err)
	}
	checks := secretsReady(open(config{Vault: vaultConfig{Address: "http://127.0.0.1:1", Token: "x"}}))
	if len(checks) != 1 || !checks[0].Optional {
		t.Fatalf("checks: %+v", checks)
	}
	if err := checks[0].Run(t.Context()); slipway.SecretFaultOf(err) != slipway.SecretAway {
		t.Errorf("a Vault that is away: %v", errors.Unwrap(err))
	}
}
