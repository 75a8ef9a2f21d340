package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// trustedRoot is the least that a trusted root can be: one certificate that is
// both authority and clock.
func trustedRoot(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fatal(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	fatal(t, err)
	authority := []any{map[string]any{"uri": "https://ca.example.com", "certChain": map[string]any{"certificates": []any{map[string]any{"rawBytes": der}}}}}
	content, err := json.Marshal(map[string]any{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		"certificateAuthorities": authority, "timestampAuthorities": authority})
	fatal(t, err)
	return string(content)
}

func TestTheTrustedRootIsReadAtStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		fatal(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	root := write("root.json", trustedRoot(t))
	for path, fault := range map[string]string{
		"":                                "",
		root:                              "",
		filepath.Join(dir, "missing"):     "missing: no such file",
		dir:                               "is a directory",
		write("broken.json", `{"a":1`):    "broken.json is no trusted root of sigstore: it is no JSON",
		write("other.json", `{"keys":1}`): "other.json is no trusted root of sigstore: trusted root 1: ",
	} {
		_, err := loadConfig("", good("SLIPWAY_SIGSTORE_TRUSTED_ROOT="+path))
		if (err != nil) != (fault != "") || err != nil && !(strings.Contains(err.Error(), fault) && strings.Contains(err.Error(), "SLIPWAY_SIGSTORE_TRUSTED_ROOT: ")) {
			t.Errorf("%s: want %q, got %v", path, fault, err)
		}
	}
	// A dev portal takes it, too.
	c, err := config{}.forDev([]string{"SLIPWAY_SIGSTORE_TRUSTED_ROOT=" + root})
	if err != nil || c.TrustedRoot != root {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := (config{}).forDev([]string{"SLIPWAY_SIGSTORE_TRUSTED_ROOT=" + dir}); err == nil {
		t.Error("a directory was taken for a trusted root")
	}
}
