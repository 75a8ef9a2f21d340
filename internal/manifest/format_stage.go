package manifest

import (
	"maps"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func formatGate(g slipway.Gate) *yaml.Node {
	gate, body := mapping(), mapping()
	switch {
	case g.Approval != nil:
		body = formatApproval(*g.Approval)
	case g.Soak != nil:
		body.Style = yaml.FlowStyle
		put(body, "in", text(g.Soak.In))
		putDuration(body, "for", g.Soak.For)
	case g.Window != nil:
		putLines(body, "allow", g.Window.Allow)
		putLines(body, "deny", g.Window.Deny)
	case g.External != nil:
		putText(body, "name", g.External.Name)
		putText(body, "url", g.External.URL)
		putDuration(body, "interval", g.External.Interval)
		putDuration(body, "within", g.External.Within)
	case g.Metric != nil:
		putText(body, "name", g.Metric.Name)
		putMetric(body, g.Metric.Metric)
		putDuration(body, "interval", g.Metric.Interval)
	case g.ErrorBudget != nil:
		putBudget(body, *g.ErrorBudget)
	case g.Provenance != nil:
		putText(body, "issuer", g.Provenance.Issuer)
		putText(body, "identity", g.Provenance.Identity)
		putLines(body, "keys", g.Provenance.Keys)
		putLines(body, "builders", g.Provenance.Builders)
		putText(body, "buildType", g.Provenance.BuildType)
		putWords(body, "parameters", g.Provenance.Parameters)
	case g.Expression != nil:
		putText(body, "name", g.Expression.Name)
		putText(body, "when", g.Expression.When)
		putText(body, "message", g.Expression.Message)
	default:
		return gate
	}
	put(gate, g.Kind(), body)
	return gate
}

func formatApproval(a slipway.ApprovalGate) *yaml.Node {
	n := mapping()
	n.Style = yaml.FlowStyle
	putNumber(n, "count", a.Count)
	putTexts(n, "groups", a.Groups)
	putFlag(n, "selfApproval", a.SelfApproval)
	putDuration(n, "expires", a.Expires)
	return n
}

func putBudget(n *yaml.Node, g slipway.BudgetGate) {
	putText(n, "provider", g.Provider)
	putDecimal(n, "objective", g.Objective)
	putDuration(n, "window", g.Window)
	putText(n, "good", g.Good)
	putText(n, "total", g.Total)
	putDecimal(n, "remaining", g.Remaining)
	putDuration(n, "interval", g.Interval)
}

func putMetric(n *yaml.Node, m slipway.MetricCheck) {
	putText(n, "provider", m.Provider)
	putText(n, "query", m.Query)
	putText(n, "baseline", m.Baseline)
	putText(n, "success", m.Success)
	putText(n, "failure", m.Failure)
	putText(n, "samples", m.Samples)
	putNumber(n, "minSamples", m.MinSamples)
	putText(n, "noData", string(m.NoData))
	putDuration(n, "within", m.Within)
}

func formatCheck(c slipway.Check) *yaml.Node {
	check, body := mapping(), mapping()
	putText(check, "name", c.Name)
	switch {
	case c.HTTP != nil:
		putText(body, "url", c.HTTP.URL)
		putText(body, "method", c.HTTP.Method)
		putWords(body, "headers", c.HTTP.Headers)
		putNumber(body, "expect", c.HTTP.Expect)
		putText(body, "body", c.HTTP.Body)
		putDuration(body, "within", c.HTTP.Within)
	case c.TCP != nil:
		putText(body, "address", c.TCP.Address)
		putDuration(body, "within", c.TCP.Within)
	case c.Job != nil:
		putJob(body, *c.Job)
	case c.Metric != nil:
		putMetric(body, *c.Metric)
	}
	if c.Kind() != "" {
		put(check, c.Kind(), body)
	}
	putDuration(check, "initialDelay", c.InitialDelay)
	putDuration(check, "interval", c.Interval)
	putNumber(check, "count", c.Count)
	putNumber(check, "failureLimit", c.FailureLimit)
	putNumber(check, "inconclusiveLimit", c.InconclusiveLimit)
	putNumber(check, "consecutiveErrorLimit", c.ConsecutiveErrorLimit)
	putNumber(check, "consecutiveSuccessLimit", c.ConsecutivePassLimit)
	putFlag(check, "dryRun", c.DryRun)
	return check
}

func putJob(n *yaml.Node, j slipway.Job) {
	putTexts(n, "command", j.Command)
	putWords(n, "env", j.Env)
	putText(n, "dir", j.Dir)
	putDuration(n, "timeout", j.Timeout)
}

func formatHooks(h slipway.Hooks) *yaml.Node {
	n := mapping()
	putList(n, "before", h.Before, formatHook)
	putList(n, "beforeTraffic", h.BeforeTraffic, formatHook)
	putList(n, "after", h.After, formatHook)
	putList(n, "onRollback", h.OnRollback, formatHook)
	return n
}

func formatHook(h slipway.Hook) *yaml.Node {
	n := mapping()
	putText(n, "name", h.Name)
	putJob(n, h.Job)
	putNumber(n, "retries", h.Retries)
	putText(n, "again", string(h.Again))
	putFlag(n, "optional", h.Optional)
	return n
}

func formatWave(w slipway.Wave) *yaml.Node {
	n := mapping()
	putText(n, "site", w.Site)
	if config := formatConfig(w.Config); config != nil && len(config.Content) > 0 {
		put(n, "config", config)
	}
	return n
}

// putLines puts each text in a line of its own.
func putLines(n *yaml.Node, key string, values []string) {
	putList(n, key, values, text)
}

func putWords(n *yaml.Node, key string, values map[string]string) {
	words := mapping()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		put(words, name, text(values[name]))
	}
	if len(values) > 0 {
		put(n, key, words)
	}
}

func putDecimal(n *yaml.Node, key string, value float64) {
	if value != 0 {
		put(n, key, scalar("", strconv.FormatFloat(value, 'g', -1, 64)))
	}
}
