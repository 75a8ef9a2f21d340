package engine_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestChecksAreMadeOnTime: measurements come at their interval, not at the next
// round of the sweeper, and the last one ends the phase.
func TestChecksAreMadeOnTime(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.engine.Checks = &figures{}
		const interval = 2700 * time.Millisecond // never when the sweeper comes
		r.service("shop", stage("dev", func(s *slipway.Stage) {
			s.Verify = []slipway.Check{{Name: "slow", HTTP: &slipway.HTTPCheck{URL: "${address}/"}, Interval: slipway.Duration(interval), Count: 3}}
		}))
		r.release("shop", "1")
		r.run()
		d := r.ended(r.promote("shop", "1", "dev"), time.Minute)
		made := d.Runs[0].Checks[0].Measurements
		if d.State != slipway.Succeeded || len(made) != 3 {
			t.Fatalf("%s after %d measurements: %s", d.State, len(made), d.Message)
		}
		for i := 1; i < len(made); i++ {
			if apart := made[i].At.Sub(made[i-1].At); apart < interval || apart > interval+100*time.Millisecond {
				t.Errorf("measurement %d came %s after the one before", i+1, apart)
			}
		}
		if late := d.EndedAt.Sub(made[2].At); late > 100*time.Millisecond {
			t.Errorf("it ended %s after its last measurement", late)
		}
	})
}
