package deployertest

import (
	"net/http"
	"slices"

	"github.com/slipway-dev/slipway/deployers"
)

func matchedRequests(e *env) {
	stable, next := e.track(Good, "1.0.0", 100, 1), e.track(Good, "1.1.0", 0, 1)
	next.Match = []deployers.Match{{Header: "X-Slipway-Region", Value: "eu"}, {Cookie: "slipway-user", Value: "7"}}
	o := e.converge(desired(1, stable, next))
	if e.s.Ask == nil {
		e.Logf("this harness sends no requests: only the report was looked at")
		return
	}
	e.answers(o, "1.0.0")
	for _, c := range []struct{ name, value, want string }{
		{"X-Slipway-Region", "eu", "1.1.0"},
		{"x-slipway-REGION", "eu", "1.1.0"},
		{"X-Slipway-Region", "EU", "1.0.0"},
		{"X-Slipway-Region", "eu-north", "1.0.0"},
		{"Cookie", "a=b; slipway-user=7", "1.1.0"},
		{"Cookie", "slipway-user=77", "1.0.0"},
	} {
		e.matched(o, c.name, c.value, c.want)
	}
	// The first of two tracks that match wins, whatever the weights.
	stable.Match, stable.Weight, next.Weight = next.Match, 0, 100
	o = e.converge(desired(2, stable, next))
	e.matched(o, "X-Slipway-Region", "eu", "1.0.0")
	e.answers(o, "1.1.0")
	// Without a match the weights decide again.
	stable.Match, next.Match = nil, nil
	o = e.converge(desired(3, stable, next))
	e.matched(o, "X-Slipway-Region", "eu", "1.1.0")
}

func (e *env) matched(o deployers.Observed, name, value, want string) {
	e.Helper()
	for range 20 {
		if a := e.ask(o.Address, http.Header{name: {value}}); a.Version != want {
			e.Errorf("%s: %s was answered by %s, not by %s", name, value, a.Version, want)
			return
		}
	}
}

// previewAddress shows the new side while all other traffic is on the old one.
func previewAddress(e *env) {
	stable, next := e.track(Good, "1.0.0", 100, e.replicas(2)), e.track(Good, "1.1.0", 0, e.replicas(2))
	if o := e.converge(desired(1, stable)); o.Preview != "" {
		e.Errorf("no track answers at a preview address, observed %s", show(o))
	}
	next.Preview = true
	o := e.converge(desired(2, stable, next))
	if o.Preview == "" || o.Preview == o.Address {
		e.Fatalf("a preview address of its own is wanted, observed %s", show(o))
	}
	shown := o
	shown.Address = o.Preview
	if e.s.Ask != nil {
		e.answers(o, "1.0.0")
		e.answers(shown, "1.1.0")
	}
	before := e.instances()
	stable.Weight, next.Weight, next.Preview = 0, 100, false
	o = e.converge(desired(3, stable, next))
	if o.Preview != "" {
		e.Errorf("no track answers at a preview address any more, observed %s", show(o))
	}
	if after := e.instances(); !slices.Equal(before, after) {
		e.Errorf("the switch restarted something: %v, then %v", before, after)
	}
	if e.s.Ask == nil {
		e.Logf("this harness sends no requests: only the report was looked at")
		return
	}
	e.answers(o, "1.1.0")
	// Networks hear of it a moment later than whoever is asked what there is.
	Eventually(e, e.h.Wait, "nobody answers where nothing is shown", func() (bool, string) {
		a, err := e.s.Ask(e.ctx, shown.Address, nil)
		return err != nil, "version " + a.Version
	})
}

// separateSites: workloads, generations and removal are those of one site.
func separateSites(e *env) {
	eu, us := *e, *e
	eu.target.Site, us.target.Site = "eu", "us"
	e.converge(desired(5, e.track(Good, "1.0.0", 100, 1)))
	here := e.instances()
	us.converge(desired(9, us.track(Good, "1.1.0", 100, 1)))
	there := us.instances()
	o := eu.converge(desired(3, eu.track(Good, "1.2.0", 100, 1)))
	eu.answers(o, "1.2.0")
	e.refused(desired(4))
	eu.refused(desired(2, eu.track(Good, "0.9.0", 100, 1)))
	us.refused(desired(8))
	eu.converge(desired(4))
	if !e.h.Volatile && e.s.Restart != nil {
		e.restart()
		eu.s.Deployer, us.s.Deployer = e.s.Deployer, e.s.Deployer
		eu.refused(desired(3, eu.track(Good, "1.2.0", 100, 1)))
	}
	if destroyer, ok := e.s.Deployer.(deployers.Destroyer); ok {
		if err := destroyer.Destroy(e.ctx, eu.target); err != nil {
			e.Errorf("Destroy: %v", err)
		}
	}
	for _, c := range []struct {
		*env
		generation int64
		version    string
		ran        []string
	}{{e, 5, "1.0.0", here}, {&us, 9, "1.1.0", there}} {
		o := c.until("it is as it was", func(o deployers.Observed) bool { return o.Converged })
		if o.Generation != c.generation || len(o.Tracks) != 1 || o.Tracks[0].Version != c.version {
			e.Errorf("another site changed %s: %s", c.target, show(o))
		}
		c.answers(o, c.version)
		if names := c.instances(); !slices.Equal(names, c.ran) {
			e.Errorf("another site restarted %s: %v, then %v", c.target, c.ran, names)
		}
	}
	if containsAny(here, there) {
		e.Errorf("two sites share %v and %v", here, there)
	}
}
