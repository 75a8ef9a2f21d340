package vaulttest

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TrustPeople has the server take Slipway's word for who people are, the way that
// docs/secrets.md says: the keys are fetched from an address, and whoever comes in
// has the policy.
func (s *Server) TrustPeople(t testing.TB, keys, issuer, policy string) {
	t.Helper()
	for _, step := range []struct {
		path string
		body map[string]any
	}{
		{"sys/policies/acl/slipway-people", map[string]any{"policy": policy}},
		{"sys/auth/slipway", map[string]any{"type": "jwt"}},
		{"auth/slipway/config", map[string]any{"jwks_url": keys, "bound_issuer": issuer, "jwt_supported_algs": "EdDSA"}},
		{"auth/slipway/role/slipway-people", map[string]any{"role_type": "jwt", "user_claim": "sub", "groups_claim": "groups", "claim_mappings": "name=name",
			"bound_audiences": "vault", "token_policies": "slipway-people", "token_ttl": "5m", "token_max_ttl": "5m"}},
	} {
		if err := s.Admin(t.Context(), http.MethodPost, step.path, step.body, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// Audited is one line of the server's own audit log: a request, as it was answered.
type Audited struct {
	Type string `json:"type"`
	Auth struct {
		DisplayName string            `json:"display_name"`
		EntityID    string            `json:"entity_id"`
		Metadata    map[string]string `json:"metadata"`
		Policies    []string          `json:"policies"`
	} `json:"auth"`
	Request struct {
		Operation string `json:"operation"`
		Path      string `json:"path"`
	} `json:"request"`
	Error string `json:"error"`
}

// Who is the name that the log has for who asked: a person's, or what the way to
// sign in calls itself.
func (a Audited) Who() string {
	if name := a.Auth.Metadata["name"]; name != "" {
		return name
	}
	return a.Auth.DisplayName
}

// Audit turns the audit log on. What it returns reads the answers since then.
func (s *Server) Audit(t testing.TB) func() []Audited {
	t.Helper()
	file := filepath.Join(t.TempDir(), "audit.log")
	if err := s.Admin(t.Context(), http.MethodPut, "sys/audit/file", map[string]any{"type": "file", "options": map[string]string{"file_path": file}}, nil); err != nil {
		t.Fatal(err)
	}
	return func() (lines []Audited) {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		scanner := bufio.NewScanner(strings.NewReader(string(text)))
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			var line Audited
			if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			if line.Type == "response" {
				lines = append(lines, line)
			}
		}
		return lines
	}
}
