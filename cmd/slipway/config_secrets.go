package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/secrets/sealed"
	"github.com/slipway-dev/slipway/internal/secrets/vault"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

// vaultConfig is which Vault keeps the secrets, and how to sign in to it. Without
// an address the built-in store keeps them.
type vaultConfig struct {
	Address, Namespace, Mount                        string
	Token, RoleID, SecretID                          string
	JWTRole, JWT, JWTMount                           string
	KubernetesRole, KubernetesMount                  string
	CACert, CAPath, ClientCert, ClientKey, TLSServer string
	SkipVerify                                       string
	UserAuth, UserMount, UserRole                    string
}

// vaultSettings has Vault's usual variables beside our own. The address may be
// there for other programs: it counts only with a way to sign in.
func vaultSettings() []setting {
	return []setting{
		{"VAULT_ADDR", false, "", func(c *config) *string { return &c.Vault.Address }, "Vault that keeps the secrets; the built-in store does without"},
		{"VAULT_NAMESPACE", false, "", func(c *config) *string { return &c.Vault.Namespace }, "its namespace, if it has any"},
		{"VAULT_TOKEN", true, "", func(c *config) *string { return &c.Vault.Token }, "a token to use as it is, and to renew"},
		{"VAULT_CACERT", false, "", func(c *config) *string { return &c.Vault.CACert }, "file with the certificate of its authority"},
		{"VAULT_CAPATH", false, "", func(c *config) *string { return &c.Vault.CAPath }, "directory of such files"},
		{"VAULT_CLIENT_CERT", false, "", func(c *config) *string { return &c.Vault.ClientCert }, "file with our own certificate"},
		{"VAULT_CLIENT_KEY", false, "", func(c *config) *string { return &c.Vault.ClientKey }, "file with its key"},
		{"VAULT_TLS_SERVER_NAME", false, "", func(c *config) *string { return &c.Vault.TLSServer }, "name that its certificate has to be for"},
		{"VAULT_SKIP_VERIFY", false, "", func(c *config) *string { return &c.Vault.SkipVerify }, "true: take any certificate; never in production"},
		{"SLIPWAY_VAULT_MOUNT", false, "secret", func(c *config) *string { return &c.Vault.Mount }, "where its KV version 2 engine is mounted"},
		{"SLIPWAY_VAULT_ROLE_ID", false, "", func(c *config) *string { return &c.Vault.RoleID }, "sign in by AppRole"},
		{"SLIPWAY_VAULT_SECRET_ID", true, "", func(c *config) *string { return &c.Vault.SecretID }, "its secret ID"},
		{"SLIPWAY_VAULT_JWT_ROLE", false, "", func(c *config) *string { return &c.Vault.JWTRole }, "sign in by a JWT, read anew each time"},
		{"SLIPWAY_VAULT_JWT_PATH", false, "", func(c *config) *string { return &c.Vault.JWT }, "file that it is in"},
		{"SLIPWAY_VAULT_JWT_MOUNT", false, "jwt", func(c *config) *string { return &c.Vault.JWTMount }, "where that method is mounted"},
		{"SLIPWAY_VAULT_KUBERNETES_ROLE", false, "", func(c *config) *string { return &c.Vault.KubernetesRole }, "sign in by the service account of Kubernetes"},
		{"SLIPWAY_VAULT_KUBERNETES_MOUNT", false, "kubernetes", func(c *config) *string { return &c.Vault.KubernetesMount }, "where that method is mounted"},
		{"SLIPWAY_VAULT_USER_AUTH", false, "", func(c *config) *string { return &c.Vault.UserAuth }, "jwt: people read and write secrets in their own names, which Slipway vouches for"},
		{"SLIPWAY_VAULT_USER_MOUNT", false, "slipway", func(c *config) *string { return &c.Vault.UserMount }, "where the JWT method is mounted that trusts Slipway's keys"},
		{"SLIPWAY_VAULT_USER_ROLE", false, "slipway-people", func(c *config) *string { return &c.Vault.UserRole }, "its role for people"},
	}
}

// vaultKey names the variables without our prefix. Vault's client knows more;
// those are not ours to judge.
func vaultKey(key string) bool {
	for _, s := range vaultSettings() {
		if key == s.key || key == s.key+"_FILE" {
			return true
		}
	}
	return false
}

// used reports whether Vault keeps the secrets.
func (v vaultConfig) used() bool { return v.Address != "" }

func (v vaultConfig) auth() vault.Auth {
	return vault.Auth{Token: v.Token, RoleID: v.RoleID, SecretID: v.SecretID, JWTRole: v.JWTRole, JWTFile: v.JWT, JWTMount: v.JWTMount,
		KubernetesRole: v.KubernetesRole, KubernetesMount: v.KubernetesMount}
}

func (v vaultConfig) open() (*vault.Store, error) {
	skip, _ := strconv.ParseBool(v.SkipVerify) // checked with the configuration
	return vault.New(vault.Config{Address: v.Address, Namespace: v.Namespace, Mount: v.Mount, Auth: v.auth(),
		TLS: vault.TLS{CACert: v.CACert, CAPath: v.CAPath, ClientCert: v.ClientCert, ClientKey: v.ClientKey, ServerName: v.TLSServer, SkipVerify: skip}})
}

func (c config) checkSecrets() []error {
	var problems []error
	for key, value := range map[string]string{"SLIPWAY_SECRET_KEY": c.SecretKey, "SLIPWAY_SECRET_KEY_PREVIOUS": c.SecretKeyOld} {
		if raw, err := base64.StdEncoding.DecodeString(value); value != "" && (err != nil || len(raw) != sealed.KeySize) {
			problems = append(problems, errors.New(key+": is 32 bytes in base64: head -c 32 /dev/urandom | base64"))
		}
	}
	if wrong := slipway.SecretPaths(c.SecretPaths).Check(); wrong != "" && c.SecretPaths != "" {
		problems = append(problems, errors.New("SLIPWAY_SECRET_PATHS: "+wrong))
	}
	v := c.Vault
	problems = append(problems, c.checkVaultPeople()...)
	if !v.used() {
		return problems
	}
	if !strings.HasPrefix(v.Address, "https://") && !strings.HasPrefix(v.Address, "http://") {
		problems = append(problems, errors.New("VAULT_ADDR: is the http or https address of Vault"))
	} else if c.plainOutside(v.Address) {
		problems = append(problems, errors.New("VAULT_ADDR: is http outside this machine; secrets need https"))
	}
	skip, err := strconv.ParseBool(v.SkipVerify)
	if v.SkipVerify != "" && err != nil {
		problems = append(problems, errors.New("VAULT_SKIP_VERIFY: is true or false"))
	}
	if skip && !c.localOnly() {
		problems = append(problems, errors.New("VAULT_SKIP_VERIFY: anybody on the way could read the secrets; it is for this machine only"))
	}
	ways := 0
	for _, way := range []string{v.Token, v.RoleID, v.JWTRole, v.KubernetesRole} {
		if way != "" {
			ways++
		}
	}
	if ways != 1 {
		problems = append(problems, fmt.Errorf("VAULT_ADDR: needs one of VAULT_TOKEN, SLIPWAY_VAULT_ROLE_ID, SLIPWAY_VAULT_JWT_ROLE and SLIPWAY_VAULT_KUBERNETES_ROLE to sign in with; %d are set", ways))
	}
	return problems
}

// sealingKeys are the keys that Slipway seals with what it keeps itself, the one
// of today first; none if the configuration names none.
func (c config) sealingKeys() (keys [][]byte, err error) {
	if c.SecretKey == "" {
		return nil, nil
	}
	for _, text := range []string{c.SecretKey, c.SecretKeyOld} {
		if text == "" {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, raw)
	}
	return keys, nil
}

// localOnly reports whether the portal is for this machine alone.
func (c config) localOnly() bool { return strings.HasPrefix(c.PublicURL, "http://") }

// newSecrets opens the store that the configuration names; nil if it names none.
func newSecrets(ctx context.Context, c config, rows *store.Store, log *slog.Logger) (*slipway.SecretDesk, error) {
	desk := &slipway.SecretDesk{Store: rows, Paths: slipway.SecretPaths(c.SecretPaths), Clock: rows.Now}
	built, err := newSealed(ctx, c, rows, log)
	if err != nil {
		return nil, err
	}
	if built != nil {
		desk.Secrets, desk.Drafts = built, built
	}
	if c.Vault.used() {
		kept, err := c.Vault.open()
		if err != nil {
			return nil, err
		}
		desk.Secrets = kept
	}
	if desk.Secrets == nil {
		return nil, nil //nolint:nilnil // no store is an answer here
	}
	return desk, nil
}

// newSealed opens the built-in store, which keeps what waits for approval also
// where Vault keeps the secrets; nil without a key.
func newSealed(ctx context.Context, c config, rows *store.Store, log *slog.Logger) (*sealed.Store, error) {
	keys, err := c.sealingKeys()
	if err != nil || len(keys) == 0 {
		return nil, err // no store is an answer here
	}
	built, err := sealed.New(rows, rows.Now, keys...)
	if err != nil {
		return nil, err
	}
	if len(keys) > 1 {
		n, err := built.Rewrap(ctx)
		if err != nil {
			return nil, err
		}
		log.InfoContext(ctx, "sealed under the new key; SLIPWAY_SECRET_KEY_PREVIOUS is needed no more", "versions", n)
	}
	return built, nil
}

// secretsReady has /readyz tell of a secret store that is away: as degraded,
// because everything but secrets goes on.
func secretsReady(desk *slipway.SecretDesk) []server.Check {
	if desk == nil {
		return nil
	}
	return []server.Check{{Name: "secrets", Optional: true, Run: desk.Secrets.Health}}
}
