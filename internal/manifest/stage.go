package manifest

import (
	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func (s *scan) deployer(into *slipway.DeployerRef) field {
	return s.object(map[string]field{
		"name":   s.text(&into.Name),
		"config": s.raw(&into.Config),
	}, true)
}

func (s *scan) strategy(into *slipway.Strategy) field {
	return func(path string, n *yaml.Node) {
		var kind string
		s.object(map[string]field{
			"type":           s.text(&kind),
			"batch":          s.number(&into.Batch),
			"maxUnavailable": s.number(&into.MaxUnavailable),
			"keepWarm":       s.duration(&into.KeepWarm),
			"manual":         s.flag(&into.Manual),
			"preview":        s.flag(&into.Preview),
			"steps":          s.list(s.step(&into.Steps)),
			"share":          s.number(&into.Share),
			"match":          s.list(s.match(&into.Match)),
		}, true)(path, n)
		if kind == "blue-green" || kind == "bluegreen" { // spellings that people bring along
			kind = string(slipway.StrategyBlueGreen)
		}
		var known []string
		for _, t := range slipway.StrategyTypes() {
			known = append(known, string(t))
		}
		s.oneOf(path+".type", "strategy", kind, known)
		into.Type = slipway.StrategyType(kind)
	}
}

func (s *scan) match(into *[]slipway.Match) func(int, string, *yaml.Node) {
	return func(_ int, path string, n *yaml.Node) {
		var m slipway.Match
		s.object(map[string]field{"header": s.text(&m.Header), "cookie": s.text(&m.Cookie), "value": s.text(&m.Value)}, true)(path, n)
		*into = append(*into, m)
	}
}

func (s *scan) step(into *[]slipway.CanaryStep) func(int, string, *yaml.Node) {
	return func(_ int, path string, n *yaml.Node) {
		var step slipway.CanaryStep
		s.object(map[string]field{
			"weight": s.number(&step.Weight),
			"bake":   s.duration(&step.Bake),
			"pause":  s.flag(&step.Pause),
		}, true)(path, n)
		*into = append(*into, step)
	}
}

func (s *scan) hooks(into *slipway.Hooks) field {
	return s.object(map[string]field{
		"before":        s.list(s.hook(&into.Before)),
		"beforeTraffic": s.list(s.hook(&into.BeforeTraffic)),
		"after":         s.list(s.hook(&into.After)),
		"onRollback":    s.list(s.hook(&into.OnRollback)),
	}, true)
}

// hook is flat in the file: its job is nothing to write of its own.
func (s *scan) hook(into *[]slipway.Hook) func(int, string, *yaml.Node) {
	return func(_ int, path string, n *yaml.Node) {
		var h slipway.Hook
		var again string
		fields := s.job(&h.Job)
		fields["name"] = s.text(&h.Name)
		fields["retries"] = s.number(&h.Retries)
		fields["again"] = s.text(&again)
		fields["optional"] = s.flag(&h.Optional)
		s.object(fields, true)(path, n)
		s.oneOf(path+".again", "answer", again, []string{string(slipway.AgainSafe), string(slipway.AgainAsk)})
		h.Again = slipway.Again(again)
		*into = append(*into, h)
	}
}

func (s *scan) job(into *slipway.Job) map[string]field {
	return map[string]field{
		"command": s.list(s.argument(&into.Command)),
		"env":     s.words(&into.Env),
		"dir":     s.text(&into.Dir),
		"timeout": s.duration(&into.Timeout),
	}
}

// argument may be empty, unlike what is named elsewhere.
func (s *scan) argument(into *[]string) func(int, string, *yaml.Node) {
	return func(_ int, path string, n *yaml.Node) {
		var item string
		s.text(&item)(path, n)
		*into = append(*into, item)
	}
}

func (s *scan) wave(into *[]slipway.Wave) func(int, string, *yaml.Node) {
	return func(_ int, path string, n *yaml.Node) {
		var w slipway.Wave
		s.object(map[string]field{"site": s.text(&w.Site), "config": s.raw(&w.Config)}, true)(path, n)
		*into = append(*into, w)
	}
}
