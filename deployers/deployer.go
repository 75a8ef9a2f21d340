// Package deployers is the contract between Slipway and the things that run
// software. A deployer knows two verbs: make a desired state true (Apply) and
// report what really runs (Observe). Recreate, rolling, blue/green, canary and
// rollback are sequences of desired states, so a deployer never hears of them.
//
// A deployer sees only its own config and the secrets of its own target. It
// imports this package and its own SDK, and nothing else of Slipway's.
package deployers

import (
	"context"
	"encoding/json"
)

// Deployer is one back end. All methods may be called concurrently, for
// different targets and for the same one.
type Deployer interface {
	// Capabilities says which desired states this deployer can make true. It is
	// constant for the life of the value and needs no connection.
	Capabilities() Capabilities

	// Validate reads the deployer's own part of a pipeline stage (a JSON
	// object). It reports every problem at once and does no I/O.
	Validate(config json.RawMessage) (Settings, []Problem)

	// Preview says what Apply would change, in words or as a diff that people
	// read before they approve. It changes nothing.
	Preview(ctx context.Context, target Target, desired Desired) (Preview, error)

	// Apply accepts a desired state and returns once it is durably accepted,
	// not once it is true. The same desired state may be applied any number of
	// times. A generation older than the newest one seen for the target is
	// refused with ErrStaleGeneration, so a paused old process does no harm.
	// An error made by Terminal says that trying again cannot help; every other
	// error may be retried.
	Apply(ctx context.Context, target Target, desired Desired) error

	// Observe reports what runs now. It never reports a wish: what it cannot
	// see is an error, not an empty answer. A target that was never applied is
	// the zero Observed with Converged true.
	Observe(ctx context.Context, target Target) (Observed, error)
}

// LogReader is a Deployer that can show what its workloads print.
type LogReader interface {
	// Logs returns up to limit lines after the cursor (empty: from the oldest
	// kept line) and the cursor to go on from. No new lines is no error.
	Logs(ctx context.Context, target Target, cursor string, limit int) (lines []LogLine, next string, err error)
}

// Destroyer is a Deployer that can remove a target with everything it left
// behind: workloads, files, addresses. Destroying what does not exist succeeds.
type Destroyer interface {
	Destroy(ctx context.Context, target Target) error
}

// WayChecker is a Deployer whose targets cannot be led along every way, because
// somebody else's controller goes a part of it by itself.
type WayChecker interface {
	// CheckWay says why a target cannot be led through these desired states, one
	// after the other from what is accepted now. It is asked before people approve
	// a plan that goes forward, and changes nothing. The error is for them.
	CheckWay(ctx context.Context, target Target, way []Desired) error
}

// Capabilities are facts about a deployer that decide which strategies it can
// carry. A strategy that needs more is refused when the pipeline is applied.
type Capabilities struct {
	Summary        string // one sentence for people: what it runs, and where
	Replicas       bool   // a track can have more than one replica
	ParallelTracks bool   // two releases can run side by side
	TrafficWeights bool   // traffic is divided by Track.Weight
	TrafficMatch   bool   // requests are picked by Track.Match
	PreviewAddress bool   // Track.Preview is obeyed
	Secrets        bool   // Track.Secrets are delivered to the workload
	// AtMostOnce: a call of Apply whose reply was lost must not be repeated
	// unless Observe shows that it had no effect. Slipway then asks a person
	// rather than call a second time.
	AtMostOnce bool
}

// Settings are the facts of a config that the release machine needs.
type Settings struct {
	Replicas int // how many replicas the full service has; at least 1
}

// Problem is one fault of a config. Path is dotted ("readiness.path"), empty
// for the config as a whole.
type Problem struct {
	Path    string
	Message string
}

// Preview is the evidence under an approval.
type Preview struct {
	Text     string // what people read; at most a few hundred lines
	Prepared []byte // optional: an artefact that Apply will use as it is
}

// String prints the problem as "path: message".
func (p Problem) String() string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}
