package policy_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// matrix is what people review: who may do what, and how far each scope
// reaches. A change to it is a change to the rules.
func matrix() string {
	var out strings.Builder
	out.WriteString("# Roles and permissions, within the scope of the binding\n")
	row := func(first string, cells []string) {
		fmt.Fprintf(&out, "%-22s", first)
		for _, c := range cells {
			fmt.Fprintf(&out, " %-12s", c)
		}
		out.WriteString("\n")
	}
	var roles []string
	for _, r := range slipway.Roles() {
		roles = append(roles, string(r))
	}
	row("", append(roles, "(system)"))
	for _, p := range slipway.Permissions() {
		var cells []string
		for _, r := range slipway.Roles() {
			bindings := []slipway.Binding{bind(slipway.SubjectUser, "ana", r, slipway.ScopeOrganisation, "")}
			cells = append(cells, yes(decide(ana(), bindings, p, billing())))
		}
		row(string(p), append(cells, yes(decide(slipway.System("automation"), nil, p, billing()))))
	}

	out.WriteString("\n# Scopes and resources, for a role that includes what is asked\n")
	scopes := []slipway.Scope{
		{Kind: slipway.ScopeOrganisation}, {Kind: slipway.ScopeTeam, Name: "payments"},
		{Kind: slipway.ScopeService, Name: "billing-api"}, {Kind: slipway.ScopeEnvironment, Name: "production"},
	}
	var heads []string
	for _, s := range scopes {
		heads = append(heads, string(s.Kind))
	}
	row("", heads)
	for _, r := range resources() {
		var cells []string
		for _, s := range scopes {
			bindings := []slipway.Binding{bind(slipway.SubjectUser, "ana", slipway.RoleAdmin, s.Kind, s.Name)}
			cells = append(cells, yes(decide(ana(), bindings, slipway.ServiceRead, r.resource)))
		}
		row(r.name, cells)
	}
	return strings.ReplaceAll(trimLines(out.String()), "\n\n\n", "\n\n")
}

func resources() []struct {
	name     string
	resource slipway.Resource
} {
	return []struct {
		name     string
		resource slipway.Resource
	}{
		{"the organisation", slipway.Resource{}},
		{"the team", slipway.Resource{Team: "payments"}},
		{"another team", slipway.Resource{Team: "growth"}},
		{"the service", slipway.Resource{Team: "payments", Service: "billing-api"}},
		{"  in production", slipway.Resource{Team: "payments", Service: "billing-api", Environment: "production"}},
		{"  in staging", slipway.Resource{Team: "payments", Service: "billing-api", Environment: "staging"}},
		{"a sibling", slipway.Resource{Team: "payments", Service: "ledger"}},
		{"a stranger", slipway.Resource{Team: "growth", Service: "mail"}},
		{"  in production", slipway.Resource{Team: "growth", Service: "mail", Environment: "production"}},
		{"  in staging", slipway.Resource{Team: "growth", Service: "mail", Environment: "staging"}},
		{"production", slipway.Resource{Environment: "production"}},
		{"staging", slipway.Resource{Environment: "staging"}},
	}
}

func decide(a slipway.Actor, b []slipway.Binding, p slipway.Permission, r slipway.Resource) bool {
	return policy.Decide(policy.Input{Actor: a, Bindings: b, Permission: p, Resource: r}).Allowed
}

func yes(allowed bool) string {
	if allowed {
		return "yes"
	}
	return "-"
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "matrix.golden")
	got := matrix()
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the rules changed; review and regenerate with -update:\n%s", got)
	}
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files anew")
	flag.Parse()
	os.Exit(m.Run())
}
