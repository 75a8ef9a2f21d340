package stories_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/e2e/portal"
	"github.com/slipway-dev/slipway/internal/secrets/vault/vaulttest"
)

// TestThePageOfVault goes through docs/secrets.md, command by command, with a
// Vault that nobody has prepared: five minutes to the first secret, then people in
// their own names, then a group of them. What stands for something is filled in.
func TestThePageOfVault(t *testing.T) {
	t.Parallel()
	w := newWalk(t)
	before, after := w.section("## Five minutes to your Vault")
	said := w.sh(before)
	w.fill["SLIPWAY_VAULT_ROLE_ID=…"] = "SLIPWAY_VAULT_ROLE_ID=" + strings.TrimSpace(said)
	w.set(before)
	stop := w.serve()
	w.organise()
	listed := w.sh(after)
	if !strings.Contains(listed, `"name":"secrets","status":"ok"`) || !strings.Contains(listed, "STRIPE_KEY") {
		t.Errorf("to see that it works:\n%s", listed)
	}
	stop()

	before, after = w.section("### People in their own names")
	w.set(before)
	w.serve()
	w.sh(after)
	audited := w.vault.Audit(t)
	w.reveals(http.StatusOK, "s3cret")
	var who []string
	for _, line := range audited() {
		if line.Request.Path == "secret/data/payments/billing-api/production" {
			who = append(who, line.Who()+" "+line.Request.Operation)
		}
	}
	if !slices.Equal(who, []string{"Ana Nordin read"}) {
		t.Errorf("Vault's log has %q for what Ana was shown", who)
	}

	_, role, _ := strings.Cut(after, "vault write auth/slipway/role/")
	w.sh(strings.Replace("vault write auth/slipway/role/"+role, "=slipway-people", "=", 1))
	w.signOut()
	w.reveals(http.StatusForbidden, "Vault's own policies do not let Ana Nordin do this at secret/payments/billing-api/production.")
	w.groups()
	w.signOut()
	w.reveals(http.StatusOK, "s3cret")
}

type walk struct {
	*testing.T
	ctx    context.Context
	dir    string
	page   string
	vault  *vaulttest.Server
	portal portal.Portal
	fill   map[string]string // what of the page stands for something
	env    []string          // of Slipway
	shell  []string          // of who types the commands
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	page, err := os.ReadFile("../../docs/secrets.md")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	w := &walk{T: t, ctx: ctx, dir: t.TempDir(), page: string(page), vault: vaulttest.Start(t)}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(w.dir, "bin")
	w.must(os.Mkdir(bin, 0o755))
	for name := range standIns() {
		w.must(os.Symlink(self, filepath.Join(bin, name)))
	}
	w.must(os.Symlink(binary, filepath.Join(bin, "slipway")))
	front, provider := address(t), address(t)
	w.portal.URL = local(front)
	w.fill = map[string]string{"https://vault.example.com:8200": w.vault.Address, "https://slipway.example.com": w.portal.URL, "localhost:8080": strings.TrimPrefix(w.portal.URL, "http://"),
		"SLIPWAY_SECRET_KEY=…": "SLIPWAY_SECRET_KEY=" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))}
	w.shell = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "VAULT_ADDR=" + w.vault.Address, "VAULT_TOKEN=" + w.vault.Root, "SLIPWAY_URL=" + w.portal.URL}
	w.env = []string{"SLIPWAY_DATABASE_URL=sqlite:" + filepath.Join(w.dir, "slipway.db"), "SLIPWAY_PUBLIC_URL=" + w.portal.URL, "SLIPWAY_OIDC_ISSUER=" + local(provider),
		"SLIPWAY_OIDC_CLIENT_ID=slipway", "SLIPWAY_OIDC_CLIENT_SECRET=not-a-secret", "SLIPWAY_ADMIN_GROUP=platform-admins", "SLIPWAY_DATA_DIR=" + w.dir,
		"SLIPWAY_LISTEN=" + front, "SLIPWAY_METRICS_LISTEN=127.0.0.1:0"}
	spawn(t, w.env, "dev-issuer", "--listen", provider, "--issuer", local(provider), "--redirect", w.portal.URL+"/auth/callback")
	await(ctx, t, local(provider)+"/.well-known/openid-configuration")
	migrate := exec.CommandContext(ctx, binary, "migrate", "up") // #nosec G204 -- our own program
	migrate.Env = w.env
	if out, err := migrate.CombinedOutput(); err != nil {
		t.Fatalf("migrate up: %v\n%s", err, out)
	}
	return w
}

func (w *walk) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// blocks are the indented lines below a heading, to the next one.
func (w *walk) blocks(heading string) []string {
	w.Helper()
	_, text, found := strings.Cut(w.page, "\n"+heading+"\n")
	if !found {
		w.Fatalf("the page has no %s", heading)
	}
	text, _, _ = strings.Cut(text, "\n#")
	var blocks []string
	for _, block := range regexp.MustCompile(`(?m)(^    .*\n|^\n)+`).FindAllString(text, -1) {
		if strings.TrimSpace(block) != "" {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

// section is what is typed before Slipway serves, and what after it.
func (w *walk) section(heading string) (before, after string) {
	w.Helper()
	before, after, found := strings.Cut(w.blocks(heading)[0], "    slipway serve\n")
	if !found {
		w.Fatalf("Slipway does not serve in %s", heading)
	}
	return before, after
}

func (w *walk) filled(text string) string {
	for what, with := range w.fill {
		text = strings.ReplaceAll(text, what, with)
	}
	return text
}

// sh types commands, but for those that are for the environment of Slipway.
func (w *walk) sh(commands string) string {
	w.Helper()
	var lines []string
	for _, line := range strings.Split(w.filled(commands), "\n") {
		if !strings.HasPrefix(strings.TrimSpace(line), "export ") {
			lines = append(lines, line)
		}
	}
	command := exec.CommandContext(w.ctx, "sh", "-e", "-c", strings.Join(lines, "\n")) // #nosec G204 -- of our own page
	command.Dir, command.Env = w.dir, slices.Concat(w.shell, []string{"SLIPWAY_TOKEN=" + w.portal.Token})
	out, err := command.CombinedOutput()
	if err != nil {
		w.Fatalf("%v\n%s\nof\n%s", err, out, strings.Join(lines, "\n"))
	}
	return string(out)
}

// set takes over what is exported.
func (w *walk) set(commands string) {
	for _, line := range strings.Split(w.filled(commands), "\n") {
		if pair, found := strings.CutPrefix(strings.TrimSpace(line), "export "); found {
			pair, _, _ = strings.Cut(pair, " ")
			w.env = append(w.env, pair)
		}
	}
}

// serve starts Slipway where the commands were typed. It is stopped in the end, if
// not before.
func (w *walk) serve() (stop func()) {
	w.Helper()
	log, err := os.Create(filepath.Join(w.dir, fmt.Sprintf("serve-%d.log", len(w.env))))
	w.must(err)
	command := exec.Command(binary, "serve") // #nosec G204 -- our own program
	command.Dir, command.Env, command.Stdout, command.Stderr = w.dir, w.env, log, log
	w.must(command.Start())
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil {
			w.Errorf("serve: %v", err)
		}
		if said, err := os.ReadFile(log.Name()); err == nil && w.Failed() {
			w.Logf("serve said:\n%s", said)
		}
	}
	w.Cleanup(stop)
	await(w.ctx, w.T, w.portal.URL+"/readyz")
	return stop
}

// organise has a service that needs a key, and the key.
func (w *walk) organise() {
	w.Helper()
	var err error
	w.portal.Token, err = portal.TokenOf(w.ctx, w.portal.URL, "ana")
	w.must(err)
	for _, step := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPut, "teams/payments", map[string]any{"title": "Payments"}}, {http.MethodPut, "environments/production", map[string]any{"rank": 30, "tier": "production"}},
		{http.MethodPut, "services/billing-api", map[string]any{"team": "payments"}},
		{http.MethodPut, "services/billing-api/pipeline", "apiVersion: slipway/v1\nservice: billing-api\nstages:\n- environment: production\n  deployer: {name: process, config: {}}\n"},
		{http.MethodPatch, "services/billing-api/environments/production/secrets", map[string]any{"set": map[string]string{"STRIPE_KEY": "s3cret"}}},
	} {
		w.portal.Must(w.T, step.method, "/api/v1/"+step.path, step.body, nil)
	}
}

func (w *walk) reveals(want int, says string) {
	w.Helper()
	status, answer, err := w.portal.Call(w.ctx, w.portal.Token, http.MethodGet, "/api/v1/services/billing-api/environments/production/secrets/values/STRIPE_KEY", nil)
	if err != nil || status != want || !strings.Contains(string(answer), says) {
		w.Fatalf("the value: %v %d %s, want %d %s", err, status, answer, want, says)
	}
}

// signOut signs Ana in, in a browser, and out again: her token in Vault is gone.
func (w *walk) signOut() {
	w.Helper()
	browser, err := portal.SignIn(w.ctx, w.portal.URL, "ana")
	w.must(err)
	request, err := http.NewRequestWithContext(w.ctx, http.MethodPost, w.portal.URL+"/auth/logout", nil)
	w.must(err)
	response, err := browser.Do(request)
	w.must(err)
	_ = response.Body.Close()
}

// groups types the second block on people, for a group that Ana is in.
func (w *walk) groups() {
	w.Helper()
	lines := strings.Split(strings.TrimSpace(w.blocks("### People in their own names")[1]), "\n")
	if len(lines) != 3 {
		w.Fatalf("the block on groups has %d lines", len(lines))
	}
	w.fill["payments-leads"] = "platform-admins"
	w.fill["mount_accessor=…"] = "mount_accessor=" + w.sh(lines[0])
	w.fill["canonical_id=…"] = "canonical_id=" + w.sh(lines[1])
	w.sh(lines[2])
}
