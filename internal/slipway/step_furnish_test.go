package slipway

import (
	"fmt"
	"time"

	"pgregory.net/rapid"
)

// Plans with hooks, checks and sites, for the tests of the machine.

func hook(name string) Hook {
	return Hook{Name: name, Again: AgainAsk, Job: Job{Command: []string{name}, Timeout: Duration(time.Minute)}}
}

// errors is a check that is made three times and bears one failure.
func errorsCheck() Check {
	return Check{Name: "errors", Metric: &MetricCheck{Provider: "prometheus", Query: "errors"}, Interval: Duration(time.Minute), Count: 3, FailureLimit: 1}
}

// quick goes from one release to the other in one phase.
func quick(p *Plan) { p.Strategy = Strategy{Type: StrategyPartial, Share: 100} }

// hooked gives a deployment hooks.
func hooked(d Deployment, hooks Hooks) Deployment {
	d.Plan.Rollback = hooks.OnRollback
	d.Plan.Phases = withHooks(d.Plan.Strategy.Phases(d.Plan.From, d.Plan.To), hooks, d.Plan.From)
	d.PlanDigest = d.Plan.Digest()
	return d
}

func checked(d Deployment) Deployment {
	d.Plan.Verify = []Check{{Name: "errors", HTTP: &HTTPCheck{URL: "${address}/healthz"}}}
	d.PlanDigest = d.Plan.Digest()
	return d
}

// sited spreads what a deployment runs over two sites.
func sited(d Deployment) Deployment {
	spread := func(s *Spec) {
		s.Sites = []SiteSpec{{Site: "eu", Config: []byte(`{}`), Replicas: 3}, {Site: "us", Config: []byte(`{}`), Replicas: 1}}
	}
	if d.Plan.From != nil {
		from := *d.Plan.From
		spread(&from)
		d.Plan.From = &from
	}
	spread(&d.Plan.To)
	d.Plan.Phases = d.Plan.forward(0)
	d.PlanDigest = d.Plan.Digest()
	return d
}

// furnished gives a plan sites, hooks and checks as it happens.
func furnished(t *rapid.T, d Deployment) Deployment {
	if rapid.IntRange(0, 3).Draw(t, "sites") == 0 {
		d = sited(d)
	}
	var hooks Hooks
	some := func(label string) []Hook {
		var list []Hook
		for i := range rapid.IntRange(0, 2).Draw(t, label) {
			h := hook(fmt.Sprint(label, i))
			h.Retries = rapid.IntRange(0, 2).Draw(t, "retries")
			h.Optional = rapid.Bool().Draw(t, "optional")
			h.Again = rapid.SampledFrom([]Again{AgainAsk, AgainSafe}).Draw(t, "again")
			list = append(list, h)
		}
		return list
	}
	if rapid.Bool().Draw(t, "hooks") {
		hooks = Hooks{Before: some("before"), BeforeTraffic: some("traffic"), After: some("after"), OnRollback: some("back")}
	}
	d.Plan.Rollback = hooks.OnRollback
	if d.Cause == CauseRollback {
		d.Plan.Phases = d.Plan.wayBack(d.Plan.To, d.Plan.sites())
		d.PlanDigest = d.Plan.Digest()
		return d
	}
	d.Plan.Phases = withHooks(d.Plan.forward(Duration(rapid.IntRange(0, 2).Draw(t, "bake"))*Duration(time.Minute)), hooks, d.Plan.From)
	for range rapid.IntRange(0, 2).Draw(t, "checks") {
		c := errorsCheck()
		c.Name = rapid.SampledFrom([]string{"errors", "smoke"}).Draw(t, "name")
		if _, twice := d.Plan.Check(c.Name); twice {
			continue
		}
		if rapid.Bool().Draw(t, "kind") {
			c.Metric, c.HTTP = nil, &HTTPCheck{URL: "${address}/healthz"}
		}
		c.Interval *= Duration(rapid.IntRange(0, 1).Draw(t, "interval"))
		c.Count = rapid.IntRange(0, 3).Draw(t, "count")
		c.FailureLimit = rapid.IntRange(-1, 2).Draw(t, "failures")
		c.InconclusiveLimit = rapid.IntRange(-1, 1).Draw(t, "inconclusives")
		c.DryRun = rapid.IntRange(0, 4).Draw(t, "dryRun") == 0
		d.Plan.Verify = append(d.Plan.Verify, c)
	}
	d.PlanDigest = d.Plan.Digest()
	return d
}

func anyJobEvent(t *rapid.T, generation int64) Event {
	switch rapid.IntRange(0, 9).Draw(t, "job") {
	case 0:
		return Claimed{Generation: generation, Runner: rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "runner")}
	case 1:
		return Accepted{generation}
	case 2:
		return JobSeen{Generation: generation, State: JobUnknown, Message: texts.Draw(t, "message")}
	case 3, 4:
		return JobSeen{Generation: generation, State: JobFailed, Message: texts.Draw(t, "message")}
	case 5:
		state := rapid.SampledFrom([]JobState{JobRunning, JobAway}).Draw(t, "at work")
		return JobSeen{Generation: generation, State: state, Message: texts.Draw(t, "message")}
	default:
		return JobSeen{Generation: generation, State: JobSucceeded}
	}
}

func anyMeasured(t *rapid.T, generation int64, now time.Time) Event {
	outcome := rapid.SampledFrom([]Outcome{OutcomePass, OutcomePass, OutcomePass, OutcomeFail, OutcomeInconclusive, OutcomeError}).Draw(t, "outcome")
	return Measured{Generation: generation, Check: rapid.SampledFrom([]string{"errors", "smoke"}).Draw(t, "check"),
		Measurement: Measurement{At: now, Outcome: outcome, Message: texts.Draw(t, "message"), Pending: rapid.IntRange(0, 9).Draw(t, "pending") == 0}}
}
