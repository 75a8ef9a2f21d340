package vault_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/secrets/vault"
	"github.com/slipway-dev/slipway/internal/secrets/vault/vaulttest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// house is a Vault that trusts Slipway's word for people, with a clock to move.
type house struct {
	*testing.T
	server *vaulttest.Server
	store  *vault.Store
	people *vault.People
	passed atomic.Int64
	said   atomic.Int64 // how often somebody was vouched for
}

func newHouse(t *testing.T, change func(*vault.PeopleConfig)) *house {
	t.Helper()
	h := &house{T: t, server: vaulttest.Start(t)}
	voucher, err := identity.NewVoucher("https://slipway.example.com", "vault", time.Now, []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := voucher.Keys()
	if err != nil {
		t.Fatal(err)
	}
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keys) }))
	t.Cleanup(published.Close)
	h.server.TrustPeople(t, published.URL, "https://slipway.example.com", vault.PeoplePolicy("secret", ""))
	h.store = open(t, h.server, roleWithPolicy(t, h.server, nil), func(c *vault.Config) {
		c.Clock = func() time.Time { return time.Now().Add(time.Duration(h.passed.Load())) }
	})
	c := vault.PeopleConfig{Vouch: func(p slipway.SecretPerson) (string, error) { h.said.Add(1); return voucher.Vouch(p) }}
	change(&c)
	if h.people, err = vault.NewPeople(h.store, c); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) as(id string, groups ...string) slipway.SecretStore {
	h.Helper()
	s, err := h.people.For(slipway.SecretPerson{ID: id, Name: strings.ToUpper(id), Groups: groups})
	if err != nil {
		h.Fatal(err)
	}
	return s
}

func (h *house) reads(id string, groups ...string) {
	h.Helper()
	if _, err := h.as(id, groups...).Read(h.Context(), path, 0); err != nil {
		h.Errorf("%s: %v", id, err)
	}
}

// tokens counts the living tokens of people, by what Vault knows of them.
func (h *house) tokens() map[string]int {
	h.Helper()
	var list struct{ Data struct{ Keys []string } }
	admin(h.T, h.server, "LIST", "auth/token/accessors", nil, &list)
	out := map[string]int{}
	for _, accessor := range list.Data.Keys {
		var is struct {
			Data struct {
				Path string            `json:"path"`
				Meta map[string]string `json:"meta"`
				TTL  int               `json:"ttl"`
			}
		}
		// One that was revoked a moment ago is still on the list.
		if err := h.server.Admin(h.Context(), http.MethodPost, "auth/token/lookup-accessor", map[string]any{"accessor": accessor}, &is); err != nil || is.Data.Path != "auth/slipway/login" {
			continue
		}
		if is.Data.TTL > 300 {
			h.Errorf("a token of %v lives for %d s", is.Data.Meta, is.Data.TTL)
		}
		out[is.Data.Meta["name"]]++
	}
	return out
}

// has waits for the tokens to be these: some are revoked without anybody waiting.
func (h *house) has(what string, want map[string]int) {
	h.Helper()
	end := time.Now().Add(30 * time.Second)
	for !maps.Equal(h.tokens(), want) {
		if time.Now().After(end) {
			h.Fatalf("%s there are tokens of %v, want %v", what, h.tokens(), want)
		}
	}
}

// Each person has one token: kept while it is used, another for other groups, and
// revoked when they sign out, are idle, are too many, or all is over.
func TestTokensOfPeople(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *vault.PeopleConfig) { c.Most = 3 })
	set(t, h.as("ana"), 0, "v")
	for range 3 {
		h.reads("ana")
	}
	if h.said.Load() != 1 {
		t.Errorf("vouched for %d times", h.said.Load())
	}
	h.has("after one came in", map[string]int{"ANA": 1})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { h.reads("ben", "sre") })
	}
	wg.Wait()
	h.has("after another came by many ways at once", map[string]int{"ANA": 1, "BEN": 1})
	h.reads("ben", "sre", "leads")
	h.has("after Ben's groups changed", map[string]int{"ANA": 1, "BEN": 1})

	h.passed.Store(int64(3 * time.Minute)) // more than half of a life: another one, and not two
	h.reads("ana")
	h.has("after half of its life", map[string]int{"ANA": 1, "BEN": 1})
	h.reads("cy")
	h.reads("di")
	h.has("with one more than there is room for", map[string]int{"ANA": 1, "CY": 1, "DI": 1})
	h.people.Forget(t.Context(), "cy")
	h.has("after Cy has signed out", map[string]int{"ANA": 1, "DI": 1})
	h.reads("cy")

	h.passed.Store(int64(9 * time.Minute))
	h.as("di")
	h.people.Sweep(t.Context())
	h.has("after the others were idle", map[string]int{"DI": 1})
	late := h.as("di")
	h.people.Close(t.Context())
	h.has("in the end", map[string]int{})
	if _, err := late.Read(t.Context(), path, 0); err != nil {
		t.Errorf("a call that was under way: %v", err)
	}
	h.has("after a call that came late", map[string]int{})
}

// Vault's own log tells people apart, and Slipway from all of them.
func TestVaultsAuditNamesPeople(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(*vault.PeopleConfig) {})
	audited := h.server.Audit(t)
	set(t, h.as("ana", "sre"), 0, "v")
	h.reads("ben")
	if _, err := h.store.Read(t.Context(), path, 0); err != nil {
		t.Fatal(err)
	}
	var said []string
	entities := map[string]bool{}
	for _, line := range audited() {
		if strings.HasPrefix(line.Request.Path, "secret/") {
			said = append(said, fmt.Sprint(line.Who(), " ", line.Request.Operation, " ", line.Request.Path))
			entities[line.Auth.EntityID] = true
		}
	}
	want := []string{"ANA create secret/data/" + path, "BEN read secret/data/" + path, "approle read secret/data/" + path}
	if !slices.Equal(said, want) || len(entities) != 3 || entities[""] {
		t.Errorf("Vault's log says\n%s\nwant\n%s\nof %v", strings.Join(said, "\n"), strings.Join(want, "\n"), entities)
	}
}

// What Vault does not let a person do is told as such, and is not the fault of
// Slipway's own access, which goes on.
func TestVaultRefusesAPerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(*vault.PeopleConfig) {})
	set(t, h.store, 0, "v")
	admin(t, h.server, http.MethodPut, "sys/policies/acl/slipway-people", map[string]any{"policy": `path "secret/metadata/+/+/+" { capabilities = ["read"] }`}, nil)
	ana := h.as("ana")
	if _, err := ana.History(t.Context(), path); err != nil {
		t.Errorf("what she may: %v", err)
	}
	refused := map[string]func() error{
		"read": func() error { _, err := ana.Read(t.Context(), path, 0); return err },
		"keys": func() error { _, err := ana.Keys(t.Context(), path, 0); return err },
		"write": func() error {
			_, err := ana.Put(t.Context(), path, map[string]slipway.Secret{"A": slipway.NewSecret("w")}, 1)
			return err
		},
		"destroy": func() error { return ana.Destroy(t.Context(), path, []int{1}) },
	}
	for what, do := range refused {
		const want = "Vault's own policies do not let ANA do this at secret/" + path + ". No secret was read or changed. Who runs Vault can give ANA, or one of their groups, a policy for that path (slipway vault policy --people). Slipway's own access does not count here."
		if err := do(); err == nil || err.Error() != want || slipway.CodeOf(err) != slipway.CodeDenied || slipway.SecretFaultOf(err) != slipway.SecretDenied {
			t.Errorf("%s: %v\nwant %s", what, err, want)
		}
	}
	if fault := faultOf(t.Context(), h.store); fault != "" {
		t.Errorf("Slipway itself is %s", fault)
	}
	admin(t, h.server, http.MethodPost, "auth/slipway/role/slipway-people", map[string]any{"role_type": "jwt", "user_claim": "sub", "bound_audiences": "somebody else"}, nil)
	_, err := h.as("ben").Read(t.Context(), path, 0)
	if err == nil || !strings.HasPrefix(err.Error(), "Vault does not let BEN in. No secret was read or changed.") {
		t.Errorf("at the door: %v", err)
	}
	if text, _ := json.Marshal(fmt.Sprintf("%+v", err)); strings.Contains(string(text), "eyJ") {
		t.Errorf("what was said of Ben is in the error: %s", text)
	}
	if err := h.server.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := ana.Read(t.Context(), path, 0); slipway.SecretFaultOf(err) != slipway.SecretSealed || slipway.CodeOf(err) != slipway.CodeUnavailable {
		t.Errorf("while it is sealed: %v", err)
	}
}
