package bench

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// hands is how many requests of a crowd are on their way at once.
const hands = 32

// BenchmarkBurst measures what a morning after a holiday is like: hundreds of
// promotions in the same second, and somebody of another team among them.
func BenchmarkBurst(b *testing.B) {
	for _, d := range databases() {
		b.Run(d.name, func(b *testing.B) {
			most := count(1000, 60)
			world := size{services: most + 10, perTeam: most, only: 1}
			c := crowded(b, d, world, 1)
			bare := startChains(b, d, 1)
			conditions(b, d, world.String())
			profile(b, c.portals[0], "burst-"+d.name, 15)
			c.burst(d, bare, count(200, 20))
			c.burst(d, bare, most)
		})
	}
}

// burst promotes n services of one team at once, in turns with as many bare
// jobs, and those of another team in between.
func (c *crowd) burst(d database, bare *bareJobs, n int) {
	c.b.Helper()
	var waits, second, theirs []time.Duration
	var spent time.Duration
	ours := func() float64 {
		before := used(c.b, c.portals[0].process)
		defer func() { spent += used(c.b, c.portals[0].process) - before }()
		began, called, others := c.morning(n)
		for _, at := range called {
			waits = append(waits, at.Sub(began))
		}
		second = append(second, others...)
		return float64(n) / slices.Max(waits[len(waits)-len(called):]).Seconds()
	}
	limit := func() float64 {
		began, steps := bare.run(n, 1)
		var last time.Duration
		for _, s := range steps {
			took := time.Unix(0, s.At).Sub(began)
			theirs, last = append(theirs, took), max(last, took)
		}
		return float64(n) / last.Seconds()
	}
	a, l, ratio := beside(ours, limit)
	slices.Sort(waits)
	slices.Sort(second)
	slices.Sort(theirs)
	p99 := percentile(waits, 0.99)
	name := fmt.Sprintf("Burst %s, %d promotions at once", d.name, n)
	c.b.ReportMetric(a.median, fmt.Sprintf("started/s-of-%d", n))
	each := ms(spent) / float64(pairs()*(n+c.world.services-c.world.perTeam))
	c.b.ReportMetric(each, "core-ms/deployment")
	verdict := validity(c.b, a, l)
	tell(c.b, result{name + ", started", fmt.Sprintf("%s/s, %.1f ms of the core each until the end", a.format(0), each), "bare River jobs " + l.format(0) + "/s, ratio " + ratio.format(2),
		[]string{goal(a.median >= 250, "≥250/s")}, verdict})
	tell(c.b, result{name + ", until the first call", times(waits), times(theirs),
		[]string{goal(p99 <= time.Duration(n)*time.Second/250, fmt.Sprintf("p99 ≤%.1f s", float64(n)/250))}, verdict})
	tell(c.b, result{name + ", another team's among them", times(second), "", []string{goal(second[len(second)-1] <= time.Second, "all ≤1 s")}, ""})
}

// morning is one such rush. It returns when it began, when each service of the
// first team was called first, and how long those of the second waited.
func (c *crowd) morning(n int) (began time.Time, called map[string]time.Time, second []time.Duration) {
	c.b.Helper()
	others, every := c.world.services-c.world.perTeam, max(1, n/(c.world.services-c.world.perTeam))
	asked, from := make([]time.Time, others), len(c.ledger.read(c.b))
	var accepted atomic.Int64
	came := make(chan int, others)
	late := make(chan error, 1)
	began = time.Now()
	go func() {
		var err error
		for i := range came {
			asked[i] = time.Now()
			if err == nil {
				err = c.promote(c.b.Context(), c.world.perTeam+i)
			}
		}
		late <- err
	}()
	err := atOnce(c.b.Context(), n, hands, func(ctx context.Context, i int) error {
		if err := c.promote(ctx, i); err != nil {
			return err
		}
		if nth := int(accepted.Add(1)); nth%every == 0 && nth/every <= others {
			came <- nth/every - 1
		}
		return nil
	})
	close(came)
	if other := <-late; err == nil {
		err = other
	}
	if err != nil {
		c.b.Fatal(err)
	}
	c.until("first calls", func() bool { called = c.ledger.first(c.b, from); return len(called) == n+others })
	var promoted []int
	for i := range others {
		name := serviceName(c.world.perTeam + i)
		second = append(second, called[name].Sub(asked[i]))
		delete(called, name)
		promoted = append(promoted, c.world.perTeam+i)
	}
	for i := range n {
		promoted = append(promoted, i)
	}
	c.settled(promoted...)
	return began, called, second
}
