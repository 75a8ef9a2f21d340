package slipway

import (
	"cmp"
	"net/http"
	"strconv"
	"time"
)

// What holds where a pipeline file says nothing else.
const (
	defaultJobTimeout   = Duration(10 * time.Minute)
	defaultAnswer       = Duration(10 * time.Second) // for anything outside that is asked
	defaultBudgetWindow = Duration(30 * 24 * time.Hour)
	defaultProvider     = "prometheus"
)

// Normalize fills in what a pipeline file may leave out. The result is what is
// validated, kept and shown: no default hides in the engine.
func (p *Pipeline) Normalize() {
	for i := range p.Stages {
		s := &p.Stages[i]
		s.Strategy.Type = cmp.Or(s.Strategy.Type, StrategyRolling)
		s.OnFailure = cmp.Or(s.OnFailure, OnFailureRollback)
		s.Deadline = cmp.Or(s.Deadline, DefaultDeadline)
		s.Deployer.Config = compactJSON(s.Deployer.Config)
		for j := range s.Waves {
			s.Waves[j].Config = compactJSON(s.Waves[j].Config)
		}
		if s.SecretsBy != nil {
			s.SecretsBy.normalize()
		}
		for j := range s.Gates {
			s.Gates[j].normalize()
		}
		nameAll(len(s.Gates), func(j int) (*string, string) { return s.Gates[j].name(), s.Gates[j].Kind() })
		for j := range s.Verify {
			s.Verify[j].normalize()
		}
		nameAll(len(s.Verify), func(j int) (*string, string) { return &s.Verify[j].Name, s.Verify[j].Kind() })
		for _, hooks := range [][]Hook{s.Hooks.Before, s.Hooks.BeforeTraffic, s.Hooks.After, s.Hooks.OnRollback} {
			for j := range hooks {
				h := &hooks[j]
				h.Again = cmp.Or(h.Again, AgainAsk)
				h.Job.Timeout = cmp.Or(h.Job.Timeout, defaultJobTimeout)
			}
		}
	}
}

// nameAll gives a name to whatever has none: its kind, or the kind and a number
// where that is taken. What has no room for a name is passed over.
func nameAll(n int, of func(i int) (name *string, kind string)) {
	taken := map[string]bool{}
	for i := range n {
		if name, _ := of(i); name != nil {
			taken[*name] = true
		}
	}
	for i := range n {
		name, kind := of(i)
		if name == nil || *name != "" || kind == "" {
			continue
		}
		free := kind
		for number := 2; taken[free]; number++ {
			free = kind + "-" + strconv.Itoa(number)
		}
		*name, taken[free] = free, true
	}
}

func (g *Gate) normalize() {
	if g.Approval != nil {
		g.Approval.normalize()
	}
	if e := g.External; e != nil {
		e.Interval = cmp.Or(e.Interval, defaultProbeInterval)
		e.Within = cmp.Or(e.Within, defaultAnswer)
	}
	if m := g.Metric; m != nil {
		m.Interval = cmp.Or(m.Interval, defaultProbeInterval)
		m.Metric.normalize()
	}
	if b := g.ErrorBudget; b != nil {
		b.Provider = cmp.Or(b.Provider, defaultProvider)
		b.Window = cmp.Or(b.Window, defaultBudgetWindow)
		b.Interval = cmp.Or(b.Interval, defaultProbeInterval)
	}
}

func (a *ApprovalGate) normalize() {
	a.Count = cmp.Or(a.Count, 1)
	a.Expires = cmp.Or(a.Expires, DefaultApprovalExpiry)
}

// name is where the gate keeps a name of its own; nil if it cannot have one.
func (g *Gate) name() *string {
	switch {
	case g.External != nil:
		return &g.External.Name
	case g.Metric != nil:
		return &g.Metric.Name
	case g.Expression != nil:
		return &g.Expression.Name
	default:
		return nil
	}
}

func (c *Check) normalize() {
	c.ConsecutiveErrorLimit = cmp.Or(c.ConsecutiveErrorLimit, defaultErrorLimit)
	if h := c.HTTP; h != nil {
		h.Method = cmp.Or(h.Method, http.MethodGet)
		h.Expect = cmp.Or(h.Expect, http.StatusOK)
		h.Within = cmp.Or(h.Within, defaultAnswer)
	}
	if t := c.TCP; t != nil {
		t.Within = cmp.Or(t.Within, defaultAnswer)
	}
	if j := c.Job; j != nil {
		j.Timeout = cmp.Or(j.Timeout, defaultJobTimeout)
	}
	if m := c.Metric; m != nil {
		m.normalize()
	}
}

func (m *MetricCheck) normalize() {
	m.Provider = cmp.Or(m.Provider, defaultProvider)
	m.NoData = cmp.Or(m.NoData, OutcomeInconclusive)
	m.Within = cmp.Or(m.Within, defaultAnswer)
}
