package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/server/rest"
)

// listed is an operation of the document.
type listed struct{ id, method, path, permission string }

func operations(t *testing.T) []listed {
	t.Helper()
	document, err := rest.OpenAPI()
	ok(t, err)
	var d struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Permission  string `json:"x-slipway-permission"`
		}
	}
	ok(t, json.Unmarshal(document, &d))
	var out []listed
	for path, methods := range d.Paths {
		for method, op := range methods {
			out = append(out, listed{op.OperationID, strings.ToUpper(method), path, op.Permission})
		}
	}
	slices.SortFunc(out, func(a, b listed) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return out
}

const shopFile = "apiVersion: slipway/v1\nservice: shop\nstages:\n- environment: staging\n  deployer: {name: fake}\n"

const catalogFile = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: cart}\nspec: {type: service, lifecycle: production, owner: web}\n"

// bodies are what operations need to be sent, besides the path.
func bodies(r *rig) map[string]any {
	var plan struct{ Plan string }
	r.want(http.StatusOK, call{method: "GET", path: "/api/v1/deployments/4", role: "admin"}).decode(r.t, &plan)
	var change struct{ Digest string }
	r.want(http.StatusOK, call{method: "GET", path: "/api/v1/secret-changes/1", role: "admin"}).decode(r.t, &change)
	return map[string]any{
		"approve-secret-change": map[string]any{"digest": change.Digest}, "reject-secret-change": map[string]any{"reason": "not now"},
		"put-team": map[string]any{"title": "Web"}, "put-service": map[string]any{"team": "web", "title": "Shop"},
		"put-pipeline": shopFile, "apply-file": shopFile, "import-services": catalogFile,
		"create-release": map[string]any{"version": "3.0.0", "artifacts": []any{map[string]any{"name": "image", "reference": "reg/app:3", "digest": "sha256:" + strings.Repeat("b", 64)}}},
		"block-release":  map[string]any{"reason": "leaks"}, "promote": map[string]any{"environment": "staging", "version": "1.2.0"},
		"approve": map[string]any{"plan": plan.Plan}, "reject": map[string]any{"reason": "not now"},
		"promote-set": map[string]any{"name": "Checkout 7", "environment": "staging", "items": []any{map[string]any{"service": "shop", "version": "1.2.0"}}},
		"rollback":    map[string]any{"reason": "broken"}, "put-environment": map[string]any{"rank": 1, "tier": "staging"},
		"put-lock": map[string]any{"reason": "cutover"}, "post-lock": map[string]any{"reason": "cutover"},
		"add-freeze":   map[string]any{"environment": "staging", "reason": "holidays", "until": "2027-01-01T00:00:00Z"},
		"add-binding":  map[string]any{"subject": map[string]any{"kind": "group", "name": "new"}, "role": "viewer", "scope": map[string]any{"kind": "team", "name": "web"}},
		"create-token": map[string]any{"name": "new"},
		"add-trust-rule": map[string]any{"name": "releases", "kind": "github", "issuer": "https://token.actions.githubusercontent.com", "audience": "https://slipway.example.com", "service": "shop",
			"claims": map[string]any{"repository_id": "74", "repository_owner_id": "65"}, "permissions": []any{"release.create"}},
		"add-calendar":     map[string]any{"name": "Weekends", "reason": "rest", "rule": "DTSTART:20260102T170000\nRRULE:FREQ=WEEKLY", "duration": "63h", "zone": "UTC"},
		"import-calendars": "BEGIN:VEVENT\nDTSTART:20260601T000000Z\nDURATION:P1D\nEND:VEVENT\n",
		"bypass-gate":      map[string]any{"gate": "approval", "reason": "it burns"}, "stop-the-line": map[string]any{"reason": "fire"},
		"change-secrets": map[string]any{"set": map[string]any{"KEY": "s3cret"}}, "rollback-secrets": map[string]any{"version": 1},
		"delete-secret-versions": map[string]any{"versions": []int{1}}, "undelete-secret-versions": map[string]any{"versions": []int{1}},
		"destroy-secret-versions": map[string]any{"versions": []int{1}}, "restrict-secrets": map[string]any{"keys": []string{"KEY"}},
		"put-my-notifications":   map[string]any{"approvals": true, "urgent": true, "channel": "email", "teams": []string{}, "services": []string{}, "kinds": []string{"deployment.failed"}},
		"add-notification-route": map[string]any{"name": "Shop", "service": "shop", "channel": "webhook", "address": "https://hooks.example.com/x"},
	}
}

// requestOf makes the request of an operation on what the rig has.
func requestOf(r *rig, op listed, body any, role string) call {
	ids := map[string]string{"pause-deployment": "5", "resume-deployment": "5", "cancel-deployment": "5", "retry-deployment": "6", "get-deployment-logs": "1",
		"get-secret-change": "1", "approve-secret-change": "1", "reject-secret-change": "1", "withdraw-secret-change": "1",
		"remove-freeze": "1", "get-set": "1", "cancel-set": "1", "roll-back-set": "1", "remove-calendar": "1", "remove-binding": "1", "remove-trust-rule": "1",
		"remove-notification-route": "1", "test-notification-route": "1", "get-delivery": "1", "redeliver": "1", "revoke-token": r.spare[role]}
	id := ids[op.id]
	if id == "" {
		id = "4"
	}
	path := strings.NewReplacer("{service}", "shop", "{environment}", "staging", "{version}", "1.2.0", "{team}", "web", "{id}", id, "{key}", "KEY").Replace(op.path)
	switch op.id {
	case "explain-access":
		path += "?permission=deployment.promote&resource=service%3Dshop,environment%3Dstaging&actor=viewer"
	case "import-calendars":
		path += "?reason=rest"
	case "find-secrets":
		path += "?key=KEY"
	case "compare-secret-versions":
		path += "?from=1&to=2"
	case "compare-secrets":
		path += "?from=staging&to=prod"
	case "get-outlook", "dry-run":
		path += "?version=1.2.0"
	}
	return call{method: op.method, path: path, role: role, body: body}
}

// TestAccess asks for every operation in every role, each change on an
// installation that nobody has changed yet, and compares with a table that was
// read by a person. An operation that is not asked for fails.
func TestAccess(t *testing.T) {
	t.Parallel()
	ops := operations(t)
	lines := make([]string, len(ops))
	t.Run("operations", func(t *testing.T) {
		for i, op := range ops {
			t.Run(op.id, func(t *testing.T) {
				t.Parallel()
				lines[i] = accessOf(t, op)
			})
		}
	})
	golden(t, "access.golden", strings.Join(lines, "\n")+"\n")
}

func accessOf(t *testing.T, op listed) string {
	line := fmt.Sprintf("%-22s %-20s", op.id, op.permission)
	r := newRig(t)
	body := bodies(r)
	if _, known := body[op.id]; !known && op.method == http.MethodPut {
		t.Errorf("nobody says what to send to %s %s", op.method, op.path)
	}
	allowed := 0
	for _, role := range roles {
		a := r.send(requestOf(r, op, body[op.id], role))
		line += fmt.Sprintf(" %s=%d", role, a.status)
		switch {
		case a.status >= 500 || a.status == http.StatusMethodNotAllowed || a.status == http.StatusUnprocessableEntity:
			t.Errorf("%s as %s: %s", op.id, role, a.body)
		case role == "anonymous" && a.status != http.StatusUnauthorized:
			t.Errorf("%s lets nobody in: %s", op.id, a.body)
		case a.status < 300:
			allowed++
			if op.method != http.MethodGet && role != "admin" {
				r = newRig(t)
			}
		}
	}
	if allowed == 0 && op.id != "resume-deployment" {
		t.Errorf("%s is allowed to nobody: %s", op.id, line)
	}
	return line
}

// TestResponsesHoldNoSecret looks at the names of everything that is answered.
func TestResponsesHoldNoSecret(t *testing.T) {
	t.Parallel()
	document, err := rest.OpenAPI()
	ok(t, err)
	var d struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]json.RawMessage
			}
		}
	}
	ok(t, json.Unmarshal(document, &d))
	fine := []string{"CreatedToken.secret", "AddedNotificationRoute.secret", "Spec.secretVersions", "Spec.secretPath", "Stage.secrets", "Stage.secretApproval", "Deployer.takesSecrets", "AuditEntry.hash", "AuditEntry.tokenId", "Me.tokenId"}
	for name, schema := range d.Components.Schemas {
		for property := range schema.Properties {
			lower := strings.ToLower(property)
			for _, word := range []string{"secret", "password", "token", "credential", "hash", "private"} {
				if strings.Contains(lower, word) && !slices.Contains(fine, name+"."+property) {
					t.Errorf("%s.%s is answered", name, property)
				}
			}
		}
	}
	for _, wire := range []any{rest.Token{}, rest.User{}, rest.Plan{}} {
		for i := range reflect.TypeOf(wire).NumField() {
			if field := reflect.TypeOf(wire).Field(i); strings.Contains(field.Type.PkgPath(), "/internal/slipway") {
				t.Errorf("%T.%s is a type of the domain", wire, field.Name)
			}
		}
	}
}

// TestTheDocumentIsCommitted fails when docs/openapi.json is not what is served.
func TestTheDocumentIsCommitted(t *testing.T) {
	t.Parallel()
	document, err := rest.OpenAPI()
	ok(t, err)
	kept, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "openapi.json"))
	ok(t, err)
	if string(kept) != string(document) {
		t.Error("docs/openapi.json is out of date: make generate")
	}
	r := newRig(t)
	if served := r.want(http.StatusOK, call{method: "GET", path: "/api/openapi.json"}); served.body != string(document) {
		t.Error("another document is served")
	}
}

// TestEveryOperationNamesItsPermission fails on one that could be added without
// a thought.
func TestEveryOperationNamesItsPermission(t *testing.T) {
	t.Parallel()
	known := map[string]string{}
	for _, route := range rest.New(rest.Config{}).Routes() {
		if !route.Access.Public && !route.Access.SignedIn && route.Access.Permission == "" {
			t.Errorf("%s %s declares no access", route.Method, route.Path)
		}
		known[route.Method+" "+route.Path] = string(route.Access.Permission)
	}
	for _, op := range operations(t) {
		path := strings.NewReplacer("{", ":", "}", "").Replace(op.path)
		permission, there := known[op.method+" "+path]
		if !there || (permission == "") != (op.permission == "signed in") {
			t.Errorf("%s %s: the document says %q, the route %q", op.method, op.path, op.permission, permission)
		}
	}
}

// golden compares with a file that a person has read.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		ok(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	ok(t, err)
	is, was := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(is), len(was)) {
		if i >= len(is) || i >= len(was) || is[i] != was[i] {
			t.Fatalf("%s is not what it was, from line %d on:\n%s\nwas\n%s", path, i+1, strings.Join(is[min(i, len(is)):min(i+3, len(is))], "\n"), strings.Join(was[min(i, len(was)):min(i+3, len(was))], "\n"))
		}
	}
}
