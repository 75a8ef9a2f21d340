package slipway

import (
	"testing"
	"time"
)

func TestWayBackIsTimedUntilAllTrafficIsBack(t *testing.T) {
	t.Parallel()
	takes := func(w *walk, want time.Duration, ok bool) {
		t.Helper()
		if got, known := w.d.WayBack(); got != want || known != ok {
			t.Fatalf("%s, %v; not %s, %v", got, known, want, ok)
		}
	}
	w := running(t).see(ready)
	takes(w, 0, false) // it goes forward
	w.see(broken).after(2 * time.Second).accept()
	takes(w, 0, false)
	w.after(time.Second).see(ready)
	takes(w, 3*time.Second, true)

	asked := start(t, rollback)
	asked.d.Plan.Phases = asked.d.Plan.wayBack(asked.d.Plan.To, asked.d.Plan.sites())
	takes(asked, 0, false)
	asked.after(time.Second).step(Judged{Verdicts: pass}).accept().after(4 * time.Second).see(ready)
	takes(asked, 5*time.Second, true)

	sites := wired(t, Hooks{OnRollback: []Hook{hook("tell")}}, true, recreating)
	for range 3 {
		sites.accept().see(ready)
	}
	sites.accept().see(broken).after(time.Second).accept().see(ready)
	takes(sites, 0, false) // us is back, eu is not
	sites.after(time.Second).accept().see(ready)
	takes(sites, 2*time.Second, true)
	sites.after(time.Hour).accept().job(JobSucceeded, "")
	takes(sites, 2*time.Second, true) // the hook runs once the traffic is back
}
