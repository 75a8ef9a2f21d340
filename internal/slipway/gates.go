package slipway

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Result is what a gate says.
type Result string

// The results. Wait may still become Pass by itself or by somebody's doing;
// Fail does not without a change; Unknown is what could not be asked.
const (
	Pass    Result = "pass"
	Wait    Result = "wait"
	Fail    Result = "fail"
	Unknown Result = "unknown"
)

// Verdict is one gate's answer, and the answer to every "why not?": what
// blocks, since when, until when, who can change it.
type Verdict struct {
	Gate   string     `json:"gate"`            // approval, soak, lock, freeze, block, order, hold, permission, ...
	Title  string     `json:"title,omitempty"` // its own name, among others of its kind
	Key    string     `json:"key,omitempty"`   // names it among all verdicts, for a bypass
	Result Result     `json:"result"`
	Reason string     `json:"reason"`
	Since  *time.Time `json:"since,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	Who    string     `json:"who,omitempty"` // who can change it
	Have   int        `json:"have,omitempty"`
	Need   int        `json:"need,omitempty"`

	Bypassed string     `json:"bypassed,omitempty"` // who skipped it, and why; the result is Pass
	Probed   bool       `json:"probed,omitempty"`   // it asks outside
	AskAgain *time.Time `json:"-"`                  // when its answer is asked for anew
}

// Decision is what a vote says.
type Decision string

// The decisions.
const (
	Approve Decision = "approve"
	Reject  Decision = "reject"
)

// Vote is one person's decision on exactly one plan.
type Vote struct {
	ID         int64     `json:"id"`
	Deployment int64     `json:"deployment"`
	PlanDigest string    `json:"planDigest"`
	Decision   Decision  `json:"decision"`
	By         string    `json:"by"` // user ID
	ByName     string    `json:"byName"`
	Groups     []string  `json:"groups"` // the voter's, when they voted
	Comment    string    `json:"comment,omitempty"`
	Via        Channel   `json:"via"`
	At         time.Time `json:"at"`
}

// GateFacts are the facts that gates are judged by, loaded in the transaction
// that acts on the verdicts.
type GateFacts struct {
	Now         time.Time
	Deployment  Deployment
	Release     Release
	Environment Environment
	Line        *StoppedLine         // nil while it goes
	Freezes     []Freeze             // of the environment
	Votes       []Vote               // of the deployment, for any plan
	Void        map[counted]string   // votes that a gate counts no more, and why
	Bypasses    []Bypass             // of the deployment, for any plan
	Secrets     SecretView           // of the stage, if the plan pins any
	LiveSince   map[string]time.Time // environment → since when the release is live there
}

// Verdicts judges all gates of a deployment, those that every stage has and
// those of its plan. The order is fixed: controls first, people last.
func Verdicts(f GateFacts) []Verdict {
	verdicts := []Verdict{blockVerdict(f), lockVerdict(f), freezeVerdict(f), lineVerdict(f)}
	if len(f.Deployment.Plan.To.Secrets) > 0 {
		verdicts = append(verdicts, secretsVerdict(f))
	}
	if f.Deployment.Plan.NotBefore != nil {
		verdicts = append(verdicts, scheduleVerdict(f))
	}
	for i, g := range f.Deployment.Plan.Gates {
		switch {
		case g.Soak != nil:
			verdicts = append(verdicts, soakVerdict(f, *g.Soak))
		case g.Window != nil:
			verdicts = append(verdicts, windowVerdict(f, *g.Window))
		case g.probed():
			verdicts = append(verdicts, probeVerdict(f, i, g))
		case g.Approval != nil:
			verdicts = append(verdicts, approvalVerdict(f, i, *g.Approval))
		default: // a newer Slipway may have frozen the plan: what is not understood stays shut
			verdicts = append(verdicts, Verdict{Gate: "unknown", Result: Unknown, Who: "who runs Slipway",
				Reason: "The plan has a gate that this version of Slipway does not know."})
		}
	}
	named(verdicts)
	bypassed(f, verdicts)
	return verdicts
}

// Blocking returns the verdicts that do not pass.
func Blocking(verdicts []Verdict) []Verdict {
	var blocking []Verdict
	for _, v := range verdicts {
		if v.Result != Pass {
			blocking = append(blocking, v)
		}
	}
	return blocking
}

// ApprovalLapsed reports whether an approval was still missing when its time
// ran out.
func ApprovalLapsed(verdicts []Verdict, now time.Time) bool {
	for _, v := range verdicts {
		if v.Gate == "approval" && v.Result == Wait && v.Until != nil && !now.Before(*v.Until) {
			return true
		}
	}
	return false
}

func blockVerdict(f GateFacts) Verdict {
	v := Verdict{Gate: "block", Result: Pass, Reason: "The release is not blocked."}
	if b := f.Release.Blocked; b != nil {
		v.Result, v.Since = Fail, &b.Since
		v.Reason = because(f.Release.Version+" is blocked by "+b.By, b.Reason)
		v.Who = "who may block releases of " + f.Release.Service
	}
	return v
}

func lockVerdict(f GateFacts) Verdict {
	e := f.Environment
	v := Verdict{Gate: "lock", Result: Pass, Reason: e.Name + " is not locked."}
	if e.Lock == nil {
		return v
	}
	if e.Lock.Owner == f.Deployment.RequestedBy.ID {
		v.Reason = e.Name + " is locked by the requester."
		return v
	}
	v.Result, v.Since = Wait, &e.Lock.Since
	v.Reason = because(e.Name+" is locked by "+e.Lock.OwnerName, e.Lock.Reason)
	v.Who = e.Lock.OwnerName + ", or who may lock " + e.Name
	return v
}

// freezeVerdict lets rollbacks pass: a freeze is against new risk, and going
// back is how risk is removed.
func freezeVerdict(f GateFacts) Verdict {
	v := Verdict{Gate: "freeze", Result: Pass, Reason: f.Environment.Name + " is not frozen."}
	if f.Deployment.Cause == CauseRollback {
		v.Reason = "Freezes let rollbacks pass."
		return v
	}
	var worst *Freeze
	for _, z := range f.Freezes {
		if z.Active(f.Now) && (worst == nil || z.worseThan(*worst, f)) {
			worst = &z
		}
	}
	if worst != nil {
		v.Result, v.Since, v.Until = Wait, &worst.From, &worst.Until
		v.Reason = because(f.Environment.Name+" is frozen", worst.Reason)
		v.Who = "who may manage freezes of " + f.Environment.Name
	}
	return v
}

// worseThan puts a freeze that no bypass covers before one that is covered, and
// else the one that lasts longer.
func (f Freeze) worseThan(other Freeze, facts GateFacts) bool {
	covered := func(z Freeze) bool {
		return slices.ContainsFunc(facts.Bypasses, func(b Bypass) bool {
			return b.Gate == "freeze" && b.PlanDigest == facts.Deployment.PlanDigest && b.covers(Verdict{Gate: "freeze", Since: &z.From})
		})
	}
	if a, b := covered(f), covered(other); a != b {
		return b
	}
	return f.Until.After(other.Until)
}

func scheduleVerdict(f GateFacts) Verdict {
	at := *f.Deployment.Plan.NotBefore
	v := Verdict{Gate: "schedule", Result: Pass, Reason: "Its time has come.", Since: &f.Deployment.CreatedAt}
	if f.Now.Before(at) {
		v.Result, v.Until, v.Who = Wait, &at, "who may cancel it, or promote it for another time"
		v.Reason = "Scheduled for " + at.UTC().Format("Mon 2 Jan 2006 15:04 MST") + "."
	}
	return v
}

func soakVerdict(f GateFacts, g SoakGate) Verdict {
	v := Verdict{Gate: "soak", Result: Wait, Who: "time"}
	since, live := f.LiveSince[g.In]
	if !live {
		v.Reason = fmt.Sprintf("%s is not live in %s, where it has to run for %s first.", f.Deployment.Version, g.In, g.For)
		v.Who = "who may promote to " + g.In
		return v
	}
	until := since.Add(time.Duration(g.For))
	v.Since, v.Until = &since, &until
	if f.Now.Before(until) {
		v.Reason = fmt.Sprintf("%s has to run in %s for %s.", f.Deployment.Version, g.In, g.For)
		return v
	}
	v.Result, v.Who = Pass, ""
	v.Reason = fmt.Sprintf("%s has run in %s for at least %s.", f.Deployment.Version, g.In, g.For)
	return v
}

// approvalVerdict counts the approvals of exactly this plan by different
// people that the gate accepts, and accepts still.
func approvalVerdict(f GateFacts, i int, g ApprovalGate) Verdict {
	until := f.Deployment.CreatedAt.Add(time.Duration(g.Expires))
	v := Verdict{Gate: "approval", Result: Wait, Since: &f.Deployment.CreatedAt, Until: &until, Need: max(1, g.Count)}
	names := map[string]string{}
	var order, void []string
	for _, vote := range f.Votes {
		if CountsFor(vote, f.Deployment, g) != "" {
			continue
		}
		if why := f.Void[counted{i, vote.ID}]; why != "" {
			void = append(void, because(vote.ByName+"'s approval no longer counts", why))
			continue
		}
		if _, twice := names[vote.By]; !twice {
			order = append(order, vote.ByName)
		}
		names[vote.By] = vote.ByName
	}
	v.Have = len(names)
	who := "people who may approve"
	if len(g.Groups) > 0 {
		who = strings.Join(g.Groups, " or ")
	}
	if v.Have >= v.Need {
		v.Result = Pass
		v.Reason = fmt.Sprintf("%d of %d approvals, by %s.", v.Have, v.Need, strings.Join(order, ", "))
		v.Reason = sentences(append([]string{v.Reason}, void...)...)
		return v
	}
	v.Who = who
	v.Reason = fmt.Sprintf("%d of %d approvals.", v.Have, v.Need)
	if v.Have > 0 {
		v.Reason += " " + strings.Join(order, ", ") + " approved."
	}
	v.Reason += fmt.Sprintf(" %d more from %s.", v.Need-v.Have, who)
	v.Reason = sentences(append([]string{v.Reason}, void...)...)
	return v
}

// CountsFor says why a vote does not count for an approval gate of a
// deployment; empty if it does.
func CountsFor(vote Vote, d Deployment, g ApprovalGate) string {
	switch {
	case vote.Decision != Approve:
		return "it is not an approval"
	case vote.PlanDigest != d.PlanDigest:
		return "it was given for another plan"
	case g.Expires > 0 && vote.At.After(d.CreatedAt.Add(time.Duration(g.Expires))):
		return "it came after the time for it had run out"
	case vote.By == d.RequestedBy.ID && !g.SelfApproval:
		return "who asks for a deployment does not approve it"
	case len(g.Groups) > 0 && !(Actor{Groups: vote.Groups}).InGroup(g.Groups):
		return "the approver belongs to none of " + strings.Join(g.Groups, ", ")
	default:
		return ""
	}
}
