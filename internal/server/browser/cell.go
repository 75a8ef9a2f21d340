package browser

import (
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
)

// freshFor is how long a report of what runs is believed. After that the
// station is drawn as unknown: nothing is green by assumption.
const freshFor = 2 * time.Minute

// stop is what is known of one service in one environment.
type stop struct {
	service, environment string
	state                slipway.StageState
	active               *slipway.Deployment
	lock                 *slipway.Lock
	freezes              []slipway.Freeze // of any environment
	now                  time.Time
}

// station draws it. The order of the questions is the order of what people
// have to know first.
func (p stop) station(prefix string) component.Station {
	st := component.Station{ID: prefix + p.service + "-" + p.environment, Service: p.service, Environment: p.environment,
		Href: stagePath(p.service, p.environment)}
	p.version(&st)
	switch {
	case p.active != nil && p.active.State == slipway.Waiting && needs(*p.active) != "":
		st.State, st.DetailHref = component.Waiting, gatePath(p.active.ID)
		st.Detail = p.active.Version + " waits for " + needs(*p.active)
	case p.active != nil && p.active.State != slipway.Waiting:
		p.rolling(&st)
	case p.failed():
		f := p.state.Failure
		st.State, st.Detail, st.DetailHref = component.Failed, failureWords(*f), runPath(f.Deployment)
	case p.state.Hold != nil:
		st.State, st.Detail, st.DetailHref = component.RolledBack, p.state.Hold.Reason+", automation held", whyStagePath(p.service, p.environment)
	case p.closed() != "":
		st.State, st.Detail, st.DetailHref = component.Frozen, p.closed(), whyStagePath(p.service, p.environment)
	default:
		p.observed(&st)
	}
	if p.active != nil && p.active.State == slipway.Waiting && st.State != component.Waiting {
		st.Detail, st.DetailHref = p.active.Version+" next: "+waitsFor(*p.active, p.now), whyRunPath(p.active.ID)
	}
	return st
}

// failureWords is the first thing that a failure says, with the release it is
// about unless it names that itself.
func failureWords(f slipway.LastFailure) string {
	first, _, _ := strings.Cut(f.Message, ". ")
	if first = strings.TrimSuffix(first, "."); strings.Contains(first, f.Version) {
		return first
	}
	return f.Version + ": " + first
}

// version is what was seen to run; what is only believed to run keeps its
// number, but its state says so.
func (p stop) version(st *component.Station) {
	live, seen := p.state.Live, p.main()
	switch {
	case p.fresh() && seen != nil:
		st.Version = seen.Version
		if live != nil && live.Spec.Version == seen.Version {
			st.Since = live.Since
		}
	case live != nil:
		st.Version, st.Since = live.Spec.Version, live.Since
		if !p.fresh() {
			st.SinceText = "?"
		}
	}
}

// main is the observed track that serves most.
func (p stop) main() *slipway.ObservedTrack {
	if p.state.Observed == nil {
		return nil
	}
	var best *slipway.ObservedTrack
	for i, t := range p.state.Observed.Tracks {
		if best == nil || t.Weight > best.Weight || (t.Weight == best.Weight && t.Ready > best.Ready) {
			best = &p.state.Observed.Tracks[i]
		}
	}
	return best
}

func (p stop) fresh() bool {
	o := p.state.Observed
	return o != nil && p.now.Sub(o.At) <= freshFor
}

func (p stop) failed() bool {
	f, live := p.state.Failure, p.state.Live
	return f != nil && (live == nil || f.At.After(live.Since))
}

// closed says why nothing new starts in the environment; empty if it may.
func (p stop) closed() string {
	if f := activeFreeze(p.freezes, p.environment, p.now); f != nil {
		return "frozen until " + clock(f.Until, p.now)
	}
	if p.lock != nil {
		return "locked by " + p.lock.OwnerName + ": " + p.lock.Reason
	}
	return ""
}

func activeFreeze(freezes []slipway.Freeze, environment string, now time.Time) *slipway.Freeze {
	var last *slipway.Freeze
	for i, f := range freezes {
		if f.Environment == environment && f.Active(now) && (last == nil || f.Until.After(last.Until)) {
			last = &freezes[i]
		}
	}
	return last
}

// rolling draws a deployment at work: how far it is, and what of it is ready.
func (p stop) rolling(st *component.Station) {
	d := *p.active
	st.State, st.DetailHref, st.Progress = component.Rolling, runPath(d.ID), progress(d, p.state.Observed)
	if d.State == slipway.Reverting {
		st.Detail = "going back: " + d.Message
		return
	}
	st.Version, st.Since, st.SinceText = d.Version, timeOf(d.StartedAt), ""
	st.Detail = nowWords(d, p.state.Observed)
	if d.State == slipway.Paused {
		st.Detail = "paused, " + st.Detail
	}
}

// observed draws what the deployer last reported.
func (p stop) observed(st *component.Station) {
	live, o := p.state.Live, p.state.Observed
	switch {
	case live == nil && (o == nil || len(o.Tracks) == 0):
		st.State, st.Detail = component.None, "never released"
	case o == nil:
		st.State, st.Detail = component.Unknown, "no report yet"
	case !p.fresh():
		st.State, st.Detail = component.Unknown, "last seen "+component.Age(p.now.Sub(o.At))+" ago"
	case o.Failed:
		st.State, st.Detail = component.Failed, o.Message
	default:
		st.Detail = p.drift()
		if st.Detail != "" {
			st.State = component.Unknown
			return
		}
		st.State, st.Detail = component.Live, "healthy, "+readyWords(o.Tracks)
		if part := p.state.Partial; part != nil {
			st.Detail = partWords(part.Share, len(part.Match)) + " on " + part.Spec.Version
		}
	}
}

// drift says how what was seen differs from what is live; empty if it does not.
func (p stop) drift() string {
	live, o := p.state.Live, p.state.Observed
	if live == nil {
		return "runs, but was not released from here"
	}
	if len(o.Tracks) == 0 {
		return "nothing runs"
	}
	wanted, ready := 0, 0
	id := live.Spec.ID() // a digest: a page has hundreds of cells
	beside := ""
	if p.state.Partial != nil {
		beside = p.state.Partial.Spec.ID()
	}
	for _, t := range o.Tracks {
		if t.Wanted == 0 && t.Draining > 0 { // it finishes what it has begun, and gets nothing new
			continue
		}
		if t.Spec == beside && beside != "" {
			wanted, ready = wanted+t.Wanted, ready+t.Ready
			continue
		}
		if t.Spec != id && t.Version != live.Spec.Version {
			return "runs " + t.Version + ", not " + live.Spec.Version
		}
		if t.Spec != id {
			return "runs " + t.Version + " with other settings"
		}
		wanted, ready = wanted+t.Wanted, ready+t.Ready
	}
	if ready < wanted || !o.Converged {
		return readyWords(o.Tracks) + " ready"
	}
	return ""
}

func readyWords(tracks []slipway.ObservedTrack) string {
	ready, wanted := 0, 0
	for _, t := range tracks {
		ready, wanted = ready+t.Ready, wanted+t.Wanted
	}
	return strconv.Itoa(ready) + " of " + strconv.Itoa(wanted)
}

// nowWords is how a deployment at work stands: "25 % of traffic, 3 of 5 ready".
func nowWords(d slipway.Deployment, o *slipway.Observed) string {
	current := d.Current()
	if current == nil {
		return d.Message
	}
	if o == nil || o.Generation != current.Generation {
		return starting(d, *current)
	}
	for _, t := range o.Tracks {
		if t.Spec == d.Plan.To.ID() {
			text := strconv.Itoa(t.Ready) + " of " + strconv.Itoa(t.Wanted) + " ready"
			if t.Weight > 0 && t.Weight < 100 {
				text = strconv.Itoa(t.Weight) + " % of traffic, " + text
			}
			return text
		}
	}
	return d.Message
}

// starting is what is said before anything was seen of a phase. Its name alone
// ("all replaced") would sound as if it were done.
func starting(d slipway.Deployment, current slipway.PhaseRun) string {
	if d.State != slipway.Running || d.Message != current.Desired.Name {
		return d.Message
	}
	return "starting phase " + strconv.Itoa(d.Phase+1) + " of " + strconv.Itoa(len(d.Plan.Phases))
}

// progress is how far a deployment is, in per cent: whole phases, and within
// the current one the instances that are ready.
func progress(d slipway.Deployment, o *slipway.Observed) int {
	current := d.Current()
	if current == nil || len(d.Plan.Phases) == 0 {
		return 0
	}
	part := 0
	if o != nil && o.Generation == current.Generation {
		ready, wanted := 0, 0
		for _, t := range o.Tracks {
			ready, wanted = ready+t.Ready, wanted+t.Wanted
		}
		if wanted > 0 {
			part = 100 * ready / wanted
		}
	}
	if current.ReadyAt != nil {
		part = 100
	}
	if d.State == slipway.Reverting {
		return part
	}
	return min(99, (100*d.Phase+part)/len(d.Plan.Phases))
}

// waitsFor says what a deployment waits for when it is not for people.
func waitsFor(d slipway.Deployment, now time.Time) string {
	for _, v := range slipway.Blocking(d.Verdicts) {
		switch {
		case v.Gate == "soak" && v.Until != nil && v.Until.After(now):
			return "soaking, " + component.Age(v.Until.Sub(now)) + " left"
		case v.Gate == "freeze" && v.Until != nil:
			return "frozen until " + clock(*v.Until, now)
		default:
			return v.Reason
		}
	}
	return "about to start"
}
