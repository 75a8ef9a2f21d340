package slipway

import (
	"slices"
	"testing"
	"time"
)

// facts are those of a deployment that nothing holds, changed beforehand.
func facts(change ...func(*GateFacts)) GateFacts {
	d := waiting()
	f := GateFacts{Now: t0.Add(time.Minute), Deployment: d, Release: Release{Service: "shop", Version: "2.0"},
		Environment: Environment{Name: "prod"}, LiveSince: map[string]time.Time{}}
	for _, c := range change {
		c(&f)
	}
	return f
}

func gate(g Gate) func(*GateFacts) {
	return func(f *GateFacts) { f.Deployment.Plan.Gates = append(f.Deployment.Plan.Gates, g) }
}

func approval(count int, groups ...string) func(*GateFacts) {
	return gate(Gate{Approval: &ApprovalGate{Count: count, Groups: groups, Expires: Duration(time.Hour)}})
}

// vote is an approval of the plan by a user of some groups.
func vote(by string, groups ...string) Vote {
	return Vote{Decision: Approve, By: by, ByName: by, Groups: groups, PlanDigest: waiting().PlanDigest}
}

func votes(all ...Vote) func(*GateFacts) {
	return func(f *GateFacts) { f.Votes = append(f.Votes, all...) }
}

func back(f *GateFacts) { f.Deployment.Cause = CauseRollback }

func lock(owner string) func(*GateFacts) {
	return func(f *GateFacts) {
		f.Environment.Lock = &Lock{Owner: owner, OwnerName: "Ben", Reason: "looking into it.", Since: t0}
	}
}

func block(f *GateFacts) { f.Release.Blocked = &Block{Reason: "CVE-2026-1", By: "Ben", Since: t0} }

func freeze(from, until time.Duration, reason string) func(*GateFacts) {
	return func(f *GateFacts) {
		f.Freezes = append(f.Freezes, Freeze{Reason: reason, From: t0.Add(from), Until: t0.Add(until)})
	}
}

func soak(since time.Duration, live bool) func(*GateFacts) {
	return func(f *GateFacts) {
		gate(Gate{Soak: &SoakGate{In: "staging", For: Duration(time.Hour)}})(f)
		if live {
			f.LiveSince["staging"] = f.Now.Add(-since)
		}
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	other := vote("ben")
	other.PlanDigest = "sha256:0"
	rejection := vote("ben")
	rejection.Decision = Reject
	type changes = []func(*GateFacts)
	for name, c := range map[string]struct {
		change changes
		gate   string
		result Result
		says   string
	}{
		"not blocked":            {nil, "block", Pass, "The release is not blocked."},
		"blocked":                {changes{block}, "block", Fail, "2.0 is blocked by Ben: CVE-2026-1."},
		"blocked, going back":    {changes{block, back}, "block", Fail, "2.0 is blocked by Ben: CVE-2026-1."},
		"not locked":             {nil, "lock", Pass, "prod is not locked."},
		"locked":                 {changes{lock("u-ben")}, "lock", Wait, "prod is locked by Ben: looking into it."},
		"locked, going back":     {changes{lock("u-ben"), back}, "lock", Wait, "prod is locked by Ben: looking into it."},
		"locked by the asker":    {changes{lock(anna.ID)}, "lock", Pass, "prod is locked by the requester."},
		"not frozen":             {nil, "freeze", Pass, "prod is not frozen."},
		"frozen":                 {changes{freeze(0, time.Hour, "Easter.")}, "freeze", Wait, "prod is frozen: Easter."},
		"frozen, no reason":      {changes{freeze(0, time.Hour, "")}, "freeze", Wait, "prod is frozen."},
		"frozen, going back":     {changes{freeze(0, time.Hour, "Easter"), back}, "freeze", Pass, "Freezes let rollbacks pass."},
		"frozen from now":        {changes{freeze(time.Minute, time.Hour, "Easter")}, "freeze", Wait, "prod is frozen: Easter."},
		"frozen later":           {changes{freeze(time.Minute+1, time.Hour, "Easter")}, "freeze", Pass, "prod is not frozen."},
		"frozen until now":       {changes{freeze(0, time.Minute, "Easter")}, "freeze", Pass, "prod is not frozen."},
		"two freezes":            {changes{freeze(0, time.Hour, "A"), freeze(0, 2*time.Hour, "B"), freeze(0, 90*time.Minute, "C")}, "freeze", Wait, "prod is frozen: B."},
		"soaked to the second":   {changes{soak(time.Hour, true)}, "soak", Pass, "2.0 has run in staging for at least 1h."},
		"soaked a bit too short": {changes{soak(time.Hour-1, true)}, "soak", Wait, "2.0 has to run in staging for 1h."},
		"no longer live there":   {changes{soak(0, false)}, "soak", Wait, "2.0 is not live in staging, where it has to run for 1h first."},
		"nobody approved":        {changes{approval(2)}, "approval", Wait, "0 of 2 approvals. 2 more from people who may approve."},
		"one of two":             {changes{approval(2, "sre", "qa"), votes(vote("ben", "qa"))}, "approval", Wait, "1 of 2 approvals. ben approved. 1 more from sre or qa."},
		"two of two":             {changes{approval(2), votes(vote("ben"), vote("cleo"))}, "approval", Pass, "2 of 2 approvals, by ben, cleo."},
		"three of two":           {changes{approval(2), votes(vote("ben"), vote("cleo"), vote("dan"))}, "approval", Pass, "3 of 2 approvals, by ben, cleo, dan."},
		"the same one twice":     {changes{approval(2), votes(vote("ben"), vote("ben"))}, "approval", Wait, "1 of 2 approvals. ben approved. 1 more from people who may approve."},
		"for another plan":       {changes{approval(1), votes(other)}, "approval", Wait, "0 of 1 approvals. 1 more from people who may approve."},
		"a rejection":            {changes{approval(1), votes(rejection)}, "approval", Wait, "0 of 1 approvals. 1 more from people who may approve."},
		"one's own":              {changes{approval(1), votes(vote(anna.ID))}, "approval", Wait, "0 of 1 approvals. 1 more from people who may approve."},
		"of another group":       {changes{approval(1, "sre"), votes(vote("ben", "dev"), vote("cleo"))}, "approval", Wait, "0 of 1 approvals. 1 more from sre."},
		"of no people":           {changes{approval(0)}, "approval", Wait, "0 of 1 approvals. 1 more from people who may approve."},
		"of the future":          {changes{gate(Gate{})}, "unknown", Unknown, "The plan has a gate that this version of Slipway does not know."},
	} {
		f := facts(c.change...)
		verdicts := Verdicts(f)
		at := slices.IndexFunc(verdicts, func(v Verdict) bool { return v.Gate == c.gate })
		if at < 0 {
			t.Errorf("%s: no verdict of %s", name, c.gate)
			continue
		}
		v := verdicts[at]
		if v.Result != c.result || v.Reason != c.says {
			t.Errorf("%s: %s, %q", name, v.Result, v.Reason)
		}
		if fault := plain(v.Reason, true); fault != "" {
			t.Errorf("%s: %q %s", name, v.Reason, fault)
		}
		if v.Result != Pass && v.Who == "" {
			t.Errorf("%s: nobody can change it", name)
		}
		if Open(verdicts) != (v.Result == Pass) || Open(verdicts) != (len(Blocking(verdicts)) == 0) {
			t.Errorf("%s: open %v with %+v", name, Open(verdicts), Blocking(verdicts))
		}
	}
}

func TestVerdictsComeInAFixedOrder(t *testing.T) {
	t.Parallel()
	var order []string
	for _, v := range Verdicts(facts(soak(0, true), approval(1))) {
		order = append(order, v.Gate)
	}
	if !slices.Equal(order, []string{"block", "lock", "freeze", "stop-the-line", "soak", "approval"}) {
		t.Error(order)
	}
}

func TestVerdictsSayUntilWhen(t *testing.T) {
	t.Parallel()
	f := facts(freeze(0, time.Hour, "A"), freeze(-time.Hour, 2*time.Hour, "B"), soak(time.Minute, true), approval(2), votes(vote("ben")))
	v := Verdicts(f)
	if !v[2].Until.Equal(t0.Add(2*time.Hour)) || !v[2].Since.Equal(t0.Add(-time.Hour)) {
		t.Errorf("frozen from %s until %s", v[2].Since, v[2].Until)
	}
	if !v[4].Until.Equal(f.Now.Add(59*time.Minute)) || !v[4].Since.Equal(f.Now.Add(-time.Minute)) {
		t.Errorf("soaks from %s until %s", v[4].Since, v[4].Until)
	}
	if !v[5].Until.Equal(t0.Add(time.Hour)) || !v[5].Since.Equal(t0) || v[5].Have != 1 || v[5].Need != 2 {
		t.Errorf("asked %+v", v[5])
	}
}

func TestSelfApprovalIsForWhomTheGateLets(t *testing.T) {
	t.Parallel()
	f := facts(gate(Gate{Approval: &ApprovalGate{Count: 1, SelfApproval: true, Expires: Duration(time.Hour)}}), votes(vote(anna.ID)))
	if !Open(Verdicts(f)) {
		t.Error("one's own approval did not count")
	}
}

func TestANewPlanNeedsNewApprovals(t *testing.T) {
	t.Parallel()
	f := facts(approval(1), votes(vote("ben")))
	if !Open(Verdicts(f)) {
		t.Fatal("not open")
	}
	plan := f.Deployment.Plan
	plan.Preview = "1 to destroy"
	d, _, err := Step(f.Deployment, Replanned{plan}, f.Now)
	if f.Deployment = d; err != nil || Open(Verdicts(f)) {
		t.Errorf("an approval of the old plan opens the new one: %v", err)
	}
}

func TestCountsForSaysWhyNot(t *testing.T) {
	t.Parallel()
	d := waiting()
	for want, c := range map[string]struct {
		vote Vote
		gate ApprovalGate
	}{
		"":                              {vote("ben", "sre"), ApprovalGate{Groups: []string{"qa", "sre"}}},
		"it is not an approval":         {Vote{Decision: Reject, PlanDigest: d.PlanDigest}, ApprovalGate{}},
		"it was given for another plan": {Vote{Decision: Approve, By: "ben"}, ApprovalGate{}},
		"it came after the time for it had run out": {
			Vote{Decision: Approve, By: "ben", PlanDigest: d.PlanDigest, At: d.CreatedAt.Add(time.Hour + 1)}, ApprovalGate{Expires: Duration(time.Hour)}},
		"who asks for a deployment does not approve it": {vote(anna.ID, "sre"), ApprovalGate{Groups: []string{"sre"}}},
		"the approver belongs to none of qa, sre":       {vote("ben", "dev"), ApprovalGate{Groups: []string{"qa", "sre"}}},
	} {
		if got := CountsFor(c.vote, d, c.gate); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestApprovalLapses(t *testing.T) {
	t.Parallel()
	hour := t0.Add(time.Hour)
	for name, c := range map[string]struct {
		f      GateFacts
		at     time.Time
		lapsed bool
	}{
		"in time":           {facts(approval(1)), hour.Add(-1), false},
		"at the end":        {facts(approval(1)), hour, true},
		"partly given":      {facts(approval(2), votes(vote("ben"))), hour, true},
		"given, and frozen": {facts(approval(1), votes(vote("ben")), freeze(0, 48*time.Hour, "Easter")), hour.Add(time.Hour), false},
		"nobody asked":      {facts(freeze(0, time.Hour, "Easter"), soak(time.Hour, true)), hour.Add(time.Hour), false},
		"one of two gates":  {facts(approval(1, "sre"), approval(1), votes(vote("ben"))), hour, true},
	} {
		if got := ApprovalLapsed(Verdicts(c.f), c.at); got != c.lapsed {
			t.Errorf("%s: lapsed is %v", name, got)
		}
	}
}

// Open reports whether every gate passes.
func Open(verdicts []Verdict) bool {
	for _, v := range verdicts {
		if v.Result != Pass {
			return false
		}
	}
	return true
}
