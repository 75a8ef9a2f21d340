package slipway

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// fullPlan has something in every field, so that each can be changed.
func fullPlan() Plan {
	p := canaryPlan()
	p.From.Config, p.To.Config = map[string]string{"A": "1"}, map[string]string{"A": "2", "B": "x"}
	p.From.Secrets, p.To.Secrets = map[string]int{"DB": 3}, map[string]int{"DB": 4}
	p.From.SecretPath, p.To.SecretPath = "web/api/prod", "web/api/prod"
	p.Rotates = []string{"DB"}
	p.From.Sites = []SiteSpec{{Site: "eu", Config: json.RawMessage(`{"replicas":2}`), Replicas: 2}, {Site: "us", Config: json.RawMessage(`{"replicas":4}`), Replicas: 4}}
	p.To.Sites = deepCopy(p.From.Sites)
	minute, hour := Duration(time.Minute), Duration(time.Hour)
	match := []Match{{Header: "X-User", Value: "anna"}, {Cookie: "beta", Value: "yes"}}
	p.Strategy = Strategy{Type: StrategyCanary, Batch: 2, MaxUnavailable: 1, KeepWarm: hour, Manual: true, Preview: true,
		Steps: []CanaryStep{{Weight: 10, Bake: hour, Pause: true}}, Share: 10, Match: match}
	hook := Hook{Name: "restore", Job: Job{Command: []string{"./restore", "all"}, Env: map[string]string{"A": "1"}, Dir: "db", Timeout: minute},
		Retries: 2, Again: AgainSafe, Optional: true}
	p.Phases = p.forward(minute)
	for i := range p.Phases {
		d := &p.Phases[i]
		own := hook
		d.Bake, d.Hook = minute, &own
		for j := range d.Tracks {
			d.Tracks[j].Match, d.Tracks[j].Weight = match, max(1, d.Tracks[j].Weight)
		}
	}
	metric := MetricCheck{Provider: "prometheus", Query: "up", Baseline: "down", Success: "result > 1", Failure: "result < 1", Samples: "count", MinSamples: 10,
		NoData: OutcomeFail, Within: minute}
	p.Gates = []Gate{
		{Approval: &ApprovalGate{Count: 2, Groups: []string{"sre"}, SelfApproval: true, Expires: DefaultApprovalExpiry}},
		{Soak: &SoakGate{In: "staging", For: hour}},
		{Window: &WindowGate{Allow: []string{"daily 09:00-17:00 UTC"}, Deny: []string{"Fri 09:00-17:00 UTC"}}},
		{External: &ExternalGate{Name: "change", URL: "https://change", Interval: minute, Within: minute}},
		{Metric: &MetricGate{Name: "load", Metric: metric, Interval: minute}},
		{ErrorBudget: &BudgetGate{Provider: "prometheus", Objective: 99.9, Window: hour, Good: "good", Total: "total", Remaining: 5, Interval: minute}},
		{Provenance: &ProvenanceGate{Issuer: "https://issuer", Identity: "me", Keys: []string{"key"}, Builders: []string{"builder"}, BuildType: "type", Parameters: map[string]string{"ref": "main"}}},
		{Expression: &ExpressionGate{Name: "whole", When: "true", Message: "No."}},
	}
	counting := Check{InitialDelay: minute, Interval: minute, Count: 3, FailureLimit: 1, InconclusiveLimit: 1, ConsecutiveErrorLimit: 4, ConsecutivePassLimit: 2, DryRun: true}
	for _, k := range []Check{
		{Name: "answers", HTTP: &HTTPCheck{URL: "https://x", Method: "GET", Headers: map[string]string{"X-A": "b"}, Expect: 200, Body: "ok", Within: minute}},
		{Name: "open", TCP: &TCPCheck{Address: "a:1", Within: minute}}, {Name: "smoke", Job: &hook.Job}, {Name: "errors", Metric: &metric},
	} {
		full := counting
		full.Name, full.HTTP, full.TCP, full.Job, full.Metric = k.Name, k.HTTP, k.TCP, k.Job, k.Metric
		p.Verify = append(p.Verify, full)
	}
	p.Rollback = []Hook{hook, {Name: "tell", Job: hook.Job, Retries: 1, Again: AgainAsk}}
	at := t0.Add(time.Hour)
	p.NotBefore, p.Part = &at, &Part{Share: 20, Match: match}
	p.Beside = &Partial{Deployment: 41, Spec: *p.From, Share: 5, Match: match, Since: t0}
	p.Preview, p.Prepared = "1 to change", []byte{1, 2}
	return deepCopy(p) // nothing in it twice
}

// spare reports whether a field may be empty, because it is one of several of
// which one is set.
func spare(of reflect.Type, field reflect.Value) bool {
	switch of {
	case reflect.TypeFor[Gate](), reflect.TypeFor[Check]():
		return field.Kind() == reflect.Pointer && field.IsNil()
	case reflect.TypeFor[Match]():
		return field.IsZero()
	default:
		return false
	}
}

// mutations walks all that can be reached from v and makes one change at a
// time, for visit to look at with v as it is then. A field that is empty stops
// the test: nobody would notice that it was never tried.
func mutations(t *testing.T, path string, v reflect.Value, visit func(path string)) {
	t.Helper()
	change := func(to any) {
		was := reflect.ValueOf(v.Interface())
		v.Set(reflect.ValueOf(to).Convert(v.Type()))
		visit(path)
		v.Set(was)
	}
	if v.IsZero() && v.Kind() != reflect.Bool {
		t.Fatalf("%s is empty in the plan of this test", path)
	}
	switch v.Kind() {
	case reflect.Bool:
		change(!v.Bool())
	case reflect.String:
		change(v.String() + "x")
	case reflect.Int, reflect.Int64:
		change(v.Int() + 1)
	case reflect.Uint8:
		change(v.Uint() + 1)
	case reflect.Float64:
		change(v.Float() + 1)
	case reflect.Pointer:
		change(reflect.Zero(v.Type()).Interface())
		mutations(t, path, v.Elem(), visit)
	case reflect.Map:
		for _, key := range v.MapKeys() {
			was := v.MapIndex(key)
			v.SetMapIndex(key, reflect.Value{})
			visit(path + "." + key.String() + " removed")
			changed := reflect.New(was.Type()).Elem()
			changed.Set(was)
			mutations(t, path+"."+key.String(), changed, func(p string) { v.SetMapIndex(key, changed); visit(p) })
			v.SetMapIndex(key, was)
		}
		added := reflect.ValueOf("added")
		v.SetMapIndex(added, reflect.Zero(v.Type().Elem()))
		visit(path + ".added")
		v.SetMapIndex(added, reflect.Value{})
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			change(json.RawMessage(`{"replicas":3}`))
			return
		}
		change(v.Slice(0, v.Len()-1).Interface())
		change(reflect.AppendSlice(v.Slice3(0, v.Len(), v.Len()), v.Slice(0, 1)).Interface())
		for i := range v.Len() {
			mutations(t, fmt.Sprintf("%s[%d]", path, i), v.Index(i), visit)
		}
	case reflect.Struct:
		if at, ok := v.Interface().(time.Time); ok {
			change(at.Add(time.Second))
			return
		}
		for i := range v.NumField() {
			if field := v.Field(i); !spare(v.Type(), field) {
				mutations(t, strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), field, visit)
			}
		}
	default:
		t.Fatalf("%s is a %s, which this test does not know", path, v.Kind())
	}
}

// eachChange calls visit with the full plan changed in one place.
func eachChange(t *testing.T, visit func(path string, changed Plan)) {
	t.Helper()
	p, count := fullPlan(), 0
	mutations(t, "", reflect.ValueOf(&p).Elem(), func(path string) { count++; visit(path, p) })
	if p.Digest() != fullPlan().Digest() || count < 400 {
		t.Fatalf("%d changes were tried, and the plan is as it was: %v", count, p.Digest() == fullPlan().Digest())
	}
}

func TestEveryFieldOfAPlanCountsInItsDigest(t *testing.T) {
	t.Parallel()
	was := fullPlan()
	known := map[string]string{was.Digest(): "nothing"}
	eachChange(t, func(path string, p Plan) {
		if as, taken := known[p.Digest()]; taken {
			t.Errorf("a change of %s has the digest of a change of %s", path, as)
		}
		known[p.Digest()] = path
		evidence := slices.Contains([]string{"Preview", "PipelineRevision"}, path) || strings.HasPrefix(path, "Prepared")
		if (p.Intent() == was.Intent()) != evidence {
			t.Errorf("a change of %s is no change of the intent: %v", path, !evidence)
		}
	})
}

func TestEveryChangeOfAPlanIsShown(t *testing.T) {
	t.Parallel()
	was := fullPlan()
	eachChange(t, func(path string, p Plan) {
		found := DiffPlans(was, p)
		if len(found) == 0 {
			t.Errorf("a change of %s is not shown", path)
		}
		for _, d := range found {
			if d.Mark == MarkChanged && d.Before == d.After || d.Kind == "" || d.Name == "" || d.Mark == "" {
				t.Errorf("a change of %s is shown as %+v", path, d)
			}
			by := path[:strings.IndexAny(path+".[", ".[")]
			if d.Kind == "plan" && by != "Service" && by != "Environment" && path != "To.Seq" && path != "To.Artifacts" {
				t.Errorf("a change of %s is shown without saying of what: %+v", path, d)
			}
		}
	})
	if found := DiffPlans(was, fullPlan()); len(found) != 0 {
		t.Errorf("of the same plan: %+v", found)
	}
}

func TestDigestsDoNotDependOnOrder(t *testing.T) {
	t.Parallel()
	was := fullPlan()
	for range 50 {
		p := fullPlan()
		p.To.Config = map[string]string{}
		for _, key := range []string{"B", "A"} {
			p.To.Config[key] = was.To.Config[key]
		}
		if p.Digest() != was.Digest() || p.To.ID() != was.To.ID() {
			t.Fatal("the order of a map's keys changed the digest")
		}
	}
	if !strings.HasPrefix(was.Digest(), "sha256:") || len(was.Digest()) != 71 || len(ShortDigest(was.Digest())) != 4 || ShortDigest("") != "" {
		t.Error(was.Digest(), ShortDigest(was.Digest()))
	}
}

func TestPlansSurviveTheirJSON(t *testing.T) {
	t.Parallel()
	was := fullPlan()
	text, err := json.Marshal(was)
	if err != nil {
		t.Fatal(err)
	}
	var p Plan
	if err := json.Unmarshal(text, &p); err != nil || !reflect.DeepEqual(p, was) || p.Digest() != was.Digest() {
		t.Fatalf("%v\n%+v\nnot\n%+v", err, p, was)
	}
	eachChange(t, func(path string, changed Plan) {
		var back Plan
		text, err := json.Marshal(changed)
		if err == nil {
			err = json.Unmarshal(text, &back)
		}
		if err != nil || back.Digest() != changed.Digest() {
			t.Errorf("with %s changed: %v", path, err)
		}
	})
}

func TestSpecID(t *testing.T) {
	t.Parallel()
	a, b := spec("1.0", 2), spec("1.0", 2)
	if a.ID() != b.ID() || !strings.HasPrefix(a.ID(), "1.0-") || len(a.ID()) != 12 {
		t.Errorf("%s and %s", a.ID(), b.ID())
	}
	b.Secrets = map[string]int{"DB": 1}
	if a.ID() == b.ID() {
		t.Error("another secret is another thing to run")
	}
	p := canaryPlan()
	for _, want := range []Spec{p.To, *p.From} {
		if got, ok := p.Spec(want.ID()); !ok || got.Version != want.Version {
			t.Errorf("found %+v for %s", got, want.ID())
		}
	}
	if _, ok := p.Spec("1.0-00000000"); ok {
		t.Error("found what the plan does not have")
	}
}

func TestNewPlan(t *testing.T) {
	t.Parallel()
	live, served := spec("2.0", 4), spec("1.0", 3)
	in := PlanInput{
		Cause: CausePromote, Pipeline: Pipeline{Service: "shop", Revision: 7}, Live: &live, Replicas: 5,
		Stage: Stage{Environment: "prod", Strategy: Strategy{Type: StrategyRolling}, OnFailure: OnFailureStop,
			Deadline: DefaultDeadline, Deployer: DeployerRef{Name: "fake"}, Gates: []Gate{{Soak: &SoakGate{In: "staging"}}}},
		Release: Release{Version: "3.0", Seq: 9, Content: ReleaseContent{Reversible: true, Config: map[string]string{"A": "1"}}},
	}
	p := NewPlan(in)
	if p.To.Version != "3.0" || p.To.Seq != 9 || p.To.Replicas != 5 || !p.To.Reversible || p.To.Config["A"] != "1" ||
		len(p.Phases) != 5 || len(p.Gates) != 1 || p.PipelineRevision != 7 || p.From.ID() != live.ID() || p.OnFailure != OnFailureStop {
		t.Errorf("%+v", p)
	}
	in.Stage.Gates = nil
	if p := NewPlan(in); p.Gates == nil {
		t.Error("no gates are written as null")
	}
	in.Cause, in.Restore, in.Stage.Gates = CauseRollback, &served, []Gate{{Soak: &SoakGate{In: "staging"}}}
	p = NewPlan(in)
	if p.To.ID() != served.ID() || len(p.Gates) != 0 || sketch(p.Phases) != "1.0:100%×3" || p.Phases[0].Bake != 0 || p.Phases[0].Pause {
		t.Errorf("back with %+v", p)
	}
}
