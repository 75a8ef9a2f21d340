package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const services = "/api/v1/services"

// panics stands for a fault of ours.
type panics struct{ slipway.Deployers }

func (panics) Names() []string { panic("a secret of the inside") }

// TestProblems shows one problem of each code as it goes out.
func TestProblems(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cases := []struct {
		name string
		call call
	}{
		{"invalid: unknown field", call{method: "POST", path: services + "/shop/deployments", role: "admin", body: map[string]any{"environment": "staging", "version": "1.2.0", "force": "s3cret"}}},
		{"invalid: missing and mistyped", call{method: "POST", path: services + "/shop/deployments", role: "admin", body: map[string]any{"environment": 7}}},
		{"invalid: no JSON", call{method: "POST", path: services + "/shop/deployments", role: "admin", body: "{", header: map[string]string{"Content-Type": "application/json"}}},
		{"invalid: no body", call{method: "POST", path: services + "/shop/deployments", role: "admin"}},
		{"invalid: by the domain", call{method: "POST", path: services + "/shop/releases", role: "admin", body: map[string]any{"version": "!", "artifacts": []any{}}}},
		{"invalid: lines of a file", call{method: "PUT", path: services + "/shop/pipeline", role: "admin", body: "apiVersion: slipway/v1\nservice: shop\nstages:\n- environment: nowhere\n  deployer: {name: magic}\n"}},
		{"invalid: query", call{method: "GET", path: services + "?limit=201&nosuch=1", role: "admin"}},
		{"unauthenticated: nothing", call{method: "GET", path: "/api/v1/me"}},
		{"unauthenticated: a wrong token", call{method: "GET", path: "/api/v1/me", header: map[string]string{"Authorization": "Bearer slp_x"}}},
		{"unauthenticated: not a bearer", call{method: "GET", path: "/api/v1/me", header: map[string]string{"Authorization": "Basic YTpi"}}},
		{"denied", call{method: "POST", path: services + "/shop/deployments", role: "viewer", body: map[string]any{"environment": "staging", "version": "1.2.0"}}},
		{"not_found: a thing", call{method: "GET", path: services + "/nosuch", role: "admin"}},
		{"invalid: lines of a calendar", call{method: "POST", path: "/api/v1/freezes/calendars/import?reason=x&zone=UTC", role: "admin", body: "BEGIN:VEVENT\nSUMMARY:Moving\nEND:VEVENT\n"}},
		{"invalid: a calendar", call{method: "POST", path: "/api/v1/freezes/calendars", role: "admin", body: map[string]any{"name": "x", "rule": "DTSTART:soon", "duration": "1h", "zone": "UTC", "reason": "x"}}},
		{"unsupported_media_type: no calendar", call{method: "POST", path: "/api/v1/freezes/calendars/import?reason=x", role: "admin", body: "x"}},
		{"not_found: an address", call{method: "GET", path: "/api/v1/nowhere", role: "admin"}},
		{"conflict", call{method: "POST", path: "/api/v1/deployments/4/approve", role: "approver", body: map[string]any{"plan": "sha256:0"}}},
		{"blocked", call{method: "POST", path: services + "/shop/deployments", role: "admin", body: map[string]any{"environment": "prod", "version": "1.2.0"}}},
		{"unavailable", call{method: "POST", path: services + "/shop/deployments", role: "admin", body: map[string]any{"environment": "wild", "version": "1.2.0"}}},
		{"method_not_allowed", call{method: "PATCH", path: services, role: "admin"}},
		{"too_large: a command", call{method: "POST", path: "/api/v1/freezes", role: "admin", body: map[string]any{"reason": strings.Repeat("x", 70<<10)}}},
		{"too_large: a release", call{method: "POST", path: services + "/shop/releases", role: "admin", body: map[string]any{"notes": strings.Repeat("x", 2<<20)}}},
		{"too_large: a file", call{method: "PUT", path: services + "/shop/pipeline", role: "admin", body: strings.Repeat("#", 300<<10)}},
		{"precondition_failed", call{method: "PUT", path: services + "/shop", role: "admin", body: map[string]any{"team": "web"}, header: map[string]string{"If-Match": `"99"`}}},
		{"unsupported_media_type: JSON wanted", call{method: "POST", path: "/api/v1/freezes", role: "admin", body: "a: b"}},
		{"unsupported_media_type: a file wanted", call{method: "PUT", path: services + "/shop/pipeline", role: "admin", body: "a: b", header: map[string]string{"Content-Type": "image/png"}}},
		{"conflict: a key used for something else", call{method: "POST", path: "/api/v1/freezes", role: "admin", header: map[string]string{"Idempotency-Key": "k"},
			body: map[string]any{"environment": "prod", "reason": "b", "until": "2027-01-01T00:00:00Z"}}},
	}
	r.want(http.StatusCreated, call{method: "POST", path: "/api/v1/freezes", role: "admin", header: map[string]string{"Idempotency-Key": "k"},
		body: map[string]any{"environment": "slow", "reason": "a", "until": "2027-01-01T00:00:00Z"}})
	var out strings.Builder
	for _, c := range cases {
		writeProblem(t, &out, c.name, r.send(c.call))
	}
	r.Deployers = panics{r.Deployers}
	internal := r.send(call{method: "GET", path: "/api/v1/deployers", role: "admin"})
	if strings.Contains(internal.body, "inside") {
		t.Errorf("the text of a fault of ours went out: %s", internal.body)
	}
	writeProblem(t, &out, "internal", internal)
	limited := newRig(t, func(c *server.Config) { c.Limit = server.RateLimit{PerSecond: 1e-9, Burst: 1} })
	limited.send(call{method: "GET", path: "/api/v1/me"})
	writeProblem(t, &out, "rate_limited", limited.send(call{method: "GET", path: "/api/v1/me"}))
	golden(t, "problems.golden", out.String())
}

func writeProblem(t *testing.T, out *strings.Builder, name string, a answered) {
	t.Helper()
	var body map[string]any
	a.decode(t, &body)
	if id := fmt.Sprint(body["requestId"]); id == "" || id != a.header.Get("X-Request-Id") {
		t.Errorf("%s: request id %q, and %q in the header", name, id, a.header.Get("X-Request-Id"))
	}
	if kind := a.header.Get("Content-Type"); kind != "application/problem+json" || int(body["status"].(float64)) != a.status {
		t.Errorf("%s: %s with status %d, and %v in the body", name, kind, a.status, body["status"])
	}
	if (a.status == http.StatusUnauthorized) != (a.header.Get("WWW-Authenticate") != "") {
		t.Errorf("%s: WWW-Authenticate %q", name, a.header.Get("WWW-Authenticate"))
	}
	if strings.Contains(a.body, "s3cret") {
		t.Errorf("%s repeats what was sent: %s", name, a.body)
	}
	body["requestId"] = "R"
	encoded, err := json.MarshalIndent(body, "", "  ")
	ok(t, err)
	fmt.Fprintf(out, "# %s\n%s\n", name, encoded)
}

// TestOnce: the same key with the same content has one effect, and the same
// answer.
func TestOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := map[string]string{"Idempotency-Key": "once"}
	promote := call{method: "POST", path: services + "/shop/deployments", role: "developer", header: key, body: map[string]any{"environment": "staging", "version": "1.2.0"}}
	first, second := r.want(http.StatusAccepted, promote), r.want(http.StatusAccepted, promote)
	var a, b struct{ ID int64 }
	first.decode(t, &a)
	second.decode(t, &b)
	if a.ID == 0 || a.ID != b.ID || first.header.Get("Location") != fmt.Sprintf("/api/v1/deployments/%d", a.ID) {
		t.Errorf("deployments %d and %d, %s", a.ID, b.ID, first.header.Get("Location"))
	}
	promote.body = map[string]any{"environment": "other", "version": "1.2.0"}
	r.want(http.StatusConflict, promote)
	promote.role = "maintainer" // somebody else's key is another key
	r.want(http.StatusAccepted, promote)
	var all struct{ Items []struct{ ID int64 } }
	r.want(http.StatusOK, call{method: "GET", path: services + "/shop/deployments", role: "viewer"}).decode(t, &all)
	if len(all.Items) != 8 {
		t.Errorf("%d deployments, not 8", len(all.Items))
	}

	release := call{method: "POST", path: services + "/shop/releases", role: "developer", body: map[string]any{"version": "9.0.0",
		"artifacts": []any{map[string]any{"name": "image", "reference": "r", "digest": "sha256:" + strings.Repeat("c", 64)}}}}
	r.want(http.StatusCreated, release)
	r.want(http.StatusOK, release) // the same content again, without any key
	release.body.(map[string]any)["notes"] = "other"
	r.want(http.StatusConflict, release)
}

// TestETags: a change is made to what was read, or not at all.
func TestETags(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	shop := call{method: "GET", path: services + "/shop", role: "maintainer"}
	tag := r.want(http.StatusOK, shop).header.Get("ETag")
	shop.header = map[string]string{"If-None-Match": tag}
	if a := r.want(http.StatusNotModified, shop); a.body != "" {
		t.Errorf("304 with %q", a.body)
	}
	put := call{method: "PUT", path: services + "/shop", role: "maintainer", header: map[string]string{"If-Match": tag}, body: map[string]any{"team": "web", "title": "Shop"}}
	changed := r.want(http.StatusOK, put)
	if changed.header.Get("ETag") == tag {
		t.Error("the ETag stays the same over a change")
	}
	r.want(http.StatusPreconditionFailed, put)
	put.header = map[string]string{"If-None-Match": "*"}
	r.want(http.StatusPreconditionFailed, put)
	put.path = services + "/cart"
	r.want(http.StatusCreated, put)
	put.path, put.header = services+"/new", map[string]string{"If-Match": "*"}
	r.want(http.StatusPreconditionFailed, put)

	pipeline := call{method: "GET", path: services + "/shop/pipeline", role: "maintainer"}
	if tag = r.want(http.StatusOK, pipeline).header.Get("ETag"); tag != `"1"` {
		t.Fatalf("revision %s", tag)
	}
	apply := call{method: "PUT", path: services + "/shop/pipeline?dryRun=true", role: "maintainer", header: map[string]string{"If-Match": tag}, body: shopFile}
	var applied struct {
		Changed, DryRun bool
		Diff            string
		After           struct{ Revision int }
	}
	r.want(http.StatusOK, apply).decode(t, &applied)
	if !applied.Changed || !applied.DryRun || !strings.Contains(applied.Diff, "-- environment: prod") {
		t.Errorf("dry run: %+v", applied)
	}
	apply.path = services + "/shop/pipeline"
	if a := r.want(http.StatusOK, apply); a.header.Get("ETag") != `"2"` {
		t.Errorf("applied as %s: %s", a.header.Get("ETag"), a.body)
	}
	r.want(http.StatusPreconditionFailed, apply)
	apply.header = map[string]string{"Content-Type": "application/json"}
	apply.body = `{"apiVersion":"slipway/v1","service":"shop","stages":[{"environment":"staging","deployer":{"name":"fake"}}]}`
	r.want(http.StatusOK, apply).decode(t, &applied)
	if applied.Changed || applied.After.Revision != 2 {
		t.Errorf("the same as JSON: %+v", applied)
	}
}

// TestPages walks lists with small pages and finds each item once.
func TestPages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	must(r.PromoteSet(t.Context(), actor("admin"), app.PromoteSet{Name: "two", Environment: "staging", Items: []app.SetItem{{Service: "shop", Version: "1.2.0"}}}))(t)
	for path, want := range map[string]int{services + "/shop/releases": 3, services + "/shop/deployments": 6, services: 2, "/api/v1/sets": 2, "/api/v1/audit": -1} {
		seen, pages := map[string]bool{}, 0
		for cursor := ""; ; pages++ {
			var page struct {
				Items []json.RawMessage
				Next  string
			}
			r.want(http.StatusOK, call{method: "GET", path: path + "?limit=1&cursor=" + cursor, role: "admin"}).decode(t, &page)
			for _, item := range page.Items {
				if seen[string(item)] {
					t.Fatalf("%s gives twice: %s", path, item)
				}
				seen[string(item)] = true
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if (want >= 0 && len(seen) != want) || len(seen) < 2 || pages < len(seen)-1 {
			t.Errorf("%s: %d items in %d pages", path, len(seen), pages)
		}
	}
	a := r.want(http.StatusUnprocessableEntity, call{method: "GET", path: services + "?cursor=nonsense", role: "admin"})
	if !strings.Contains(a.body, `"field":"cursor"`) {
		t.Error(a.body)
	}
	export := r.want(http.StatusOK, call{method: "GET", path: "/api/v1/audit", role: "viewer", header: map[string]string{"Accept": "application/x-ndjson"}})
	lines := strings.Split(strings.TrimSpace(export.body), "\n")
	for _, line := range lines {
		var e struct{ Resource struct{ Team string } }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Resource.Team != "web" {
			t.Fatalf("%v in %s", err, line)
		}
	}
	if len(lines) < 10 || export.header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%d lines of %s", len(lines), export.header.Get("Content-Type"))
	}
	logs := r.want(http.StatusOK, call{method: "GET", path: "/api/v1/deployments/1/logs", role: "viewer", header: map[string]string{"Accept": "text/plain"}})
	if !strings.HasSuffix(logs.body, "shop-1 hello\n") || !strings.HasPrefix(logs.header.Get("Content-Type"), "text/plain") {
		t.Errorf("%s: %s", logs.header.Get("Content-Type"), logs.body)
	}
}

// TestForeignersSeeNothing looks into the lists that are narrowed, not refused.
func TestForeignersSeeNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, path := range []string{services, "/api/v1/board", "/api/v1/inbox", "/api/v1/audit", "/api/v1/sets", services + "?team=web", "/api/v1/audit?service=shop"} {
		if a := r.want(http.StatusOK, call{method: "GET", path: path, role: "foreign"}); strings.Contains(a.body, "shop") {
			t.Errorf("%s shows what belongs to another team: %s", path, a.body)
		}
		if a := r.want(http.StatusOK, call{method: "GET", path: path, role: "approver"}); path != services+"?team=ops" && !strings.Contains(a.body, "shop") {
			t.Errorf("%s shows nothing to its own team: %s", path, a.body)
		}
	}
}
