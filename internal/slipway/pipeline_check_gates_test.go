package slipway

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCheckPipelineGates(t *testing.T) {
	t.Parallel()
	external := func(change func(*ExternalGate)) Gate {
		g := ExternalGate{URL: "https://change.example.com/ask"}
		change(&g)
		return Gate{External: &g}
	}
	budget := func(change func(*BudgetGate)) Gate {
		g := BudgetGate{Objective: 99.9, Good: "sum(increase(good[${window}]))", Total: `sum(increase(all{service="${service}"}[${window}]))`}
		change(&g)
		return Gate{ErrorBudget: &g}
	}
	signed := func(builders []string) Gate {
		return Gate{Provenance: &ProvenanceGate{Issuer: "https://token.example.com", Identity: "https://git.example.com/o/r/w.yml@refs/heads/main", Builders: builders}}
	}
	expression := func(when, message string) Gate {
		return Gate{Expression: &ExpressionGate{When: when, Message: message}}
	}
	window := func(allow, deny string) Gate {
		return Gate{Window: &WindowGate{Allow: strings.Fields(strings.ReplaceAll(allow, " ", "_")), Deny: strings.Fields(strings.ReplaceAll(deny, " ", "_"))}}
	}
	spaced := func(g Gate) Gate {
		for _, texts := range [][]string{g.Window.Allow, g.Window.Deny} {
			for i := range texts {
				texts[i] = strings.ReplaceAll(texts[i], "_", " ")
			}
		}
		return g
	}
	wrongWord := "has ${address}, for which nothing stands here; known are ${version}, ${previous}, ${stable}, ${service}, ${environment}"
	percentage := ".errorBudget.objective: is a percentage between 0 and 100, such as 99.9; at 100 there would be nothing to spend"
	for name, c := range map[string]struct {
		gate Gate
		want string
	}{
		"external":          {external(func(*ExternalGate) {}), ""},
		"no URL":            {external(func(g *ExternalGate) { g.URL = "x" }), ".external.url: must be an http or https address"},
		"asked too often":   {external(func(g *ExternalGate) { g.Interval = 1 }), ".external.interval: is 1s to 168h, not 1ns"},
		"answers too late":  {external(func(g *ExternalGate) { g.Within = Duration(time.Hour) }), ".external.within: is 1s to 1m, not 1h"},
		"odd name":          {external(func(g *ExternalGate) { g.Name = "a b" }), ".external.name: may hold a-z, 0-9 and -, begins and ends with a letter or digit, and is at most 63 long"},
		"window":            {spaced(window("Mon-Thu 09:00-17:00 Europe/Stockholm", "")), ""},
		"window of nothing": {Gate{Window: &WindowGate{}}, `.window: needs allow or deny, such as "Mon-Thu 09:00-17:00 Europe/Stockholm"`},
		"window on the moon": {spaced(window("", "Mon 09:00-17:00 Moon")),
			`.window.deny[0]: ends with "Moon", which is no time zone; write one as Europe/Stockholm, or UTC`},
		"metric":             {Gate{Metric: &MetricGate{Metric: *figures(func(*MetricCheck) {}).Metric}}, ""},
		"metric with wrong":  {Gate{Metric: &MetricGate{Metric: *figures(func(m *MetricCheck) { m.Query, m.Success = "${address}", "bad" }).Metric}}, ".metric.query: " + wrongWord + "\n.metric.success: is bad as a condition"},
		"metric too often":   {Gate{Metric: &MetricGate{Metric: *figures(func(*MetricCheck) {}).Metric, Interval: 1}}, ".metric.interval: is 1s to 168h, not 1ns"},
		"budget":             {budget(func(*BudgetGate) {}), ""},
		"no objective":       {budget(func(g *BudgetGate) { g.Objective = 0 }), percentage},
		"all":                {budget(func(g *BudgetGate) { g.Objective = 100 }), percentage},
		"no number":          {budget(func(g *BudgetGate) { g.Objective = math.NaN() }), percentage},
		"more than is there": {budget(func(g *BudgetGate) { g.Remaining = 100 }), ".errorBudget.remaining: is how much of the budget must be left, from 0 to below 100 percent"},
		"long window":        {budget(func(g *BudgetGate) { g.Window = 2161 * Duration(time.Hour) }), ".errorBudget.window: is 1h to 2160h, not 2161h"},
		"no queries":         {budget(func(g *BudgetGate) { g.Good, g.Total = "", "" }), ".errorBudget.good: is missing\n.errorBudget.total: is missing"},
		"word":               {budget(func(g *BudgetGate) { g.Good = "${address}" }), ".errorBudget.good: " + wrongWord + ", ${window}"},
		"source":             {budget(func(g *BudgetGate) { g.Provider = "x" }), `.errorBudget.provider: is prometheus, not "x"`},
		"provenance":         {signed([]string{"https://builder"}), ""},
		"any builder":        {signed(nil), ".provenance.builders: needs the builder.id of at least one builder that is trusted"},
		"expression":         {expression("release.reversible", "Not for good."), ""},
		"no expression":      {expression("", ""), ".expression.when: is missing"},
		"bad expression":     {expression("bad", "a\nb"), ".expression.when: is bad as a gate\n.expression.message: is one line of at most 1024 bytes"},
		"patience":           {Gate{Approval: &ApprovalGate{Expires: 2161 * Duration(time.Hour)}}, ".approval.expires: is at most 2160h"},
	} {
		found := check(stage("dev", gated(c.gate)))
		for i := range found {
			found[i] = strings.TrimPrefix(found[i], "stages[0].gates[0]")
		}
		if diff := cmp.Diff(c.want, strings.Join(found, "\n")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestGatesOfOneNameAreRefused(t *testing.T) {
	t.Parallel()
	ask := func(name string) Gate { return Gate{External: &ExternalGate{Name: name, URL: "https://a"}} }
	got := check(stage("dev", gated(ask("change"), Gate{Expression: &ExpressionGate{Name: "change", When: "true"}}, ask(""), ask(""))))
	if diff := cmp.Diff([]string{`stages[0].gates[1].expression.name: "change" is the name of number 1 already`}, got); diff != "" {
		t.Error(diff)
	}
	kinds := 0
	for _, kind := range GateKinds() {
		for _, g := range fullPlan().Gates {
			if g.Kind() == kind && g.members() == 1 {
				kinds++
				break
			}
		}
	}
	if kinds != len(GateKinds()) || (Gate{}).Kind() != "" || len(CheckKinds()) != 4 {
		t.Errorf("%d of %d kinds are known", kinds, len(GateKinds()))
	}
}

func TestCheckPipelineRules(t *testing.T) {
	t.Parallel()
	week := Duration(8 * 24 * time.Hour)
	many := func(n int) []string { return make([]string, n) }
	run := Job{Command: []string{"/opt/x"}}
	wave := func(site, config string) Wave { return Wave{Site: site, Config: json.RawMessage(config)} }
	for name, c := range map[string]struct {
		change func(*Stage)
		want   string
	}{
		"bake":                 {func(s *Stage) { s.Bake = week }, ".bake: is at most 168h"},
		"part without anybody": {func(s *Stage) { s.AutoPromote, s.Strategy = true, Strategy{Type: StrategyPartial, Share: 10} }, ".autoPromote: does not go with a partial strategy: a part stays until a person widens or withdraws it, and every new release would push it aside before anybody did"},
		"all without anybody":  {func(s *Stage) { s.AutoPromote, s.Strategy = true, Strategy{Type: StrategyPartial, Share: 100} }, ""},
		"hooks": {func(s *Stage) {
			s.Hooks = Hooks{Before: []Hook{{Name: "a", Job: run}}, After: []Hook{{Name: "a", Job: run, Retries: 10, Again: AgainSafe}}}
		}, ""},
		"hook without name":      {func(s *Stage) { s.Hooks.Before = []Hook{{Job: run}} }, ".hooks.before[0].name: is missing"},
		"hooks of one name":      {func(s *Stage) { s.Hooks.BeforeTraffic = []Hook{{Name: "a", Job: run}, {Name: "a", Job: run}} }, `.hooks.beforeTraffic[1].name: "a" is the name of number 1 already`},
		"hook of nothing":        {func(s *Stage) { s.Hooks.OnRollback = []Hook{{Name: "a"}} }, ".hooks.onRollback[0].command: needs a program and its arguments, such as [/opt/shop/migrate, up]"},
		"many retries":           {func(s *Stage) { s.Hooks.After = []Hook{{Name: "a", Job: run, Retries: 11}} }, ".hooks.after[0].retries: is 0 to 10, not 11"},
		"again and again":        {func(s *Stage) { s.Hooks.After = []Hook{{Name: "a", Job: run, Again: "yes"}} }, `.hooks.after[0].again: is safe or ask, not "yes"`},
		"long command":           {func(s *Stage) { s.Hooks.After = []Hook{{Name: "a", Job: Job{Command: append(many(201), "x")}}} }, ".hooks.after[0].command: holds at most 200\n.hooks.after[0].command: needs a program and its arguments, such as [/opt/shop/migrate, up]"},
		"waves":                  {func(s *Stage) { s.Waves = []Wave{wave("eu", `{"a":1}`), wave("us", "")} }, ""},
		"wave without site":      {func(s *Stage) { s.Waves = []Wave{wave("", "")} }, ".waves[0].site: is missing"},
		"wave twice":             {func(s *Stage) { s.Waves = []Wave{wave("eu", ""), wave("eu", "")} }, `.waves[1].site: "eu" is the name of number 1 already`},
		"wave of a list":         {func(s *Stage) { s.Waves = []Wave{wave("eu", "[]")} }, ".waves[0].config: is an object"},
		"fault of a wave":        {func(s *Stage) { s.Waves = []Wave{wave("eu", `{"image":"bad"}`)} }, ".waves[0].config.image.tag: is missing\n.waves[0].config: is odd"},
		"waves over a text":      {func(s *Stage) { s.Waves, s.Deployer.Config = []Wave{wave("eu", "")}, json.RawMessage(`"x"`) }, ".deployer.config: is an object where there are waves: theirs is laid over it"},
		"batch at one site":      {func(s *Stage) { s.Waves, s.Strategy.Batch = []Wave{wave("eu", ""), wave("us", "")}, 3 }, ".strategy.batch: is 1 to 2, the number of replicas at eu\n.strategy.batch: is 1 to 2, the number of replicas at us"},
		"fault of every site":    {func(s *Stage) { s.Waves, s.Strategy.Share = []Wave{wave("eu", ""), wave("us", "")}, 3 }, ".strategy.share: belongs to partial, not to rolling"},
		"more phases than there": {func(s *Stage) { s.Strategy, s.Waves = manySteps(), manyWaves(11) }, ".strategy: makes 1100 phases with all waves and hooks, and 1024 are the most; replace more at once"},
		"many phases":            {func(s *Stage) { s.Strategy, s.Waves = manySteps(), manyWaves(10) }, ""},
		"too many waves":         {func(s *Stage) { s.Waves = manyWaves(51) }, ".waves: holds at most 50"},
	} {
		found := check(stage("dev", c.change))
		for i := range found {
			found[i] = strings.TrimPrefix(found[i], "stages[0]")
		}
		if diff := cmp.Diff(c.want, strings.Join(found, "\n")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	stages := make([]Stage, maxStages+1)
	if got := check(stages...); got[0] != "stages: holds at most 50" {
		t.Error(got[0])
	}
}

// manySteps has a hundred phases.
func manySteps() Strategy {
	s := Strategy{Type: StrategyCanary}
	for weight := 1; weight <= 100; weight++ {
		s.Steps = append(s.Steps, CanaryStep{Weight: weight})
	}
	return s
}

func manyWaves(n int) []Wave {
	var waves []Wave
	for i := range n {
		waves = append(waves, Wave{Site: fmt.Sprintf("site-%d", i)})
	}
	return waves
}
