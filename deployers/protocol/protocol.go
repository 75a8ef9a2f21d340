// Package protocol is the deployer contract for programs that are not written in
// Go: the documents that a deployer is asked with and answers with, and Client,
// which turns them into a deployers.Deployer over any way of carrying them.
//
// docs/deployer-protocol.md tells strangers the same, and a test holds the two
// together.
package protocol

import (
	"encoding/json"
	"time"
)

// Version names the documents. New fields may join them under the same name, so
// both sides leave alone what they do not know; what changes the meaning of a
// document gets another name.
const Version = "slipway.deployer/v1"

// Call is what a deployer is asked to do.
type Call string

// The calls. Logs, Destroy and CheckWay are made only to a deployer that offers
// them.
const (
	Capabilities Call = "capabilities"
	Validate     Call = "validate"
	Preview      Call = "preview"
	Apply        Call = "apply"
	Observe      Call = "observe"
	Logs         Call = "logs"
	Destroy      Call = "destroy"
	CheckWay     Call = "check-way"
)

// Request is the one document of a call.
type Request struct {
	APIVersion string          `json:"apiVersion"`
	Call       Call            `json:"call"`
	Config     json.RawMessage `json:"config,omitempty"`  // validate
	Target     *Target         `json:"target,omitempty"`  // all but capabilities and validate
	Desired    *Desired        `json:"desired,omitempty"` // preview, apply
	Way        []Desired       `json:"way,omitempty"`     // check-way
	Cursor     string          `json:"cursor,omitempty"`  // logs
	Limit      int             `json:"limit,omitempty"`   // logs
}

// Target is deployers.Target.
type Target struct {
	Service     string `json:"service"`
	Environment string `json:"environment"`
	Site        string `json:"site,omitempty"`
}

// Desired is deployers.Desired.
type Desired struct {
	Generation int64   `json:"generation"`
	Tracks     []Track `json:"tracks"`
	Back       bool    `json:"back,omitempty"`
}

// Track is deployers.Track. Its secrets are plain here: a request is written to
// the other side and nowhere else.
type Track struct {
	ID        string            `json:"id"`
	Version   string            `json:"version"`
	Weight    int               `json:"weight"`
	Replicas  int               `json:"replicas"`
	Match     []Match           `json:"match,omitempty"`
	Preview   bool              `json:"preview,omitempty"`
	Artifacts []Artifact        `json:"artifacts"`
	Config    json.RawMessage   `json:"config"`
	Env       map[string]string `json:"env,omitempty"`
	Secrets   map[string]string `json:"secrets,omitempty"`
	Prepared  []byte            `json:"prepared,omitempty"` // in base64
}

// Match is deployers.Match.
type Match struct {
	Header string `json:"header,omitempty"`
	Cookie string `json:"cookie,omitempty"`
	Value  string `json:"value"`
}

// Artifact is deployers.Artifact.
type Artifact struct {
	Name      string `json:"name"`
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
}

// Line is one line of an answer; exactly one of its fields is set. Logs may come
// at any time, one result or one error ends the answer.
type Line struct {
	Log    *Log            `json:"log,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *Fault          `json:"error,omitempty"`
}

// Log is a line for people: of progress, or what a workload printed.
type Log struct {
	At     time.Time `json:"at,omitzero"`
	Source string    `json:"source,omitempty"`
	Stream string    `json:"stream,omitempty"` // stdout unless it says stderr
	Text   string    `json:"text"`
}

// Fault says why a call failed.
type Fault struct {
	Message  string `json:"message"`
	Terminal bool   `json:"terminal,omitempty"` // trying again cannot help
	// Code is CodeStale or empty.
	Code   string `json:"code,omitempty"`
	Newest int64  `json:"newest,omitempty"` // with CodeStale: the generation that is known
}

// CodeStale refuses a generation that is older than one that was accepted.
const CodeStale = "stale-generation"

// Offer is the result of Capabilities.
type Offer struct {
	APIVersion     string `json:"apiVersion"`
	Summary        string `json:"summary"`
	Replicas       bool   `json:"replicas,omitempty"`
	ParallelTracks bool   `json:"parallelTracks,omitempty"`
	TrafficWeights bool   `json:"trafficWeights,omitempty"`
	TrafficMatch   bool   `json:"trafficMatch,omitempty"`
	PreviewAddress bool   `json:"previewAddress,omitempty"`
	Secrets        bool   `json:"secrets,omitempty"`
	AtMostOnce     bool   `json:"atMostOnce,omitempty"`
	Calls          []Call `json:"calls,omitempty"` // of the optional ones
}

// Validated is the result of Validate.
type Validated struct {
	Replicas int       `json:"replicas"`
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is deployers.Problem.
type Problem struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// Previewed is the result of Preview.
type Previewed struct {
	Text     string `json:"text"`
	Prepared []byte `json:"prepared,omitempty"` // in base64
}

// Observed is the result of Observe.
type Observed struct {
	At         time.Time       `json:"at"`
	Generation int64           `json:"generation"`
	Converged  bool            `json:"converged"`
	Tracks     []ObservedTrack `json:"tracks"`
	Address    string          `json:"address,omitempty"`
	Preview    string          `json:"preview,omitempty"`
	Message    string          `json:"message,omitempty"`
	Failure    *Failure        `json:"failure,omitempty"`
	Forgot     bool            `json:"forgot,omitempty"`
}

// ObservedTrack is deployers.ObservedTrack.
type ObservedTrack struct {
	ID        string   `json:"id"`
	Version   string   `json:"version"`
	Wanted    int      `json:"wanted"`
	Ready     int      `json:"ready"`
	Weight    int      `json:"weight"`
	Draining  int      `json:"draining,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
	Message   string   `json:"message,omitempty"`
}

// Failure is deployers.Failure.
type Failure struct {
	Terminal bool   `json:"terminal,omitempty"`
	Reason   string `json:"reason"`
}

// Logged is the result of Logs.
type Logged struct {
	Lines []Log  `json:"lines"`
	Next  string `json:"next"`
}
