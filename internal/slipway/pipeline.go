package slipway

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// Pipeline is how a service goes out: its stages, in a graph. It is code,
// applied as a whole, and every applied version is kept as a numbered revision.
type Pipeline struct {
	Service  string  `json:"service"`
	Team     string  `json:"team,omitempty"`
	Revision int     `json:"revision"`
	Stages   []Stage `json:"stages"`

	Source    string    `json:"source,omitempty"` // the file as it was sent
	AppliedBy string    `json:"appliedBy,omitempty"`
	AppliedAt time.Time `json:"appliedAt,omitzero"`
}

// Stage is one environment of a pipeline and everything about going there.
type Stage struct {
	Environment string        `json:"environment"`
	After       []string      `json:"after,omitempty"` // environments a release must have reached first
	Deployer    DeployerRef   `json:"deployer"`
	Strategy    Strategy      `json:"strategy"`
	Secrets     []string      `json:"secrets,omitempty"`        // keys that a release needs there
	Rotate      RotateRule    `json:"rotate,omitempty"`         // how new values of them reach what runs; empty: it asks
	SecretsBy   *ApprovalGate `json:"secretApproval,omitempty"` // who approves changes of its secrets; nil: nobody has to
	Gates       []Gate        `json:"gates,omitempty"`
	Verify      []Check       `json:"verify,omitempty"`
	Bake        Duration      `json:"bake,omitempty"` // how long the last phase is watched
	Hooks       Hooks         `json:"hooks,omitzero"`
	Waves       []Wave        `json:"waves,omitempty"`
	AutoPromote bool          `json:"autoPromote,omitempty"`
	OnFailure   FailureRule   `json:"onFailure"`
	Deadline    Duration      `json:"deadline"` // for each phase to become ready
}

// Wave is one of several sites of an environment, which go out one after the
// other: eu, then us. A wave that fails keeps the next from starting.
type Wave struct {
	Site   string          `json:"site"`
	Config json.RawMessage `json:"config,omitempty"` // laid over the deployer config, key by key
}

// DeployerRef names a deployer and holds the config that only it understands.
type DeployerRef struct {
	Name   string          `json:"name"`
	Config json.RawMessage `json:"config,omitempty"`
}

// FailureRule says what happens when a deployment does not become ready.
type FailureRule string

// The failure rules. Rollback is the default.
const (
	OnFailureRollback FailureRule = "rollback"
	OnFailureStop     FailureRule = "stop"
)

// DefaultDeadline is how long a phase may take to become ready.
const DefaultDeadline = Duration(5 * time.Minute)

// Gate is one condition of a stage; exactly one of its members is set. Locks,
// freezes and blocked releases hold every stage and need no gate.
type Gate struct {
	Approval    *ApprovalGate   `json:"approval,omitempty"`
	Soak        *SoakGate       `json:"soak,omitempty"`
	Window      *WindowGate     `json:"window,omitempty"`
	External    *ExternalGate   `json:"external,omitempty"`
	Metric      *MetricGate     `json:"metric,omitempty"`
	ErrorBudget *BudgetGate     `json:"errorBudget,omitempty"`
	Provenance  *ProvenanceGate `json:"provenance,omitempty"`
	Expression  *ExpressionGate `json:"expression,omitempty"`
}

// ApprovalGate asks people: Count of those who may approve and belong to one
// of Groups (no groups: all who may approve). The requester counts only with
// SelfApproval. An approval not given within Expires ends the deployment.
type ApprovalGate struct {
	Count        int      `json:"count"`
	Groups       []string `json:"groups,omitempty"`
	SelfApproval bool     `json:"selfApproval,omitempty"`
	Expires      Duration `json:"expires,omitempty"`
}

// DefaultApprovalExpiry ends an unanswered question after a week: nothing may
// wait for ever.
const DefaultApprovalExpiry = Duration(7 * 24 * time.Hour)

// SoakGate asks that the release has been live In another environment For a
// while, without a break.
type SoakGate struct {
	In  string   `json:"in"`
	For Duration `json:"for"`
}

// Stage returns the stage for an environment.
func (p Pipeline) Stage(environment string) (Stage, bool) {
	for _, s := range p.Stages {
		if s.Environment == environment {
			return s, true
		}
	}
	return Stage{}, false
}

// Next lists the stages that come directly after an environment.
func (p Pipeline) Next(environment string) []Stage {
	var next []Stage
	for _, s := range p.Stages {
		if slices.Contains(s.After, environment) {
			next = append(next, s)
		}
	}
	return next
}

// compactJSON writes a config in one fixed form, keys sorted, so that spaces
// and order are no change. What is no JSON stays as it is, for the check to
// complain of.
func compactJSON(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage(`{}`)
	}
	v, err := decodeJSON(raw)
	if err != nil {
		return raw
	}
	out, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return out
}

// decodeJSON reads one JSON value and keeps its numbers as they are written:
// an account number of 18 digits does not fit a float.
func decodeJSON(raw []byte) (any, error) {
	if !json.Valid(raw) {
		return nil, errors.New("this is no JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	err := decoder.Decode(&v)
	return v, err
}

// SameStages reports whether two normalized pipelines do the same.
func (p Pipeline) SameStages(other Pipeline) bool {
	return digestJSON(p.Stages) == digestJSON(other.Stages)
}
