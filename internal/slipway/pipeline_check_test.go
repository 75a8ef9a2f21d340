package slipway

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// twoDeployers knows "whole", which can do everything, and "plain", which can
// do nothing but replace.
type twoDeployers struct{}

// shortExpressions takes every condition but "bad".
type shortExpressions struct{}

func (shortExpressions) CheckCondition(text string) string {
	if text == "bad" {
		return "is bad as a condition"
	}
	return ""
}

func (shortExpressions) CheckGate(text string) string {
	if text == "bad" {
		return "is bad as a gate"
	}
	return ""
}

func (twoDeployers) Names() []string { return []string{"plain", "whole"} }

func (twoDeployers) Capabilities(name string) (DeployerCapabilities, bool) {
	can := name == "whole"
	return DeployerCapabilities{ParallelTracks: can, TrafficWeights: can}, can || name == "plain"
}

func (twoDeployers) CheckConfig(ref DeployerRef) (int, []FieldError) {
	if strings.Contains(string(ref.Config), "bad") {
		return 0, []FieldError{{Field: "image.tag", Message: "is missing"}, {Message: "is odd"}}
	}
	return 2, nil
}

func (twoDeployers) CheckWay(context.Context, Plan) error { return nil }

func (twoDeployers) Preview(context.Context, Plan) (string, []byte, error) { return "", nil, nil }

func stage(environment string, change ...func(*Stage)) Stage {
	s := Stage{Environment: environment, Deployer: DeployerRef{Name: "whole"}}
	for _, f := range change {
		f(&s)
	}
	return s
}

func after(names ...string) func(*Stage) { return func(s *Stage) { s.After = names } }

func gated(g ...Gate) func(*Stage) { return func(s *Stage) { s.Gates = g } }

func soaks(in string, d Duration) func(*Stage) { return gated(Gate{Soak: &SoakGate{In: in, For: d}}) }

func TestCheckPipeline(t *testing.T) {
	t.Parallel()
	hour := Duration(time.Hour)
	by := func(name string) func(*Stage) { return func(s *Stage) { s.Deployer.Name = name } }
	config := func(s *Stage) { s.Deployer.Config = json.RawMessage(`"bad"`) }
	how := func(to Strategy) func(*Stage) { return func(s *Stage) { s.Strategy = to } }
	for name, c := range map[string]struct {
		stages []Stage
		want   []string
	}{
		"whole": {[]Stage{stage("dev"), stage("staging", after("dev")), stage("prod", after("staging", "dev"), soaks("staging", hour))}, nil},
		"empty": {nil, []string{"stages: needs at least one stage"}},
		"unknown environment": {[]Stage{stage("moon")},
			[]string{`stages[0].environment: there is no environment "moon"; there are dev, prod, qa, staging, uat`}},
		"one environment twice": {[]Stage{stage("dev"), stage("dev")},
			[]string{`stages[1].environment: "dev" is already stages[0]; a service has one stage in an environment`}},
		"after itself":                      {[]Stage{stage("dev", after("dev"))}, []string{"stages[0].after[0]: a stage cannot come after itself"}},
		"after no stage":                    {[]Stage{stage("dev"), stage("prod", after("dev", "qa"))}, []string{`stages[1].after[1]: no stage of this pipeline is for "qa"`}},
		"after one that does not say where": {[]Stage{stage(""), stage("prod", after("dev"), soaks("qa", hour))}, []string{"stages[0].environment: is missing"}},
		"circle of two":                     {[]Stage{stage("dev", after("qa")), stage("qa", after("dev"))}, []string{"stages[0].after: the order is a circle: dev after qa after dev"}},
		"circle off side":                   {[]Stage{stage("prod", after("dev")), stage("dev", after("qa")), stage("qa", after("dev"))}, []string{"stages[1].after: the order is a circle: dev after qa after dev"}},
		"two circles": {[]Stage{stage("dev", after("qa")), stage("qa", after("dev")), stage("uat", after("prod")), stage("prod", after("uat"))},
			[]string{"stages[0].after: the order is a circle: dev after qa after dev", "stages[2].after: the order is a circle: uat after prod after uat"}},
		"soak nowhere":     {[]Stage{stage("dev", soaks("qa", hour))}, []string{`stages[0].gates[0].soak.in: no stage of this pipeline is for "qa"`}},
		"soak in itself":   {[]Stage{stage("dev", soaks("dev", hour))}, []string{"stages[0].gates[0].soak.in: a release cannot soak where it has yet to go"}},
		"soak later":       {[]Stage{stage("dev", soaks("prod", hour)), stage("qa", after("dev")), stage("prod", after("qa"))}, []string{`stages[0].gates[0].soak.in: "prod" comes after "dev", so a release could never soak there first`}},
		"soak for nothing": {[]Stage{stage("dev"), stage("qa", soaks("dev", 0))}, []string{`stages[1].gates[0].soak.for: is how long, such as "1h"`}},
		"gate of nothing":  {[]Stage{stage("dev", gated(Gate{}))}, []string{"stages[0].gates[0]: is exactly one of approval, soak, window, external, metric, errorBudget, provenance or expression"}},
		"gate of two":      {[]Stage{stage("dev", gated(Gate{Approval: &ApprovalGate{}, Soak: &SoakGate{}}))}, []string{"stages[0].gates[0]: is exactly one of approval, soak, window, external, metric, errorBudget, provenance or expression"}},
		"too many people":  {[]Stage{stage("dev", gated(Gate{Approval: &ApprovalGate{Count: 21}}))}, []string{"stages[0].gates[0].approval.count: is 1 to 20, not 21"}},
		"fewer than none":  {[]Stage{stage("dev", gated(Gate{Approval: &ApprovalGate{Count: -1}}))}, []string{"stages[0].gates[0].approval.count: is 1 to 20, not -1"}},
		"no such deployer": {[]Stage{stage("dev", by("magic"), func(s *Stage) { s.OnFailure = "shrug" })},
			[]string{`stages[0].onFailure: is rollback or stop, not "shrug"`, `stages[0].deployer.name: there is no deployer "magic"; there are plain, whole`}},
		"config faults": {[]Stage{stage("dev", config, how(Strategy{Type: StrategyRolling, Batch: 2}))},
			[]string{"stages[0].deployer.config.image.tag: is missing", "stages[0].deployer.config: is odd"}},
		"strategy faults": {[]Stage{stage("dev", how(Strategy{Type: StrategyRolling, Batch: 3}))},
			[]string{"stages[0].strategy.batch: is 1 to 2, the number of replicas"}},
		"cannot do it": {[]Stage{stage("dev", by("plain"), how(Strategy{Type: StrategyBlueGreen}))},
			[]string{`stages[0].strategy.type: deployer "plain" cannot do blueGreen: it has no way to run two releases side by side`}},
		"can do this": {[]Stage{stage("dev", by("plain"), how(Strategy{Type: StrategyRecreate}))}, nil},
	} {
		if diff := cmp.Diff(c.want, check(c.stages...)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func check(stages ...Stage) []string {
	var environments []Environment
	for _, name := range []string{"dev", "qa", "staging", "uat", "prod"} {
		environments = append(environments, Environment{Name: name})
	}
	p := Pipeline{Service: "shop", Stages: stages}
	p.Normalize()
	var out []string
	for _, f := range CheckPipeline(p, environments, CheckAids{Deployers: twoDeployers{}, Expressions: shortExpressions{}}) {
		out = append(out, f.Field+": "+f.Message)
	}
	return out
}

func TestCirclesOfEverySizeAreFoundOnce(t *testing.T) {
	t.Parallel()
	names := []string{"dev", "qa", "staging", "uat", "prod"}
	for n := 2; n <= len(names); n++ {
		for turn := range n {
			var stages []Stage
			for i := range n {
				at := (i + turn) % n
				stages = append(stages, stage(names[at], after(names[(at+1)%n])))
			}
			faults := check(stages...)
			if len(faults) != 1 || !strings.HasPrefix(faults[0], "stages[0].after: the order is a circle: ") ||
				strings.Count(faults[0], " after ") != n {
				t.Errorf("a circle of %d: %q", n, faults)
			}
		}
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	p := Pipeline{Stages: []Stage{stage("dev"), stage("qa", after("dev", "dev")), stage("prod", after("qa", "dev"))}}
	for environment, want := range map[string][]string{"dev": {"qa", "prod"}, "qa": {"prod"}, "prod": nil, "moon": nil} {
		var got []string
		for _, s := range p.Next(environment) {
			got = append(got, s.Environment)
		}
		if !slices.Equal(got, want) {
			t.Errorf("after %s comes %v", environment, got)
		}
	}
	if _, ok := p.Stage("moon"); ok {
		t.Error("a stage on the moon")
	}
	if s, ok := p.Stage("qa"); !ok || fmt.Sprint(s.After) != "[dev dev]" {
		t.Error(s, ok)
	}
}
