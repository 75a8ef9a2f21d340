package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

const cliFile = `apiVersion: slipway/v1
service: shop
team: web
stages:
- environment: staging
  deployer: {name: fake, config: {replicas: 2}}
- environment: prod
  after: [staging]
  deployer: {name: fake, config: {replicas: 1}}
  gates: [{approval: {count: 1}}]
`

// programDigest is the SHA-256 of the text "program".
const programDigest = "1310ca2c8932dbd118668bd97442558a3e1f546b5e15c69699dfbd6024f548d8"

// TestTheWayOfARelease goes from a new service to a rollback with nothing but
// the command line.
func TestTheWayOfARelease(t *testing.T) {
	r := newClientRig(t)
	dir := t.TempDir()
	file, binary := filepath.Join(dir, "slipway.yaml"), filepath.Join(dir, "app.bin")
	fatal(t, os.WriteFile(file, []byte(cliFile), 0o600))
	fatal(t, os.WriteFile(binary, []byte("program"), 0o600))

	r.expect(exitOK, "Would register  service  shop", "apply", "-f", file, "--dry-run")
	r.expect(exitFailed, `There is no service "shop"`, "service", "show", "shop")
	r.expect(exitOK, "+  deployer:", "apply", "-f", file)
	r.expect(exitOK, "nothing changes, the pipeline is at revision 1", "apply", "-f", file)
	r.expect(exitOK, "shop", "service", "list")

	create := []string{"release", "create", "shop", "1.0.0", "--artifact", "app=" + binary, "--commit", "abc", "--change", "abc Round to the cent", "--config", "MODE=fast"}
	r.expect(exitOK, "sha256:"+programDigest, create...)
	r.expect(exitOK, "Exists already, with the same content.", create...)
	r.expect(exitFailed, "exists with other content", append(create, "--notes", "other")...)
	r.expect(exitOK, "file://"+binary+" @ sha256:", "release", "show", "shop", "1.0.0")

	r.expect(exitFailed, "blocked by order: 1.0.0 has not been live in staging yet", "promote", "shop", "1.0.0", "--to", "prod")
	r.expect(exitOK, "succeeded", "promote", "shop", "1.0.0", "--to", "staging", "--wait", "--timeout", "30s")
	r.expect(exitWaits, "deployment 2 waits for a person. 0 of 1 approvals.", "promote", "shop", "1.0.0", "--to", "prod", "--wait", "--timeout", "30s", "--note", "first")
	var d client.Deployment
	fatal(t, json.Unmarshal([]byte(r.expect(exitOK, "", "deployment", "show", "2", "-o", "json")), &d))
	r.expect(exitDenied, "would not count", "approve", "2", "--plan", d.Plan)
	r.be("viewer")
	r.expect(exitDenied, "You may not", "approve", "2", "--plan", d.Plan)
	r.expect(exitDenied, "Who can: ", "lock", "prod", "--reason", "mine")
	r.be("approver")
	r.expect(exitUsage, "--plan DIGEST says what you approve", "approve", "2")
	r.expect(exitFailed, "changed since you saw it", "approve", "2", "--plan", "sha256:0")
	r.expect(exitOK, d.Plan, "approve", "2", "--plan", d.Plan, "--comment", "fine")
	r.be("admin")
	r.expect(exitOK, "succeeded", "deployment", "show", "2", "--watch")
	status := r.expect(exitOK, "SERVICE", "status", "shop")
	if n := strings.Count(status, "1.0.0"); n != 2 {
		t.Errorf("1.0.0 is live in %d environments, not 2:\n%s", n, status)
	}
	r.expect(exitFailed, "There is no service", "status", "nosuch")

	r.expect(exitOK, "1.1.0", "release", "create", "shop", "1.1.0", "--artifact", "app=reg/app@sha256:"+strings.Repeat("a", 64), "--irreversible")
	r.expect(exitOK, "succeeded", "promote", "shop", "1.1.0", "--to", "staging", "--wait")
	r.expect(exitFailed, "marked irreversible", "rollback", "shop", "staging", "--reason", "broken")
	r.expect(exitOK, "succeeded: 1.0.0 is live in staging", "rollback", "shop", "staging", "--reason", "broken", "--accept-irreversible", "--wait")
	r.expect(exitOK, "Blocked", "release", "block", "shop", "1.1.0", "--reason", "broken")
	r.expect(exitFailed, "blocked by block: 1.1.0 is blocked by Admin: broken.", "promote", "shop", "1.1.0", "--to", "staging")
	r.expect(exitOK, "blocked: broken", "release", "list", "shop")
	r.expect(exitOK, "Release", "release", "unblock", "shop", "1.1.0")
}

func TestControls(t *testing.T) {
	r := newClientRig(t)
	r.expect(exitOK, "locked by Admin: cutover", "lock", "prod", "--reason", "cutover")
	r.expect(exitFailed, "is locked already", "lock", "prod", "--reason", "again")
	r.expect(exitOK, "not locked", "unlock", "prod")
	r.expect(exitOK, "holidays", "freeze", "prod", "--until", "36h", "--reason", "holidays")
	r.expect(exitOK, "Freeze 1 is ended.", "unfreeze", "1")
	r.expect(exitFailed, "There is no freeze", "unfreeze", "1")
	r.expect(exitFailed, "There is no deployment", "deployment", "cancel", "1")
	r.expect(exitOK, "None.", "service", "list")

	made := r.expect(exitOK, `"secret"`, "token", "create", "ci", "--scope", "service.read", "--days", "1", "-o", "json")
	var k client.CreatedToken
	fatal(t, json.Unmarshal([]byte(made), &k))
	if list := r.expect(exitOK, k.ID, "token", "list"); strings.Contains(list, k.Secret) {
		t.Error("the list shows the secret")
	}
	r.tokens["ci"] = k.Secret
	r.be("ci")
	r.expect(exitOK, "None.", "service", "list")
	r.expect(exitDenied, "", "lock", "prod", "--reason", "x")
	r.be("admin")
	r.expect(exitOK, "is revoked", "token", "revoke", k.ID)
	r.be("ci")
	r.expect(exitDenied, "The token is not valid", "service", "list")
}

func TestLogin(t *testing.T) {
	r := newClientRig(t)
	t.Setenv("SLIPWAY_TOKEN", "")
	r.expect(exitDenied, "slipway login", "status")
	if code, _, problem := slipwayCLI(t, "slp_wrong\n", "login", r.url); code != exitDenied {
		t.Errorf("exit code %d: %s", code, problem)
	}
	code, out, problem := slipwayCLI(t, r.tokens["viewer"]+"\n", "login", r.url+"/")
	if code != exitOK || !strings.Contains(out, "as Viewer") || strings.Contains(out, r.tokens["viewer"]) {
		t.Fatalf("exit code %d: %s %s", code, out, problem)
	}
	path, err := credentialsPath()
	fatal(t, err)
	info, err := os.Stat(path)
	fatal(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %v", path, info.Mode())
	}
	r.expect(exitOK, "None.", "service", "list")
	t.Setenv("SLIPWAY_URL", "http://127.0.0.1:1") // another Slipway does not get the token
	r.expect(exitDenied, "not signed in", "service", "list")
	t.Setenv("SLIPWAY_URL", "")
	r.expect(exitOK, "None.", "service", "list")
	fatal(t, os.Chmod(path, 0o644))
	r.expect(exitFailed, "can be read by others", "service", "list")
}

// TestWrongCommandLines end with the code that scripts know them by, without
// asking any server.
func TestWrongCommandLines(t *testing.T) {
	t.Setenv("SLIPWAY_URL", "http://127.0.0.1:1")
	t.Setenv("SLIPWAY_TOKEN", "slp_none")
	for _, line := range []string{"nosuch", "release", "release creat", "promote", "promote a", "promote a b", "promote a b --nosuch", "approve x", "approve 1", "reject 1",
		"apply", "status a b", "status -o yaml", "lock prod", "freeze prod --reason x", "freeze prod --reason x --until yesterday", "unfreeze x", "login a b",
		"release create a b --artifact x", "release create a b --config x", "release block a b", "migrate sideways", "version extra", "deployment show"} {
		code, out, problem := slipwayCLI(t, "", strings.Fields(line)...)
		want := exitUsage
		if line == "release" {
			want = exitOK // shows what there is
		}
		if code != want || out+problem == "" {
			t.Errorf("slipway %s: exit code %d: %s", line, code, problem)
		}
	}
}

// TestEveryCommandIsDescribed walks the tree.
func TestEveryCommandIsDescribed(t *testing.T) {
	t.Parallel()
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" || (!c.Hidden && c.Parent() != nil && !c.Parent().HasParent() && c.GroupID == "") {
			t.Errorf("%s has no description, or is in no group", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(rootCommand())
}

func TestWhatOthersWroteDoesNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	if got := tame("a\x1b[2Jb\u202ec\nd\u200b"); got != "a[2Jbc d" {
		t.Errorf("%q", got)
	}
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{"36h": "2026-03-03T21:00:00Z", "2026-04-01": "2026-04-01T00:00:00Z", "2026-04-01T08:00:00+02:00": "2026-04-01T06:00:00Z"} {
		if got, err := timeOf("--until", text, now); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
}
