package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// good is the least that serve starts with.
func good(more ...string) []string {
	return append([]string{
		"SLIPWAY_PUBLIC_URL=https://slipway.example.com", "SLIPWAY_DATABASE_URL=sqlite:/tmp/x.db",
		"SLIPWAY_OIDC_ISSUER=https://id.example.com", "SLIPWAY_OIDC_CLIENT_ID=slipway",
	}, more...)
}

func TestEveryWrongValueIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := loadConfig("", []string{"SLIPWAY_LISTEN=nowhere", "SLIPWAY_LOG_LEVEL=loud", "SLIPWAY_SECRET_KEY=short",
		"SLIPWAY_PUBLIC_URL=http://slipway.example.com", "SLIPWAY_DATABASE_URL=mysql://x", "SLIPWAY_COLOR=red",
		"SLIPWAY_OIDC_ISSUER=id", "SLIPWAY_TRUSTED_PROXIES=10.0.0.0", "SLIPWAY_OUTBOUND_ALLOW=everywhere",
		"SLIPWAY_WEBHOOK_SECRET=short", "SLIPWAY_PROMETHEUS_URL=prometheus:9090"})
	if err == nil {
		t.Fatal("a configuration with eleven faults was accepted")
	}
	for _, key := range []string{"SLIPWAY_LISTEN", "SLIPWAY_LOG_LEVEL", "SLIPWAY_SECRET_KEY", "SLIPWAY_PUBLIC_URL", "SLIPWAY_DATABASE_URL",
		"SLIPWAY_COLOR: unknown key", "SLIPWAY_OIDC_ISSUER", "SLIPWAY_OIDC_CLIENT_ID", "SLIPWAY_TRUSTED_PROXIES",
		"SLIPWAY_OUTBOUND_ALLOW", "SLIPWAY_WEBHOOK_SECRET", "SLIPWAY_PROMETHEUS_URL"} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("the error does not name %s:\n%v", key, err)
		}
	}
}

func TestConfigComesFromFileAndEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	file := filepath.Join(dir, "slipway.yaml")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(secret, "hush\n")
	write(file, "SLIPWAY_LISTEN: 127.0.0.1:1\nSLIPWAY_ADMIN_GROUP: from-file\n")
	c, err := loadConfig(file, good("SLIPWAY_ADMIN_GROUP=from-environment", "SLIPWAY_OIDC_CLIENT_SECRET_FILE="+secret, "SLIPWAY_TOKEN=the client's"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:1" || c.AdminGroup != "from-environment" || c.OIDCClientSecret != "hush" || c.MetricsListen != ":9090" {
		t.Errorf("%+v", c)
	}
	var out bytes.Buffer
	c.print(&out)
	if strings.Contains(out.String(), "hush") || !strings.Contains(out.String(), "***") {
		t.Errorf("a secret is printed:\n%s", out.String())
	}

	write(file, "SLIPWAY_LISTEN: 127.0.0.1:1\nlisten: x\n")
	if _, err := loadConfig(file, good()); err == nil || !strings.Contains(err.Error(), "listen: unknown key") {
		t.Errorf("an unknown key in the file: %v", err)
	}
	if _, err := loadConfig("", good("SLIPWAY_OIDC_CLIENT_SECRET=a", "SLIPWAY_OIDC_CLIENT_SECRET_FILE="+secret)); err == nil {
		t.Error("a value and its file were both accepted")
	}
}

func TestDatabasePasswordIsNotPrinted(t *testing.T) {
	t.Parallel()
	c, err := loadConfig("", good("SLIPWAY_DATABASE_URL=postgres://slipway:hush@db/slipway"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c.print(&out)
	if strings.Contains(out.String(), "hush") {
		t.Errorf("the password is printed:\n%s", out.String())
	}
}
