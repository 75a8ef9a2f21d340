package slipway

import (
	"strings"
	"testing"
)

func TestSetLeavesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	newer := spec("3.0", 2)
	newer.Seq = 9
	for name, c := range map[string]struct {
		meanwhile func(*setTale)
		does      string
		state     ItemState
		says      string
	}{
		"3.0 is live":         {func(x *setTale) { x.f.Live["till"] = Live{Deployment: 90, Spec: newer} }, "", ItemKept, "3.0 is live there by now."},
		"3.0 is under way":    {func(x *setTale) { x.insert("till", CausePromote, newer) }, "", ItemKept, "Deployment 14 of 3.0 is under way there."},
		"taken back already":  {func(x *setTale) { x.f.Live["till"] = Live{Deployment: 90, Spec: spec("1.0", 2)} }, "back ledger", ItemRolledBack, "Somebody took it back already."},
		"about to be so":      {func(x *setTale) { x.insert("till", CauseRollback, spec("1.0", 2)) }, "", ItemRollingBack, ""},
		"nothing ran before":  {func(x *setTale) { d := x.f.Deployments[12]; d.Plan.From = nil; x.f.Deployments[12] = d }, "", ItemKept, "Nothing ran there before, so there is nothing to go back to."},
		"cannot be undone":    {func(x *setTale) { d := x.f.Deployments[12]; d.Plan.To.Reversible = false; x.f.Deployments[12] = d }, "", ItemKept, "2.0 is marked irreversible."},
		"nobody answers, now": {func(x *setTale) { x.s.Items[1].Waits("no route", x.now) }, "back till", ItemRollingBack, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newSetTale(t)
			x.does("start ledger")
			x.ends("ledger", Succeeded)
			x.does("start till, start shop")
			x.ends("till", Succeeded)
			x.ends("shop", Expired)
			x.s, _ = StepSet(x.s, x.f, x.now)
			c.meanwhile(x)
			x.does(c.does)
			if i := x.s.Items[1]; i.State != c.state || i.Message != c.says {
				t.Errorf("till is %s: %q", i.State, i.Message)
			}
		})
	}
}

// TestSetLosesItsGround: what others need is taken away while they are still to
// come.
func TestSetLosesItsGround(t *testing.T) {
	t.Parallel()
	x := newSetTale(t, func(s *ReleaseSet) { s.Items[2].After = []string{"till"} })
	x.does("start ledger")
	x.ends("ledger", Succeeded)
	x.does("start till")
	x.insert("ledger", CauseRollback, spec("1.0", 2))
	x.ends("ledger", Succeeded)
	x.does("cancel till")
	x.ended(SetRolledBack, "ledger 2.0 did not get there: Somebody rolled it back. All is as it was before.")
}

// TestSetFollowsWhoRollsAnItemBack by hand while it is on its way.
func TestSetFollowsWhoRollsAnItemBack(t *testing.T) {
	t.Parallel()
	x := newSetTale(t)
	x.does("start ledger")
	x.ends("ledger", Succeeded)
	x.does("start till, start shop")
	x.is("till", Running)
	x.insert("till", CauseRollback, spec("1.0", 2))
	x.does("cancel shop")
	x.does("")
	x.ends("till", Succeeded)
	x.does("back ledger")
	x.ends("ledger", Succeeded)
	x.ended(SetRolledBack, "till 2.0 did not get there. All is as it was before.")
}

func TestSetIsCancelled(t *testing.T) {
	t.Parallel()
	x := newSetTale(t)
	x.does("start ledger")
	x.ends("ledger", Succeeded)
	x.does("start till, start shop")
	x.is("till", Running)
	s, err := x.s.Cancel(SetOrder{By: ben})
	if err != nil {
		t.Fatal(err)
	}
	x.s = s
	if _, err := x.s.Cancel(SetOrder{By: ben}); CodeOf(err) != CodeConflict || !strings.Contains(err.Error(), "being cancelled") {
		t.Errorf("it is cancelled twice: %v", err)
	}
	x.does("cancel till, cancel shop")
	x.ended(SetCancelled, "Cancelled by Ben. ledger has 2.0; till has 1.0; shop has 1.0.")
	if x.s, err = x.s.RollBack(SetOrder{By: ben}); err != nil {
		t.Fatal(err)
	}
	x.does("back ledger")
	if _, err := x.s.RollBack(SetOrder{By: ben}); CodeOf(err) != CodeConflict {
		t.Errorf("it goes back twice: %v", err)
	}
	x.ends("ledger", Succeeded)
	x.ended(SetRolledBack, "Taken back by Ben. All is as it was before.")
}

func TestSetIsTakenBackWhileOnItsWay(t *testing.T) {
	t.Parallel()
	x := newSetTale(t, stopOnFailure)
	x.does("start ledger")
	x.is("ledger", Running)
	s, err := x.s.RollBack(SetOrder{By: ben})
	if err != nil {
		t.Fatal(err)
	}
	x.s = s
	x.does("cancel ledger")
	x.ended(SetRolledBack, "Taken back by Ben. All is as it was before.")
}

func TestWhatAFailureLeaves(t *testing.T) {
	t.Parallel()
	all, hook := Desired{Name: "all"}, Desired{Hook: &Hook{Name: "migrate"}}
	for name, c := range map[string]struct {
		d    Deployment
		want bool
	}{
		"rolled back":           {Deployment{State: RolledBack}, true},
		"rejected":              {Deployment{State: Rejected}, true},
		"only jobs were run":    {Deployment{State: Failed, Runs: []PhaseRun{{Desired: hook, State: Broken}}}, true},
		"stopped in the middle": {Deployment{State: Failed, Runs: []PhaseRun{{Desired: all, State: Broken}}}, false},
		"removed again":         {Deployment{State: Failed, Runs: []PhaseRun{{Desired: all, State: Broken}, {Desired: all, State: Done, Back: 1}}}, true},
		"could not go back":     {Deployment{State: Failed, Runs: []PhaseRun{{Desired: all, State: Broken}, {Desired: all, State: Broken, Back: 1}}}, false},
		"superseded":            {Deployment{State: Superseded}, false},
		"succeeded":             {Deployment{State: Succeeded}, false},
	} {
		if got := c.d.asBefore(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
