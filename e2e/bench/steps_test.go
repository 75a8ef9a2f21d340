package bench

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// BenchmarkB5Steps measures many deployments at work at the same time: how many
// steps they take, how late a step is whose time has come, and what others cost
// that only wait.
func BenchmarkB5Steps(b *testing.B) {
	for _, d := range databases() {
		replicas := 1
		if d.postgres() {
			replicas = 2
		}
		b.Run(d.name+"/throughput", func(b *testing.B) {
			world := size{services: count(1000, 40), parked: count(10_000, 200), without: 2, steps: 10, perTeam: nineTeams(count(1000, 40))}
			c := crowded(b, d, world, replicas)
			bare := startChains(b, d, replicas)
			conditions(b, d, fmt.Sprintf("%s; %d replicas on both sides", world, replicas))
			profile(b, c.portals[0], "b5-"+d.name, 20)
			c.throughput(d, bare)
		})
		b.Run(d.name+"/lag", func(b *testing.B) {
			world := size{services: count(1000, 20), without: 2, steps: 10, bake: time.Duration(count(10, 1)) * time.Second, perTeam: nineTeams(count(1000, 20))}
			c := crowded(b, d, world, replicas)
			conditions(b, d, fmt.Sprintf("%s; %d replicas", world, replicas))
			profile(b, c.portals[0], "b5-lag-"+d.name, 40)
			c.lag(d)
		})
		b.Run(d.name+"/parked", func(b *testing.B) { parked(b, d) })
	}
}

// nineTeams is how many services each of nine teams has: who promotes may not do
// it for the tenth.
func nineTeams(services int) int { return services/9 + 1 }

// throughput has all services take ten steps at once, in turns with as many
// bare chains of jobs. Ours commits more than once in a step, so the bare ones
// are given as many commits.
func (c *crowd) throughput(d database, bare *bareJobs) {
	c.b.Helper()
	n, steps := c.world.services, c.world.steps
	perStep := 0.0
	ours := func() float64 {
		from, saved := len(c.ledger.read(c.b)), c.number(`SELECT sum(epoch) FROM deployments`)
		began := time.Now()
		if err := atOnce(c.b.Context(), n, hands, c.promote); err != nil {
			c.b.Fatal(err)
		}
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		c.settled(all...)
		calls := c.ledger.read(c.b)[from:]
		if len(calls) < n*steps {
			c.b.Fatalf("%d calls of the deployer, not %d", len(calls), n*steps)
		}
		perStep = float64(c.number(`SELECT sum(epoch) FROM deployments`)-saved) / float64(n*steps)
		last := slices.MaxFunc(calls, func(a, b call) int { return a.Time.Compare(b.Time) })
		return float64(n*steps) / last.Time.Sub(began).Seconds()
	}
	limit := func() float64 {
		commits := max(1, int(math.Round(perStep)))
		began, done := bare.run(n, steps*commits)
		last := slices.MaxFunc(done, func(a, b chained) int { return int(a.At - b.At) })
		return float64(n*steps) / time.Unix(0, last.At).Sub(began).Seconds()
	}
	a, l, ratio := beside(ours, limit)
	c.b.ReportMetric(a.median, "steps/s")
	c.b.ReportMetric(l.median, "limit-steps/s")
	c.b.ReportMetric(perStep, "commits/step")
	tell(c.b, result{fmt.Sprintf("B5 %s, %d active × %d steps beside %d parked", d.name, n, steps, c.world.parked),
		fmt.Sprintf("%s steps/s of %.1f commits", a.format(0), perStep),
		fmt.Sprintf("bare River %s steps/s of %.0f commits, ratio %s", l.format(0), math.Round(perStep), ratio.format(2)),
		[]string{goal(ratio.median >= 0.8, "≥0.8×")}, validity(c.b, a, l)})
}

// lag lets all services take their steps at the pace of their strategy, and
// compares when each step was due with when the deployer was called.
func (c *crowd) lag(d database) {
	c.b.Helper()
	if err := atOnce(c.b.Context(), c.world.services, hands, c.promote); err != nil {
		c.b.Fatal(err)
	}
	c.settled()
	called := map[int64]time.Time{}
	for _, call := range c.ledger.read(c.b) {
		if _, known := called[call.Generation]; !known {
			called[call.Generation] = call.Time
		}
	}
	var late []time.Duration
	for _, runs := range c.runs() {
		for i := range runs[1:] {
			due := runs[i].ReadyAt.Add(time.Duration(runs[i].Desired.Bake))
			late = append(late, called[runs[i+1].Generation].Sub(due))
		}
	}
	if want := c.world.services * (c.world.steps - 1); len(late) != want {
		c.b.Fatalf("%d steps were due, not %d", len(late), want)
	}
	slices.Sort(late)
	p99 := percentile(late, 0.99)
	c.b.ReportMetric(ms(p99), "lag-p99-ms")
	tell(c.b, result{fmt.Sprintf("B5 %s, lag of a step of %d deployments with %s between", d.name, c.world.services, c.world.bake), times(late), "",
		[]string{goal(p99 <= 250*time.Millisecond, "p99 ≤250 ms")}, ""})
}

// runs are the phases of all deployments that took more than one.
func (c *crowd) runs() (all [][]slipway.PhaseRun) {
	c.b.Helper()
	rows, err := c.db.QueryContext(c.b.Context(), `SELECT runs FROM deployments WHERE version = $1 AND environment = $2`, versions()[4], c.environment())
	if err != nil {
		c.b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		var runs []slipway.PhaseRun
		if err := rows.Scan(&text); err != nil {
			c.b.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &runs); err != nil {
			c.b.Fatal(err)
		}
		if len(runs) > 1 {
			all = append(all, runs)
		}
	}
	if err := rows.Err(); err != nil {
		c.b.Fatal(err)
	}
	return all
}

// parked measures what 10,000 deployments cost that wait for an approval: the
// processor time of a portal with them beside one without, over the same time.
func parked(b *testing.B, d database) {
	waiting := count(10_000, 500)
	with := crowded(b, d, size{services: 10, parked: waiting, without: 2}, 1)
	without := crowded(b, d, size{services: 10, without: 2}, 1)
	conditions(b, d, with.world.String())
	during := time.Duration(count(30, 2)) * time.Second
	share := func(from, to time.Duration) float64 { return 100 * (to - from).Seconds() / during.Seconds() }
	wait(b.Context(), during/10) // a start has work of its own
	var ours, least, cost []float64
	for range count(5, 2) {
		a, l := used(b, with.portals[0].process), used(b, without.portals[0].process)
		wait(b.Context(), during)
		ours = append(ours, share(a, used(b, with.portals[0].process)))
		least = append(least, share(l, used(b, without.portals[0].process)))
		cost = append(cost, ours[len(ours)-1]-least[len(least)-1])
	}
	s := spreadOf(cost)
	b.ReportMetric(s.median, "%core")
	tell(b, result{fmt.Sprintf("B5 %s, a portal with %d parked on approval", d.name, waiting), spreadOf(ours).format(2) + " % of a core",
		"without them " + spreadOf(least).format(2) + " %, so they cost " + s.format(2) + " %", []string{goal(s.median <= 1, "≤1 %")}, ""})
}
