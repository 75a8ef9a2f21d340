package slipway

// Job is a command that runs beside a deployment: a hook or a check. It is
// argv, never a shell. ${version}, ${previous}, ${service}, ${environment},
// ${site} and ${address} are replaced in its arguments, and given to it as
// SLIPWAY_VERSION and so on.
type Job struct {
	Command []string          `json:"command"`
	Env     map[string]string `json:"env,omitempty"`
	Dir     string            `json:"dir,omitempty"`
	Timeout Duration          `json:"timeout,omitempty"` // default 10m
}

// Again says whether a job may be run a second time when nobody can tell
// whether the first run took effect.
type Again string

// The answers. Without one, a person is asked.
const (
	AgainSafe Again = "safe"
	AgainAsk  Again = "ask"
)

// Hook is a job at a fixed point of a deployment.
type Hook struct {
	Name     string `json:"name"`
	Job      Job    `json:"job"`
	Retries  int    `json:"retries,omitempty"`  // runs after one that failed
	Again    Again  `json:"again"`              // run twice?
	Optional bool   `json:"optional,omitempty"` // its failure is noted and nothing more
}

// Hooks are the jobs of a stage. Before runs ahead of everything,
// BeforeTraffic when the new release is up and has no traffic yet (where the
// strategy has such a phase; otherwise after Before), After once the release
// has passed its last check, OnRollback after the old release has all traffic
// again: the way back waits for nothing.
type Hooks struct {
	Before        []Hook `json:"before,omitempty"`
	BeforeTraffic []Hook `json:"beforeTraffic,omitempty"`
	After         []Hook `json:"after,omitempty"`
	OnRollback    []Hook `json:"onRollback,omitempty"`
}

// phase makes a hook a phase: what runs stays as it is meanwhile.
func (h Hook) phase(when string, tracks []Track, site string) Desired {
	hook := h
	return Desired{Name: when + ": " + h.Name, Site: site, Hook: &hook, Tracks: tracks}
}

// JobState is how a job stands.
type JobState string

// The states of a job. Unknown: it may or may not have run. Away: whoever runs it
// is not to be asked now.
const (
	JobRunning   JobState = "running"
	JobSucceeded JobState = "succeeded"
	JobFailed    JobState = "failed"
	JobUnknown   JobState = "unknown"
	JobAway      JobState = "away"
)
