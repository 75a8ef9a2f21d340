package app_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// frozen has 2 live in staging after 1, and a hold that people may not pass
// either.
func frozen(t *testing.T) *rig {
	t.Helper()
	r := shipped(t, "1", "2")
	r.release("shop", "3")
	ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
		state, err := tx.Stages().Get(r.ctx, "shop", "staging")
		if err != nil {
			return err
		}
		state.Hold = &slipway.Hold{Reason: "2 failed and cannot be undone", By: "Slipway", Since: r.clock(), Frozen: true}
		return tx.Stages().Put(r.ctx, state)
	}))
	return r
}

// TestAFrozenStageTakesRollbacksOnly until somebody lifts the hold: no promotion
// does that by the way, and a rollback does not thaw it.
func TestAFrozenStageTakesRollbacksOnly(t *testing.T) {
	t.Parallel()
	r := frozen(t)
	promote := func(c app.Promote) error {
		c.Service, c.Environment = "shop", "staging"
		return of(r.Promote(r.ctx, dev, c))
	}
	for _, c := range []app.Promote{{Version: "3"}, {Version: "1"}, {Version: "2", Redeploy: true}} {
		e := refused(t, promote(c), slipway.CodeBlocked, "staging of shop takes nothing but rollbacks until its hold is lifted: 2 failed and cannot be undone.")
		if v := gate(t, e.BlockedBy, "hold"); v.Who != "who may lift holds of shop" || v.Since == nil {
			t.Errorf("%+v", v)
		}
	}
	back := must(r.rollback(""))(t)
	if back = r.drive(back.ID); back.State != slipway.Succeeded {
		t.Fatalf("the rollback is %s: %s", back.State, back.Message)
	}
	if h := r.stage("staging").Hold; h == nil || !h.Frozen || h.Deployment != back.ID {
		t.Fatalf("after a rollback the hold is %+v", h)
	}
	refused(t, promote(app.Promote{Version: "3"}), slipway.CodeBlocked, "nothing but rollbacks")
	must(r.LiftHold(r.ctx, boss, app.LiftHold{Service: "shop", Environment: "staging"}))(t)
	ok(t, promote(app.Promote{Version: "3"}))
}
