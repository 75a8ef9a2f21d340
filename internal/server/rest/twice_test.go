package rest_test

import (
	"net/http"
	"testing"
)

// TestEveryPostTakesAKey sends each POST twice with the same key: the second
// answer is the first, and nothing happens twice.
func TestEveryPostTakesAKey(t *testing.T) {
	t.Parallel()
	for _, op := range operations(t) {
		switch {
		case op.method != http.MethodPost, op.id == "create-token", op.id == "resume-deployment":
			continue // the one cannot be answered twice, the other has nothing paused here
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

func TestANameMayBeEscaped(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.want(http.StatusOK, call{method: "GET", path: services + "/shop/releases/1%2E0.0", role: "viewer"})
	r.want(http.StatusNotFound, call{method: "GET", path: services + "/shop/releases/..%2F..%2Fvault", role: "viewer"})
}
