package browser_test

import (
	"fmt"
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestARunSaysWhyItIsNotReady, long before its time is over.
func TestARunSaysWhyItIsNotReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	const why = "version 1.1.0: 0 of 2 ready: the registry denies it"
	d := w.begin(w.promote("billing-api", "1.1.0", "dev"))
	must(t, w.store.Write(t.Context(), func(tx slipway.Tx) error {
		return tx.Stages().PutObserved(t.Context(), "billing-api", "dev", slipway.Observed{At: w.clock(), Generation: d.Current().Generation,
			Message: why, Tracks: []slipway.ObservedTrack{{Spec: d.Plan.To.ID(), Version: "1.1.0", Wanted: 2}}})
	}))
	w.get("Jonas", fmt.Sprintf("/runs/%d", d.ID)).says(why)
}
