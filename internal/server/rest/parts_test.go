package rest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestPromoteForAnotherTime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	promote := func(status int, at time.Time) answered {
		return r.want(status, call{method: "POST", path: services + "/shop/deployments", role: "developer",
			body: map[string]any{"environment": "staging", "version": "1.2.0", "at": at}})
	}
	if a := promote(http.StatusUnprocessableEntity, r.clock().Add(91*24*time.Hour)); !strings.Contains(a.body, `"field":"at"`) {
		t.Error(a.body)
	}
	at := r.clock().Add(36 * time.Hour)
	var d struct {
		ID    int64
		Gates []struct {
			Gate, Result string
			Until        *time.Time
		}
	}
	promote(http.StatusAccepted, at.In(time.FixedZone("elsewhere", 3600))).decode(t, &d)
	r.drive(d.ID)
	r.want(http.StatusOK, call{method: "GET", path: "/api/v1/deployments/7", role: "viewer"}).decode(t, &d)
	for _, g := range d.Gates {
		if g.Gate == "schedule" && g.Result == "wait" && g.Until != nil && g.Until.Equal(at) {
			return
		}
	}
	t.Errorf("%+v", d)
}

func TestAPartOfTheTraffic(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	promote := func(status, share int) answered {
		return r.want(status, call{method: "POST", path: services + "/shop/deployments", role: "developer",
			body: map[string]any{"environment": "staging", "version": "1.2.0", "share": share}})
	}
	if a := promote(http.StatusUnprocessableEntity, 20); !strings.Contains(a.body, `"field":"share"`) {
		t.Error(a.body)
	}
	p := shopPipeline()
	p.Stages[0].Strategy = slipway.Strategy{Type: slipway.StrategyPartial, Share: 10}
	must(r.ApplyPipeline(t.Context(), actor("admin"), app.ApplyPipeline{Pipeline: p}))(t)
	promote(http.StatusAccepted, 20)
	r.drive(7)
	var stage struct {
		Live, Partial struct {
			Share int
			Spec  struct{ Version string }
		}
	}
	r.want(http.StatusOK, call{method: "GET", path: services + "/shop/environments/staging", role: "viewer"}).decode(t, &stage)
	if stage.Live.Spec.Version != "1.1.0" || stage.Partial.Spec.Version != "1.2.0" || stage.Partial.Share != 20 {
		t.Errorf("%+v", stage)
	}
	if a := promote(http.StatusConflict, 20); !strings.Contains(a.body, "1.2.0 already has 20 % of the traffic in staging.") {
		t.Error(a.body)
	}
}
