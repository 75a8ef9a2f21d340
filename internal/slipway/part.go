package slipway

import (
	"fmt"
	"slices"
	"strings"
)

// Part is how much of the traffic a partial deployment gets.
type Part struct {
	Share int     `json:"share"`
	Match []Match `json:"match,omitempty"`
}

// over puts the part in the place of the one that a strategy names.
func (p Part) over(s Strategy) Strategy {
	if s.Type == StrategyPartial {
		s.Share, s.Match = p.Share, p.Match
	}
	return s
}

// check refuses a part that the stage cannot give.
func (p Part) check(stage Stage, replicas int, deployers Deployers) error {
	var faults []FieldError
	s := p.over(stage.Strategy)
	capabilities, _ := deployers.Capabilities(stage.Deployer.Name)
	switch lacks := s.Lacks(capabilities); {
	case s.Type != StrategyPartial:
		faults = append(faults, FieldError{Field: "share", Message: fmt.Sprintf("is for a partial strategy, and that of %s is %s", stage.Environment, s.Type)})
	case lacks != "":
		field := "share"
		if len(p.Match) > 0 && !capabilities.TrafficMatch {
			field = "match"
		}
		faults = append(faults, FieldError{Field: field, Message: fmt.Sprintf("cannot be given: deployer %q has no %s", stage.Deployer.Name, lacks)})
	default:
		for _, f := range s.Check(replicas) {
			faults = append(faults, FieldError{Field: strings.TrimPrefix(f.Field, "."), Message: f.Message})
		}
	}
	return Invalid("The part", faults)
}

// LeavesPart reports whether the plan gives its release a part of the traffic
// beside what is live, and leaves it at that.
func (p Plan) LeavesPart() bool {
	return p.Cause != CauseRollback && p.From != nil && p.From.ID() != p.To.ID() && !p.Strategy.whole()
}

// same reports whether a plan asks for just what the partial release has.
func (p Partial) same(plan Plan) bool {
	return plan.LeavesPart() && p.Spec.ID() == plan.To.ID() && p.Share == plan.Strategy.Share && slices.Equal(p.Match, plan.Strategy.Match)
}

// words is the part as people say it.
func (p Partial) words() string {
	switch {
	case p.Share == 0:
		return "the matching requests"
	case len(p.Match) == 0:
		return fmt.Sprintf("%d %% of the traffic", p.Share)
	default:
		return fmt.Sprintf("%d %% of the traffic and the matching requests", p.Share)
	}
}
