package faults_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/secrets/vault/vaulttest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// canaries are values that must be found in Vault and nowhere else.
var canaries = []string{"canary-of-the-first-release", "canary-of-the-second-release"}

// TestVaultGoes (F10): a real Vault is sealed, and its token revoked, under
// deployments on their way. They park, everything else goes on, and once Vault is
// back so are they. The value is nowhere but in Vault.
func TestVaultGoes(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			said := reported(t, "F10", "Vault sealed, its token revoked", kind)
			v := &vaulted{world: newWorld(t, kind, 1), vault: vaulttest.Start(t)}
			v.startWith(v.vault.Root)
			v.organise()
			v.service("shop", stage("prod", "far", "secrets: [API_KEY]", "strategy: {type: canary, steps: [{weight: 30, bake: 1s}, {weight: 100}]}"))
			v.service("plain", stage("prod", "far", canary))
			v.keep(canaries[0])
			v.release("shop", "1")
			v.end(v.promote("shop", "1", "prod"))
			cases := v.sealed() + v.revoked()
			v.nowhere()
			found := audit(t, source{url: v.url, ledger: v.far.ledger, jobs: filepath.Join(v.dir, "jobs")})
			for _, violation := range found.Violations {
				t.Error(violation)
			}
			said(cases, "%s", found)
		})
	}
}

type vaulted struct {
	*world
	vault *vaulttest.Server
}

func (v *vaulted) startWith(token string) {
	v.t.Helper()
	v.ok(v.replicas[0].start("VAULT_ADDR="+v.vault.Address, "VAULT_TOKEN="+token))
}

func (v *vaulted) keep(value string) {
	v.t.Helper()
	v.must("root", http.MethodPatch, "services/shop/environments/prod/secrets", map[string]any{"set": map[string]string{"API_KEY": value}}, nil)
}

func (v *vaulted) end(id int64) {
	v.t.Helper()
	if d := v.ended(id, time.Minute); d.State != slipway.Succeeded {
		v.t.Fatalf("deployment %d of %s %s ended %s: %s", id, d.Service, d.Version, d.State, d.Message)
	}
}

// parks waits until a deployment says that it waits for secrets, and sees that
// the portal is degraded, not down, and serves those who need none.
func (v *vaulted) parks(id int64, says, plain string) {
	v.t.Helper()
	v.until(30*time.Second, "the deployment waits for secrets", func() bool {
		d := v.get(id)
		return strings.Contains(d.Message, "Waits for secrets") && strings.Contains(d.Message, says)
	})
	v.until(30*time.Second, "the portal says that it is degraded", func() bool { return strings.Contains(v.replicas[0].readiness(), `"degraded"`) })
	if status := v.replicas[0].readyz(); status != http.StatusOK {
		v.t.Errorf("without Vault /readyz says %d", status)
	}
	v.release("plain", plain)
	v.end(v.promote("plain", plain, "prod"))
	if d := v.get(id); !d.State.Active() {
		v.t.Fatalf("deployment %d did not wait: it is %s: %s", id, d.State, d.Message)
	}
}

func (v *vaulted) bakes(id int64) {
	v.t.Helper()
	v.until(30*time.Second, "the first phase bakes", func() bool {
		d := v.get(id)
		run := d.Current()
		return run != nil && run.State == slipway.Baking
	})
}

// sealed seals Vault in the first bake, so that the second phase cannot begin.
func (v *vaulted) sealed() (cases int) {
	v.keep(canaries[1])
	v.release("shop", "2")
	id := v.promote("shop", "2", "prod")
	v.bakes(id)
	ctx := context.Background()
	v.ok(v.vault.Seal(ctx))
	v.parks(id, "sealed", "1")
	v.ok(v.vault.Unseal(ctx))
	v.end(id)
	return 1
}

// revoked takes the portal's token away; a portal that is started with another
// goes on where the first one stood.
func (v *vaulted) revoked() (cases int) {
	var made struct {
		Auth struct {
			Token string `json:"client_token"`
		} `json:"auth"`
	}
	ctx := context.Background()
	v.ok(v.vault.Admin(ctx, http.MethodPost, "auth/token/create", map[string]any{"policies": []string{"root"}}, &made))
	v.replicas[0].kill()
	v.startWith(made.Auth.Token)
	v.release("shop", "3")
	id := v.promote("shop", "3", "prod")
	v.bakes(id)
	v.ok(v.vault.Admin(ctx, http.MethodPost, "auth/token/revoke", map[string]any{"token": made.Auth.Token}, nil))
	v.parks(id, "", "2")
	v.replicas[0].kill()
	v.startWith(v.vault.Root)
	v.end(id)
	return 1
}

// nowhere looks for the values in what the portal has written and answers.
func (v *vaulted) nowhere() {
	v.t.Helper()
	shown, err := v.call(v.t.Context(), v.replicas[0].url(), "root", http.MethodGet, "services/shop/environments/prod/secrets/values/API_KEY", nil, "")
	v.ok(err)
	if !bytes.Contains(shown.body, []byte(canaries[1])) {
		v.t.Errorf("who asks for the value gets %d %s", shown.status, shown.body)
	}
	texts := map[string][]byte{"/readyz": []byte(v.replicas[0].readiness())}
	for _, path := range []string{"audit?limit=100", "services/shop/deployments", "services/shop/environments/prod", "services/shop/secrets", "services/shop/environments/prod/secrets", "board", "inbox"} {
		a, err := v.call(v.t.Context(), v.replicas[0].url(), "root", http.MethodGet, path, nil, "")
		v.ok(err)
		if a.status != http.StatusOK {
			v.t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		texts[path] = a.body
	}
	for id := range int64(12) {
		for _, of := range []string{"", "/plan", "/events", "/logs"} {
			path := fmt.Sprintf("deployments/%d%s", id+1, of)
			if a, err := v.call(v.t.Context(), v.replicas[0].url(), "root", http.MethodGet, path, nil, ""); err == nil {
				texts[path] = a.body
			}
		}
	}
	v.ok(filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			texts[path], _ = os.ReadFile(path) // what goes meanwhile holds nothing
		}
		return nil
	}))
	if len(texts) < 20 {
		v.t.Errorf("only %d places were looked at", len(texts))
	}
	for where, text := range texts {
		for _, value := range canaries {
			for _, form := range []string{value, base64.StdEncoding.EncodeToString([]byte(value)), fmt.Sprintf("%x", value)} {
				if bytes.Contains(text, []byte(form)) {
					v.t.Errorf("%s holds the value", where)
				}
			}
		}
	}
}
