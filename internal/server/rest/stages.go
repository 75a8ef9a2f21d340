package rest

import (
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Stage is one environment of a pipeline and everything about going there.
type Stage struct {
	Environment string        `json:"environment"`
	After       []string      `json:"after" doc:"Environments that a release must have reached first."`
	Deployer    DeployerRef   `json:"deployer"`
	Strategy    Strategy      `json:"strategy"`
	Secrets     []string      `json:"secrets" doc:"Keys that a release needs there."`
	Rotate      string        `json:"rotate" doc:"How new values of them reach what runs: auto, ask or never."`
	SecretsBy   *ApprovalGate `json:"secretApproval,omitempty" doc:"Who approves changes of its secrets; nobody has to if left out."`
	Gates       []Gate        `json:"gates"`
	Verify      []Check       `json:"verify" doc:"What is checked of a release at work."`
	Bake        string        `json:"bake,omitempty" doc:"How long the last phase is watched."`
	Hooks       Hooks         `json:"hooks" doc:"Jobs at fixed points of a deployment."`
	Waves       []Wave        `json:"waves" doc:"Sites that go out one after the other; none: there is one."`
	AutoPromote bool          `json:"autoPromote"`
	OnFailure   string        `json:"onFailure" doc:"rollback or stop"`
	Deadline    string        `json:"deadline" doc:"For each phase to become ready, such as 5m."`
}

// DeployerRef names a deployer and holds its settings.
type DeployerRef struct {
	Name   string   `json:"name"`
	Config Settings `json:"config"`
}

// Strategy is how a stage replaces what runs.
type Strategy struct {
	Type           string       `json:"type" doc:"recreate, rolling, blueGreen, canary or partial"`
	Batch          int          `json:"batch,omitempty" doc:"Rolling: replicas replaced at once."`
	MaxUnavailable int          `json:"maxUnavailable,omitempty" doc:"Rolling: replicas that may be missing meanwhile."`
	KeepWarm       string       `json:"keepWarm,omitempty" doc:"Blue-green: how long the old side stays up."`
	Manual         bool         `json:"manual,omitempty" doc:"Blue-green: a person switches."`
	Preview        bool         `json:"preview,omitempty" doc:"Blue-green: the new side answers at the preview address first."`
	Steps          []CanaryStep `json:"steps,omitempty"`
	Share          int          `json:"share,omitempty" doc:"Partial: percent of the traffic."`
	Match          []Match      `json:"match,omitempty" doc:"Partial: requests that get the new release whatever the share."`
}

// Wave is one site of several.
type Wave struct {
	Site   string   `json:"site"`
	Config Settings `json:"config" doc:"Laid over the deployer's config, key by key."`
}

// CanaryStep is a share of the traffic.
type CanaryStep struct {
	Weight int    `json:"weight"`
	Bake   string `json:"bake,omitempty"`
	Pause  bool   `json:"pause,omitempty"`
}

func stage(s slipway.Stage) Stage {
	return Stage{Environment: s.Environment, After: listed(s.After), Deployer: deployerRef(s.Deployer), Strategy: strategy(s.Strategy),
		Secrets: listed(s.Secrets), Rotate: string(s.Rotation()), SecretsBy: approvalGate(s.SecretsBy), Gates: each(s.Gates, gate), Verify: each(s.Verify, check), Bake: duration(s.Bake), Hooks: hooks(s.Hooks),
		Waves:       each(s.Waves, func(w slipway.Wave) Wave { return Wave{Site: w.Site, Config: Settings(w.Config)} }),
		AutoPromote: s.AutoPromote, OnFailure: string(s.OnFailure), Deadline: s.Deadline.String()}
}

func deployerRef(d slipway.DeployerRef) DeployerRef {
	return DeployerRef{Name: d.Name, Config: Settings(d.Config)}
}

func strategy(s slipway.Strategy) Strategy {
	out := Strategy{Type: string(s.Type), Batch: s.Batch, MaxUnavailable: s.MaxUnavailable, KeepWarm: duration(s.KeepWarm), Manual: s.Manual, Preview: s.Preview,
		Share: s.Share, Match: each(s.Match, match)}
	for _, step := range s.Steps {
		out.Steps = append(out.Steps, CanaryStep{Weight: step.Weight, Bake: duration(step.Bake), Pause: step.Pause})
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
