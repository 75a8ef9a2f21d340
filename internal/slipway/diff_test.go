package slipway

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lines writes differences as people see them.
func lines(found []Difference) string {
	var out []string
	for _, d := range found {
		out = append(out, string(d.Mark)+" "+d.Kind+" "+d.Name+": "+d.Before+" → "+d.After)
	}
	return strings.Join(out, "\n")
}

func TestDiffSpecs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Spec)
		want   string
	}{
		"nothing":             {func(*Spec) {}, ""},
		"version alone":       {func(s *Spec) { s.Version, s.Seq = "1.1", 9 }, ""},
		"digest":              {func(s *Spec) { s.Artifacts = []Artifact{{Name: "image", Digest: "sha256:b"}} }, "changed artifact image: sha256:" + strings.Repeat("a", 64) + " → sha256:b"},
		"reference":           {func(s *Spec) { s.Artifacts = []Artifact{s.Artifacts[0]}; s.Artifacts[0].Reference = "x" }, "changed reference image: reg/app:1.0 → x"},
		"config":              {func(s *Spec) { s.Config = map[string]string{"KEPT": "", "NEW": ""} }, "changed config KEPT: 1 → \nnew config NEW:  → \nremoved config GONE: 1 → "},
		"secret":              {func(s *Spec) { s.Secrets = map[string]int{"DB": 4, "API": 1} }, "new secret API:  → version 1\nchanged secret DB: version 3 → version 4"},
		"deployer":            {func(s *Spec) { s.Deployer.Name = "other" }, "changed deployer deployer: fake → other"},
		"setting":             {set(`{"replicas":3}`), "changed setting replicas: 2 → 3"},
		"nested":              {set(`{"replicas":2,"a":{"b":["x"],"c":null}}`), "new setting a.b:  → [\"x\"]\nnew setting a.c:  → null"},
		"text, not number":    {set(`{"replicas":"2"}`), `changed setting config: {"replicas":2} → {"replicas":"2"}`},
		"nothing in it":       {set(`{"replicas":2,"a":{}}`), `changed setting config: {"replicas":2} → {"replicas":2,"a":{}}`},
		"replicas by default": {func(s *Spec) { s.Replicas = 3 }, "changed setting replicas: 2 → 3"},
		"for good":            {func(s *Spec) { s.Reversible = false }, "changed release reversible: yes → no"},
	} {
		from := spec("1.0", 2)
		from.Config, from.Secrets = map[string]string{"KEPT": "1", "GONE": "1"}, map[string]int{"DB": 3}
		to := deepCopy(from)
		c.change(&to)
		want := strings.Split(c.want, "\n")
		for _, line := range strings.Split(lines(DiffSpecs(&from, to)), "\n") {
			if at := slices.Index(want, line); at >= 0 {
				want = append(want[:at], want[at+1:]...)
			} else {
				t.Errorf("%s: shows %q", name, line)
			}
		}
		if len(want) > 0 {
			t.Errorf("%s: does not show %q", name, want)
		}
	}
}

func set(config string) func(*Spec) {
	return func(s *Spec) { s.Deployer.Config = json.RawMessage(config) }
}

func TestWithNothingRunningEverythingIsNew(t *testing.T) {
	t.Parallel()
	to := spec("1.0", 2)
	to.Config, to.Secrets = map[string]string{"A": "1"}, map[string]int{"DB": 3}
	var kinds []string
	for _, d := range DiffSpecs(nil, to) {
		kinds = append(kinds, d.Kind)
		if d.Mark != MarkNew || d.Before != "" {
			t.Errorf("%+v", d)
		}
	}
	if diff := cmp.Diff([]string{"artifact", "config", "secret", "deployer", "setting", "release"}, kinds); diff != "" {
		t.Error(diff)
	}
}

func TestSmallChangesOfLargeNumbersAreSeen(t *testing.T) {
	t.Parallel()
	from, to := spec("1.0", 2), spec("1.0", 2)
	from.Deployer.Config, to.Deployer.Config = []byte(`{"account":123456789012345678}`), []byte(`{"account":123456789012345679}`)
	if got := lines(DiffSpecs(&from, to)); got != "changed setting account: 123456789012345678 → 123456789012345679" {
		t.Error(got)
	}
}

func TestDiffPlansNamesWhatChanged(t *testing.T) {
	t.Parallel()
	for kind, change := range map[string]func(*Plan){
		"release":   func(p *Plan) { p.To.Version = "2.1" },
		"from":      func(p *Plan) { p.From = nil },
		"cause":     func(p *Plan) { p.Cause = CauseRedeploy },
		"pipeline":  func(p *Plan) { p.PipelineRevision++ },
		"strategy":  func(p *Plan) { p.Strategy = Strategy{Type: StrategyRolling} },
		"phases":    func(p *Plan) { p.Phases = nil },
		"gates":     func(p *Plan) { p.Gates = nil },
		"rule":      func(p *Plan) { p.OnFailure, p.Deadline = OnFailureStop, 1 },
		"preview":   func(p *Plan) { p.Preview, p.Prepared = "", []byte("x") },
		"secret":    func(p *Plan) { p.To.Secrets = map[string]int{"DB": 5} },
		"config":    func(p *Plan) { p.To.Config = nil },
		"setting":   func(p *Plan) { p.To.Replicas++ },
		"reference": func(p *Plan) { p.To.Artifacts[0].Reference = "x" },
	} {
		p := fullPlan()
		change(&p)
		for _, d := range DiffPlans(fullPlan(), p) {
			if d.Kind != kind {
				t.Errorf("a change of %s is shown as %+v", kind, d)
			}
		}
		if len(DiffPlans(fullPlan(), p)) == 0 {
			t.Errorf("a change of %s is not shown", kind)
		}
	}
}
