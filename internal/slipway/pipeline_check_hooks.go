package slipway

import "fmt"

// Limits on hooks and waves.
const (
	maxHooks   = 20 // at one point of a deployment
	maxRetries = 10
	maxWaves   = 50
)

func (c *pipelineCheck) hooks(i int, s Stage) {
	for _, at := range []struct {
		word  string
		hooks []Hook
	}{
		{"before", s.Hooks.Before}, {"beforeTraffic", s.Hooks.BeforeTraffic}, {"after", s.Hooks.After}, {"onRollback", s.Hooks.OnRollback},
	} {
		field := fmt.Sprintf("stages[%d].hooks.%s", i, at.word)
		c.most(field, len(at.hooks), maxHooks)
		names := map[string]int{}
		for j, h := range at.hooks {
			inside := fmt.Sprintf("%s[%d]", field, j)
			c.unique(inside+".name", h.Name, names, j)
			c.job(inside, h.Job)
			c.number(inside+".retries", h.Retries, 0, maxRetries)
			if h.Again != AgainSafe && h.Again != AgainAsk {
				c.add(inside+".again", "is safe or ask, not %q", h.Again)
			}
		}
	}
}

func (c *pipelineCheck) waves(i int, s Stage) {
	field := fmt.Sprintf("stages[%d].waves", i)
	c.most(field, len(s.Waves), maxWaves)
	sites := map[string]int{}
	for j, wave := range s.Waves {
		inside := fmt.Sprintf("%s[%d]", field, j)
		c.unique(inside+".site", wave.Site, sites, j)
		if _, ok := object(wave.Config); !ok {
			c.add(inside+".config", "is an object")
		}
	}
	if _, ok := object(s.Deployer.Config); !ok && len(s.Waves) > 0 {
		c.add(fmt.Sprintf("stages[%d].deployer.config", i), "is an object where there are waves: theirs is laid over it")
	}
}

// unique checks a name among others: a DNS label, and nobody else's.
func (c *pipelineCheck) unique(field, name string, taken map[string]int, index int) {
	if fault := CheckName(name); fault != "" {
		c.add(field, "%s", fault)
		return
	}
	if first, twice := taken[name]; twice {
		c.add(field, "%q is the name of number %d already", name, first+1)
		return
	}
	taken[name] = index
}
