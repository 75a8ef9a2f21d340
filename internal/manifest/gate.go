package manifest

import (
	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func (s *scan) gate(into *[]slipway.Gate) func(int, string, *yaml.Node) {
	return func(_ int, path string, n *yaml.Node) {
		var g slipway.Gate
		switch {
		case n.Kind != yaml.MappingNode:
			s.fault(path, n, "is a gate such as \"approval: {count: 1}\", not %s", kindOf(n))
		case len(n.Content) != 2:
			s.fault(path, n, "is one gate; write each as a list item of its own")
		default:
			s.each(path, n, func(key, path string, keyNode, value *yaml.Node) {
				if !s.gateOf(&g, key, path, value) {
					s.fault(path, keyNode, "is no gate that this version knows%s", suggest(key, slipway.GateKinds()))
				}
			})
		}
		*into = append(*into, g)
	}
}

// gateOf reads the gate that a word names; false if there is none.
func (s *scan) gateOf(g *slipway.Gate, kind, path string, n *yaml.Node) bool {
	switch kind {
	case "approval":
		g.Approval = s.approval(path, n)
	case "soak":
		g.Soak = s.soak(path, n)
	case "window":
		g.Window = &slipway.WindowGate{}
		s.object(map[string]field{"allow": s.oneOrMore(&g.Window.Allow), "deny": s.oneOrMore(&g.Window.Deny)}, true)(path, n)
	case "external":
		g.External = &slipway.ExternalGate{}
		s.object(map[string]field{
			"name":     s.text(&g.External.Name),
			"url":      s.text(&g.External.URL),
			"interval": s.duration(&g.External.Interval),
			"within":   s.duration(&g.External.Within),
		}, true)(path, n)
	case "metric":
		g.Metric = &slipway.MetricGate{}
		fields := s.metric(&g.Metric.Metric)
		fields["name"] = s.text(&g.Metric.Name)
		fields["interval"] = s.duration(&g.Metric.Interval)
		s.object(fields, true)(path, n)
		s.noData(path, g.Metric.Metric)
	case "errorBudget":
		g.ErrorBudget = s.budget(path, n)
	case "provenance":
		g.Provenance = s.provenance(path, n)
	case "expression":
		g.Expression = &slipway.ExpressionGate{}
		s.object(map[string]field{
			"name":    s.text(&g.Expression.Name),
			"when":    s.text(&g.Expression.When),
			"message": s.text(&g.Expression.Message),
		}, true)(path, n)
	default:
		return false
	}
	return true
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

func (s *scan) budget(path string, n *yaml.Node) *slipway.BudgetGate {
	g := &slipway.BudgetGate{}
	s.object(map[string]field{
		"provider":  s.text(&g.Provider),
		"objective": s.decimal(&g.Objective),
		"window":    s.duration(&g.Window),
		"good":      s.text(&g.Good),
		"total":     s.text(&g.Total),
		"remaining": s.decimal(&g.Remaining),
		"interval":  s.duration(&g.Interval),
	}, true)(path, n)
	return g
}

func (s *scan) provenance(path string, n *yaml.Node) *slipway.ProvenanceGate {
	g := &slipway.ProvenanceGate{}
	s.object(map[string]field{
		"issuer":     s.text(&g.Issuer),
		"identity":   s.text(&g.Identity),
		"keys":       s.oneOrMore(&g.Keys),
		"builders":   s.oneOrMore(&g.Builders),
		"buildType":  s.text(&g.BuildType),
		"parameters": s.words(&g.Parameters),
	}, true)(path, n)
	return g
}
