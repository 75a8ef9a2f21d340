package slipway

import "encoding/json"

// WindowGate lets deployments start only at certain times. Each entry is days,
// hours and a time zone: "Mon-Thu 09:00-17:00 Europe/Stockholm". Deny beats
// Allow; with only Deny, every other time is allowed.
type WindowGate struct {
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
}

// ExternalGate asks another system by a signed POST of the plan's facts. The
// answer is JSON: {"allow": bool, "reason": text, "until": time}.
type ExternalGate struct {
	Name     string   `json:"name,omitempty"`
	URL      string   `json:"url"`
	Interval Duration `json:"interval,omitempty"` // between questions; default 30s
	Within   Duration `json:"within,omitempty"`   // for the answer; default 10s
}

// MetricGate asks a source of figures before anything starts.
type MetricGate struct {
	Name     string      `json:"name,omitempty"`
	Metric   MetricCheck `json:"metric"`
	Interval Duration    `json:"interval,omitempty"`
}

// BudgetGate keeps deployments away while the error budget of an objective is
// spent: with Objective 99.9 over Window, 0.1 % of the events may be bad. Good
// and Total are queries with ${window} in their range.
type BudgetGate struct {
	Provider  string   `json:"provider"`
	Objective float64  `json:"objective"` // percent
	Window    Duration `json:"window"`    // default 30 days
	Good      string   `json:"good"`
	Total     string   `json:"total"`
	Remaining float64  `json:"remaining,omitempty"` // percent of the budget that must be left; default 0
	Interval  Duration `json:"interval,omitempty"`
}

// ProvenanceGate demands a signed SLSA statement for every artifact: who built
// it, how, from what. Identity and Issuer are those of the signing certificate
// and matched as a whole; Keys are PEM public keys for bundles signed by key.
type ProvenanceGate struct {
	Issuer     string            `json:"issuer,omitempty"`
	Identity   string            `json:"identity,omitempty"`
	Keys       []string          `json:"keys,omitempty"`
	Builders   []string          `json:"builders"` // trusted values of runDetails.builder.id
	BuildType  string            `json:"buildType,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"` // of externalParameters; others are refused
}

// ExpressionGate is a CEL expression over release, service, environment,
// deployment and now. It opens when it is true.
type ExpressionGate struct {
	Name    string `json:"name,omitempty"`
	When    string `json:"when"`
	Message string `json:"message,omitempty"` // shown while it is false
}

// Kind names a gate as pages, bypasses and verdicts do.
func (g Gate) Kind() string {
	switch {
	case g.Approval != nil:
		return "approval"
	case g.Soak != nil:
		return "soak"
	case g.Window != nil:
		return "window"
	case g.External != nil:
		return "external"
	case g.Metric != nil:
		return "metric"
	case g.ErrorBudget != nil:
		return "errorBudget"
	case g.Provenance != nil:
		return "provenance"
	case g.Expression != nil:
		return "expression"
	default:
		return ""
	}
}

// Title names a gate among others of its kind.
func (g Gate) Title() string {
	switch {
	case g.External != nil && g.External.Name != "":
		return g.External.Name
	case g.Metric != nil && g.Metric.Name != "":
		return g.Metric.Name
	case g.Expression != nil && g.Expression.Name != "":
		return g.Expression.Name
	default:
		return g.Kind()
	}
}

// probed reports whether a gate asks something outside the database.
func (g Gate) probed() bool {
	return g.External != nil || g.Metric != nil || g.ErrorBudget != nil || g.Provenance != nil || g.Expression != nil
}

// Attestation is a signed statement on a release's artifacts, as a sigstore
// bundle.
type Attestation = json.RawMessage
