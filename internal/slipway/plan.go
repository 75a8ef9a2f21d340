package slipway

import "strings"

// Spec is everything that decides what runs: the same spec is the same
// behaviour. Secrets are named by version, never by value.
type Spec struct {
	Version    string            `json:"version"`
	Seq        int64             `json:"seq"` // of the release
	Artifacts  []Artifact        `json:"artifacts"`
	Config     map[string]string `json:"config,omitempty"`
	Deployer   DeployerRef       `json:"deployer"`
	Replicas   int               `json:"replicas"`
	Secrets    map[string]int    `json:"secrets,omitempty"` // key → pinned version
	Reversible bool              `json:"reversible"`
}

// ID names the spec's content: the version, for people, and a piece of the
// digest, because a version with other settings is another thing to run.
func (s Spec) ID() string {
	digest := strings.TrimPrefix(digestJSON(s), "sha256:")
	return s.Version + "-" + digest[:8]
}

func (s Spec) track(weight, replicas int) Track {
	return Track{Spec: s.ID(), Version: s.Version, Weight: weight, Replicas: replicas}
}

// Plan is exactly what a deployment is going to do, frozen when it is asked
// for. Its digest is what people approve.
type Plan struct {
	Service          string      `json:"service"`
	Environment      string      `json:"environment"`
	Cause            Cause       `json:"cause"`
	PipelineRevision int         `json:"pipelineRevision"`
	From             *Spec       `json:"from,omitempty"` // what is live
	To               Spec        `json:"to"`
	Strategy         Strategy    `json:"strategy"`
	Phases           []Desired   `json:"phases"`
	Gates            []Gate      `json:"gates"`
	Deadline         Duration    `json:"deadline"`
	OnFailure        FailureRule `json:"onFailure"`
	Preview          string      `json:"preview,omitempty"`  // the deployer's own words
	Prepared         []byte      `json:"prepared,omitempty"` // its artefact for Apply
}

// Digest is the SHA-256 of the plan's canonical JSON.
func (p Plan) Digest() string { return digestJSON(p) }

// Intent digests the plan without the deployer's evidence and without the
// number of the pipeline revision: what Slipway would freeze again from the
// same facts. A revision that leaves this stage as it was is no change of it.
func (p Plan) Intent() string {
	p.Preview, p.Prepared, p.PipelineRevision = "", nil, 0
	return p.Digest()
}

// ShortDigest is the part of a plan digest that people compare by eye.
func ShortDigest(digest string) string {
	digest = strings.TrimPrefix(digest, "sha256:")
	return digest[:min(4, len(digest))]
}

// PlanInput is what a plan is made of. The pieces are loaded in the same
// transaction that uses the plan.
type PlanInput struct {
	Cause    Cause
	Pipeline Pipeline
	Stage    Stage
	Release  Release
	Live     *Spec // what is live in the stage, if anything
	Replicas int   // of the stage's deployer config
	Restore  *Spec // for a rollback: the spec that served before, taken whole
}

// NewPlan freezes a plan. A rollback goes to exactly what served before, with
// its settings of then, in one step and without the gates that judge new
// releases: it must be quick, and its target has already proven itself.
func NewPlan(in PlanInput) Plan {
	plan := Plan{
		Service: in.Pipeline.Service, Environment: in.Stage.Environment, Cause: in.Cause,
		PipelineRevision: in.Pipeline.Revision, From: in.Live,
		Strategy: in.Stage.Strategy, Gates: in.Stage.Gates,
		Deadline: in.Stage.Deadline, OnFailure: in.Stage.OnFailure,
		To: Spec{
			Version: in.Release.Version, Seq: in.Release.Seq,
			Artifacts: in.Release.Content.Artifacts, Config: in.Release.Content.Config,
			Deployer: in.Stage.Deployer, Replicas: in.Replicas,
			Reversible: in.Release.Content.Reversible,
		},
	}
	if plan.Gates == nil {
		plan.Gates = []Gate{}
	}
	if in.Cause == CauseRollback {
		plan.To = *in.Restore
		plan.Gates = []Gate{}
		plan.Phases = rollbackPhases(plan.To)
		return plan
	}
	plan.Phases = plan.Strategy.Phases(plan.From, plan.To)
	return plan
}

// rollbackPhases bring the old release up beside what runs and move all traffic
// once it is ready: as quick as a switch, and never to something not ready.
func rollbackPhases(to Spec) []Desired {
	return []Desired{{Name: "back to " + to.Version, Tracks: []Track{to.track(100, to.Replicas)}}}
}
