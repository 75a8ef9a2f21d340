package rest

import "github.com/slipway-dev/slipway/internal/slipway"

// Gate is one condition of a stage; exactly one member is set.
type Gate struct {
	Approval    *ApprovalGate   `json:"approval,omitempty"`
	Soak        *SoakGate       `json:"soak,omitempty"`
	Window      *WindowGate     `json:"window,omitempty"`
	External    *ExternalGate   `json:"external,omitempty"`
	Metric      *MetricGate     `json:"metric,omitempty"`
	ErrorBudget *BudgetGate     `json:"errorBudget,omitempty"`
	Provenance  *ProvenanceGate `json:"provenance,omitempty"`
	Expression  *ExpressionGate `json:"expression,omitempty"`
}

// ApprovalGate asks people.
type ApprovalGate struct {
	Count        int      `json:"count"`
	Groups       []string `json:"groups,omitempty"`
	SelfApproval bool     `json:"selfApproval"`
	Expires      string   `json:"expires"`
}

// SoakGate asks that a release has been live elsewhere for a while.
type SoakGate struct {
	In  string `json:"in"`
	For string `json:"for"`
}

// WindowGate lets deployments start only at certain times.
type WindowGate struct {
	Allow []string `json:"allow,omitempty" doc:"Days, hours and a time zone, such as Mon-Thu 09:00-17:00 Europe/Stockholm."`
	Deny  []string `json:"deny,omitempty" doc:"Beats allow."`
}

// ExternalGate asks another system.
type ExternalGate struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Interval string `json:"interval"`
	Within   string `json:"within"`
}

// MetricGate asks a source of figures before anything starts.
type MetricGate struct {
	Name string `json:"name"`
	MetricCheck
	Interval string `json:"interval"`
}

// BudgetGate keeps deployments away while an error budget is spent.
type BudgetGate struct {
	Provider  string  `json:"provider"`
	Objective float64 `json:"objective" doc:"Percent of the events that have to be good."`
	Window    string  `json:"window"`
	Good      string  `json:"good"`
	Total     string  `json:"total"`
	Remaining float64 `json:"remaining,omitempty" doc:"Percent of the budget that must be left."`
	Interval  string  `json:"interval"`
}

// ProvenanceGate demands a signed statement on who built what, and from what.
type ProvenanceGate struct {
	Issuer     string            `json:"issuer,omitempty"`
	Identity   string            `json:"identity,omitempty"`
	Keys       []string          `json:"keys,omitempty"`
	Builders   []string          `json:"builders"`
	BuildType  string            `json:"buildType,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
}

// ExpressionGate opens when its expression is true.
type ExpressionGate struct {
	Name    string `json:"name"`
	When    string `json:"when"`
	Message string `json:"message,omitempty" doc:"Shown while it is false."`
}

func approvalGate(a *slipway.ApprovalGate) *ApprovalGate {
	if a == nil {
		return nil
	}
	return &ApprovalGate{Count: a.Count, Groups: a.Groups, SelfApproval: a.SelfApproval, Expires: a.Expires.String()}
}

func gate(g slipway.Gate) Gate {
	out := Gate{Approval: approvalGate(g.Approval)}
	if k := g.Soak; k != nil {
		out.Soak = &SoakGate{In: k.In, For: k.For.String()}
	}
	if w := g.Window; w != nil {
		out.Window = &WindowGate{Allow: w.Allow, Deny: w.Deny}
	}
	if e := g.External; e != nil {
		out.External = &ExternalGate{Name: e.Name, URL: e.URL, Interval: e.Interval.String(), Within: e.Within.String()}
	}
	if m := g.Metric; m != nil {
		out.Metric = &MetricGate{Name: m.Name, MetricCheck: metric(m.Metric), Interval: m.Interval.String()}
	}
	if b := g.ErrorBudget; b != nil {
		out.ErrorBudget = &BudgetGate{Provider: b.Provider, Objective: b.Objective, Window: b.Window.String(), Good: b.Good, Total: b.Total,
			Remaining: b.Remaining, Interval: b.Interval.String()}
	}
	if p := g.Provenance; p != nil {
		out.Provenance = &ProvenanceGate{Issuer: p.Issuer, Identity: p.Identity, Keys: p.Keys, Builders: listed(p.Builders), BuildType: p.BuildType, Parameters: p.Parameters}
	}
	if e := g.Expression; e != nil {
		out.Expression = &ExpressionGate{Name: e.Name, When: e.When, Message: e.Message}
	}
	return out
}
