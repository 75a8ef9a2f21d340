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
		return unknown(pipeline, "An objective lies between 0 and 100 percent; %s leaves no budget to spend.", share(g.Objective))
	}
	from, err := k.provider(g.Provider)
	if err != nil {
		return unknown(whoOperates, "%s.", upperFirst(err.Error()))
	}
	ctx, _, cancel := within(ctx, 0)
	defer cancel()
	words := checkSubject(s).Words()
	words["window"] = fmt.Sprintf("%ds", time.Duration(window)/time.Second)
	total, err := from.ask(ctx, expand(g.Total, words, inQuery), "")
	if err != nil {
		return unknown(whoOperates, "All events could not be counted: %s.", err)
	}
	good, err := from.ask(ctx, expand(g.Good, words, inQuery), total.at)
	if err != nil {
		return unknown(whoOperates, "The good events could not be counted: %s.", err)
	}
	if len(good.values) == 0 {
		good.values = []float64{0} // none was good, if there were any
	}
	for name, n := range map[string]int{"good": len(good.values), "total": len(total.values)} {
		if n != 1 {
			return unknown(pipeline, "The query for %s gives %d figures and has to give one: sum them up.", name, n)
		}
	}
	return judgeBudget(g, window, good.values[0], total.values[0], s)
}

func judgeBudget(g slipway.BudgetGate, window slipway.Duration, good, total float64, s slipway.ProbeSubject) slipway.Probe {
	name := fmt.Sprintf("budget of %s over %s", share(g.Objective), windowWords(window))
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
		p.Reason = fmt.Sprintf("%s of the %s is left, and %s has to be: %s failed.", percent(left), name, share(g.Remaining), percent(100*failed))
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
