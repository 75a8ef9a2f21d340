package slipway

import (
	"fmt"
	"time"
)

// Limits on what a stage may ask for, so that one cannot keep a portal busy.
const (
	maxStages     = 50
	maxGates      = 30
	shortestPause = Duration(time.Second)
	longestAnswer = Duration(time.Minute) // of anything outside that is asked
)

// longest is the longest time that a pipeline may ask to wait for anything.
const longest = Duration(90 * 24 * time.Hour)

// GateKinds lists what a gate may be, in the words of a pipeline file.
func GateKinds() []string {
	return []string{"approval", "soak", "window", "external", "metric", "errorBudget", "provenance", "expression"}
}

// members counts the members that are set.
func (g Gate) members() int {
	return count(g.Approval != nil, g.Soak != nil, g.Window != nil, g.External != nil,
		g.Metric != nil, g.ErrorBudget != nil, g.Provenance != nil, g.Expression != nil)
}

func count(set ...bool) int {
	n := 0
	for _, yes := range set {
		if yes {
			n++
		}
	}
	return n
}

func (c *pipelineCheck) gates(i int, s Stage) {
	c.most(fmt.Sprintf("stages[%d].gates", i), len(s.Gates), maxGates)
	titles := map[string]int{}
	for j, g := range s.Gates {
		field := fmt.Sprintf("stages[%d].gates[%d]", i, j)
		if g.members() != 1 {
			c.add(field, "is exactly one of %s", orList(GateKinds()))
			continue
		}
		inside := field + "." + g.Kind()
		if name := g.name(); name != nil {
			c.unique(inside+".name", *name, titles, j)
		}
		c.gate(inside, s, g)
	}
}

func (c *pipelineCheck) gate(field string, s Stage, g Gate) {
	switch {
	case g.Approval != nil:
		c.number(field+".count", g.Approval.Count, 1, 20)
		c.bounded(field+".expires", g.Approval.Expires)
	case g.Soak != nil:
		c.soak(field, s, *g.Soak)
	case g.Window != nil:
		for _, f := range g.Window.Check() {
			c.add(field+f.Field, "%s", f.Message)
		}
	case g.External != nil:
		if fault := CheckURL(g.External.URL); fault != "" {
			c.add(field+".url", "%s", fault)
		}
		c.between(field+".interval", g.External.Interval, shortestPause, longestBake)
		c.between(field+".within", g.External.Within, shortestPause, longestAnswer)
	case g.Metric != nil:
		c.metric(field, g.Metric.Metric, gateWords(), true)
		c.between(field+".interval", g.Metric.Interval, shortestPause, longestBake)
	case g.ErrorBudget != nil:
		c.budget(field, *g.ErrorBudget)
	case g.Provenance != nil:
		for _, f := range g.Provenance.Check() {
			c.add(field+f.Field, "%s", f.Message)
		}
	default:
		c.condition(field+".when", g.Expression.When, Expressions.CheckGate)
		c.line(field+".message", g.Expression.Message)
	}
}

func (c *pipelineCheck) soak(field string, s Stage, g SoakGate) {
	if !c.isStaged(field+".in", g.In) {
		// said already
	} else if g.In == s.Environment {
		c.add(field+".in", "a release cannot soak where it has yet to go")
	} else if c.comesAfter(g.In, s.Environment, map[string]bool{}) {
		c.add(field+".in", "%q comes after %q, so a release could never soak there first", g.In, s.Environment)
	}
	if g.For <= 0 {
		c.add(field+".for", "is how long, such as \"1h\"")
	}
	c.bounded(field+".for", g.For)
}

func (c *pipelineCheck) budget(field string, g BudgetGate) {
	c.provider(field+".provider", g.Provider)
	if !(g.Objective > 0 && g.Objective < 100) { // NaN is neither
		c.add(field+".objective", "is a percentage between 0 and 100, such as 99.9; at 100 there would be nothing to spend")
	}
	if !(g.Remaining >= 0 && g.Remaining < 100) {
		c.add(field+".remaining", "is how much of the budget must be left, from 0 to below 100 percent")
	}
	c.between(field+".window", g.Window, Duration(time.Hour), longest)
	c.between(field+".interval", g.Interval, shortestPause, longestBake)
	words := append(gateWords(), "window")
	c.query(field+".good", g.Good, words)
	c.query(field+".total", g.Total, words)
}

// gateWords are the words of a query that is asked before anything runs.
func gateWords() []string {
	return []string{"version", "previous", "stable", "service", "environment"}
}
