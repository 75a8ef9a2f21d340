package rest

import (
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Stage is one environment of a pipeline and everything about going there.
type Stage struct {
	Environment string      `json:"environment"`
	After       []string    `json:"after" doc:"Environments that a release must have reached first."`
	Deployer    DeployerRef `json:"deployer"`
	Strategy    Strategy    `json:"strategy"`
	Gates       []Gate      `json:"gates"`
	AutoPromote bool        `json:"autoPromote"`
	OnFailure   string      `json:"onFailure" doc:"rollback or stop"`
	Deadline    string      `json:"deadline" doc:"For each phase to become ready, such as 5m."`
}

// DeployerRef names a deployer and holds its settings.
type DeployerRef struct {
	Name   string   `json:"name"`
	Config Settings `json:"config"`
}

// Strategy is how a stage replaces what runs.
type Strategy struct {
	Type     string       `json:"type" doc:"recreate, rolling, blueGreen or canary"`
	Batch    int          `json:"batch,omitempty"`
	KeepWarm string       `json:"keepWarm,omitempty"`
	Manual   bool         `json:"manual,omitempty"`
	Steps    []CanaryStep `json:"steps,omitempty"`
}

// CanaryStep is a share of the traffic.
type CanaryStep struct {
	Weight int    `json:"weight"`
	Bake   string `json:"bake,omitempty"`
	Pause  bool   `json:"pause,omitempty"`
}

// Gate is one condition of a stage; exactly one member is set.
type Gate struct {
	Approval *ApprovalGate `json:"approval,omitempty"`
	Soak     *SoakGate     `json:"soak,omitempty"`
}

// ApprovalGate asks people.
type ApprovalGate struct {
	Count        int      `json:"count"`
	Groups       []string `json:"groups,omitempty"`
	SelfApproval bool     `json:"selfApproval"`
	Expires      string   `json:"expires"`
}

// SoakGate asks that a release has been live elsewhere for a while.
type SoakGate struct {
	In  string `json:"in"`
	For string `json:"for"`
}

func stage(s slipway.Stage) Stage {
	return Stage{Environment: s.Environment, After: listed(s.After), Deployer: deployerRef(s.Deployer), Strategy: strategy(s.Strategy),
		Gates: each(s.Gates, gate), AutoPromote: s.AutoPromote, OnFailure: string(s.OnFailure), Deadline: s.Deadline.String()}
}

func deployerRef(d slipway.DeployerRef) DeployerRef {
	return DeployerRef{Name: d.Name, Config: Settings(d.Config)}
}

func strategy(s slipway.Strategy) Strategy {
	out := Strategy{Type: string(s.Type), Batch: s.Batch, KeepWarm: duration(s.KeepWarm), Manual: s.Manual}
	for _, step := range s.Steps {
		out.Steps = append(out.Steps, CanaryStep{Weight: step.Weight, Bake: duration(step.Bake), Pause: step.Pause})
	}
	return out
}

func gate(g slipway.Gate) Gate {
	var out Gate
	if a := g.Approval; a != nil {
		out.Approval = &ApprovalGate{Count: a.Count, Groups: a.Groups, SelfApproval: a.SelfApproval, Expires: a.Expires.String()}
	}
	if k := g.Soak; k != nil {
		out.Soak = &SoakGate{In: k.In, For: k.For.String()}
	}
	return out
}

// duration leaves out what is not set.
func duration(d slipway.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
