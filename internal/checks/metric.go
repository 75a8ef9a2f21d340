package checks

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// askMetric asks for figures and judges them by the conditions.
func (k *Checks) askMetric(ctx context.Context, c slipway.MetricCheck, s slipway.CheckSubject) slipway.Measurement {
	ctx, _, cancel := within(ctx, c.Within)
	defer cancel()
	from, err := k.provider(c.Provider)
	if err != nil {
		return erred("%s.", err)
	}
	look := metricLook{check: c, words: s.Words(), from: from}
	if look.success, look.failure, err = k.conditionsOf(c); err != nil {
		return erred("%s.", err)
	}
	if c.Baseline != "" && s.Stable == "" && look.uses(nameStable) {
		return noData(c, "Nothing is live yet that it could be compared with.")
	}
	m := look.measure(ctx)
	if len(look.warnings) > 0 {
		m.Message += " Prometheus warns: " + strings.Join(look.warnings, "; ") + "."
	}
	return m
}

func (k *Checks) provider(name string) (*source, error) {
	name = cmp.Or(name, providerPrometheus)
	if s, ok := k.providers[name]; ok {
		return s, nil
	}
	if name == providerPrometheus {
		return nil, fmt.Errorf("this portal knows no Prometheus: set SLIPWAY_PROMETHEUS_URL")
	}
	return nil, fmt.Errorf("this portal knows no source of figures called %s", quoted(name))
}

// condition is a condition with its text, nil where there is none.
type condition struct {
	*program
	text string
}

func (k *Checks) conditionsOf(c slipway.MetricCheck) (success, failure *condition, err error) {
	read := func(text string) *condition {
		if text == "" || err != nil {
			return nil
		}
		var p *program
		p, err = k.expressions.condition(text)
		return &condition{p, text}
	}
	success, failure = read(c.Success), read(c.Failure)
	return success, failure, err
}

// metricLook is one measurement of a metric on its way.
type metricLook struct {
	check            slipway.MetricCheck
	words            map[string]string
	from             *source
	success, failure *condition
	at               string // the moment that all of it is of
	warnings         []string
}

// uses reports whether a condition speaks of a name or calls a function.
func (l *metricLook) uses(name string) bool {
	return l.success != nil && l.success.idents[name] || l.failure != nil && l.failure.idents[name]
}

func (l *metricLook) measure(ctx context.Context) slipway.Measurement {
	if few := l.tooFew(ctx); few != nil {
		return *few
	}
	seen := map[string][]float64{}
	var m slipway.Measurement
	for _, q := range []struct {
		name, text string
		into       **float64
	}{{nameResult, l.check.Query, &m.Value}, {nameStable, l.check.Baseline, &m.Stable}} {
		if q.text == "" {
			continue
		}
		values, err := l.query(ctx, q.text)
		matters := q.name == nameResult || l.uses(nameStable)
		switch {
		case err != nil && matters:
			return erred("%s.", upperFirst(err.Error()))
		case matters && len(values) == 0:
			return l.none(m, "No data: the query for "+q.name+" gives nothing.")
		case matters && slices.ContainsFunc(values, math.IsNaN) && !l.uses(callIsNaN):
			return l.none(m, "No data: "+q.name+" is not a number, as when nothing is divided by nothing.")
		}
		seen[q.name] = values
		*q.into = drawable(values)
	}
	return l.judge(ctx, m, seen)
}

// query asks with the words of the subject in place.
func (l *metricLook) query(ctx context.Context, text string) ([]float64, error) {
	got, err := l.from.ask(ctx, expand(text, l.words, inQuery), l.at)
	l.at = cmp.Or(l.at, got.at)
	for _, w := range got.warnings {
		if w = strings.TrimSuffix(short(w), "."); !slices.Contains(l.warnings, w) {
			l.warnings = append(l.warnings, w)
		}
	}
	return got.values, err
}

// tooFew is the measurement if there are not enough events to say anything.
func (l *metricLook) tooFew(ctx context.Context) *slipway.Measurement {
	c := l.check
	if c.MinSamples <= 0 {
		return nil
	}
	if c.Samples == "" {
		m := erred("It asks for %d events and has no query that counts them.", c.MinSamples)
		return &m
	}
	values, err := l.query(ctx, c.Samples)
	if err != nil {
		m := erred("The events could not be counted: %s.", err)
		return &m
	}
	var events float64
	for _, v := range values {
		if !math.IsNaN(v) {
			events += v
		}
	}
	if events >= float64(c.MinSamples) {
		return nil
	}
	return &slipway.Measurement{Outcome: slipway.OutcomeInconclusive,
		Message: fmt.Sprintf("Only %s of at least %d events.", figure(math.Floor(events)), c.MinSamples)}
}

// none is the measurement of a metric without data; what was seen stays.
func (l *metricLook) none(m slipway.Measurement, why string) slipway.Measurement {
	out := noData(l.check, why)
	out.Value, out.Stable = m.Value, m.Stable
	return out
}

func noData(c slipway.MetricCheck, why string) slipway.Measurement {
	m := slipway.Measurement{Outcome: cmp.Or(c.NoData, slipway.OutcomeInconclusive), Message: why}
	if c.NoData != "" && c.NoData != slipway.OutcomeInconclusive {
		m.Message += " Its check takes that as " + string(c.NoData) + "."
	}
	return m
}

// judge decides. With one condition, the other is its opposite; a failure
// condition that holds wins over a success condition that holds as well.
func (l *metricLook) judge(ctx context.Context, m slipway.Measurement, seen map[string][]float64) slipway.Measurement {
	wrong := func(err error) slipway.Measurement {
		m.Outcome, m.Message = slipway.OutcomeError, upperFirst(err.Error())+"."
		return m
	}
	holds := func(c *condition) (bool, error) {
		if c == nil {
			return false, nil
		}
		return c.judge(ctx, c.text, seen)
	}
	good, err := holds(l.success)
	if err != nil {
		return wrong(err)
	}
	bad, err := holds(l.failure)
	if err != nil {
		return wrong(err)
	}
	figures := figureWords(seen)
	switch {
	case l.success == nil && l.failure == nil:
		m.Outcome, m.Message = slipway.OutcomeInconclusive, figures+". It has no condition that could say whether that is good."
	case bad:
		m.Outcome, m.Message = slipway.OutcomeFail, figures+": "+l.failure.text+"."
	case l.success == nil:
		m.Outcome, m.Message = slipway.OutcomePass, figures+"; a failure is "+l.failure.text+"."
	case good:
		m.Outcome, m.Message = slipway.OutcomePass, figures+": "+l.success.text+"."
	case l.failure == nil:
		m.Outcome, m.Message = slipway.OutcomeFail, figures+"; wanted is "+l.success.text+"."
	default:
		m.Outcome, m.Message = slipway.OutcomeInconclusive, figures+": neither "+l.success.text+" nor "+l.failure.text+"."
	}
	return m
}

// figureWords is "Result is 0.031, stable is 0.002".
func figureWords(seen map[string][]float64) string {
	var parts []string
	for _, name := range []string{nameResult, nameStable} {
		values, asked := seen[name]
		if !asked {
			continue
		}
		var words []string
		for _, v := range values[:min(len(values), maxShown)] {
			words = append(words, figure(v))
		}
		if n := len(values) - maxShown; n > 0 {
			words = append(words, fmt.Sprintf("%d more", n))
		}
		if len(words) == 0 {
			words = []string{"nothing"}
		}
		parts = append(parts, name+" is "+strings.Join(words, ", "))
	}
	return upperFirst(strings.Join(parts, "; "))
}

const maxShown = 5

// drawable is the figure for the chart: one number, and one that JSON can hold.
func drawable(values []float64) *float64 {
	if len(values) != 1 || math.IsNaN(values[0]) || math.IsInf(values[0], 0) {
		return nil
	}
	return &values[0]
}

func upperFirst(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
