package slipway

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNormalize(t *testing.T) {
	t.Parallel()
	p := Pipeline{Stages: []Stage{
		{Deployer: DeployerRef{Config: json.RawMessage(` { "b": 1,  "account": 123456789012345678, "a": {"y": 1.50, "x": "<"} } `)},
			Gates: []Gate{{Approval: &ApprovalGate{}}, {Soak: &SoakGate{}}}},
		{Strategy: Strategy{Type: StrategyRecreate}, OnFailure: OnFailureStop, Deadline: 1,
			Deployer: DeployerRef{Config: json.RawMessage(`{"no JSON`)}, Gates: []Gate{{Approval: &ApprovalGate{Count: 3, Expires: 2}}}},
	}}
	p.Normalize()
	s := p.Stages[0]
	if s.Strategy.Type != StrategyRolling || s.OnFailure != OnFailureRollback || s.Deadline != DefaultDeadline ||
		s.Gates[0].Approval.Count != 1 || s.Gates[0].Approval.Expires != DefaultApprovalExpiry {
		t.Errorf("%+v", s)
	}
	if want := `{"a":{"x":"\u003c","y":1.50},"account":123456789012345678,"b":1}`; string(s.Deployer.Config) != want {
		t.Errorf("config %s", s.Deployer.Config)
	}
	s = p.Stages[1]
	if s.Strategy.Type != StrategyRecreate || s.OnFailure != OnFailureStop || s.Deadline != 1 ||
		s.Gates[0].Approval.Count != 3 || s.Gates[0].Approval.Expires != 2 || string(s.Deployer.Config) != `{"no JSON` {
		t.Errorf("%+v", s)
	}
	once := deepCopy(p)
	p.Normalize()
	if diff := cmp.Diff(once, p); diff != "" {
		t.Errorf("again: %s", diff)
	}
	p.Stages, once.Stages = p.Stages[:1], once.Stages[:1]
	if !p.SameStages(once) || p.SameStages(Pipeline{}) {
		t.Error("SameStages")
	}
}

func TestWhatAFileMayLeaveOut(t *testing.T) {
	t.Parallel()
	metric := MetricCheck{Query: "up", Success: "result == 1"}
	p := Pipeline{Stages: []Stage{{
		Gates: []Gate{
			{External: &ExternalGate{URL: "https://a"}}, {External: &ExternalGate{URL: "https://b"}}, {External: &ExternalGate{Name: "external-2"}},
			{Metric: &MetricGate{Metric: metric}}, {ErrorBudget: &BudgetGate{}}, {Expression: &ExpressionGate{}}, {Window: &WindowGate{}}, {},
		},
		Verify: []Check{
			{HTTP: &HTTPCheck{}}, {TCP: &TCPCheck{}}, {Job: &Job{}}, {Metric: &metric}, {HTTP: &HTTPCheck{}}, {Name: "http-2", HTTP: &HTTPCheck{}}, {HTTP: &HTTPCheck{}}, {},
			{Name: "mine", ConsecutiveErrorLimit: -1, HTTP: &HTTPCheck{Method: "HEAD", Expect: 404, Within: 1}},
		},
		Hooks: Hooks{Before: []Hook{{Name: "a"}}, BeforeTraffic: []Hook{{Name: "a"}}, After: []Hook{{Name: "a", Again: AgainSafe, Job: Job{Timeout: 1}}}, OnRollback: []Hook{{Name: "a"}}},
		Waves: []Wave{{Site: "eu"}, {Site: "us", Config: json.RawMessage(` {"b": 1, "a": 2}`)}},
	}}}
	p.Normalize()
	s := p.Stages[0]
	ten := Duration(10 * time.Second)
	figures := MetricCheck{Provider: "prometheus", Query: "up", Success: "result == 1", NoData: OutcomeInconclusive, Within: ten}
	page := HTTPCheck{Method: "GET", Expect: 200, Within: ten}
	gates := []Gate{
		{External: &ExternalGate{Name: "external", URL: "https://a", Interval: defaultProbeInterval, Within: ten}},
		{External: &ExternalGate{Name: "external-3", URL: "https://b", Interval: defaultProbeInterval, Within: ten}},
		{External: &ExternalGate{Name: "external-2", Interval: defaultProbeInterval, Within: ten}},
		{Metric: &MetricGate{Name: "metric", Metric: figures, Interval: defaultProbeInterval}},
		{ErrorBudget: &BudgetGate{Provider: "prometheus", Window: Duration(720 * time.Hour), Interval: defaultProbeInterval}},
		{Expression: &ExpressionGate{Name: "expression"}}, {Window: &WindowGate{}}, {},
	}
	checks := []Check{
		{Name: "http", ConsecutiveErrorLimit: 4, HTTP: &page}, {Name: "tcp", ConsecutiveErrorLimit: 4, TCP: &TCPCheck{Within: ten}},
		{Name: "job", ConsecutiveErrorLimit: 4, Job: &Job{Timeout: Duration(10 * time.Minute)}}, {Name: "metric", ConsecutiveErrorLimit: 4, Metric: &figures},
		{Name: "http-3", ConsecutiveErrorLimit: 4, HTTP: &page}, {Name: "http-2", ConsecutiveErrorLimit: 4, HTTP: &page}, {Name: "http-4", ConsecutiveErrorLimit: 4, HTTP: &page},
		{ConsecutiveErrorLimit: 4}, {Name: "mine", ConsecutiveErrorLimit: -1, HTTP: &HTTPCheck{Method: "HEAD", Expect: 404, Within: 1}},
	}
	if diff := cmp.Diff(gates, s.Gates); diff != "" {
		t.Errorf("gates: %s", diff)
	}
	if diff := cmp.Diff(checks, s.Verify); diff != "" {
		t.Errorf("checks: %s", diff)
	}
	h := s.Hooks
	if got := fmt.Sprint(h.Before[0].Again, h.BeforeTraffic[0].Job.Timeout, h.After[0].Again, h.After[0].Job.Timeout, h.OnRollback[0].Again); got != "ask10msafe1nsask" {
		t.Errorf("hooks: %s", got)
	}
	if string(s.Waves[0].Config) != "{}" || string(s.Waves[1].Config) != `{"a":2,"b":1}` {
		t.Errorf("waves: %s and %s", s.Waves[0].Config, s.Waves[1].Config)
	}
	once := deepCopy(p)
	p.Normalize()
	if diff := cmp.Diff(once, p); diff != "" {
		t.Errorf("again: %s", diff)
	}
}
