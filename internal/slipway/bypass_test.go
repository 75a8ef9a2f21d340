package slipway

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// bypass is one of the plan's, given when the facts are judged.
func bypass(gates ...string) func(*GateFacts) {
	return func(f *GateFacts) {
		for _, gate := range gates {
			f.Bypasses = append(f.Bypasses, Bypass{PlanDigest: f.Deployment.PlanDigest, Gate: gate, By: anna.ID, ByName: "Anna", Reason: "It burns.", At: f.Now})
		}
	}
}

func TestVerdictsHaveKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	f := facts(approval(1, "sre"), approval(2), gate(Gate{External: &ExternalGate{Name: "change ticket"}}), gate(Gate{External: &ExternalGate{Name: "change ticket"}}),
		gate(Gate{External: &ExternalGate{}}), gate(Gate{}))
	var keys []string
	for _, v := range Verdicts(f) {
		keys = append(keys, v.Key)
	}
	want := []string{"block", "lock", "freeze", "stop-the-line", "approval", "approval#2", "external:change ticket", "external:change ticket#2", "external", "unknown"}
	if !slices.Equal(keys, want) {
		t.Errorf("%q", keys)
	}
}

func TestBypasses(t *testing.T) {
	t.Parallel()
	stop := func(f *GateFacts) { line := stopped; f.Line = &line }
	shut := gate(Gate{Window: &WindowGate{Deny: []string{"daily 00:00-24:00 UTC"}}})
	type changes = []func(*GateFacts)
	for name, c := range map[string]struct {
		change   changes
		key      string
		bypassed bool
	}{
		"a lock":                      {changes{lock("u-ben"), bypass("lock")}, "lock", true},
		"a lock of later":             {changes{bypass("lock"), lock("u-ben"), func(f *GateFacts) { f.Environment.Lock.Since = f.Now.Add(1) }}, "lock", false},
		"a freeze":                    {changes{freeze(0, time.Hour, "A"), bypass("freeze")}, "freeze", true},
		"a freeze of later":           {changes{bypass("freeze"), func(f *GateFacts) { f.Now = f.Now.Add(time.Hour) }, freeze(2*time.Minute, 2*time.Hour, "B")}, "freeze", false},
		"a freeze beside a later one": {changes{freeze(0, 48*time.Hour, "A"), bypass("freeze"), func(f *GateFacts) { f.Now = f.Now.Add(time.Hour) }, freeze(2*time.Minute, 2*time.Hour, "B")}, "freeze", false},
		"a stopped line":              {changes{stop, bypass("stop-the-line")}, "stop-the-line", true},
		"a window":                    {changes{shut, bypass("window")}, "window", true},
		"a soak":                      {changes{soak(0, false), bypass("soak")}, "soak", true},
		"an approval":                 {changes{approval(2), votes(vote("ben")), bypass("approval")}, "approval", true},
		"the other approval":          {changes{approval(1), approval(2), bypass("approval#2")}, "approval", false},
		"one that asks outside":       {changes{gate(Gate{External: &ExternalGate{Name: "ticket"}}), bypass("external:ticket")}, "external:ticket", true},
		"another that asks outside":   {changes{gate(Gate{External: &ExternalGate{Name: "ticket"}}), bypass("external")}, "external:ticket", false},
		"a blocked release":           {changes{block, bypass("block")}, "block", false},
		"what nobody understands":     {changes{gate(Gate{}), bypass("unknown")}, "unknown", false},
		"a time that has not come":    {changes{func(f *GateFacts) { later := f.Now.Add(time.Hour); f.Deployment.Plan.NotBefore = &later }, bypass("schedule")}, "schedule", false},
		"another plan":                {changes{shut, bypass("window"), func(f *GateFacts) { f.Deployment.PlanDigest = "sha256:0" }}, "window", false},
	} {
		f := facts(c.change...)
		all := Verdicts(f)
		v := all[slices.IndexFunc(all, func(v Verdict) bool { return v.Key == c.key })]
		if c.bypassed {
			if v.Result != Pass || v.Bypassed != "Anna: It burns" || v.Until != nil || v.Reason == "" {
				t.Errorf("%s: %+v", name, v)
			}
			if !Open(all) || ApprovalLapsed(all, f.Now.Add(30*24*time.Hour)) {
				t.Errorf("%s: it does not start", name)
			}
		} else if v.Result == Pass || v.Bypassed != "" {
			t.Errorf("%s: %+v", name, v)
		}
	}
	all := Verdicts(facts(approval(1), votes(vote("ben")), bypass("approval")))
	if v := all[len(all)-1]; v.Bypassed != "" || v.Have != 1 {
		t.Errorf("what opens by itself is called bypassed: %+v", v)
	}
}

// TestABypassOpensNothingElse: whatever is bypassed, every other gate says what
// it said.
func TestABypassOpensNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := []func(*GateFacts){lock("u-ben"), freeze(0, time.Hour, "A"), soak(0, false), approval(1), approval(2), block,
			gate(Gate{Window: &WindowGate{Deny: []string{"daily 00:00-24:00 UTC"}}}), gate(Gate{Expression: &ExpressionGate{Name: "quiet", When: "false"}}), gate(Gate{})}
		f := facts(rapid.SliceOfN(rapid.SampledFrom(all), 1, 8).Draw(t, "facts")...)
		before := Verdicts(f)
		at := rapid.IntRange(0, len(before)-1).Draw(t, "gate")
		bypass(before[at].Key)(&f)
		for i, v := range Verdicts(f) {
			was := before[i]
			if i == at && was.Result != Pass && Bypassable(was.Gate) {
				if v.Result != Pass || v.Bypassed == "" {
					t.Fatalf("%s was not bypassed: %+v", was.Key, v)
				}
				continue
			}
			if v.Result != was.Result || v.Reason != was.Reason || v.Bypassed != "" {
				t.Fatalf("a bypass of %s made of %+v: %+v", before[at].Key, was, v)
			}
		}
	})
}
