package bench

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
)

// sweepInterval is how often every portal looks for steps that are overdue.
const sweepInterval = 2 * time.Second

// BenchmarkB9Resume measures how late the next step of a deployment is whose
// owner was killed, or stood still, in the middle of its work.
func BenchmarkB9Resume(b *testing.B) {
	world := size{services: count(60, 12), only: 1, steps: count(20, 10), bake: 500 * time.Millisecond}
	b.Run("postgres/kill", func(b *testing.B) {
		c := crowded(b, databases()[1], world, 2)
		conditions(b, databases()[1], world.String()+"; 2 replicas")
		c.resumes("B9 postgres, kill -9 of the owner, another goes on", 10*time.Second, func() time.Time {
			at := c.kill(0)
			c.until("the others' deployments to go on", c.idle)
			c.portals[0] = start(b, c.part)
			return at
		})
	})
	b.Run("postgres/stop", func(b *testing.B) {
		c := crowded(b, databases()[1], world, 2)
		conditions(b, databases()[1], world.String()+"; 2 replicas")
		c.resumes("B9 postgres, SIGSTOP of the owner, another goes on", 10*time.Second, func() time.Time {
			at := time.Now()
			c.signal(0, syscall.SIGSTOP)
			c.until("the others' deployments to go on", c.idle)
			c.signal(0, syscall.SIGCONT)
			return at
		})
	})
	b.Run("sqlite/restart", func(b *testing.B) {
		c := crowded(b, databases()[0], world, 1)
		conditions(b, databases()[0], world.String())
		c.resumes("B9 sqlite, kill -9 and a restart, after that is ready", time.Second, func() time.Time {
			c.kill(0)
			c.portals[0] = start(b, c.part)
			return time.Now()
		})
	})
}

func (c *crowd) signal(i int, s syscall.Signal) {
	c.b.Helper()
	if err := c.portals[i].process.Signal(s); err != nil {
		c.b.Fatal(err)
	}
}

func (c *crowd) kill(i int) time.Time {
	c.b.Helper()
	at := time.Now()
	c.signal(i, syscall.SIGKILL)
	return at
}

// resumes has all services at work, strikes in the middle, and compares when
// the next step of each that the struck one had was due with when it was taken.
// strike returns from when on somebody else could go on.
func (c *crowd) resumes(name string, bound time.Duration, strike func() time.Time) {
	c.b.Helper()
	n := c.world.services
	var late []time.Duration
	repeated, doubled := 0, 0
	for range pairs() {
		from := len(c.ledger.read(c.b))
		if err := atOnce(c.b.Context(), n, hands, c.promote); err != nil {
			c.b.Fatal(err)
		}
		c.until("deployments to be in the middle", func() bool { return len(c.ledger.read(c.b))-from >= n*c.world.steps/3 })
		owner, before := c.portals[0].process.Pid, time.Now()
		at := strike()
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		c.settled(all...)
		calls := c.ledger.read(c.b)[from:]
		late = append(late, overdue(calls, owner, before, at, c.world.bake)...)
		again, twice := repeats(calls)
		repeated, doubled = repeated+again, doubled+twice
	}
	if len(late) == 0 {
		c.b.Fatalf("%s: nothing was at work where it was struck", name)
	}
	slices.Sort(late)
	p99 := percentile(late, 0.99)
	c.b.ReportMetric(ms(percentile(late, 0.5)), "resume-p50-ms")
	c.b.ReportMetric(ms(p99), "resume-p99-ms")
	tell(c.b, result{name, times(late), fmt.Sprintf("the sweep interval, %s", sweepInterval), []string{goal(p99 <= bound, fmt.Sprintf("p99 ≤%s", bound)),
		goal(doubled == 0, fmt.Sprintf("no effect twice (%d calls repeated, without one)", repeated))}, ""})
}

// overdue is how late the first step after a strike was of each deployment whose
// last step before it was taken by the owner.
func overdue(calls []call, owner int, before, at time.Time, bake time.Duration) (late []time.Duration) {
	last := map[string]call{}
	for _, c := range calls {
		was, known := last[c.service]
		if known && was.Time.Before(before) && was.PID == owner && !c.Time.Before(before) {
			due := was.Time.Add(bake)
			if due.Before(at) {
				due = at
			}
			late = append(late, max(0, c.Time.Sub(due)))
		}
		last[c.service] = c
	}
	return late
}

// repeats counts the calls that were made again, and the effects that were had
// twice.
func repeats(calls []call) (again, twice int) {
	had := map[string]bool{}
	for _, c := range calls {
		switch {
		case c.What == fake.Again:
			again++
		case had[c.Key]:
			twice++
		default:
			had[c.Key] = true
		}
	}
	return again, twice
}
