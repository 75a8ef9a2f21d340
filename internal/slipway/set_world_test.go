package slipway

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestSetsKeepTheirPromises: whatever deployments come to, whoever interferes,
// the order holds on both ways, nothing is asked for twice, the set ends, and
// says truly what is where.
func TestSetsKeepTheirPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for range setsPerRun {
			newSetWorld(t).play(t)
		}
	})
}

const setsPerRun = 20

func (w *setWorld) play(t *rapid.T) {
	for range rapid.IntRange(0, 60).Draw(t, "steps") {
		w.anything(t)
	}
	for round := 0; w.set.State.Active(); round++ {
		if round > 12*len(w.set.Items)+12 {
			t.Fatalf("it does not end: %s", w)
		}
		w.look(t, true)
		for _, id := range slices.Sorted(maps.Keys(w.deployments)) {
			w.moveOn(t, id)
			w.moveOn(t, id)
		}
	}
	w.endedWell(t)
}

// setWorld is a set with the stages that it is about.
type setWorld struct {
	set         ReleaseSet
	now         time.Time
	deployments map[int64]Deployment
	live        map[string]Live
	before      map[string]Live
	mixed       map[string]bool // stopped in the middle
	byUs        map[string]int  // promotions asked for
	lastID      int64
	outsiders   bool // somebody else had a hand in it
	orders      bool // somebody cancelled it or took it back
	badly       bool // a deployment ended in a way that leaves no way back
	partly      bool // something cannot be taken back at all
}

func newSetWorld(t *rapid.T) *setWorld {
	w := &setWorld{now: t0, deployments: map[int64]Deployment{}, live: map[string]Live{}, before: map[string]Live{}, mixed: map[string]bool{}, byUs: map[string]int{}, lastID: 10}
	w.set = ReleaseSet{ID: 1, Name: "all", Environment: "prod", State: SetRunning, CreatedAt: t0, Asked: SetOrder{By: anna},
		OnFailure: rapid.SampledFrom([]FailureRule{OnFailureRollback, OnFailureRollback, OnFailureStop}).Draw(t, "onFailure")}
	for i := range rapid.IntRange(1, 6).Draw(t, "items") {
		item := SetItem{Team: "web", Service: fmt.Sprintf("s%d", i), Version: "2.0", Seq: 5, State: ItemPending}
		for _, before := range w.set.Items {
			if rapid.IntRange(0, 2).Draw(t, "after") == 0 {
				item.After = append(item.After, before.Service)
			}
		}
		w.set.Items = append(w.set.Items, item)
		old := spec("1.0", 2)
		switch rapid.IntRange(0, 9).Draw(t, "live") {
		case 0: // nothing yet
			w.partly = true
		case 1:
			new := spec("2.0", 2)
			new.Seq = 5
			w.live[item.Service] = Live{Deployment: 5, Spec: new}
		default:
			w.live[item.Service] = Live{Deployment: 5, Spec: old}
		}
	}
	// The order of the list is not the order of going.
	w.set.Items = rapid.Permutation(w.set.Items).Draw(t, "order")
	w.before = maps.Clone(w.live)
	if faults := w.set.Check(); len(faults) > 0 {
		t.Fatal(faults)
	}
	return w
}

func (w *setWorld) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, ending %q: %s\n", w.set.State, w.set.Ending, w.set.Message)
	for _, i := range w.set.Items {
		fmt.Fprintf(&b, "  %s after %v: %s (%s), deployments %d and %d, live %s, mixed %v\n", i.Service, i.After, i.State, i.Message, i.Deployment, i.Back, w.live[i.Service].Spec.Version, w.mixed[i.Service])
	}
	return b.String()
}

func (w *setWorld) facts() SetFacts {
	return SetFacts{Deployments: w.deployments, Live: w.live, Active: w.active()}
}

func (w *setWorld) anything(t *rapid.T) {
	w.now = w.now.Add(time.Minute)
	switch rapid.IntRange(0, 19).Draw(t, "what") {
	case 0:
		if s, err := w.set.Cancel(SetOrder{By: ben, Reason: "lunch"}); err == nil {
			w.set, w.orders = s, true
		}
	case 1:
		if s, err := w.set.RollBack(SetOrder{By: ben, AcceptIrreversible: rapid.Bool().Draw(t, "accept")}); err == nil {
			w.set, w.orders = s, true
		}
	case 2:
		w.interfere(t)
	case 3:
		w.now = w.now.Add(13 * time.Hour)
	case 4, 5, 6, 7, 8, 9:
		w.look(t, false)
	default:
		if len(w.deployments) > 0 {
			w.moveOn(t, rapid.SampledFrom(slices.Sorted(maps.Keys(w.deployments))).Draw(t, "which"))
		}
	}
}

// look does what the engine does: the step, and what it asks for. Not all of it
// succeeds, and the rest is forgotten, as if the engine had been killed.
func (w *setWorld) look(t *rapid.T, whole bool) {
	next, actions := StepSet(w.set, w.facts(), w.now)
	again, same := StepSet(next, w.facts(), w.now)
	if next.State.Active() && (fmt.Sprint(again) != fmt.Sprint(next) || !slices.Equal(actions, same)) {
		t.Fatalf("a second look sees something else: %v %+v\n%v %+v", next, actions, again, same)
	}
	ends := w.set.State.Active() && !next.State.Active()
	if w.set = next; ends {
		w.saysWhatIsWhere(t)
	}
	for _, a := range actions {
		if !whole && rapid.IntRange(0, 3).Draw(t, "killed") == 0 {
			return
		}
		item := &w.set.Items[a.Item]
		switch a.Verb {
		case SetStart:
			w.start(t, item, whole)
		case SetBack:
			w.goBack(t, a, whole)
		case SetCancel:
			d := w.deployments[item.Deployment]
			if d.State != Waiting && !w.orders {
				t.Fatalf("it cancelled what is %s by itself: %s", d.State, w)
			}
			d.State = Cancelled
			w.deployments[d.ID] = d
		}
	}
}

func (w *setWorld) start(t *rapid.T, item *SetItem, whole bool) {
	for _, name := range item.After {
		if live := w.live[name]; live.Spec.Seq < item.Seq || w.mixed[name] && !w.outsiders {
			t.Fatalf("%s goes before %s is there: %s", item.Service, name, w)
		}
	}
	if w.byUs[item.Service]++; w.byUs[item.Service] > 1 && item.WaitsSince == nil {
		t.Fatalf("%s is asked for twice: %s", item.Service, w)
	}
	active, busy := w.active()[item.Service]
	switch {
	case w.live[item.Service].Spec.Version == item.Version:
		item.WasLive()
	case busy && active.State != Waiting:
		item.Waits("somebody else is at work", w.now)
	case !whole && rapid.IntRange(0, 9).Draw(t, "waits") == 0:
		item.Waits("nobody answers", w.now)
	case !whole && rapid.IntRange(0, 9).Draw(t, "refused") == 0:
		item.Refused("it is blocked")
	default:
		item.Started(w.insert(item.Service, CausePromote, w.target(t, item)))
	}
}

func (w *setWorld) goBack(t *rapid.T, a SetAction, whole bool) {
	item := &w.set.Items[a.Item]
	if item.Deployment == 0 || w.deployments[item.Back].State.Active() {
		t.Fatalf("%s goes back without having come, or twice: %s", item.Service, w)
	}
	for _, j := range w.set.Dependents(a.Item) {
		dependent := w.set.Items[j]
		changed := dependent.Deployment != 0 && (w.live[dependent.Service].Spec.Version == dependent.Version || w.mixed[dependent.Service] && !w.outsiders)
		if _, busy := w.active()[dependent.Service]; changed || busy && dependent.State.underWay() {
			t.Fatalf("%s goes back under %s: %s", item.Service, dependent.Service, w)
		}
	}
	d := w.deployments[item.Deployment]
	switch {
	case !d.Plan.To.Reversible && !w.set.Stop.AcceptIrreversible:
		t.Fatalf("%s cannot be undone and goes back: %s", item.Service, w)
	case !whole && rapid.IntRange(0, 9).Draw(t, "refused") == 0:
		item.Stays(a.HasNew, "it is blocked")
		w.badly = true
	case !whole && rapid.IntRange(0, 9).Draw(t, "waits") == 0:
		item.Waits("nobody answers", w.now) // for more than a day, maybe
		w.badly = true
	default:
		item.GoesBack(w.insert(item.Service, CauseRollback, *d.Plan.From).ID)
	}
}

// saysWhatIsWhere is asked at the moment of the end: what others do later is
// theirs to tell.
func (w *setWorld) saysWhatIsWhere(t *rapid.T) {
	if w.set.EndedAt == nil || w.set.Message == "" {
		t.Fatalf("it ended without a word: %s", w)
	}
	if w.set.State == SetSucceeded || w.set.State == SetRolledBack {
		return
	}
	for _, i := range w.set.Items {
		version := w.live[i.Service].Spec.Version
		if version == "" {
			version = "nothing"
		}
		unclear := strings.Contains(w.set.Message, i.Service+" is unclear")
		if !unclear && (w.mixed[i.Service] && !w.outsiders || !strings.Contains(w.set.Message, i.Service+" has "+version)) {
			t.Fatalf("it does not say what %s has: %s", i.Service, w)
		}
	}
}

func (w *setWorld) endedWell(t *rapid.T) {
	if w.outsiders {
		return // what they did at the last moment is theirs
	}
	news, olds := 0, 0
	for _, i := range w.set.Items {
		live := w.live[i.Service].Spec
		if live.Seq >= i.Seq && !w.mixed[i.Service] {
			news++
		}
		if live.Version == w.before[i.Service].Spec.Version && !w.mixed[i.Service] {
			olds++
		}
	}
	all := len(w.set.Items)
	switch {
	case w.set.State == SetSucceeded && news != all, w.set.State == SetRolledBack && olds != all:
		t.Fatalf("%d are new and %d as before: %s", news, olds, w)
	case !w.orders && !w.badly && !w.partly && w.set.OnFailure == OnFailureRollback && news != all && olds != all:
		t.Fatalf("it is neither whole nor gone: %s", w)
	}
}
