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

// What people read of a changed plan says what it is about.
func TestDiffPlansInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Plan)
		want   string
	}{
		"check":       {func(p *Plan) { p.Verify[0].HTTP.Expect, p.Verify[0].Count = 204, 5 }, "changed check answers: count: 3 → 5\nchanged check answers: http.expect: 200 → 204"},
		"new check":   {func(p *Plan) { p.Verify = append(p.Verify, Check{Name: "db", TCP: &TCPCheck{Address: "db:1"}}) }, "new check db:  → tcp.address db:1"},
		"check order": {func(p *Plan) { slices.Reverse(p.Verify) }, "changed check order: answers, open, smoke, errors → errors, smoke, open, answers"},
		"gate":        {func(p *Plan) { p.Gates[0].Approval.Groups = []string{"sre", "leads"} }, `changed gates approval: groups: ["sre"] → ["sre","leads"]`},
		"metric gate": {func(p *Plan) { p.Gates[4].Metric.Metric.Query = "x" }, "changed gates load: query: up → x"},
		"hook":        {func(p *Plan) { p.Rollback[0].Job.Command = []string{"./x"} }, `changed hook restore: command: ["./restore","all"] → ["./x"]`},
		"schedule":    {func(p *Plan) { p.NotBefore = &t0 }, "changed schedule not before: Mon 2 Mar 2026 10:00:00 UTC → Mon 2 Mar 2026 09:00:00 UTC"},
		"at once":     {func(p *Plan) { p.NotBefore = nil }, "removed schedule not before: Mon 2 Mar 2026 10:00:00 UTC → "},
		"part":        {func(p *Plan) { p.Part.Share, p.Part.Match = 30, p.Part.Match[:1] }, "removed part asked for: match[1]: cookie beta = yes → \nchanged part asked for: share: 20 % → 30 %"},
		"beside":      {func(p *Plan) { p.Beside.Deployment, p.Beside.Share = 44, 6 }, "changed beside partial release: by: deployment 41 → deployment 44\nchanged beside partial release: share: 5 % → 6 %"},
		"site": {func(p *Plan) {
			p.To.Sites[1].Config, p.To.Sites[1].Replicas = json.RawMessage(`{"replicas":4,"host":"b"}`), 5
		}, "new site us: host:  → b\nnew site us: number of replicas:  → 5"},
		"new site": {func(p *Plan) {
			p.To.Sites = append(p.To.Sites, SiteSpec{Site: "ap", Config: json.RawMessage(`{"replicas":1}`), Replicas: 1})
		}, "new site ap:  → replicas 1"},
		"no sites":  {func(p *Plan) { p.To.Sites = nil }, "removed site eu: replicas 2 → \nremoved site us: replicas 4 → "},
		"site text": {func(p *Plan) { p.To.Sites[0].Config = json.RawMessage(`{"replicas":"2"}`) }, `changed site config: [{"site":"eu","config":{"replicas":2},"replicas":2},{"site":"us","config":{"replicas":4},"replicas":4}] → [{"site":"eu","config":{"replicas":"2"},"replicas":2},{"site":"us","config":{"replicas":4},"replicas":4}]`},
		"strategy":  {func(p *Plan) { p.Strategy.Steps[0].Weight, p.Strategy.Manual = 20, false }, "removed strategy manual: true → \nchanged strategy steps[0].weight: 10 → 20"},
		"phase":     {func(p *Plan) { p.Phases[0].Tracks[0].Weight = 3 }, "changed phases eu: 10 % of traffic: tracks[0].weight: 90 → 3"},
	} {
		p := fullPlan()
		c.change(&p)
		got := lines(DiffPlans(fullPlan(), p))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestManyPhasesAreShownInPart(t *testing.T) {
	t.Parallel()
	was, is := fullPlan(), fullPlan()
	is.Phases = Strategy{Type: StrategyRolling}.Phases(&Spec{Version: "1", Replicas: 100}, Spec{Version: "2", Replicas: 100})
	found := DiffPlans(was, is)
	if len(found) != shownThings+1 || found[shownThings].Name != "and 84 more" {
		t.Errorf("%d lines, the last %+v", len(found), found[len(found)-1])
	}
}

func TestTheFirstReleaseAtSitesIsShownOnce(t *testing.T) {
	t.Parallel()
	to := spec("1.0", 2)
	to.Sites = []SiteSpec{{Site: "eu", Config: to.Deployer.Config, Replicas: 2}}
	for _, line := range strings.Split(lines(DiffSpecs(nil, to)), "\n") {
		if strings.HasPrefix(line, "new setting") {
			t.Errorf("shows %q beside the site", line)
		}
	}
	if got := lines(DiffSpecs(nil, to)); !strings.Contains(got, "new site eu:  → replicas 2") {
		t.Error(got)
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
		"rotation":  func(p *Plan) { p.Rotates = []string{"KEY"} },
		"pipeline":  func(p *Plan) { p.PipelineRevision++ },
		"strategy":  func(p *Plan) { p.Strategy = Strategy{Type: StrategyRolling} },
		"schedule":  func(p *Plan) { p.NotBefore = nil },
		"part":      func(p *Plan) { p.Part = nil },
		"beside":    func(p *Plan) { p.Beside.Share++ },
		"check":     func(p *Plan) { p.Verify = p.Verify[1:] },
		"hook":      func(p *Plan) { p.Rollback = nil },
		"site":      func(p *Plan) { p.To.Sites[0].Config = json.RawMessage(`{"replicas":1}`) },
		"phases":    func(p *Plan) { p.Phases = nil },
		"gates":     func(p *Plan) { p.Gates = nil },
		"rule":      func(p *Plan) { p.OnFailure, p.Deadline = OnFailureStop, 1 },
		"preview":   func(p *Plan) { p.Preview, p.Prepared = "", []byte("x") },
		"secret":    func(p *Plan) { p.To.Secrets = map[string]int{"DB": 5} },
		"config":    func(p *Plan) { p.To.Config = nil },
		"setting":   func(p *Plan) { p.To.Deployer.Config = json.RawMessage(`{"replicas":3}`) },
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
