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

func TestANameMayBeEscaped(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.want(http.StatusOK, call{method: "GET", path: services + "/shop/releases/1%2E0.0", role: "viewer"})
	r.want(http.StatusNotFound, call{method: "GET", path: services + "/shop/releases/..%2F..%2Fvault", role: "viewer"})
}
