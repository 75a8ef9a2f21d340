package manifest_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// careful has every word that a stage can have.
const careful = `apiVersion: slipway/v1
service: shop
stages:
- environment: production
  deployer: {name: process, config: {replicas: 4}}
  strategy: {type: partial, share: 10, match: [{header: X-User, value: anna}, {cookie: beta, value: "yes"}]}
  gates:
  - window: {allow: "Mon-Thu 09:00-17:00 UTC", deny: ["Wed 12:00-13:00 UTC", "daily 03:00-04:00 UTC"]}
  - external: {name: change, url: "https://change.example.com", interval: 1m, within: 5s}
  - metric: {name: load, query: up, failure: result > 5, interval: 1m}
  - errorBudget: {objective: 99.9, window: 168h, good: a, total: b, remaining: 10}
  - provenance:
      issuer: https://token.example.com
      identity: https://git.example.com/o/r
      keys: |
        -----BEGIN PUBLIC KEY-----
      builders: https://builder.example.com
      buildType: https://type.example.com
      parameters: {ref: refs/heads/main}
  - expression: {name: whole, when: release.reversible, message: Only what can be undone.}
  verify:
  - http: {url: "${address}/healthz", method: HEAD, headers: {X-A: b}, expect: 204, body: ok, within: 3s}
  - name: port
    tcp: {address: "${address}"}
    dryRun: true
  - job: {command: [./smoke, "", "${version}"], env: {LEVEL: "1"}, dir: tests, timeout: 1m, count: 3, interval: 10s}
    failureLimit: 1
  - metric:
      query: rate(errors{v="${version}"}[1m])
      baseline: rate(errors{v="${stable}"}[1m])
      success: result <= 2 * stable
      failure: isNaN(result)
      samples: sum(requests)
      minSamples: 100
      noData: fail
      within: 20s
      interval: 30s
      count: 10
      initialDelay: 5s
      failureLimit: -1
      inconclusiveLimit: 2
      consecutiveErrorLimit: 3
      consecutiveSuccessLimit: 5
  bake: 10m
  hooks:
    before: [{name: expand, command: [./migrate, up], env: {DSN: x}, dir: db, timeout: 2m, retries: 2, again: safe}]
    beforeTraffic: [{name: warm, command: [./warm], optional: true}]
    after: [{name: tell, command: [./tell]}]
    onRollback: [{name: restore, command: [./restore]}]
  waves:
  - site: eu
  - {site: us, config: {replicas: 2}}
`

func TestEveryWordOfAStage(t *testing.T) {
	t.Parallel()
	second, minute := slipway.Duration(time.Second), slipway.Duration(time.Minute)
	hook := func(name string, command ...string) slipway.Hook {
		return slipway.Hook{Name: name, Again: slipway.AgainAsk, Job: slipway.Job{Command: command, Timeout: 10 * minute}}
	}
	expand, warm := hook("expand", "./migrate", "up"), hook("warm", "./warm")
	expand.Retries, expand.Again, expand.Job.Env, expand.Job.Dir, expand.Job.Timeout = 2, slipway.AgainSafe, map[string]string{"DSN": "x"}, "db", 2*minute
	warm.Optional = true
	metric := func(m slipway.MetricCheck) slipway.MetricCheck {
		m.Provider = "prometheus"
		if m.NoData == "" {
			m.NoData, m.Within = slipway.OutcomeInconclusive, 10*second
		}
		return m
	}
	figures := metric(slipway.MetricCheck{Query: `rate(errors{v="${version}"}[1m])`, Baseline: `rate(errors{v="${stable}"}[1m])`, Success: "result <= 2 * stable",
		Failure: "isNaN(result)", Samples: "sum(requests)", MinSamples: 100, NoData: slipway.OutcomeFail, Within: 20 * second})
	want := slipway.Stage{
		Environment: "production", OnFailure: slipway.OnFailureRollback, Deadline: slipway.DefaultDeadline, Bake: 10 * minute,
		Deployer: slipway.DeployerRef{Name: "process", Config: json.RawMessage(`{"replicas":4}`)},
		Strategy: slipway.Strategy{Type: slipway.StrategyPartial, Share: 10, Match: []slipway.Match{{Header: "X-User", Value: "anna"}, {Cookie: "beta", Value: "yes"}}},
		Gates: []slipway.Gate{
			{Window: &slipway.WindowGate{Allow: []string{"Mon-Thu 09:00-17:00 UTC"}, Deny: []string{"Wed 12:00-13:00 UTC", "daily 03:00-04:00 UTC"}}},
			{External: &slipway.ExternalGate{Name: "change", URL: "https://change.example.com", Interval: minute, Within: 5 * second}},
			{Metric: &slipway.MetricGate{Name: "load", Metric: metric(slipway.MetricCheck{Query: "up", Failure: "result > 5"}), Interval: minute}},
			{ErrorBudget: &slipway.BudgetGate{Provider: "prometheus", Objective: 99.9, Window: 168 * 60 * minute, Good: "a", Total: "b", Remaining: 10, Interval: 30 * second}},
			{Provenance: &slipway.ProvenanceGate{Issuer: "https://token.example.com", Identity: "https://git.example.com/o/r", Keys: []string{"-----BEGIN PUBLIC KEY-----\n"},
				Builders: []string{"https://builder.example.com"}, BuildType: "https://type.example.com", Parameters: map[string]string{"ref": "refs/heads/main"}}},
			{Expression: &slipway.ExpressionGate{Name: "whole", When: "release.reversible", Message: "Only what can be undone."}},
		},
		Verify: []slipway.Check{
			{Name: "http", ConsecutiveErrorLimit: 4, HTTP: &slipway.HTTPCheck{URL: "${address}/healthz", Method: "HEAD", Headers: map[string]string{"X-A": "b"}, Expect: 204, Body: "ok", Within: 3 * second}},
			{Name: "port", ConsecutiveErrorLimit: 4, DryRun: true, TCP: &slipway.TCPCheck{Address: "${address}", Within: 10 * second}},
			{Name: "job", ConsecutiveErrorLimit: 4, Count: 3, Interval: 10 * second, FailureLimit: 1,
				Job: &slipway.Job{Command: []string{"./smoke", "", "${version}"}, Env: map[string]string{"LEVEL": "1"}, Dir: "tests", Timeout: minute}},
			{Name: "metric", Metric: &figures, Interval: 30 * second, Count: 10, InitialDelay: 5 * second, FailureLimit: -1, InconclusiveLimit: 2,
				ConsecutiveErrorLimit: 3, ConsecutivePassLimit: 5},
		},
		Hooks: slipway.Hooks{Before: []slipway.Hook{expand}, BeforeTraffic: []slipway.Hook{warm},
			After: []slipway.Hook{hook("tell", "./tell")}, OnRollback: []slipway.Hook{hook("restore", "./restore")}},
		Waves: []slipway.Wave{{Site: "eu", Config: json.RawMessage(`{}`)}, {Site: "us", Config: json.RawMessage(`{"replicas":2}`)}},
	}
	p := parse(t, careful).Pipeline
	if diff := cmp.Diff([]slipway.Stage{want}, p.Stages); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again := parse(t, string(manifest.FormatPipeline(p))).Pipeline
	if diff := cmp.Diff(p.Stages, again.Stages); diff != "" {
		t.Errorf("written and read again (-first +second):\n%s", diff)
	}
}

// found lists the faults of a file as people see them.
func found(t *testing.T, err error) string {
	t.Helper()
	var e *slipway.Error
	if !errors.As(err, &e) || e.Code != slipway.CodeInvalid {
		t.Fatalf("error = %v", err)
	}
	var lines []string
	for _, f := range e.Fields {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

func TestFaultsOfAStage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ source, want string }{
		"misspelt": {"  verify:\n  - htpp: {}\n  - metric: {querry: x}\n  - job: {comand: []}\n    conut: 1\n  hooks: {befor: []}\n  waves: [{sit: eu}]\n",
			"line 7: stages[0].verify[0].htpp: is no key that is known here; did you mean http?\n" +
				"line 8: stages[0].verify[1].metric.querry: is no key that is known here; did you mean query?\n" +
				"line 9: stages[0].verify[2].job.comand: is no key that is known here; did you mean command?\n" +
				"line 10: stages[0].verify[2].conut: is no key that is known here; did you mean count?\n" +
				"line 11: stages[0].hooks.befor: is no key that is known here; did you mean before?\n" +
				"line 12: stages[0].waves[0].sit: is no key that is known here; did you mean site?"},
		"twice": {"  verify:\n  - tcp: {address: \"a:1\", count: 2}\n    count: 3\n  - count: 2\n    tcp: {address: \"a:1\", count: 3}\n",
			"line 8: stages[0].verify[0].count: is given twice, first in line 7.\nline 10: stages[0].verify[1].tcp.count: is given twice, first in line 9."},
		"wrong types": {"  verify: http\n  gates:\n  - errorBudget: {objective: much}\n  - errorBudget: {objective: .nan, remaining: 1.5}\n  - window: {allow: 9}\n  - provenance: {parameters: [a], keys: {}}\n" +
			"  hooks: {before: {}, after: [{name: a, command: [sleep, 5], env: {A: 1}}]}\n  strategy: {type: partial, match: [beta]}\n",
			"line 6: stages[0].verify: is a list, not \"http\".\n" +
				"line 8: stages[0].gates[0].errorBudget.objective: is a number, not \"much\".\n" +
				"line 9: stages[0].gates[1].errorBudget.objective: is a number, not the number .nan.\n" +
				"line 10: stages[0].gates[2].window.allow: is a text, not the number 9; put it in quotes.\n" +
				"line 11: stages[0].gates[3].provenance.parameters: is an object of names and texts, not a list.\n" +
				"line 11: stages[0].gates[3].provenance.keys: is a list, not an object.\n" +
				"line 12: stages[0].hooks.before: is a list, not an object.\n" +
				"line 12: stages[0].hooks.after[0].command[1]: is a text, not the number 5; put it in quotes.\n" +
				"line 12: stages[0].hooks.after[0].env.A: is a text, not the number 1; put it in quotes.\n" +
				"line 13: stages[0].strategy.match[0]: is an object with cookie, header or value, not \"beta\"."},
		"wrong words": {"  verify:\n  - metric: {noData: pas}\n  gates:\n  - metric: {noData: zero}\n  hooks: {after: [{again: maybe}]}\n  strategy: {type: part}\n",
			"line 7: stages[0].verify[0].metric.noData: \"pas\" is no outcome; did you mean pass?\n" +
				"line 9: stages[0].gates[0].metric.noData: \"zero\" is no outcome; known are pass, fail, inconclusive, error.\n" +
				"line 10: stages[0].hooks.after[0].again: \"maybe\" is no answer; known are safe, ask.\n" +
				"line 11: stages[0].strategy.type: \"part\" is no strategy; known are recreate, rolling, blueGreen, canary, partial."},
		"no errors at all": {"  verify:\n  - tcp: {address: a, consecutiveErrorLimit: 0}\n",
			"line 7: stages[0].verify[0].tcp.consecutiveErrorLimit: is at least 1: one measurement that could not be made is always borne."},
	} {
		_, err := manifest.ParsePipeline([]byte(stage + test.source))
		if diff := cmp.Diff(test.want, found(t, err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// everywhere is a deployer for anything, and all environments there are.
type everywhere struct{ slipway.Deployers }

func (everywhere) Names() []string { return []string{"process"} }

func (everywhere) Capabilities(name string) (slipway.DeployerCapabilities, bool) {
	return slipway.DeployerCapabilities{ParallelTracks: true, TrafficWeights: true, TrafficMatch: true, PreviewAddress: true}, name == "process"
}

func (everywhere) CheckConfig(slipway.DeployerRef) (int, []slipway.FieldError) { return 4, nil }

func TestWordsAndMeaningAreJudgedInOneRound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ source, want string }{
		"both": {stage + "  strategy: {type: canary}\n  gaits: []\n  deadline: 5\n  verify:\n  - tcp: {address: x}\n  - http: {url: y, expekt: 1}\n  bake: 1000h\n",
			"line 6: stages[0].strategy.steps: a canary needs at least one step below 100.\n" +
				"line 7: stages[0].gaits: is no key that is known here; did you mean gates?\n" +
				"line 8: stages[0].deadline: is how long, with a unit, such as \"10m\"; not the number 5.\n" +
				"line 10: stages[0].verify[0].tcp.address: is host:port, or ${address} alone.\n" +
				"line 11: stages[0].verify[1].http.expekt: is no key that is known here; did you mean expect?\n" +
				"line 12: stages[0].bake: is at most 168h."},
		"what follows from a wrong word is left out": {
			"apiVersion: slipway/v1\nservice: web\nstages:\n- enviroment: dev\n  deployer: {nmae: process}\n  strategy: {tpye: canary, steps: [{weight: 10}]}\n  gates: [{approvel: {}}]\n" +
				"- environment: prod\n  after: [dev]\n  deployer: {name: process}\n  hooks: {before: [{nmae: a}]}\n  verify: [{tcp: {address: \"a:1\"}, conut: 9, failureLimit: 3}]\n",
			"line 4: stages[0].enviroment: is no key that is known here; did you mean environment?\n" +
				"line 5: stages[0].deployer.nmae: is no key that is known here; did you mean name?\n" +
				"line 6: stages[0].strategy.tpye: is no key that is known here; did you mean type?\n" +
				"line 7: stages[0].gates[0].approvel: is no gate that this version knows; did you mean approval?\n" +
				"line 11: stages[1].hooks.before[0].nmae: is no key that is known here; did you mean name?\n" +
				"line 12: stages[1].verify[0].conut: is no key that is known here; did you mean count?"},
		"no stages":     {"apiVersion: slipway/v1\nservice: web\nstagse: []\n", "line 3: stagse: is no key that is known here; did you mean stages?"},
		"no list":       {"apiVersion: slipway/v1\nservice: Web\nstages: dev\n", "line 2: service: may hold a-z, 0-9 and -, begins and ends with a letter or digit, and is at most 63 long.\nline 3: stages: is a list, not \"dev\"."},
		"within a list": {stage + "  after: [\"\", moon]\n", "line 6: stages[0].after[0]: is empty.\nline 6: stages[0].after[1]: no stage of this pipeline is for \"moon\"."},
		"place of a limit": {stage + "  verify:\n  - tcp:\n      address: a:1\n      failureLimit: 1\n",
			"line 9: stages[0].verify[0].failureLimit: is less than the count of 1, or the check could never fail; give it an interval and a higher count, or write -1 if that is meant."},
	} {
		f, err := manifest.ReadPipeline([]byte(test.source))
		if err != nil {
			t.Fatal(err)
		}
		environments := []slipway.Environment{{Name: "dev"}, {Name: "prod"}}
		meaning := slipway.CheckPipeline(f.Pipeline, environments, slipway.CheckAids{Deployers: everywhere{}})
		if diff := cmp.Diff(test.want, found(t, slipway.Invalid("It", f.Locate(meaning)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if _, err := manifest.ParsePipeline([]byte(test.source)); (err != nil) != (len(f.Faults) > 0) {
			t.Errorf("%s: taken as a whole, %v", name, err)
		}
	}
}
