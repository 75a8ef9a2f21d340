package slipway

import (
	"fmt"
	"slices"
	"strings"
)

// CheckAids answer what a pipeline cannot be judged by alone. Without
// Expressions, conditions are taken as they are.
type CheckAids struct {
	Deployers   Deployers
	Expressions Expressions
}

// CheckPipeline lists every fault of a normalized pipeline: unknown
// environments, cycles, gates that can never open, checks that can never fail,
// strategies that the deployer cannot do. Fields are paths into the pipeline
// file.
func CheckPipeline(p Pipeline, environments []Environment, aids CheckAids) []FieldError {
	c := pipelineCheck{pipeline: p, aids: aids, known: map[string]bool{}, staged: map[string]int{}}
	for _, e := range environments {
		c.known[e.Name] = true
	}
	if len(p.Stages) == 0 {
		c.add("stages", "needs at least one stage")
	}
	c.most("stages", len(p.Stages), maxStages)
	for i, s := range p.Stages {
		c.environment(i, s)
	}
	for i, s := range p.Stages {
		c.rules(i, s)
		c.after(i, s)
		c.waves(i, s)
		c.deployer(i, s)
		c.secrets(i, s)
		c.gates(i, s)
		c.verify(i, s)
		c.hooks(i, s)
	}
	c.cycles()
	return c.faults
}

type pipelineCheck struct {
	pipeline Pipeline
	aids     CheckAids
	known    map[string]bool
	staged   map[string]int // environment → index of its stage
	unnamed  bool           // a stage does not say which environment it is for, and could be any
	faults   []FieldError
}

func (c *pipelineCheck) add(field, format string, args ...any) {
	c.faults = append(c.faults, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

func (c *pipelineCheck) environment(i int, s Stage) {
	field := fmt.Sprintf("stages[%d].environment", i)
	if s.Environment == "" {
		c.unnamed = true
		c.add(field, "is missing")
		return
	}
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
		} else {
			c.isStaged(field, name)
		}
	}
}

// isStaged refuses the name of an environment that no stage is for.
func (c *pipelineCheck) isStaged(field, name string) bool {
	_, ok := c.staged[name]
	if !ok && !c.unnamed {
		c.add(field, "no stage of this pipeline is for %q", name)
	}
	return ok
}

// secrets refuses names that no key has, and keys that nobody would deliver.
func (c *pipelineCheck) secrets(i int, s Stage) {
	field := fmt.Sprintf("stages[%d].secrets", i)
	c.most(field, len(s.Secrets), MaxSecretKeys)
	for j, key := range s.Secrets {
		if wrong := CheckSecretKey(key); wrong != "" {
			c.add(fmt.Sprintf("%s[%d]", field, j), "%s", wrong)
		} else if slices.Index(s.Secrets, key) < j {
			c.add(fmt.Sprintf("%s[%d]", field, j), "%s is there twice", key)
		}
	}
	if a := s.SecretsBy; a != nil {
		c.number(fmt.Sprintf("stages[%d].secretApproval.count", i), a.Count, 1, 20)
		c.bounded(fmt.Sprintf("stages[%d].secretApproval.expires", i), a.Expires)
	}
	if s.Rotate != "" && !slices.Contains(RotateRules(), s.Rotate) {
		c.add(fmt.Sprintf("stages[%d].rotate", i), "is auto, ask or never")
	}
	if capabilities, ok := c.aids.Deployers.Capabilities(s.Deployer.Name); len(s.Secrets) > 0 && ok && !capabilities.Secrets {
		c.add(field, "deployer %q delivers no secrets", s.Deployer.Name)
	}
}

func (c *pipelineCheck) deployer(i int, s Stage) {
	field := fmt.Sprintf("stages[%d].deployer", i)
	deployers := c.aids.Deployers
	capabilities, ok := deployers.Capabilities(s.Deployer.Name)
	if !ok {
		c.add(field+".name", "there is no deployer %q; there are %s", s.Deployer.Name, strings.Join(deployers.Names(), ", "))
		return
	}
	sites, replicas, faults := SiteSpecs(s, deployers)
	for _, f := range faults {
		c.add(fmt.Sprintf("stages[%d].%s", i, f.Field), "%s", f.Message)
	}
	strategy := fmt.Sprintf("stages[%d].strategy", i)
	before := len(c.faults)
	for _, f := range s.Strategy.Check(0) { // what is wrong at any number of replicas
		c.add(strategy+f.Field, "%s", f.Message)
	}
	if lacks := s.Strategy.Lacks(capabilities); lacks != "" {
		c.add(strategy+".type", "deployer %q cannot do %s: it has no %s", s.Deployer.Name, s.Strategy.Type, lacks)
	}
	if len(c.faults) > before {
		return
	}
	if len(sites) == 0 {
		sites = []SiteSpec{{Replicas: replicas}}
	}
	for _, site := range sites {
		for _, f := range s.Strategy.Check(site.Replicas) {
			if site.Site != "" {
				f.Message += " at " + site.Site
			}
			c.add(strategy+f.Field, "%s", f.Message)
		}
	}
	if len(c.faults) == before {
		c.phases(i, s)
	}
}

// phases bounds the way from one release to the next, all its sites and hooks
// included.
func (c *pipelineCheck) phases(i int, s Stage) {
	sites, replicas, _ := SiteSpecs(s, c.aids.Deployers)
	live := Spec{Replicas: replicas, Sites: sites}
	plan := NewPlan(PlanInput{Cause: CausePromote, Pipeline: c.pipeline, Stage: s, Release: Release{Version: "next"}, Live: &live, Replicas: replicas, Sites: sites})
	if n := len(plan.Phases); n > maxPhases {
		c.add(fmt.Sprintf("stages[%d].strategy", i), "makes %d phases with all waves and hooks, and %d are the most; replace more at once", n, maxPhases)
	}
}

func (c *pipelineCheck) rules(i int, s Stage) {
	c.bounded(fmt.Sprintf("stages[%d].deadline", i), s.Deadline)
	if s.OnFailure != OnFailureRollback && s.OnFailure != OnFailureStop {
		c.add(fmt.Sprintf("stages[%d].onFailure", i), "is rollback or stop, not %q", s.OnFailure)
	}
	if s.AutoPromote && !s.Strategy.whole() {
		c.add(fmt.Sprintf("stages[%d].autoPromote", i), "does not go with a partial strategy: a part stays until a person widens or withdraws it, "+
			"and every new release would push it aside before anybody did")
	}
	if s.Bake > longestBake {
		c.add(fmt.Sprintf("stages[%d].bake", i), "is at most %s", longestBake)
	}
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
