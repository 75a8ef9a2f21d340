package deployers

import (
	"encoding/json"
	"time"
)

// Target is one place where a service runs. Two that differ in any field, the
// site included, share nothing.
type Target struct {
	Service     string
	Environment string
	Site        string // one of several places of the environment; mostly empty
}

// String prints the target as service/environment, and its site if it has one.
func (t Target) String() string {
	if t.Site == "" {
		return t.Service + "/" + t.Environment
	}
	return t.Service + "/" + t.Environment + "/" + t.Site
}

// Desired is one desired state of a target. No tracks means: nothing runs.
type Desired struct {
	// Generation orders desired states of a target; higher is newer.
	Generation int64
	// Tracks to run. Weights add up to 100, or are all 0 when nothing is to
	// receive traffic. What is not listed is drained and stopped.
	Tracks []Track
	// Back: this leads back to what served before. A deployer that goes step by
	// step by itself leaves out what it would only look at, and nothing else: what
	// is not ready still gets no traffic.
	Back bool
}

// Track is one release at work: how much of it, and with how much traffic.
type Track struct {
	// ID names the content: two tracks with the same ID are the same artifacts,
	// config and secrets, so what already runs under an ID is kept as it is.
	ID        string
	Version   string
	Weight    int // percent of the traffic that no Match picks, 0 to 100
	Replicas  int
	Match     []Match // requests that come to this track whatever the weights
	Preview   bool    // answers at the target's preview address
	Artifacts []Artifact
	Config    json.RawMessage   // the deployer's own config, as the plan froze it
	Env       map[string]string // the release's config
	Secrets   map[string]Secret // pinned values, fetched just in time
	Prepared  []byte            // Preview.Prepared, unchanged
}

// Match picks requests that carry exactly this value in a header or a cookie;
// one of the two is named. Any one match of a track is enough, and the first
// track in the list wins. While nothing of that track is ready the weights
// decide.
type Match struct {
	Header string
	Cookie string
	Value  string
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
	// is ready, traffic is divided as asked, and nothing else runs but replicas
	// that finish what they have begun (ObservedTrack.Draining). A desired state
	// without tracks is true once those have ended, too.
	Converged bool
	Tracks    []ObservedTrack
	Address   string // where the service answers; empty if the deployer has no address
	Preview   string // where the track with Preview answers; empty while none has it
	Message   string // one line for people: "3 of 5 ready"
	Failure   *Failure
	// Forgot: the values of secrets, which are kept in memory only, are gone since
	// the deployer was restarted. What runs goes on; the same desired state is to
	// be applied again before something has to be started anew.
	Forgot bool
}

// ObservedTrack is one release as it really runs.
type ObservedTrack struct {
	ID      string
	Version string
	Wanted  int
	Ready   int
	Weight  int // percent of the traffic it receives now
	// Draining replicas are wanted no more: they get nothing new and are given
	// time for the rest, which no later desired state and no restart cuts short.
	// They count neither as Wanted nor as Ready.
	Draining int
	// Addresses of single ready replicas ("http://10.0.0.7:8080"), for checks
	// that must not depend on how traffic is divided. May be empty.
	Addresses []string
	Message   string
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
