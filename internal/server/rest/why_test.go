package rest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

type gateWire struct{ Gate, Key, Result, Reason, Who string }

func TestWhyAndDryRun(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var why struct {
		Summary   string
		BlockedBy []gateWire
		WhyNot    map[string]string
	}
	for _, path := range []string{"/api/v1/deployments/4/why", services + "/shop/environments/prod/why"} {
		r.want(http.StatusOK, call{method: "GET", path: path, role: "viewer"}).decode(t, &why)
		if why.Summary != "Deployment 4 of 1.1.0 to prod stands still: 0 of 1 approvals. 1 more from leads." || len(why.BlockedBy) != 1 || why.BlockedBy[0].Key != "approval" ||
			why.WhyNot["deployment.approve"] == "" || why.WhyNot["line.stop"] == "" {
			t.Errorf("%s: %+v", path, why)
		}
	}
	var dry struct {
		Starts          bool
		NoPreview       string
		WhyNot          string
		Plan            struct{ Digest, Preview string }
		Refusals, Gates []gateWire
		Takes           struct{ ID int64 }
		Changes         []any
	}
	ask := func(role, environment string, query ...string) {
		t.Helper()
		dry.Refusals, dry.Gates = nil, nil
		v := url.Values{"version": {"1.2.0"}}
		for i := 0; i < len(query); i += 2 {
			v.Set(query[i], query[i+1])
		}
		r.want(http.StatusOK, call{method: "GET", path: services + "/shop/environments/" + environment + "/dry-run?" + v.Encode(), role: role}).decode(t, &dry)
	}
	if ask("developer", "staging"); !dry.Starts || dry.Plan.Preview == "" || dry.Plan.Digest == "" || len(dry.Changes) == 0 || dry.WhyNot != "" {
		t.Errorf("it would start: %+v", dry)
	}
	if ask("viewer", "staging"); dry.Starts || dry.WhyNot == "" {
		t.Errorf("for a viewer: %+v", dry)
	}
	if ask("developer", "staging", "at", r.clock().Add(time.Hour).Format(time.RFC3339)); dry.Starts || dry.Gates[len(dry.Gates)-1].Gate != "schedule" {
		t.Errorf("for later: %+v", dry)
	}
	if ask("developer", "prod"); dry.Starts || dry.Takes.ID != 4 || dry.Refusals[0].Gate != "order" {
		t.Errorf("in the place of another: %+v", dry)
	}
	if ask("developer", "wild"); dry.Starts || dry.NoPreview != "no route to host." {
		t.Errorf("without a preview: %+v", dry)
	}
	if a := r.want(http.StatusUnprocessableEntity, call{method: "GET", path: services + "/shop/environments/staging/dry-run?version=1.2.0&share=5", role: "developer"}); !strings.Contains(a.body, `"field":"share"`) {
		t.Error(a.body)
	}
}
