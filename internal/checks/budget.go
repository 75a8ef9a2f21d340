package checks

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	defaultWindow = slipway.Duration(30 * 24 * time.Hour)
	day           = slipway.Duration(24 * time.Hour)
)

// probeBudget keeps releases away while a service has failed more than its
// objective allows. The window moves on by itself, so a budget that is spent
// makes it wait.
func (k *Checks) probeBudget(ctx context.Context, g slipway.BudgetGate, s slipway.ProbeSubject) slipway.Probe {
	window := cmp.Or(g.Window, defaultWindow)
	pipeline := "who may apply the pipeline of " + s.Deployment.Service
	if g.Objective <= 0 || g.Objective >= 100 || math.IsNaN(g.Objective) {
		return unknown(pipeline, "An objective lies between 0 and 100 percent; %s leaves no budget to spend.", percent(g.Objective))
	}
	from, err := k.provider(g.Provider)
	if err != nil {
		return unknown(whoOperates, "%s.", upperFirst(err.Error()))
	}
	ctx, _, cancel := within(ctx, 0)
	defer cancel()
	words := checkSubject(s).Words()
	words["window"] = fmt.Sprintf("%ds", time.Duration(window)/time.Second)
	var counted [2]float64
	for i, q := range []struct{ name, text string }{{"good", g.Good}, {"total", g.Total}} {
		got, err := from.ask(ctx, expand(q.text, words, inQuery))
		switch {
		case err != nil:
			return unknown(whoOperates, "The %s events could not be counted: %s.", q.name, err)
		case len(got.values) == 0 && q.name == "good":
			continue // none was good, if there were any
		case len(got.values) != 1:
			return unknown(pipeline, "The query for %s gives %d figures and has to give one: sum them up.", q.name, len(got.values))
		}
		counted[i] = got.values[0]
	}
	return judgeBudget(g, window, counted[0], counted[1], s)
}

func judgeBudget(g slipway.BudgetGate, window slipway.Duration, good, total float64, s slipway.ProbeSubject) slipway.Probe {
	name := fmt.Sprintf("budget of %s over %s", percent(g.Objective), windowWords(window))
	if math.IsNaN(good) || math.IsNaN(total) || math.IsInf(total, 0) || total <= 0 {
		return unknown(teamOf(s), "No data: nothing was counted over %s, so the %s is not known.", windowWords(window), name)
	}
	failed := min(1, max(0, 1-good/total))
	left := 100 * (1 - failed/(1-g.Objective/100))
	p := slipway.Probe{Result: slipway.Wait, Who: "time, or " + teamOf(s)}
	switch {
	case left <= 1e-9:
		p.Reason = fmt.Sprintf("The %s is spent: %s failed.", name, percent(100*failed))
	case left < g.Remaining:
		p.Reason = fmt.Sprintf("%s of the %s is left, and %s has to be: %s failed.", percent(left), name, percent(g.Remaining), percent(100*failed))
	default:
		p = slipway.Probe{Result: slipway.Pass, Reason: fmt.Sprintf("%s of the %s is left: %s failed.", percent(left), name, percent(100*failed))}
	}
	return p
}

func windowWords(d slipway.Duration) string {
	switch {
	case d == day:
		return "a day"
	case d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	default:
		return d.String()
	}
}
