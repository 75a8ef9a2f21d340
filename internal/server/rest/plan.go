package rest

import "github.com/slipway-dev/slipway/internal/slipway"

// Plan is exactly what a deployment is going to do.
type Plan struct {
	Digest           string   `json:"digest,omitempty" doc:"What an approval is for."`
	Service          string   `json:"service"`
	Environment      string   `json:"environment"`
	Cause            string   `json:"cause"`
	PipelineRevision int      `json:"pipelineRevision"`
	From             *Spec    `json:"from,omitempty" doc:"What is live; left out if nothing is."`
	To               Spec     `json:"to"`
	Strategy         Strategy `json:"strategy"`
	Phases           []Phase  `json:"phases"`
	Gates            []Gate   `json:"gates"`
	Deadline         string   `json:"deadline"`
	OnFailure        string   `json:"onFailure"`
	Preview          string   `json:"preview,omitempty" doc:"What the deployer says it would change."`
}

// Spec is everything that decides what runs. Secrets are named by version.
type Spec struct {
	ID             string            `json:"id"`
	Version        string            `json:"version"`
	Artifacts      []Artifact        `json:"artifacts"`
	Config         map[string]string `json:"config"`
	Deployer       DeployerRef       `json:"deployer"`
	Replicas       int               `json:"replicas"`
	SecretVersions map[string]int    `json:"secretVersions"`
	Reversible     bool              `json:"reversible"`
}

// Phase is one desired state on the way.
type Phase struct {
	Name   string  `json:"name"`
	Tracks []Track `json:"tracks"`
	Bake   string  `json:"bake,omitempty" doc:"How long it is watched."`
	Pause  bool    `json:"pause,omitempty" doc:"Whether a person lets it go on."`
}

// Track is one release's part of a phase.
type Track struct {
	Spec     string `json:"spec"`
	Version  string `json:"version"`
	Weight   int    `json:"weight" doc:"Percent of the traffic."`
	Replicas int    `json:"replicas"`
}

func plan(p slipway.Plan, digest string) Plan {
	out := Plan{Digest: digest, Service: p.Service, Environment: p.Environment, Cause: string(p.Cause), PipelineRevision: p.PipelineRevision, To: spec(p.To),
		Strategy: strategy(p.Strategy), Phases: each(p.Phases, phase), Gates: each(p.Gates, gate), Deadline: p.Deadline.String(), OnFailure: string(p.OnFailure), Preview: p.Preview}
	if p.From != nil {
		from := spec(*p.From)
		out.From = &from
	}
	return out
}

func spec(s slipway.Spec) Spec {
	out := Spec{ID: s.ID(), Version: s.Version, Artifacts: each(s.Artifacts, artifact), Config: config(s.Config), Deployer: deployerRef(s.Deployer),
		Replicas: s.Replicas, SecretVersions: s.Secrets, Reversible: s.Reversible}
	if out.SecretVersions == nil {
		out.SecretVersions = map[string]int{}
	}
	return out
}

func phase(d slipway.Desired) Phase {
	return Phase{Name: d.Name, Bake: duration(d.Bake), Pause: d.Pause, Tracks: each(d.Tracks, track)}
}

func track(t slipway.Track) Track {
	return Track{Spec: t.Spec, Version: t.Version, Weight: t.Weight, Replicas: t.Replicas}
}
