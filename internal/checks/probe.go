package checks

import (
	"context"
	"fmt"
	"net/url"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// whoOperates can change what is not of any team.
const whoOperates = "who runs Slipway"

// Probe asks a gate once. The caller knows which gate of which plan it is.
func (k *Checks) Probe(ctx context.Context, g slipway.Gate, s slipway.ProbeSubject) slipway.Probe {
	var p slipway.Probe
	switch {
	case g.External != nil:
		p = k.probeExternal(ctx, *g.External, s)
	case g.Metric != nil:
		p = k.probeMetric(ctx, *g.Metric, s)
	case g.ErrorBudget != nil:
		p = k.probeBudget(ctx, *g.ErrorBudget, s)
	case g.Expression != nil:
		p = k.probeExpression(ctx, *g.Expression, s)
	case g.Provenance != nil:
		p = k.probeProvenance(ctx, *g.Provenance, s)
	default:
		p = unknown(whoOperates, "This version of Slipway does not know gates of this kind.")
	}
	p.At, p.PlanDigest, p.Reason = s.Now, s.Deployment.PlanDigest, short(p.Reason)
	return p
}

func unknown(who, format string, args ...any) slipway.Probe {
	return slipway.Probe{Result: slipway.Unknown, Who: who, Reason: fmt.Sprintf(format, args...)}
}

// checkSubject is what a gate's queries may speak of.
func checkSubject(s slipway.ProbeSubject) slipway.CheckSubject {
	c := slipway.CheckSubject{Now: s.Now, Service: s.Deployment.Service, Environment: s.Deployment.Environment, Version: s.Deployment.Version}
	if s.Deployment.Plan.From != nil {
		c.Stable = s.Deployment.Plan.From.Version
	}
	return c
}

// probeMetric opens if the figures are good. Figures change by themselves, so
// bad ones make it wait, and it is asked again.
func (k *Checks) probeMetric(ctx context.Context, g slipway.MetricGate, s slipway.ProbeSubject) slipway.Probe {
	m := k.askMetric(ctx, g.Metric, checkSubject(s))
	p := slipway.Probe{Reason: m.Message, Who: teamOf(s)}
	switch m.Outcome {
	case slipway.OutcomePass:
		p.Result, p.Who = slipway.Pass, ""
	case slipway.OutcomeFail, slipway.OutcomeInconclusive:
		p.Result = slipway.Wait
	default:
		p.Result, p.Who = slipway.Unknown, whoOperates
	}
	return p
}

// probeExpression opens if the expression is true. The facts of a deployment do
// not change, so what is false stays so, unless it looks at the clock.
func (k *Checks) probeExpression(ctx context.Context, g slipway.ExpressionGate, s slipway.ProbeSubject) slipway.Probe {
	who := "who may apply the pipeline of " + s.Deployment.Service
	run, err := k.expressions.gateProgram(g.When)
	if err != nil {
		return unknown(who, "%s.", upperFirst(err.Error()))
	}
	open, err := run.eval(ctx, g.When, gateVars(s))
	p := slipway.Probe{Result: slipway.Fail, Reason: g.Message, Who: who}
	if p.Reason == "" {
		p.Reason = "It is not so that " + g.When + "."
	}
	switch {
	case err != nil:
		return unknown(who, "%s.", upperFirst(err.Error()))
	case open:
		return slipway.Probe{Result: slipway.Pass, Reason: "It is so that " + g.When + "."}
	case run.idents["now"]:
		p.Result, p.Who = slipway.Wait, "time, or "+who
	}
	return p
}

// probeProvenance opens if every artifact has a signed statement as wanted.
func (k *Checks) probeProvenance(ctx context.Context, g slipway.ProvenanceGate, s slipway.ProbeSubject) slipway.Probe {
	if k.provenance == nil {
		return unknown(whoOperates, "This portal cannot check where releases come from.")
	}
	p := slipway.Probe{}
	if p.Result, p.Reason = k.provenance.Verify(ctx, g, s.Release); p.Result != slipway.Pass {
		p.Who = "who builds " + s.Deployment.Service
	}
	return p
}

func teamOf(s slipway.ProbeSubject) string {
	if s.Service.Team == "" {
		return "who owns " + s.Deployment.Service
	}
	return "the team " + s.Service.Team
}

// hostOf names the system at an address.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return quoted(address)
}
