package browser

import (
	"fmt"
	"math"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
)

// figures are the checks of all phases of a deployment, the newest first: what
// is asked now stands on top.
func figures(d slipway.Deployment) []component.Figure {
	var list []component.Figure
	for i := len(d.Runs) - 1; i >= 0; i-- {
		for _, c := range d.Runs[i].Checks {
			if c.State != slipway.CheckPending || d.Runs[i].EndedAt == nil {
				list = append(list, figure(d, d.Runs[i], c))
			}
		}
	}
	return list
}

func figure(d slipway.Deployment, run slipway.PhaseRun, c slipway.CheckRun) component.Figure {
	f := component.Figure{Name: c.Name, Kind: c.Kind, Phase: upperFirst(run.Desired.Name), Note: c.Message, Counts: countWords(c)}
	f.State, f.Word = checkState(run, c)
	if check, ok := d.Plan.Check(c.Name); ok && check.Metric != nil {
		f.Rule = conditionWords(*check.Metric)
	}
	for _, m := range c.Measurements {
		f.Points = append(f.Points, component.Point{At: m.At, State: outcomeState(m.Outcome), Value: number64(m.Value), Stable: number64(m.Stable), Text: m.Message})
	}
	return f
}

func checkState(run slipway.PhaseRun, c slipway.CheckRun) (component.State, string) {
	state, word := component.Rolling, "at work"
	switch {
	case c.AcceptedBy != "":
		state, word = component.Unknown, "accepted by "+c.AcceptedBy
	case c.State == slipway.CheckSuccessful:
		state, word = component.Live, "passed"
	case c.State == slipway.CheckFailed:
		state, word = component.Failed, "failed"
	case c.State == slipway.CheckInconclusive:
		state, word = component.Waiting, "inconclusive, asks a person"
	case c.State == slipway.CheckErred:
		state, word = component.Waiting, "could not be made, asks a person"
	case run.EndedAt != nil:
		state, word = component.None, "ended with its phase"
	case c.State == slipway.CheckPending:
		state, word = component.None, "begins once the phase is ready"
	}
	if c.DryRun {
		word += ", decides nothing"
	}
	return state, word
}

// asking is the check that a person is asked about; empty if there is none.
func asking(run slipway.PhaseRun) string {
	for _, c := range run.Checks {
		if state, _ := checkState(run, c); state == component.Waiting && !c.DryRun && run.EndedAt == nil {
			return c.Name
		}
	}
	return ""
}

func countWords(c slipway.CheckRun) string {
	var words []string
	for _, part := range []struct {
		n    int
		word string
	}{{c.Passed, "good"}, {c.Failed, "bad"}, {c.Inconclusive, "unclear"}, {c.Errors, "not made"}} {
		if part.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	return strings.Join(words, ", ")
}

func conditionWords(m slipway.MetricCheck) string {
	var words []string
	if m.Success != "" {
		words = append(words, "good: "+m.Success)
	}
	if m.Failure != "" {
		words = append(words, "bad: "+m.Failure)
	}
	return strings.Join(words, " · ")
}

func outcomeState(o slipway.Outcome) component.State {
	switch o {
	case slipway.OutcomePass:
		return component.Live
	case slipway.OutcomeFail:
		return component.Failed
	default:
		return component.Unknown
	}
}

func number64(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}
