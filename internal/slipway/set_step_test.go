package slipway

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// setTale is a set of three, ledger, then till and shop, and what became of it.
// 1.0 is live everywhere before.
type setTale struct {
	t    *testing.T
	s    ReleaseSet
	f    SetFacts
	now  time.Time
	last int64
}

func newSetTale(t *testing.T, change ...func(*ReleaseSet)) *setTale {
	t.Helper()
	s := ReleaseSet{ID: 1, Name: "checkout", Environment: "prod", State: SetRunning, OnFailure: OnFailureRollback, Asked: SetOrder{By: anna}}
	tale := &setTale{t: t, now: t0, last: 10, f: SetFacts{Deployments: map[int64]Deployment{}, Live: map[string]Live{}, Active: map[string]Deployment{}}}
	for _, name := range []string{"ledger", "till", "shop"} {
		item := SetItem{Team: "web", Service: name, Version: "2.0", Seq: 5, State: ItemPending}
		if name != "ledger" {
			item.After = []string{"ledger"}
		}
		s.Items = append(s.Items, item)
		tale.f.Live[name] = Live{Deployment: 5, Spec: spec("1.0", 2)}
	}
	for _, f := range change {
		f(&s)
	}
	tale.s = s
	return tale
}

// look takes a step and does what it asks for, in words.
func (x *setTale) look() string {
	x.t.Helper()
	next, actions := StepSet(x.s, x.f, x.now)
	x.s = next
	var did []string
	for _, a := range actions {
		item := &x.s.Items[a.Item]
		did = append(did, fmt.Sprintf("%s %s", a.Verb, item.Service))
		switch a.Verb {
		case SetStart:
			to := spec("2.0", 2)
			to.Seq = 5
			item.Started(x.insert(item.Service, CausePromote, to))
		case SetBack:
			item.GoesBack(x.insert(item.Service, CauseRollback, *x.f.Deployments[item.Deployment].Plan.From).ID)
		case SetCancel:
			x.ends(item.Service, Cancelled)
		}
	}
	return strings.Join(did, ", ")
}

func (x *setTale) insert(service string, cause Cause, to Spec) Deployment {
	x.last++
	from := x.f.Live[service].Spec
	d := Deployment{ID: x.last, Service: service, Version: to.Version, Cause: cause, State: Waiting, Plan: Plan{Cause: cause, From: &from, To: to}}
	if old, ok := x.f.Active[service]; ok {
		old.State, old.SupersededBy = Superseded, d.ID
		x.f.Deployments[old.ID] = old
	}
	x.f.Deployments[d.ID], x.f.Active[service] = d, d
	return d
}

// is moves the deployment at hand of a service to a state, with a run of a phase.
func (x *setTale) is(service string, state State) {
	x.t.Helper()
	d, ok := x.f.Active[service]
	if !ok {
		x.t.Fatalf("nothing is under way for %s: %+v", service, x.s)
	}
	d.State = state
	x.f.Deployments[d.ID], x.f.Active[service] = d, d
}

func (x *setTale) ends(service string, state State, runs ...PhaseRun) {
	x.t.Helper()
	x.is(service, state)
	d := x.f.Active[service]
	d.Message, d.Runs = "Not ready within 5m0s.", runs
	x.f.Deployments[d.ID] = d
	delete(x.f.Active, service)
	if state == Succeeded {
		x.f.Live[service] = Live{Deployment: d.ID, Spec: d.Plan.To}
	}
}

// does checks what a look does.
func (x *setTale) does(want string) {
	x.t.Helper()
	if got := x.look(); got != want {
		x.t.Errorf("it does %q, not %q: %+v", got, want, x.s)
	}
}

func (x *setTale) ended(state SetState, message string) {
	x.t.Helper()
	x.does("")
	if x.s.State != state || x.s.Message != message || (x.s.EndedAt == nil) == !state.Active() {
		x.t.Errorf("it is %s: %s\nwant %s: %s", x.s.State, x.s.Message, state, message)
	}
}

func stopOnFailure(s *ReleaseSet) { s.OnFailure = OnFailureStop }

func TestSetGoesInOrder(t *testing.T) {
	t.Parallel()
	x := newSetTale(t)
	x.does("start ledger")
	x.does("")
	x.is("ledger", Running)
	x.does("")
	x.ends("ledger", Succeeded)
	x.does("start till, start shop")
	if x.s.Message != "1 of 3 live." {
		t.Errorf("it says %q", x.s.Message)
	}
	x.ends("shop", Succeeded)
	x.does("")
	x.ends("till", Succeeded)
	x.ended(SetSucceeded, "All of it is live in prod.")
	if x.s.Items[1].From != "1.0" {
		t.Errorf("till came from %q", x.s.Items[1].From)
	}
}

func TestSetGoesBackTheOtherWayRound(t *testing.T) {
	t.Parallel()
	x := newSetTale(t, func(s *ReleaseSet) { s.Items[2].After = []string{"till"} })
	x.does("start ledger")
	x.ends("ledger", Succeeded)
	x.does("start till")
	x.ends("till", Succeeded)
	x.does("start shop")
	x.ends("shop", RolledBack)
	x.does("back till")
	if want := "shop 2.0 did not get there: Not ready within 5m0s. Going back, 2 to go."; x.s.Message != want {
		t.Errorf("it says %q", x.s.Message)
	}
	x.ends("till", Succeeded)
	x.does("back ledger")
	x.ends("ledger", Succeeded)
	x.ended(SetRolledBack, "shop 2.0 did not get there: Not ready within 5m0s. All is as it was before.")
}

// TestSetWaitsForWhatIsUnderWay before it goes back; only what still waits for
// its gates is cancelled.
func TestSetWaitsForWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	x := newSetTale(t, func(s *ReleaseSet) {
		s.Items = append(s.Items, SetItem{Service: "kiosk", Version: "2.0", Seq: 5, After: []string{"ledger"}, State: ItemPending})
	})
	x.f.Live["kiosk"] = Live{Deployment: 5, Spec: spec("1.0", 2)}
	x.does("start ledger")
	x.ends("ledger", Succeeded)
	x.does("start till, start shop, start kiosk")
	x.is("till", Running)
	x.ends("shop", Rejected)
	x.does("cancel kiosk")
	x.does("")
	if want := "shop 2.0 did not get there: Not ready within 5m0s. Waiting for 1 under way to end."; x.s.Message != want {
		t.Errorf("it says %q", x.s.Message)
	}
	x.ends("till", Succeeded)
	x.does("back till")
	x.ends("till", Succeeded)
	x.does("back ledger")
	x.ends("ledger", RolledBack) // its rollback was taken back itself
	x.ended(SetFailed, "shop 2.0 did not get there: Not ready within 5m0s. ledger has 2.0; till has 1.0; shop has 1.0; kiosk has 1.0.")
	if i := x.s.Items[0]; i.State != ItemKept || i.Message != "It could not go back: Not ready within 5m0s." {
		t.Errorf("ledger is %s: %s", i.State, i.Message)
	}
}

func TestSetStopsIfToldTo(t *testing.T) {
	t.Parallel()
	x := newSetTale(t, stopOnFailure)
	x.does("start ledger")
	x.ends("ledger", Failed, PhaseRun{Desired: Desired{Name: "all"}, State: Broken})
	x.ended(SetFailed, "ledger 2.0 did not get there: Not ready within 5m0s. ledger is unclear (see deployment 11); till has 1.0; shop has 1.0.")
	s, err := x.s.RollBack(SetOrder{By: ben, Reason: "enough"})
	if err != nil {
		t.Fatal(err)
	}
	x.s = s
	x.does("back ledger")
	x.ends("ledger", Succeeded)
	x.ended(SetRolledBack, "Taken back by Ben: enough. All is as it was before.")
	if _, err := x.s.RollBack(SetOrder{By: ben}); CodeOf(err) != CodeConflict {
		t.Errorf("it goes back again: %v", err)
	}
}

// TestSetKeepsWhatOthersNeed: what may still need a release keeps it.
func TestSetKeepsWhatOthersNeed(t *testing.T) {
	t.Parallel()
	x := newSetTale(t)
	x.does("start ledger")
	x.ends("ledger", Succeeded)
	x.does("start till, start shop")
	x.ends("till", Failed, PhaseRun{Desired: Desired{Name: "all"}, State: Broken})
	x.ends("shop", Succeeded)
	x.does("back shop")
	x.ends("shop", Succeeded)
	x.ended(SetFailed, "till 2.0 did not get there: Not ready within 5m0s. ledger has 2.0; till is unclear (see deployment 12); shop has 1.0.")
	if i := x.s.Items[0]; i.State != ItemKept || i.Message != "till comes after it, and did not go back." {
		t.Errorf("ledger is %s: %s", i.State, i.Message)
	}
}

// TestSetHasPatience, and loses it.
func TestSetHasPatience(t *testing.T) {
	t.Parallel()
	x := newSetTale(t, stopOnFailure)
	x.s.Items[0].Waits("no route", x.now)
	x.now = x.now.Add(setPatience - time.Minute)
	x.s.Items[0].Waits("no route to host", x.now)
	s, actions := StepSet(x.s, x.f, x.now)
	if len(actions) != 1 || s.Message != "0 of 3 live. ledger cannot be asked for yet: no route to host." {
		t.Errorf("it does %v: %s", actions, s.Message)
	}
	x.now = x.now.Add(time.Minute)
	x.ended(SetFailed, "ledger 2.0 did not get there: It could not be asked for within a day: no route to host. ledger has 1.0; till has 1.0; shop has 1.0.")
}

// TestSetWantsTheWholeTraffic: a stage that came to give parts only, after the
// set had been asked for, has not taken the release.
func TestSetWantsTheWholeTraffic(t *testing.T) {
	t.Parallel()
	x := newSetTale(t, stopOnFailure)
	x.does("start ledger")
	d := x.f.Active["ledger"]
	d.Plan.Strategy = Strategy{Type: StrategyPartial, Share: 10}
	x.f.Active["ledger"] = d
	x.ends("ledger", Succeeded)
	x.ended(SetFailed, "ledger 2.0 did not get there: It has a part of the traffic only: its stage was changed meanwhile. "+
		"ledger is unclear (see deployment 11); till has 1.0; shop has 1.0.")
}
