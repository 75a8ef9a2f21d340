package deployers

import (
	"encoding/json"
	"time"
)

// Target is one place where a service runs.
type Target struct {
	Service     string
	Environment string
}

// String prints the target as service/environment.
func (t Target) String() string { return t.Service + "/" + t.Environment }

// Desired is one desired state of a target. No tracks means: nothing runs.
type Desired struct {
	// Generation orders desired states of a target; higher is newer.
	Generation int64
	// Tracks to run. Weights add up to 100, or are all 0 when nothing is to
	// receive traffic. What is not listed is drained and stopped.
	Tracks []Track
}

// Track is one release at work: how much of it, and with how much traffic.
type Track struct {
	// ID names the content: two tracks with the same ID are the same artifacts,
	// config and secrets, so what already runs under an ID is kept as it is.
	ID        string
	Version   string
	Weight    int // percent of the traffic, 0 to 100
	Replicas  int
	Artifacts []Artifact
	Config    json.RawMessage   // the deployer's own config, as the plan froze it
	Env       map[string]string // the release's config
	Secrets   map[string]Secret // pinned values, fetched just in time
	Prepared  []byte            // Preview.Prepared, unchanged
}

// Artifact is what was built: where it lies and what it must be.
type Artifact struct {
	Name      string
	Reference string // image reference, file URL, ...
	Digest    string // sha256:...
}

// Observed is what a deployer sees. Times are the deployer's own clock.
type Observed struct {
	At         time.Time
	Generation int64 // newest generation accepted for the target
	// Converged: the desired state of Generation is true, every wanted replica
	// is ready, nothing else runs and traffic is divided as asked.
	Converged bool
	Tracks    []ObservedTrack
	Address   string // where the service answers; empty if the deployer has no address
	Message   string // one line for people: "3 of 5 ready"
	Failure   *Failure
}

// ObservedTrack is one release as it really runs.
type ObservedTrack struct {
	ID      string
	Version string
	Wanted  int
	Ready   int
	Weight  int // percent of the traffic it receives now
	Message string
}

// Failure says why the desired state is not coming true.
type Failure struct {
	Terminal bool   // waiting longer cannot help
	Reason   string // plain words: "version 1.42.0 exited with code 1 three times"
}

// LogLine is one line that a workload printed.
type LogLine struct {
	At     time.Time
	Source string // which replica: "1.42.0/0"
	Stream string // "stdout" or "stderr"
	Text   string
}
