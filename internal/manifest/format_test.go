package manifest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const formatted = `apiVersion: slipway/v1
service: billing-api
team: payments
stages:
- environment: dev
  deployer:
    name: process
    config:
      replicas: 1
  strategy:
    type: recreate
  autoPromote: true
  onFailure: rollback
  deadline: 5m
- environment: staging
  after: [dev]
  deployer:
    name: process
    config:
      env:
        LEVEL: debug
        SINCE: "2024-01-02"
      ports:
      - 80
      - 8080
      replicas: 2
  strategy:
    type: blueGreen
    keepWarm: 10m
    manual: true
  onFailure: rollback
  deadline: 5m
- environment: production
  after: [staging]
  deployer:
    name: kubernetes
  strategy:
    type: canary
    steps:
    - {weight: 5, bake: 5m}
    - {weight: 25, pause: true}
    - {weight: 100}
  gates:
  - approval: {count: 2, groups: [payments-leads, sre], expires: 24h}
  - soak: {in: staging, for: 1h}
  onFailure: stop
  deadline: 1m30s
`

func TestFormat(t *testing.T) {
	t.Parallel()
	got := string(manifest.FormatPipeline(parse(t, billing).Pipeline))
	if diff := cmp.Diff(formatted, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func words() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-z][a-z0-9-]{0,8}`),
		rapid.SampledFrom([]string{"true", "no", "null", "~", "1e3", "0x1F", "12:30", "2024-01-02", "<<", "- a", "a: b", "#x", "é", "y", "on"}),
		rapid.String(),
	)
}

// values draws what may be in a deployer's config.
func values(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		words().AsAny(), rapid.Bool().AsAny(), rapid.IntRange(-1<<40, 1<<40).AsAny(), rapid.Float64().AsAny(), rapid.Just[any](nil),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	return rapid.OneOf(append(leaves,
		rapid.SliceOfN(values(depth-1), 0, 3).AsAny(), rapid.MapOfN(words(), values(depth-1), 0, 3).AsAny())...)
}

func durations() *rapid.Generator[slipway.Duration] {
	return rapid.Custom(func(t *rapid.T) slipway.Duration {
		return slipway.Duration(rapid.Int64Range(1, int64(200*time.Hour)).Draw(t, "nanoseconds"))
	})
}

func numbers() *rapid.Generator[int] { return rapid.IntRange(-1, 1<<30) }

// shares are percentages such as people write.
func shares() *rapid.Generator[float64] { return rapid.Float64Range(0, 100) }

func dictionaries() *rapid.Generator[map[string]string] { return rapid.MapOfN(words(), words(), 0, 2) }

func metrics(t *rapid.T) slipway.MetricCheck {
	return slipway.MetricCheck{
		Query: words().Draw(t, "query"), Baseline: words().Draw(t, "baseline"), Success: words().Draw(t, "success"), Failure: words().Draw(t, "failure"),
		Samples: words().Draw(t, "samples"), MinSamples: numbers().Draw(t, "minSamples"), Within: durations().Draw(t, "within"),
		NoData: rapid.SampledFrom([]slipway.Outcome{"", "pass", "fail", "inconclusive", "error"}).Draw(t, "noData"),
	}
}

func jobs(t *rapid.T) slipway.Job {
	return slipway.Job{Command: rapid.SliceOfN(words(), 0, 3).Draw(t, "command"), Env: dictionaries().Draw(t, "env"), Dir: words().Draw(t, "dir"),
		Timeout: durations().Draw(t, "timeout")}
}

func checks() *rapid.Generator[slipway.Check] {
	return rapid.Custom(func(t *rapid.T) slipway.Check {
		c := slipway.Check{
			Name: words().Draw(t, "name"), InitialDelay: durations().Draw(t, "delay"), Interval: durations().Draw(t, "interval"), Count: numbers().Draw(t, "count"),
			FailureLimit: numbers().Draw(t, "failures"), InconclusiveLimit: numbers().Draw(t, "unclear"), ConsecutiveErrorLimit: rapid.IntRange(1, 9).Draw(t, "errors"),
			ConsecutivePassLimit: numbers().Draw(t, "passes"), DryRun: rapid.Bool().Draw(t, "dry"),
		}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			c.HTTP = &slipway.HTTPCheck{URL: words().Draw(t, "url"), Method: words().Draw(t, "method"), Headers: dictionaries().Draw(t, "headers"),
				Expect: numbers().Draw(t, "expect"), Body: words().Draw(t, "body"), Within: durations().Draw(t, "within")}
		case 1:
			c.TCP = &slipway.TCPCheck{Address: words().Draw(t, "address"), Within: durations().Draw(t, "within")}
		case 2:
			job := jobs(t)
			c.Job = &job
		default:
			metric := metrics(t)
			c.Metric = &metric
		}
		return c
	})
}

func gates(t *rapid.T) []slipway.Gate {
	texts := rapid.SliceOfN(words().Filter(func(s string) bool { return s != "" }), 0, 2)
	return []slipway.Gate{
		{Approval: &slipway.ApprovalGate{Count: rapid.IntRange(1, 9).Draw(t, "count"), SelfApproval: rapid.Bool().Draw(t, "self")}},
		{Soak: &slipway.SoakGate{In: "env-0", For: durations().Draw(t, "for")}},
		{Window: &slipway.WindowGate{Allow: texts.Draw(t, "allow"), Deny: texts.Draw(t, "deny")}},
		{External: &slipway.ExternalGate{Name: words().Draw(t, "name"), URL: words().Draw(t, "url"), Interval: durations().Draw(t, "interval"), Within: durations().Draw(t, "within")}},
		{Metric: &slipway.MetricGate{Name: words().Draw(t, "name"), Metric: metrics(t), Interval: durations().Draw(t, "interval")}},
		{ErrorBudget: &slipway.BudgetGate{Objective: shares().Draw(t, "objective"), Window: durations().Draw(t, "window"), Good: words().Draw(t, "good"),
			Total: words().Draw(t, "total"), Remaining: shares().Draw(t, "remaining"), Interval: durations().Draw(t, "interval")}},
		{Provenance: &slipway.ProvenanceGate{Issuer: words().Draw(t, "issuer"), Identity: words().Draw(t, "identity"), Keys: texts.Draw(t, "keys"),
			Builders: texts.Draw(t, "builders"), BuildType: words().Draw(t, "buildType"), Parameters: dictionaries().Draw(t, "parameters")}},
		{Expression: &slipway.ExpressionGate{Name: words().Draw(t, "name"), When: words().Draw(t, "when"), Message: words().Draw(t, "message")}},
	}
}

func strategies() *rapid.Generator[slipway.Strategy] {
	return rapid.Custom(func(t *rapid.T) slipway.Strategy {
		return slipway.Strategy{
			Type:  rapid.SampledFrom([]slipway.StrategyType{"", "recreate", "rolling", "blueGreen", "canary", "partial"}).Draw(t, "type"),
			Batch: rapid.IntRange(0, 5).Draw(t, "batch"), MaxUnavailable: numbers().Draw(t, "maxUnavailable"),
			KeepWarm: durations().Draw(t, "keepWarm"), Manual: rapid.Bool().Draw(t, "manual"), Preview: rapid.Bool().Draw(t, "preview"),
			Steps: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) slipway.CanaryStep {
				return slipway.CanaryStep{Weight: rapid.Int().Draw(t, "weight"), Bake: durations().Draw(t, "bake"), Pause: rapid.Bool().Draw(t, "pause")}
			}), 0, 2).Draw(t, "steps"),
			Share: numbers().Draw(t, "share"),
			Match: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) slipway.Match {
				return slipway.Match{Header: words().Draw(t, "header"), Cookie: words().Draw(t, "cookie"), Value: words().Draw(t, "value")}
			}), 0, 2).Draw(t, "match"),
		}
	})
}

func configs(t *rapid.T) json.RawMessage {
	config, err := json.Marshal(rapid.MapOfN(words(), values(3), 0, 4).Draw(t, "config"))
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func pipelines() *rapid.Generator[slipway.Pipeline] {
	hooks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) slipway.Hook {
		return slipway.Hook{Name: words().Draw(t, "name"), Job: jobs(t), Retries: numbers().Draw(t, "retries"), Optional: rapid.Bool().Draw(t, "optional"),
			Again: rapid.SampledFrom([]slipway.Again{"", "safe", "ask"}).Draw(t, "again")}
	}), 0, 2)
	return rapid.Custom(func(t *rapid.T) slipway.Pipeline {
		p := slipway.Pipeline{Service: "web", Team: "growth"}
		for i := range rapid.IntRange(0, 2).Draw(t, "stages") {
			p.Stages = append(p.Stages, slipway.Stage{
				Environment: fmt.Sprintf("env-%d", i), Deployer: slipway.DeployerRef{Name: "process", Config: configs(t)},
				Strategy: strategies().Draw(t, "strategy"), Secrets: rapid.SliceOfN(rapid.StringMatching(`[A-Za-z_.-]{1,9}`), 0, 2).Draw(t, "secrets"), Gates: gates(t), Verify: rapid.SliceOfN(checks(), 0, 2).Draw(t, "verify"), Bake: durations().Draw(t, "bake"),
				Hooks: slipway.Hooks{Before: hooks.Draw(t, "before"), BeforeTraffic: hooks.Draw(t, "beforeTraffic"), After: hooks.Draw(t, "after"), OnRollback: hooks.Draw(t, "onRollback")},
				Waves: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) slipway.Wave {
					return slipway.Wave{Site: words().Draw(t, "site"), Config: configs(t)}
				}), 0, 2).Draw(t, "waves"),
				AutoPromote: rapid.Bool().Draw(t, "auto"), Deadline: durations().Draw(t, "deadline"),
			})
		}
		p.Normalize()
		return p
	})
}

func TestWhatIsWrittenIsReadBackTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := pipelines().Draw(t, "pipeline")
		source := manifest.FormatPipeline(want)
		f, err := manifest.ParsePipeline(source)
		if err != nil {
			t.Fatalf("%v\n%s", err, source)
		}
		f.Pipeline.Source = ""
		if diff := cmp.Diff(want, f.Pipeline, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got):\n%s\n%s", diff, source)
		}
	})
}

func FuzzParsePipeline(f *testing.F) {
	f.Add([]byte(billing))
	f.Add([]byte(formatted))
	f.Add([]byte(careful))
	f.Add([]byte(`{"apiVersion":"slipway/v1","service":"web","title":"\ud83d\ude00"}`))
	f.Add([]byte("a: &a [*a]\n? [x]\n: y\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		file, err := manifest.ParsePipeline(source)
		if err != nil {
			if slipway.CodeOf(err) != slipway.CodeInvalid {
				t.Fatalf("not an answer about the file: %v", err)
			}
			return
		}
		again, err := manifest.ParsePipeline(manifest.FormatPipeline(file.Pipeline))
		if err != nil {
			t.Fatalf("accepted once and then refused: %v", err)
		}
		file.Pipeline.Source, again.Pipeline.Source = "", ""
		if diff := cmp.Diff(file.Pipeline, again.Pipeline, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-first +second):\n%s", diff)
		}
	})
}

func TestDiffText(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, before, after, want string }{
		{"same", "a\nb\n", "a\nb\n", ""},
		{"new", "", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"},
		{"gone", "a\n", "", "@@ -1,1 +0,0 @@\n-a\n"},
		{"one line", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n", "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"},
		{"two places", "a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n",
			"@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n"},
		{"moved", "a\nb\nc\n", "c\na\nb\n", "@@ -1,3 +1,3 @@\n+c\n a\n b\n-c\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, manifest.DiffText([]byte(test.before), []byte(test.after))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The lines of a diff without those added are the old text, without those
// removed the new one. With much context it is all in one hunk.
func TestADiffHoldsBothTexts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 7)
		before, after := lines.Draw(t, "before"), lines.Draw(t, "after")
		diff := manifest.DiffText([]byte(strings.Join(before, "\n")), []byte(strings.Join(after, "\n")))
		if cmp.Equal(before, after) {
			if diff != "" {
				t.Fatalf("no difference, but %q", diff)
			}
			return
		}
		var removed, added int
		for _, line := range strings.Split(diff, "\n") {
			if strings.HasPrefix(line, "-") {
				removed++
			}
			if strings.HasPrefix(line, "+") {
				added++
			}
		}
		if len(before)-removed != len(after)-added {
			t.Fatalf("%d lines less %d is not %d less %d:\n%s", len(before), removed, len(after), added, diff)
		}
	})
}
