package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/deployers"
)

func TestDeployersOfOthersAreConfigured(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, fault := range map[string]string{
		"till: {exec: /bin/true, timeout: 5s, env: {REGION: eu}}":                      "",
		"far: {webhook: 'https://deployer.example.com/x', secretFile: " + secret + "}": "",
		"- till": "is YAML such as",
		"till: {exec: /bin/true, arguments: [a]}": "field arguments not found",
		"till: {}": "either exec",
		"till: {exec: /bin/true, webhook: 'https://x.example.com'}":                        "either exec",
		"till: {exec: bin/true}":                                                           "no absolute path",
		"till: {exec: /does/not/exist}":                                                    "no such file",
		"till: {exec: /bin/true, timeout: soon}":                                           "timeout is a duration",
		"till: {exec: /bin/true, secretFile: /x}":                                          "secretFile is of a webhook",
		"Till 1: {exec: /bin/true}":                                                        "is no name",
		"far: {webhook: 'https://deployer.example.com'}":                                   "secretFile is missing",
		"far: {webhook: 'https://deployer.example.com', secretFile: /does/not/exist}":      "secretFile: open",
		"far: {webhook: 'https://me:hush@x.example.com', secretFile: " + secret + "}":      "requests are signed instead",
		"far: {webhook: 'https://x.example.com', secretFile: " + secret + ", env: {A: b}}": "env is of a program",
	} {
		_, err := loadConfig("", good("SLIPWAY_DEPLOYERS="+text))
		switch {
		case fault == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case fault != "" && (err == nil || !strings.Contains(err.Error(), "SLIPWAY_DEPLOYERS: ") || !strings.Contains(err.Error(), fault)):
			t.Errorf("%s: wanted %q, got %v", text, fault, err)
		case err != nil && strings.Contains(err.Error(), "hush"):
			t.Errorf("a password is printed: %v", err)
		}
	}
	var out bytes.Buffer
	config{Deployers: "till: {exec: /bin/true, env: {A: hush}}\nfar: {webhook: 'https://x.example.com/hush'}"}.print(&out)
	if !strings.Contains(out.String(), "far (x.example.com), till (/bin/true)") || strings.Contains(out.String(), "hush") {
		t.Errorf("printed as\n%s", out.String())
	}
}

// TestADeployerThatDoesNotAnswerStopsNothing: it is there, and says what is wrong.
func TestADeployerThatDoesNotAnswerStopsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	example := absolute(t, examples+"deployer-shell/deployer.sh")
	c := config{DataDir: dir, Deployers: "broken: {exec: /bin/false}\nfiles: {exec: " + example + "}"}
	backends := map[string]deployers.Deployer{}
	all, err := addOthers(c, log, backends)
	if err != nil {
		t.Fatal(err)
	}
	all.introduce(context.Background(), log)
	if got := backends["broken"].Capabilities().Summary; got != "does not answer: deployer broken: it exited with code 1" {
		t.Errorf("the summary of what does not answer is %q", got)
	}
	if got := backends["files"].Capabilities().Summary; !strings.HasPrefix(got, "Files in a directory") {
		t.Errorf("the summary of what answers is %q", got)
	}
	ref := deployers.Target{Service: "site", Environment: "test"}
	if _, err := backends["files"].Observe(t.Context(), ref); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "deployers", "files", "locks")); err != nil {
		t.Errorf("it does not work in a directory of its own: %v", err)
	}
	backends = map[string]deployers.Deployer{"files": backends["broken"]}
	if _, err := addOthers(c, log, backends); err == nil || !strings.Contains(err.Error(), "take another") {
		t.Errorf("one of ours was replaced: %v", err)
	}
}
