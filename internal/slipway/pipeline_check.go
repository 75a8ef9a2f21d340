package slipway

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// CheckPipeline lists every fault of a normalized pipeline: unknown
// environments, cycles, gates that can never open, strategies that the deployer
// cannot do. Fields are paths into the pipeline file.
func CheckPipeline(p Pipeline, environments []Environment, deployers Deployers) []FieldError {
	c := pipelineCheck{pipeline: p, deployers: deployers, known: map[string]bool{}, staged: map[string]int{}}
	for _, e := range environments {
		c.known[e.Name] = true
	}
	if len(p.Stages) == 0 {
		c.add("stages", "needs at least one stage")
	}
	for i, s := range p.Stages {
		c.environment(i, s)
	}
	for i, s := range p.Stages {
		c.rules(i, s)
		c.after(i, s)
		c.deployer(i, s)
		c.gates(i, s)
	}
	c.cycles()
	return c.faults
}

type pipelineCheck struct {
	pipeline  Pipeline
	deployers Deployers
	known     map[string]bool
	staged    map[string]int // environment → index of its stage
	faults    []FieldError
}

func (c *pipelineCheck) add(field, format string, args ...any) {
	c.faults = append(c.faults, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

func (c *pipelineCheck) environment(i int, s Stage) {
	field := fmt.Sprintf("stages[%d].environment", i)
	if !c.known[s.Environment] {
		names := make([]string, 0, len(c.known))
		for name := range c.known {
			names = append(names, name)
		}
		slices.Sort(names)
		c.add(field, "there is no environment %q; there are %s", s.Environment, strings.Join(names, ", "))
	}
	if first, twice := c.staged[s.Environment]; twice {
		c.add(field, "%q is already stages[%d]; a service has one stage in an environment", s.Environment, first)
		return
	}
	c.staged[s.Environment] = i
}

func (c *pipelineCheck) after(i int, s Stage) {
	for j, name := range s.After {
		field := fmt.Sprintf("stages[%d].after[%d]", i, j)
		if name == s.Environment {
			c.add(field, "a stage cannot come after itself")
		} else if _, ok := c.staged[name]; !ok {
			c.add(field, "no stage of this pipeline is for %q", name)
		}
	}
}

func (c *pipelineCheck) deployer(i int, s Stage) {
	field := fmt.Sprintf("stages[%d].deployer", i)
	capabilities, ok := c.deployers.Capabilities(s.Deployer.Name)
	if !ok {
		c.add(field+".name", "there is no deployer %q; there are %s", s.Deployer.Name, strings.Join(c.deployers.Names(), ", "))
		return
	}
	replicas, faults := c.deployers.CheckConfig(s.Deployer)
	for _, f := range faults {
		path := field + ".config"
		if f.Field != "" {
			path += "." + f.Field
		}
		c.add(path, "%s", f.Message)
	}
	strategy := fmt.Sprintf("stages[%d].strategy", i)
	for _, f := range s.Strategy.Check(replicas) {
		c.add(strategy+f.Field, "%s", f.Message)
	}
	if lacks := s.Strategy.Lacks(capabilities); lacks != "" {
		c.add(strategy+".type", "deployer %q cannot do %s: it has no %s", s.Deployer.Name, s.Strategy.Type, lacks)
	}
}

func (c *pipelineCheck) rules(i int, s Stage) {
	c.bounded(fmt.Sprintf("stages[%d].deadline", i), s.Deadline)
	if s.OnFailure != OnFailureRollback && s.OnFailure != OnFailureStop {
		c.add(fmt.Sprintf("stages[%d].onFailure", i), "is rollback or stop, not %q", s.OnFailure)
	}
}

func (c *pipelineCheck) gates(i int, s Stage) {
	for j, g := range s.Gates {
		field := fmt.Sprintf("stages[%d].gates[%d]", i, j)
		switch {
		case (g.Approval == nil) == (g.Soak == nil):
			c.add(field, "is exactly one of approval, soak")
		case g.Approval != nil:
			if g.Approval.Count < 1 || g.Approval.Count > 20 {
				c.add(field+".approval.count", "is 1 to 20, not %d", g.Approval.Count)
			}
			c.bounded(field+".approval.expires", g.Approval.Expires)
		default:
			c.soak(field+".soak", s, *g.Soak)
		}
	}
}

// longest is the longest time that a pipeline may ask to wait for anything.
const longest = Duration(90 * 24 * time.Hour)

func (c *pipelineCheck) bounded(field string, d Duration) {
	if d > longest {
		c.add(field, "is at most %s", longest)
	}
}

func (c *pipelineCheck) soak(field string, s Stage, g SoakGate) {
	if _, ok := c.staged[g.In]; !ok {
		c.add(field+".in", "no stage of this pipeline is for %q", g.In)
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

// comesAfter reports whether a stage waits for another, directly or not.
func (c *pipelineCheck) comesAfter(name, before string, seen map[string]bool) bool {
	i, ok := c.staged[name]
	if !ok || seen[name] {
		return false
	}
	seen[name] = true
	for _, after := range c.pipeline.Stages[i].After {
		if after == before || c.comesAfter(after, before, seen) {
			return true
		}
	}
	return false
}

// cycles reports each stage that can only come after itself.
func (c *pipelineCheck) cycles() {
	const visiting, done = 1, 2
	state := map[string]int{}
	var path []string
	var visit func(name string)
	visit = func(name string) {
		i, ok := c.staged[name]
		if !ok || state[name] == done {
			return
		}
		if state[name] == visiting {
			from := slices.Index(path, name)
			c.add(fmt.Sprintf("stages[%d].after", i), "the order is a circle: %s", strings.Join(append(path[from:], name), " after "))
			return
		}
		state[name] = visiting
		path = append(path, name)
		for _, before := range c.pipeline.Stages[i].After {
			if before != name {
				visit(before)
			}
		}
		path = path[:len(path)-1]
		state[name] = done
	}
	for _, s := range c.pipeline.Stages {
		visit(s.Environment)
	}
}
