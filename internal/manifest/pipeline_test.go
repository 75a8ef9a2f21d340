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

const billing = `# billing goes out twice a day
apiVersion: slipway/v1
service: billing-api
team: payments
title: Billing API
description: >-
  Sends invoices.
repository: https://git.example.com/payments/billing
links:
  - {title: Runbook, url: "https://wiki.example.com/billing"}
tags: [go]
stages:
  - environment: dev
    deployer: {name: process, config: {replicas: 1}}
    strategy: {type: recreate}
    autoPromote: true
  - environment: staging
    after: [dev]
    deployer:
      name: process
      config:
        replicas: 2
        env: {LEVEL: debug, SINCE: 2024-01-02}
        ports: [80, 0x1F90]
    strategy: {type: blue-green, keepWarm: 10m, manual: true}
  - environment: production
    after: [staging]
    deployer: {name: kubernetes}
    strategy: {type: canary, steps: [{weight: 5, bake: 5m}, {weight: 25, pause: true}, {weight: 100}]}
    gates:
      - approval: {count: 2, groups: [payments-leads, sre], selfApproval: false, expires: 24h}
      - soak: {in: staging, for: 1h}
    onFailure: stop
    deadline: 90s
`

func parse(t *testing.T, source string) manifest.File {
	t.Helper()
	f, err := manifest.ParsePipeline([]byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAWholePipeline(t *testing.T) {
	t.Parallel()
	f := parse(t, billing)
	want := slipway.Pipeline{
		Service: "billing-api", Team: "payments", Source: billing,
		Stages: []slipway.Stage{
			{
				Environment: "dev", AutoPromote: true, OnFailure: slipway.OnFailureRollback, Deadline: slipway.DefaultDeadline,
				Deployer: slipway.DeployerRef{Name: "process", Config: json.RawMessage(`{"replicas":1}`)},
				Strategy: slipway.Strategy{Type: slipway.StrategyRecreate},
			},
			{
				Environment: "staging", After: []string{"dev"}, OnFailure: slipway.OnFailureRollback, Deadline: slipway.DefaultDeadline,
				Deployer: slipway.DeployerRef{Name: "process", Config: json.RawMessage(
					`{"env":{"LEVEL":"debug","SINCE":"2024-01-02"},"ports":[80,8080],"replicas":2}`)},
				Strategy: slipway.Strategy{Type: slipway.StrategyBlueGreen, KeepWarm: slipway.Duration(10 * time.Minute), Manual: true},
			},
			{
				Environment: "production", After: []string{"staging"}, OnFailure: slipway.OnFailureStop, Deadline: slipway.Duration(90 * time.Second),
				Deployer: slipway.DeployerRef{Name: "kubernetes", Config: json.RawMessage(`{}`)},
				Strategy: slipway.Strategy{Type: slipway.StrategyCanary, Steps: []slipway.CanaryStep{
					{Weight: 5, Bake: slipway.Duration(5 * time.Minute)}, {Weight: 25, Pause: true}, {Weight: 100}}},
				Gates: []slipway.Gate{
					{Approval: &slipway.ApprovalGate{Count: 2, Groups: []string{"payments-leads", "sre"}, Expires: slipway.Duration(24 * time.Hour)}},
					{Soak: &slipway.SoakGate{In: "staging", For: slipway.Duration(time.Hour)}},
				},
			},
		},
	}
	if diff := cmp.Diff(want, f.Pipeline); diff != "" {
		t.Errorf("pipeline (-want +got):\n%s", diff)
	}
	service := slipway.Service{
		Name: "billing-api", Team: "payments", Title: "Billing API", Description: "Sends invoices.",
		Repository: "https://git.example.com/payments/billing", Tags: []string{"go"},
		Links: []slipway.Link{{Title: "Runbook", URL: "https://wiki.example.com/billing"}},
	}
	if diff := cmp.Diff(service, f.Service); diff != "" || !f.Describes {
		t.Errorf("service (-want +got), describes = %v:\n%s", f.Describes, diff)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	lines := parse(t, billing).Lines
	for field, want := range map[string]int{
		"service": 3, "stages": 12, "stages[1].deployer.config.replicas": 22, "stages[1].deployer.config.env.LEVEL": 23,
		"stages[1].deployer.config.ports[1]": 24, "stages[1].deployer.config.unknown.deep[3]": 21,
		"stages[2].strategy.steps[1].weight": 29, "stages[2].gates[1].soak.in": 32, "stages[2].after[0]": 27, "stages[7].x": 12, "": 2,
	} {
		got := lines.Locate([]slipway.FieldError{{Field: field}, {Field: field, Line: 99}})
		if got[0].Line != want || got[1].Line != 99 {
			t.Errorf("%s is in line %d and %d, want %d and 99", field, got[0].Line, got[1].Line, want)
		}
	}
}

func TestJSONIsReadToo(t *testing.T) {
	t.Parallel()
	f := parse(t, `{"apiVersion":"slipway/v1","service":"web","description":"caf\u00e9 \ud83d\ude00 \\ud83d\\ude00 \/",
	"stages":[{"environment":"dev","deployer":{"name":"process","config":{"text":"a\tb","none":null,"big":9007199254740993}},"gates":null}]}`)
	if f.Service.Description != `café 😀 \ud83d\ude00 /` {
		t.Errorf("description = %q", f.Service.Description)
	}
	if f.Pipeline.Team != "" || len(f.Pipeline.Stages) != 1 || f.Lines["stages[0].deployer"] != 2 {
		t.Errorf("read as %+v, lines %v", f.Pipeline, f.Lines)
	}
	if got, want := string(f.Pipeline.Stages[0].Deployer.Config), `{"big":9007199254740993,"none":null,"text":"a\tb"}`; got != want {
		t.Errorf("config = %s, want %s", got, want)
	}
}

const stage = "apiVersion: slipway/v1\nservice: web\nstages:\n- environment: dev\n  deployer: {name: process}\n"

func TestFaultsOfAPipeline(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, source, want string }{
		{"empty", " \n# nothing\n", "the file is empty."},
		{"too long", strings.Repeat("#", manifest.MaxBytes+1), "the file is 257 KiB long and may be 256 KiB."},
		{"no YAML", "apiVersion: slipway/v1\nservice: web: x\n", "line 2: this is not YAML: mapping values are not allowed in this context."},
		{"two documents", stage + "---\nservice: other\n", "line 7: the file holds more than one document; send each service by itself."},
		{"no object", "- a\n- b\n", "line 1: is an object with apiVersion, description, links, repository, service, stages, tags, team or title, not a list."},
		{"nothing in it", "service:\n", "line 1: apiVersion: is missing; write apiVersion: slipway/v1. line 1: service: is missing."},
		{"no service", "apiVersion: slipway/v1\n", "line 1: service: is missing."},
		{"another version", "apiVersion: slipway/v9\nservice: web\n", `line 1: apiVersion: is slipway/v1, not "slipway/v9".`},
		{"bad names", "apiVersion: slipway/v1\nservice: Web\nteam: a_b\n",
			"line 2: service: may hold a-z, 0-9 and -, begins and ends with a letter or digit, and is at most 63 long. " +
				"line 3: team: may hold a-z, 0-9 and -, begins and ends with a letter or digit, and is at most 63 long."},
		{"script link", "apiVersion: slipway/v1\nservice: web\nlinks:\n- title: x\n  url: javascript:alert(1)\n",
			"line 5: links[0].url: must be an http or https address."},
		{"misspelt keys", "apiVersion: slipway/v1\nservise: web\nstages:\n- enviroment: dev\n  deployer: {nmae: process}\n  xyzzy: 1\n",
			"line 2: servise: is no key that is known here; did you mean service? " +
				"line 4: stages[0].enviroment: is no key that is known here; did you mean environment? " +
				"line 5: stages[0].deployer.nmae: is no key that is known here; did you mean name? " +
				"line 6: stages[0].xyzzy: is no key that is known here; known are after, autoPromote, bake, deadline, deployer, environment, gates, hooks, onFailure, rotate, secretApproval, secrets, strategy, verify, waves."},
		{"given twice", stage + "  after: [a]\n  after: [b]\n", "line 7: stages[0].after: is given twice, first in line 6."},
		{"wrong types", "apiVersion: slipway/v1\nservice: 12\nteam: true\nstages:\n- environment: [a]\n  deployer: process\n  autoPromote: yes\n  after: staging\n  deadline: 5\n  strategy: {type: rolling, batch: two}\n  gates: {soak: 1}\n",
			"line 2: service: is a text, not the number 12; put it in quotes. line 3: team: is a text, not true; put it in quotes. " +
				"line 5: stages[0].environment: is a text, not a list. line 6: stages[0].deployer: is an object with config or name, not \"process\". " +
				"line 7: stages[0].autoPromote: is true or false, not \"yes\". line 8: stages[0].after: is a list, not \"staging\". " +
				"line 9: stages[0].deadline: is how long, with a unit, such as \"10m\"; not the number 5. " +
				"line 10: stages[0].strategy.batch: is a whole number, not \"two\". line 11: stages[0].gates: is a list, not an object."},
		{"no such time", stage + "  deadline: 1d\n", `line 6: stages[0].deadline: 1d is not how long; write it with a unit, such as "90s", "10m" or "1h".`},
		{"left out", "apiVersion: slipway/v1\nservice: web\nstages:\n- after: []\n- environment: dev\n  deployer:\n    config: {}\n",
			"line 4: stages[0].environment: is missing. line 4: stages[0].deployer.name: is missing. line 5: stages[1].deployer.name: is missing."},
		{"no such strategy", stage + "  strategy: {type: cannary}\n  onFailure: rollbak\n",
			`line 6: stages[0].strategy.type: "cannary" is no strategy; did you mean canary? line 7: stages[0].onFailure: "rollbak" is no failure rule; did you mean rollback?`},
		{"no such gates", stage + "  gates:\n  - wimdow: {allow: x}\n  - aproval: {}\n  - approval: {}\n    soak: {}\n  - approval\n",
			"line 7: stages[0].gates[0].wimdow: is no gate that this version knows; did you mean window? " +
				"line 8: stages[0].gates[1].aproval: is no gate that this version knows; did you mean approval? " +
				"line 9: stages[0].gates[2]: is one gate; write each as a list item of its own. " +
				"line 11: stages[0].gates[3]: is a gate such as \"approval: {count: 1}\", not \"approval\"."},
		{"gates that say too little", stage + "  gates:\n  - approval: {count: 0}\n  - approval:\n      groups: []\n  - soak: {in: dev}\n  - soak:\n",
			"line 7: stages[0].gates[0].approval.count: is 1 to 20, not 0. " +
				"line 9: stages[0].gates[1].approval.groups: is empty; name a group, or leave groups out to ask all who may approve. " +
				"line 10: stages[0].gates[2].soak.for: is missing; say how long, such as \"1h\". " +
				"line 11: stages[0].gates[3].soak: is an object with for or in, not nothing."},
		{"anchors", "a: &x [1]\nb: *x\n", "line 1: anchors and aliases (& and *) are not read; write the value out."},
		{"tags", "apiVersion: !!binary aGk=\n", "line 1: the tag !!binary is not read; leave it out."},
		{"merge keys", "a:\n  <<: {b: 1}\n", "line 2: merge keys (<<) are not read; write the values out."},
		{"objects as keys", "? {a: 1}\n: b\n", "line 1: a key is a word, not a list or an object."},
		{"a deep hole", strings.Repeat("[", 60) + strings.Repeat("]", 60), "line 1: it is nested more than 32 deep."},
		{"a long key", strings.Repeat("k", 300) + ": 1\n", "line 1: a key is at most 253 characters long."},
		{"not a number", strings.Replace(stage, "{name: process}", "{name: process, config: {a: .nan}}", 1),
			"line 5: stages[0].deployer.config.a: .nan is no number that can be kept."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := manifest.ParsePipeline([]byte(test.source))
			var e *slipway.Error
			if !errors.As(err, &e) || e.Code != slipway.CodeInvalid {
				t.Fatalf("error = %v", err)
			}
			var got []string
			for _, f := range e.Fields {
				got = append(got, f.String())
			}
			if diff := cmp.Diff(test.want, strings.ReplaceAll(strings.Join(got, " "), "?.", "?")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestManyFaultsAreCutShort(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	for i := range 5000 {
		source.WriteString(strings.Repeat("x", i%9) + "key" + strings.Repeat("y", i/9) + ": 1\n")
		if source.Len() > manifest.MaxBytes-2000 {
			break
		}
	}
	_, err := manifest.ParsePipeline([]byte(source.String()))
	var e *slipway.Error
	if !errors.As(err, &e) || len(e.Fields) != 51 || e.Fields[50].Message != "there are more faults; correct these first" {
		t.Errorf("%d faults", len(e.Fields))
	}
}
