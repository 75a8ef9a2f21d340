package browser

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
)

// Words: numbers, times and domain terms as people say them.

func servicePath(service string) string { return "/s/" + service }

func stagePath(service, environment string) string { return "/s/" + service + "/" + environment }

func releasePath(service, version string) string { return "/s/" + service + "/r/" + version }

func runPath(id int64) string { return "/runs/" + strconv.FormatInt(id, 10) }

func gatePath(id int64) string { return "/gates/" + strconv.FormatInt(id, 10) }

// deploymentPath is the review while people are asked, and the run from then on.
func deploymentPath(d slipway.Deployment) string {
	if d.State == slipway.Waiting && asksPeople(d) {
		return gatePath(d.ID)
	}
	return runPath(d.ID)
}

// asksPeople reports whether the plan of a deployment has an approval gate.
func asksPeople(d slipway.Deployment) bool {
	for _, g := range d.Plan.Gates {
		if g.Approval != nil {
			return true
		}
	}
	return false
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

func count(n int, word string) string { return strconv.Itoa(n) + " " + word }

func upperFirst(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[size:]
}

// clock is a time to come: the hour today, the day as well from tomorrow on.
func clock(t, now time.Time) string {
	t = t.In(now.Location())
	if t.Sub(now) < 20*time.Hour {
		return t.Format("15:04")
	}
	return t.Format("Mon 2 Jan 15:04")
}

// exact is a duration in two units at most: "1 min 20 s", "2 h 10 min".
func exact(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.Itoa(int(max(d, 0)/time.Millisecond)) + " ms"
	case d < time.Minute:
		return component.Age(d)
	case d < time.Hour:
		return pair(int(d/time.Minute), "min", int(d%time.Minute/time.Second), "s")
	case d < 48*time.Hour:
		return pair(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "min")
	default:
		return component.Age(d)
	}
}

func pair(a int, unit string, b int, small string) string {
	if b == 0 {
		return count(a, unit)
	}
	return count(a, unit) + " " + count(b, small)
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// took is how long a deployment was at work; empty while it is.
func took(d slipway.Deployment) string {
	if d.StartedAt == nil || d.EndedAt == nil {
		return ""
	}
	return exact(d.EndedAt.Sub(*d.StartedAt))
}

// stateWord is a deployment's state as people say it.
func stateWord(d slipway.Deployment) string {
	switch d.State {
	case slipway.Waiting:
		if need := needs(d); need != "" {
			return "waits for " + need
		}
		return "waits"
	case slipway.Running:
		return "rolling"
	case slipway.Reverting:
		return "going back"
	case slipway.RolledBack:
		return "failed, rolled back"
	default:
		return string(d.State)
	}
}

// needs says how many approvals a waiting deployment has: "1 of 2 approvals".
func needs(d slipway.Deployment) string {
	for _, v := range d.Verdicts {
		if v.Gate == "approval" && v.Result == slipway.Wait {
			return strconv.Itoa(v.Have) + " of " + plural(v.Need, "approval")
		}
	}
	if len(d.Verdicts) > 0 {
		return ""
	}
	for _, g := range d.Plan.Gates {
		if g.Approval != nil {
			return "0 of " + plural(max(1, g.Approval.Count), "approval")
		}
	}
	return ""
}

func plural(n int, noun string) string { return component.Count(n, noun) }

// deploymentState is the glyph of a deployment in a list.
func deploymentState(d slipway.Deployment) component.State {
	switch d.State {
	case slipway.Waiting:
		if needs(d) != "" {
			return component.Waiting
		}
		return component.Frozen
	case slipway.Running, slipway.Paused, slipway.Reverting:
		return component.Rolling
	case slipway.Succeeded:
		if d.Cause == slipway.CauseRollback {
			return component.RolledBack
		}
		return component.Live
	case slipway.Failed, slipway.Rejected:
		return component.Failed
	case slipway.RolledBack:
		return component.RolledBack
	default:
		return component.None
	}
}

// who names the actor of a record; Slipway itself is automation.
func who(p slipway.Person) string {
	if p.Kind == slipway.ActorSystem {
		return "automation"
	}
	return p.Name
}

func deploymentRows(list []slipway.Deployment) []component.Deployment {
	rows := make([]component.Deployment, len(list))
	for i, d := range list {
		rows[i] = component.Deployment{ID: id(d.ID), Href: deploymentPath(d), Service: d.Service, Version: d.Version, Environment: d.Environment,
			State: deploymentState(d), Word: stateWord(d), Cause: string(d.Cause), Actor: who(d.RequestedBy), At: d.CreatedAt, Took: took(d)}
	}
	return rows
}

// strategyWords is a strategy in one sentence.
func strategyWords(s slipway.Strategy) string {
	switch s.Type {
	case slipway.StrategyRecreate:
		return "Recreate: stops what runs, then starts the new release. There is a gap."
	case slipway.StrategyBlueGreen:
		text := "Blue/green: starts the new release beside the old, then switches all traffic at once"
		if s.Manual {
			text += " when a person says so"
		}
		if s.KeepWarm > 0 {
			text += ", and keeps the old side warm for " + exact(time.Duration(s.KeepWarm))
		}
		return text + "."
	case slipway.StrategyCanary:
		return canaryWords(s.Steps)
	case slipway.StrategyPartial:
		return "Partial: the new release gets " + partWords(s.Share, len(s.Match)) + " and keeps it until it is widened or withdrawn."
	default:
		text := "Rolling: replaces " + plural(max(1, s.Batch), "instance") + " at a time, each ready before the next"
		if s.MaxUnavailable > 0 {
			return text + "; at most " + strconv.Itoa(s.MaxUnavailable) + " may be missing meanwhile, so that there are never more than usual."
		}
		return text + "."
	}
}

// partWords is how much of the traffic a partial release gets.
func partWords(share, matches int) string {
	switch {
	case matches == 0:
		return strconv.Itoa(share) + " % of the traffic"
	case share == 0:
		return "the requests that match"
	default:
		return strconv.Itoa(share) + " % of the traffic and the requests that match"
	}
}

// matchWords says which requests a partial release gets.
func matchWords(list []slipway.Match) string {
	words := make([]string, len(list))
	for i, m := range list {
		words[i] = "header " + m.Header + ": " + m.Value
		if m.Cookie != "" {
			words[i] = "cookie " + m.Cookie + "=" + m.Value
		}
	}
	return strings.Join(words, ", or ")
}

func canaryWords(steps []slipway.CanaryStep) string {
	parts := make([]string, 0, len(steps)+1)
	for _, step := range steps {
		part := strconv.Itoa(step.Weight) + " %"
		if step.Bake > 0 {
			part += " for " + exact(time.Duration(step.Bake))
		}
		if step.Pause {
			part += " until a person resumes"
		}
		parts = append(parts, part)
	}
	if n := len(steps); n == 0 || steps[n-1].Weight < 100 {
		parts = append(parts, "then all traffic")
	}
	return "Canary: " + strings.Join(parts, ", ") + "."
}

// strategyName is a strategy's name as people write it.
func strategyName(t slipway.StrategyType) string {
	if t == slipway.StrategyBlueGreen {
		return "blue/green"
	}
	return string(t)
}

func comparePath(service, from, to string) string {
	return servicePath(service) + "/compare?" + url.Values{"from": {from}, "to": {to}}.Encode()
}
