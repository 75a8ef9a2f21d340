package rest_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestEveryCommandTakesAKey sends each POST and DELETE twice with the same key: the second
// answer is the first, and nothing happens twice.
func TestEveryCommandTakesAKey(t *testing.T) {
	t.Parallel()
	for _, op := range operations(t) {
		switch {
		case op.method != http.MethodPost && op.method != http.MethodDelete, op.id == "create-token", op.id == "add-notification-route", op.id == "resume-deployment":
			continue // the first two cannot be answered twice, the last has nothing paused here
		}
		t.Run(op.id, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c := requestOf(r, op, bodies(r)[op.id], "admin")
			c.header = map[string]string{"Idempotency-Key": "twice"}
			first, second := r.send(c), r.send(c)
			if first.status >= http.StatusMultipleChoices || second.status >= http.StatusMultipleChoices {
				t.Fatalf("%d %s\n%d %s", first.status, first.body, second.status, second.body)
			}
			if first.body != second.body && op.id != "apply-file" && op.id != "import-services" { // those tell what they found
				t.Errorf("two answers:\n%s\n%s", first.body, second.body)
			}
		})
	}
}

// TestATokenIsShownOnce: the secret cannot be told twice, so the second request
// is a conflict and makes nothing.
func TestATokenIsShownOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := call{method: http.MethodPost, path: "/api/v1/tokens", role: "admin", body: map[string]any{"name": "ci"}, header: map[string]string{"Idempotency-Key": "once"}}
	r.want(http.StatusCreated, c)
	before := r.want(http.StatusOK, call{method: http.MethodGet, path: "/api/v1/tokens", role: "admin"}).body
	r.want(http.StatusConflict, c)
	if after := r.want(http.StatusOK, call{method: http.MethodGet, path: "/api/v1/tokens", role: "admin"}).body; after != before {
		t.Errorf("the second request made a token:\n%s\n%s", before, after)
	}
}

// TestAWebhooksSecretIsShownOnce: neither a second answer nor a list tells it.
func TestAWebhooksSecretIsShownOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := call{method: http.MethodPost, path: "/api/v1/notification-routes", role: "admin", header: map[string]string{"Idempotency-Key": "once"},
		body: map[string]any{"name": "Hook", "channel": "webhook", "address": "https://hooks.example.com/x?key=hidden"}}
	var made struct{ Secret string }
	first := r.want(http.StatusCreated, c)
	first.decode(t, &made)
	if len(made.Secret) < 40 || strings.Contains(first.body, "hidden") {
		t.Errorf("the answer is %s", first.body)
	}
	r.want(http.StatusConflict, c)
	list := r.want(http.StatusOK, call{method: http.MethodGet, path: "/api/v1/notification-routes", role: "admin"}).body
	if strings.Contains(list, made.Secret) || strings.Contains(list, "hidden") || strings.Count(list, `"name":"Hook"`) != 1 {
		t.Errorf("the list is %s", list)
	}
}

func TestANameMayBeEscaped(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.want(http.StatusOK, call{method: "GET", path: services + "/shop/releases/1%2E0.0", role: "viewer"})
	r.want(http.StatusNotFound, call{method: "GET", path: services + "/shop/releases/..%2F..%2Fvault", role: "viewer"})
}
