package rest_test

import (
	"net/http"
	"strings"
	"testing"
)

const stageSecrets = services + "/shop/environments/staging/secrets"

// TestSecrets goes through it once as a script would, and looks at every answer
// for the value.
func TestSecrets(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const canary = "canary-2b9e"
	send := func(status int, method, path, role string, body any) answered {
		t.Helper()
		a := r.want(status, call{method: method, path: path, role: role, body: body})
		if strings.Contains(a.body, canary) != strings.Contains(path, "/values/") || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %q %s", method, path, a.header.Get("Cache-Control"), a.body)
		}
		return a
	}
	set := func(key string) map[string]any { return map[string]any{"set": map[string]any{key: canary}, "over": 4} }
	if a := send(http.StatusOK, "PATCH", stageSecrets+"?dryRun=true", "developer", set("KEY")); !strings.Contains(a.body, `"replace":["KEY"]`) {
		t.Errorf("dry run: %s", a.body)
	}
	send(http.StatusOK, "PATCH", stageSecrets, "developer", set("KEY"))
	if a := send(http.StatusConflict, "PATCH", stageSecrets, "maintainer", set("OTHER")); !strings.Contains(a.body, "Developer changed KEY of shop in staging") {
		t.Errorf("who was quicker: %s", a.body)
	}
	send(http.StatusForbidden, "PATCH", stageSecrets, "viewer", set("KEY"))
	send(http.StatusNotFound, "PATCH", stageSecrets, "foreign", set("KEY"))
	send(http.StatusUnprocessableEntity, "PATCH", stageSecrets, "developer", map[string]any{"set": map[string]any{canary + "!": canary}})
	send(http.StatusUnprocessableEntity, "PATCH", stageSecrets, "developer", map[string]any{"set": map[string]any{"K": []string{canary}}})
	if a := send(http.StatusOK, "GET", services+"/shop/secrets", "viewer", nil); !strings.Contains(a.body, `"whyNot":"`) || strings.Contains(a.body, "KEY") {
		t.Errorf("a viewer lists: %s", a.body)
	}
	send(http.StatusOK, "GET", services+"/shop/secrets", "maintainer", nil)
	send(http.StatusOK, "GET", stageSecrets+"/values/KEY", "maintainer", nil)
	r.want(http.StatusForbidden, call{method: "GET", path: stageSecrets + "/values/KEY", role: "developer"})
	r.want(http.StatusNotFound, call{method: "GET", path: stageSecrets + "/values/NONE", role: "maintainer"})
	if a := send(http.StatusOK, "POST", stageSecrets+"/restrict", "developer", map[string]any{"keys": []string{"KEY"}}); !strings.Contains(a.body, `"keys":["KEY"]`) {
		t.Errorf("restricted: %s", a.body)
	}
	if a := r.want(http.StatusForbidden, call{method: "GET", path: stageSecrets + "/values/KEY", role: "admin"}); !strings.Contains(a.body, "KEY of shop in staging is restricted") || strings.Contains(a.body, canary) {
		t.Errorf("a restricted key: %s", a.body)
	}
	if a := send(http.StatusOK, "GET", stageSecrets, "maintainer", nil); !strings.Contains(a.body, `"name":"KEY","set":true,"needed":true,"restricted":true`) {
		t.Errorf("listed: %s", a.body)
	}
	lift := map[string]any{"set": map[string]any{"KEY": canary}, "restricted": false}
	send(http.StatusForbidden, "PATCH", stageSecrets, "developer", lift)
	send(http.StatusOK, "PATCH", stageSecrets, "maintainer", lift)
	send(http.StatusOK, "GET", stageSecrets+"/values/KEY", "maintainer", nil)
	r.Secret = nil
	send(http.StatusServiceUnavailable, "GET", services+"/shop/secrets", "admin", nil)
}
