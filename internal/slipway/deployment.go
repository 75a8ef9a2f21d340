package slipway

import (
	"slices"
	"time"
)

// Cause says why a deployment exists.
type Cause string

// The causes.
const (
	CausePromote  Cause = "promote"
	CauseRollback Cause = "rollback"
	CauseRedeploy Cause = "redeploy"
	CauseRotation Cause = "rotation" // what is live, with today's values of its keys
)

// State is where a deployment is.
type State string

// The states. The first four are active; the others are final.
const (
	Waiting    State = "waiting"    // for its gates
	Running    State = "running"    // through its phases
	Paused     State = "paused"     // a phase is held until someone resumes
	Reverting  State = "reverting"  // back to what was live before
	Succeeded  State = "succeeded"  // the release is live
	Failed     State = "failed"     // ended without a way back, or told to stop
	RolledBack State = "rolledBack" // it failed, and what was live before is live again
	Cancelled  State = "cancelled"
	Rejected   State = "rejected"
	Expired    State = "expired"
	Superseded State = "superseded" // a newer deployment took its place
)

// States lists every state in the order of the table.
func States() []State {
	return []State{Waiting, Running, Paused, Reverting, Succeeded, Failed, RolledBack, Cancelled, Rejected, Expired, Superseded}
}

// Active reports whether the deployment still has something to do.
func (s State) Active() bool { return slices.Contains(States()[:4], s) }

// Person is who did something, as much of them as a record needs.
type Person struct {
	Kind ActorKind `json:"kind"`
	ID   string    `json:"id"`
	Name string    `json:"name"`
}

// Person is the actor as a record keeps them.
func (a Actor) Person() Person { return Person{Kind: a.Kind, ID: a.ID, Name: a.Name} }

// Deployment is one release going to one stage. Epoch counts its saved
// versions: a save succeeds only over the epoch that was read, so of two
// writers one finds itself overtaken.
type Deployment struct {
	ID           int64      `json:"id"`
	Epoch        int64      `json:"-"`
	Team         string     `json:"team"`
	Service      string     `json:"service"`
	Environment  string     `json:"environment"`
	Version      string     `json:"version"`
	Cause        Cause      `json:"cause"`
	State        State      `json:"state"`
	Plan         Plan       `json:"-"`
	PlanDigest   string     `json:"planDigest"`
	Replaced     []Plan     `json:"-"` // plans that were shown before, oldest first
	RequestedBy  Person     `json:"requestedBy"`
	Note         string     `json:"note,omitempty"`
	Runs         []PhaseRun `json:"phases"`  // phases begun, the last one current
	Phase        int        `json:"phase"`   // index in Plan.Phases of the last phase begun
	Ending       State      `json:"-"`       // what Reverting ends in
	Verdicts     []Verdict  `json:"gates"`   // as last judged
	Probes       []Probe    `json:"-"`       // what the gates that ask outside have last heard
	Message      string     `json:"message"` // one line: what it does, or how it ended
	SupersededBy int64      `json:"supersededBy,omitempty"`
	CreatedAt    time.Time  `json:"createdAt"`
	StartedAt    *time.Time `json:"startedAt,omitempty"` // when the gates opened
	EndedAt      *time.Time `json:"endedAt,omitempty"`
	NextWakeAt   *time.Time `json:"-"` // when the engine looks again; nil only once final
}

// PhaseState is where a phase is.
type PhaseState string

// The phase states. Applying is the recorded intent: it is saved before the
// deployer is called, so a crash between the two only means calling again with
// the same generation.
const (
	Applying   PhaseState = "applying"
	Converging PhaseState = "converging"
	Baking     PhaseState = "baking"
	Held       PhaseState = "held"    // ready, and waits for a person
	Lost       PhaseState = "unknown" // nobody can tell whether the call took effect; a person decides
	Done       PhaseState = "done"
	Broken     PhaseState = "failed"
)

// PhaseRun is a phase at work.
type PhaseRun struct {
	Desired       Desired    `json:"desired"`
	Generation    int64      `json:"generation"`
	State         PhaseState `json:"state"`
	Message       string     `json:"message,omitempty"`
	StartedAt     time.Time  `json:"startedAt"`
	UnreadySince  time.Time  `json:"unreadySince"` // since when it is not ready, moved back by the time that it was not before, and on by that in which nobody looked; the deadline counts from here
	ReadyAt       *time.Time `json:"readyAt,omitempty"`
	EndedAt       *time.Time `json:"endedAt,omitempty"`
	Attempts      int        `json:"attempts,omitempty"`      // failed calls of the deployer
	WithheldSince *time.Time `json:"withheldSince,omitempty"` // since when it waits for its secrets
	Try           int        `json:"try,omitempty"`           // of a hook: runs before this one
	Parked        bool       `json:"parked,omitempty"`        // the deployment is paused because this call is lost, and for nothing else
	Released      bool       `json:"released,omitempty"`      // somebody let it go on
	Runner        string     `json:"runner,omitempty"`        // of a hook: who runs its job
	Cursor        string     `json:"cursor,omitempty"`        // of a hook: how far its output was read
	Back          int        `json:"back,omitempty"`          // place on the way back, from 1; 0: on the way forward
	Checks        []CheckRun `json:"checks,omitempty"`        // in the order of the plan's; those with nothing to ask here are left out
}

// maxRuns bounds the desired states that one deployment can ask for, which
// keeps generations of different deployments apart.
const maxRuns = 1 << 12

// maxPhases leaves room for the way back.
const maxPhases = maxRuns / 4

// generation orders everything ever asked of a target: later deployments have
// higher IDs, later phases of one deployment higher numbers.
func generation(deployment int64, run int) int64 { return deployment*maxRuns + int64(run) }

// DeploymentOf is the deployment that a generation belongs to.
func DeploymentOf(generation int64) int64 { return generation / maxRuns }

// LastRuns returns, of each site, the last desired state asked for.
func (d Deployment) LastRuns() []PhaseRun {
	var runs []PhaseRun
	for _, run := range slices.Backward(d.Runs) {
		known := slices.ContainsFunc(runs, func(r PhaseRun) bool { return r.Desired.Site == run.Desired.Site })
		if run.Desired.Hook == nil && !known {
			runs = append(runs, run)
		}
	}
	return runs
}

// Current returns the phase at work, nil before the first.
func (d *Deployment) Current() *PhaseRun {
	if len(d.Runs) == 0 {
		return nil
	}
	return &d.Runs[len(d.Runs)-1]
}

// Resource is what permissions on the deployment are asked for.
func (d Deployment) Resource() Resource {
	return Resource{Team: d.Team, Service: d.Service, Environment: d.Environment}
}

// Spec finds the spec that a track names.
func (p Plan) Spec(id string) (Spec, bool) {
	if p.To.ID() == id {
		return p.To, true
	}
	if p.From != nil && p.From.ID() == id {
		return *p.From, true
	}
	return Spec{}, false
}

// ObservedTrack is one release as the deployer sees it run.
type ObservedTrack struct {
	Site      string   `json:"site,omitempty"`
	Spec      string   `json:"spec"`
	Version   string   `json:"version"`
	Wanted    int      `json:"wanted"`
	Ready     int      `json:"ready"`
	Weight    int      `json:"weight"`
	Draining  int      `json:"draining,omitempty"`  // replicas that finish what they have begun, and get nothing new
	Addresses []string `json:"addresses,omitempty"` // where single replicas answer, for checks
	Message   string   `json:"message,omitempty"`
}

// Observed is what a deployer reports of a target, with the time it saw it.
type Observed struct {
	At         time.Time       `json:"at"`
	Generation int64           `json:"generation"`
	Converged  bool            `json:"converged"`
	Tracks     []ObservedTrack `json:"tracks"`
	Address    string          `json:"address,omitempty"`
	Preview    string          `json:"preview,omitempty"` // where a track with no traffic yet can be looked at
	Message    string          `json:"message,omitempty"`
	Failed     bool            `json:"failed,omitempty"` // waiting longer cannot help

	// Forgot: the deployer has to be told the secrets again. It is not kept.
	Forgot bool `json:"-"`
}

// Stage state: what is known of one service in one environment.

// Live is the release that last succeeded in a stage.
type Live struct {
	Deployment int64     `json:"deployment"`
	Spec       Spec      `json:"spec"`
	Since      time.Time `json:"since"`
}

// Partial is a release that has a part of a stage's traffic beside what is
// live, and is meant to keep it until it is widened or withdrawn.
type Partial struct {
	Deployment int64     `json:"deployment"`
	Spec       Spec      `json:"spec"`
	Share      int       `json:"share"`
	Match      []Match   `json:"match,omitempty"`
	Since      time.Time `json:"since"`
}

// Hold keeps automation from starting deployments in a stage. A frozen stage
// takes nothing but rollbacks from people either, until the hold is lifted.
type Hold struct {
	Frozen     bool      `json:"frozen,omitempty"`
	Reason     string    `json:"reason"`
	By         string    `json:"by"`
	Deployment int64     `json:"deployment,omitempty"`
	Since      time.Time `json:"since"`
}

// frozen stays with a stage when a hold takes the place of another: only
// somebody who lifts it ends that.
func (h *Hold) frozen() bool { return h != nil && h.Frozen }

// LastFailure is the newest failed deployment since the last success.
type LastFailure struct {
	Deployment int64     `json:"deployment"`
	Version    string    `json:"version"`
	State      State     `json:"state"`
	Message    string    `json:"message"`
	At         time.Time `json:"at"`
}

// StageState is what the store keeps for a service in an environment besides
// its deployments.
type StageState struct {
	Team        string       `json:"team"`
	Service     string       `json:"service"`
	Environment string       `json:"environment"`
	Live        *Live        `json:"live,omitempty"`
	Partial     *Partial     `json:"partial,omitempty"`
	Observed    *Observed    `json:"observed,omitempty"`
	Hold        *Hold        `json:"hold,omitempty"`
	Failure     *LastFailure `json:"failure,omitempty"`
}
