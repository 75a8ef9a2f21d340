package manifest

import (
	"slices"
	"strings"

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
			"type":     s.text(&kind),
			"batch":    s.number(&into.Batch),
			"keepWarm": s.duration(&into.KeepWarm),
			"manual":   s.flag(&into.Manual),
			"steps":    s.list(s.step(&into.Steps)),
		}, true)(path, n)
		known, ok := strategyType(kind)
		if !ok {
			names := []string{
				string(slipway.StrategyRecreate), string(slipway.StrategyRolling),
				string(slipway.StrategyBlueGreen), string(slipway.StrategyCanary),
			}
			s.fault(path+".type", at(s.lines.Line(path+".type")), "%q is no strategy%s", clip(kind), suggest(kind, names))
		}
		into.Type = known
	}
}

// strategyType knows the spellings of blue-green that people bring along.
func strategyType(name string) (slipway.StrategyType, bool) {
	switch t := slipway.StrategyType(name); t {
	case "":
		return "", true // the default
	case slipway.StrategyRecreate, slipway.StrategyRolling, slipway.StrategyBlueGreen, slipway.StrategyCanary:
		return t, true
	case "blue-green", "bluegreen":
		return slipway.StrategyBlueGreen, true
	default:
		return "", false
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

func gateKinds() []string { return []string{"approval", "soak"} }

func (s *scan) gate(into *[]slipway.Gate) func(int, string, *yaml.Node) {
	return func(_ int, path string, n *yaml.Node) {
		var g slipway.Gate
		switch {
		case n.Kind != yaml.MappingNode:
			s.fault(path, n, "is a gate such as \"approval: {count: 1}\", not %s", kindOf(n))
			return
		case len(n.Content) != 2:
			s.fault(path, n, "is one gate; write each as a list item of its own")
			return
		}
		s.each(path, n, func(key, path string, keyNode, value *yaml.Node) {
			switch key {
			case "approval":
				g.Approval = s.approval(path, value)
			case "soak":
				g.Soak = s.soak(path, value)
			default:
				s.fault(path, keyNode, "is no gate that this version knows%s", suggest(key, gateKinds()))
			}
		})
		*into = append(*into, g)
	}
}

func (s *scan) approval(path string, n *yaml.Node) *slipway.ApprovalGate {
	g := &slipway.ApprovalGate{Count: 1}
	if n.ShortTag() == "!!null" {
		return g // "approval:" alone asks for one
	}
	s.object(map[string]field{
		"count":        s.number(&g.Count),
		"groups":       s.texts(&g.Groups),
		"selfApproval": s.flag(&g.SelfApproval),
		"expires":      s.duration(&g.Expires),
	}, true)(path, n)
	if g.Count < 1 {
		s.fault(path+".count", at(s.lines.Line(path+".count")), "is 1 to 20, not %d", g.Count)
	}
	if given, ok := s.lines[path+".groups"]; ok && len(g.Groups) == 0 && n.Kind == yaml.MappingNode {
		// An empty list would ask everybody, and that is hardly what it says.
		s.fault(path+".groups", at(given), "is empty; name a group, or leave groups out to ask all who may approve")
	}
	return g
}

func (s *scan) soak(path string, n *yaml.Node) *slipway.SoakGate {
	g := &slipway.SoakGate{}
	before := len(s.faults)
	s.object(map[string]field{"in": s.text(&g.In), "for": s.duration(&g.For)}, true)(path, n)
	if len(s.faults) == before {
		s.need(path+".in", n, g.In)
		if g.For == 0 {
			s.fault(path+".for", at(max(s.lines[path+".for"], n.Line)), "is missing; say how long, such as \"1h\"")
		}
	}
	return g
}

// verify refuses checks loudly: a check that is read and never made would be
// worse than none.
func (s *scan) verify(path string, n *yaml.Node) {
	var kinds []string
	for _, item := range n.Content {
		if item.Kind == yaml.MappingNode && len(item.Content) > 0 && !slices.Contains(kinds, clip(item.Content[0].Value)) {
			kinds = append(kinds, clip(item.Content[0].Value))
		}
	}
	if len(n.Content) == 0 && n.Kind == yaml.SequenceNode {
		return
	}
	asked := "this"
	if len(kinds) > 0 {
		asked = strings.Join(kinds[:min(len(kinds), 4)], ", ")
	}
	s.fault(path, n, "this version cannot verify %s; it knows that the deployer reports every replica ready, and the gates %s. Leave verify out",
		asked, strings.Join(gateKinds(), " and "))
}
