package rest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/server/rest"
)

const sets = "/api/v1/sets"

// TestSets walks through the operations on sets as a client does.
func TestSets(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	promote := func(status int, environment, version string, after ...string) answered {
		return r.want(status, call{method: "POST", path: sets, role: "developer", body: map[string]any{"name": "Checkout 7", "environment": environment, "note": "at last",
			"items": []any{map[string]any{"service": "shop", "version": version, "after": after}}}})
	}
	if a := promote(http.StatusUnprocessableEntity, "staging", "1.2.0", "shop"); !strings.Contains(a.body, `"field":"items[0].after[0]"`) {
		t.Error(a.body)
	}
	var blocked rest.Problem
	promote(http.StatusConflict, "prod", "1.2.0").decode(t, &blocked)
	if blocked.Code != "blocked" || len(blocked.BlockedBy) != 1 || !strings.HasPrefix(blocked.BlockedBy[0].Reason, "shop: ") {
		t.Errorf("%+v", blocked)
	}
	if a := promote(http.StatusConflict, "other", "1.1.0"); !strings.Contains(a.body, "in set 1 already") {
		t.Error(a.body)
	}
	a := promote(http.StatusAccepted, "staging", "1.2.0")
	var s rest.ReleaseSetDetail
	a.decode(t, &s)
	if at := a.header.Get("Location"); at != sets+"/2" || s.State != "running" || !s.Active || s.RequestedBy.ID != "developer" || s.Items[0].State != "pending" {
		t.Errorf("at %s: %+v", at, s)
	}
	var page struct{ Items []json.RawMessage }
	r.want(http.StatusOK, call{method: "GET", path: sets, role: "viewer"}).decode(t, &page)
	if len(page.Items) != 2 || string(page.Items[0])+"\n" != a.body {
		t.Errorf("%s\nis not the first of %s", a.body, page.Items)
	}
	r.want(http.StatusOK, call{method: "GET", path: sets + "/2", role: "viewer"}).decode(t, &s)
	if s.Note != "at last" || s.WhyNot["cancel"] == "" || s.WhyNot["rollback"] == "" {
		t.Errorf("%+v", s)
	}
	cancel := call{method: "POST", path: sets + "/2/cancel", role: "developer", body: map[string]any{"reason": "lunch"}}
	r.want(http.StatusAccepted, cancel).decode(t, &s)
	if s.Ending != "cancelled" || s.Stop == nil || s.Stop.By.ID != "developer" || s.Stop.Reason != "lunch" {
		t.Errorf("%+v", s)
	}
	r.want(http.StatusConflict, cancel)
	r.want(http.StatusAccepted, call{method: "POST", path: sets + "/2/rollback", role: "approver"}).decode(t, &s)
	if s.Ending != "rolledBack" || s.Stop.By.ID != "approver" {
		t.Errorf("%+v", s)
	}
}
